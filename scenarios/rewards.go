package scenarios

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"log/slog"
	"math/big"
	"time"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/proof"
	"github.com/commonwatt/commonwatt/scenarios/world"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/settlement/rewards"
)

// CheatText says whose battery cheats, and how.
type CheatText struct {
	Home  string      `yaml:"home"`
	Cheat world.Cheat `yaml:"cheat"`
}

// secret derives what a replay needs to be secret from its seed.
func secret(seed uint64, purpose string) []byte {
	sum := sha256.Sum256(binary.BigEndian.AppendUint64([]byte("commonwatt/"+purpose+"/"), seed))
	return sum[:]
}

// gateway signs what the recorder read, when somebody asks for evidence. It
// implements rewards.Evidence.
type gateway struct {
	recorder *recorder
	key      *ecdsa.PrivateKey
	signed   map[proof.Digest][]byte
	digests  map[string]proof.Digest // by member and time
}

const gatewayName = "gw-replay"

func newGateway(r *recorder, seed uint64) (*gateway, error) {
	curve := elliptic.P256()
	order := new(big.Int).Sub(curve.Params().N, big.NewInt(1))
	d := new(big.Int).SetBytes(secret(seed, "gateway"))
	d.Mod(d, order).Add(d, big.NewInt(1))
	key, err := ecdsa.ParseRawPrivateKey(curve, d.FillBytes(make([]byte, sha256.Size)))
	if err != nil {
		return nil, fmt.Errorf("gateway's key: %w", err)
	}
	return &gateway{recorder: r, key: key, signed: map[proof.Digest][]byte{}, digests: map[string]proof.Digest{}}, nil
}

// Name implements rewards.Evidence: all batches are kept.
func (*gateway) Name(context.Context, ...proof.Digest) error { return nil }

// Mark implements rewards.Evidence: what was said is kept too.
func (*gateway) Mark(context.Context, string, ...time.Time) error { return nil }

// Around implements rewards.Evidence.
func (g *gateway) Around(_ context.Context, member, device string, t time.Time) (before, after proof.Digest, err error) {
	readings := g.recorder.of(device)
	k := readings.since(t)
	if k < readings.len() {
		if after, err = g.batch(member, readings.nth(k).Time); err != nil {
			return "", "", err
		}
		if readings.nth(k).Time.Equal(t) {
			return after, after, nil
		}
	}
	if k > 0 {
		before, err = g.batch(member, readings.nth(k-1).Time)
	}
	return before, after, err
}

// batch signs what was read of a member's meters and batteries at an instant.
func (g *gateway) batch(member string, t time.Time) (proof.Digest, error) {
	name := member + "@" + t.Format(time.RFC3339)
	if digest, known := g.digests[name]; known {
		return digest, nil
	}
	b := proof.Batch{Community: Community, Gateway: gatewayName, Sequence: uint64(t.Unix()), Member: member}
	for _, d := range g.recorder.devices {
		if d.Member != member || d.Kind != grid.Meter && d.Kind != grid.Battery {
			continue
		}
		readings := g.recorder.of(d.ID)
		if k := readings.since(t); k < readings.len() && readings.nth(k).Time.Equal(t) {
			b.Readings = append(b.Readings, *readings.nth(k))
		}
	}
	signed, digest, err := proof.SignBatch(b, g.key)
	g.signed[digest], g.digests[name] = signed, digest
	return digest, err
}

// Signed implements rewards.Evidence.
func (g *gateway) Signed(_ context.Context, digest proof.Digest) ([]byte, error) {
	return g.signed[digest], nil
}

// openRewards opens the desk of the storage rewards, if the scenario has a
// programme.
func (r *replay) openRewards(ctx context.Context, s Scenario) error {
	if s.Rewards == nil || s.Rewards.Off {
		return nil
	}
	terms := rewards.Terms{Rewards: *s.Rewards}
	programme, err := terms.Programme(s.Interval, s.Currency())
	if err != nil {
		return err
	}
	g, err := newGateway(r.recorder, s.Seed)
	if err != nil {
		return err
	}
	public, err := proof.EncodeKey(&g.key.PublicKey)
	if err != nil {
		return err
	}
	if err := r.ledger.RegisterGateway(ctx, gatewayName, public); err != nil {
		return err
	}
	r.rewards, err = rewards.New(rewards.Config{
		Ledger: r.ledger, Community: Community, Programme: programme, Peaks: terms.IsPeak, Batteries: r.pledging(terms),
		Evidence: g, Power: r.recorder.power, Lead: step, Deadline: s.Deadline, Corrections: s.Rewards.Corrections, Log: slog.New(slog.DiscardHandler),
		Secret: map[string][]byte{
			chaincode.RoleOperator: secret(s.Seed, "beacon/operator"), chaincode.RoleUtility: secret(s.Seed, "beacon/utility"),
		},
	})
	return err
}

// pledging returns the batteries of the homes, as their owners say they are.
func (r *replay) pledging(terms rewards.Terms) (all []rewards.Battery) {
	for _, d := range r.held.batteries {
		claimed := d.claimed()
		b := rewards.Battery{Device: d.Device, Meter: d.meter.Device, Rated: claimed.Power, Capacity: claimed.Capacity}
		if b.Power, b.Energy = terms.Pledged(claimed.Power, claimed.Capacity); b.Power > 0 && b.Energy > 0 {
			all = append(all, b)
		}
	}
	return all
}

// reward advances the programme, and asks what its challenges ask of the batteries.
func (r *replay) reward(ctx context.Context, now time.Time) error {
	if r.rewards == nil {
		return nil
	}
	if err := r.rewards.Advance(ctx, now); err != nil {
		return err
	}
	for _, b := range r.held.batteries {
		b.asked = nil
		if p, ok := r.rewards.Setpoint(b.ID, now); ok {
			b.asked = &p
		}
	}
	return nil
}

// closeRewards closes the epochs that have begun, and notes what the homes got.
func (r *replay) closeRewards(ctx context.Context, s Scenario, end time.Time) error {
	if r.rewards == nil {
		return nil
	}
	if err := r.rewards.Close(ctx, end.Add(s.Deadline+s.Rewards.Corrections)); err != nil {
		return err
	}
	for day := s.Start; day.Before(end); day = day.AddDate(0, 0, 1) {
		c, err := r.rewards.Epoch(ctx, day.UTC().Format(time.DateOnly))
		if ledger.Refused(err, chaincode.CodeMissing) {
			continue // the scenario ends within it
		}
		if err != nil {
			return err
		}
		r.result.Epochs = append(r.result.Epochs, c)
	}
	return nil
}
