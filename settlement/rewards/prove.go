package rewards

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/proof"
	"github.com/commonwatt/commonwatt/settlement/ledger"
)

// prover hands in the signed readings that prove what batteries did.
type prover struct {
	*participants
	readings
}

// mark keeps the readings by which a challenge is judged, of the battery and of its
// meter, whenever they come.
func (p prover) mark(ctx context.Context, c chaincode.Challenge) error {
	for _, b := range p.list() {
		if p.device(c.Battery) != b.ID {
			continue
		}
		if err := errors.Join(p.evidence.Mark(ctx, b.ID, c.Instants()...), p.evidence.Mark(ctx, b.Meter.ID, c.Instants()...)); err != nil {
			return err
		}
	}
	return nil
}

// report says which batteries were offered and reachable from begin to end.
func (p prover) report(ctx context.Context, e *epoch, i grid.Interval) error {
	said := chaincode.Report{Community: p.community, Interval: i.String(), Available: []string{}}
	var shown [][]byte
	for _, b := range p.list() {
		battery, err := p.pseudonym(b)
		if err != nil {
			return err
		}
		g, pledged := e.counted(battery, i)
		if !pledged {
			continue
		}
		able, by, err := p.able(ctx, b, g, i)
		if err != nil {
			return err
		}
		_, after, err := p.evidence.Around(ctx, b.Member, b.ID, i.End())
		if err != nil {
			return err
		}
		left := !b.Until.IsZero() && b.Until.Before(i.End())
		if able && !left && after != "" {
			said.Available = append(said.Available, battery)
			shown = append(shown, []byte(by), []byte(after))
			if err := p.evidence.Name(ctx, by, after); err != nil {
				return err
			}
		}
	}
	slices.Sort(said.Available)
	var err error
	if said.ReadingRoot, err = proof.Root(shown); err != nil {
		return err
	}
	err = p.operator().Rewards.ReportInterval(ctx, said)
	if ledger.Refused(err, chaincode.CodeConflict) {
		return nil // it was reported before; readings came since
	}
	return err
}

// prove hands in the proof of each challenge, and of each delivery if the interval
// is flagged.
func (p prover) prove(ctx context.Context, e *epoch, i grid.Interval) error {
	name := i.String()
	operator := p.operator()
	asked, err := operator.Rewards.GetChallenges(ctx, i)
	if err != nil {
		return err
	}
	for _, c := range asked {
		if err := p.mark(ctx, c); err != nil { // whoever was away when it began has not yet
			return err
		}
	}
	for _, b := range p.list() {
		battery, err := p.pseudonym(b)
		if err != nil {
			return err
		}
		at := slices.IndexFunc(asked, func(c chaincode.Challenge) bool { return c.Battery == battery })
		if at >= 0 && !slices.Contains(e.Met, name+" "+battery) {
			if err := p.handIn(ctx, operator.Rewards.ProveChallenge, i, b, battery, asked[at].Instants()); err != nil {
				return err
			}
		}
		_, pledged := e.counted(battery, i)
		if pledged && slices.Contains(e.Flagged, name) && !slices.Contains(e.Delivered, name+" "+battery) {
			if err := p.handIn(ctx, operator.Rewards.ProveDelivery, i, b, battery, []time.Time{i.Begin(), i.End()}); err != nil {
				return err
			}
		}
	}
	return nil
}

// handIn hands in the batches around some instants. What does not prove it is
// refused by the contract, and logged.
func (p prover) handIn(ctx context.Context, prove func(context.Context, chaincode.Proof, []byte) error, i grid.Interval, b Battery, battery string, instants []time.Time) error {
	evidence, err := p.gather(ctx, b, instants)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(evidence)
	err = prove(ctx, chaincode.Proof{Community: p.community, Interval: i.String(), Battery: battery, Evidence: hex.EncodeToString(sum[:])}, evidence)
	if refused := (*ledger.ContractError)(nil); errors.As(err, &refused) {
		p.log.InfoContext(ctx, "not proven", slog.String("device", b.ID), slog.String("interval", i.String()), slog.String("error", refused.Message))
		return nil
	}
	return err
}

func (p prover) gather(ctx context.Context, b Battery, instants []time.Time) ([]byte, error) {
	salt, err := p.ledger.Names.Salt(b.Member)
	if err != nil {
		return nil, err
	}
	ev := chaincode.Evidence{Salt: hex.EncodeToString(salt), Device: b.ID, Meter: b.Meter.ID, Batches: []json.RawMessage{}}
	taken := map[proof.Digest]bool{"": true}
	for _, t := range instants {
		for _, device := range []string{b.ID, b.Meter.ID} {
			before, after, err := p.evidence.Around(ctx, b.Member, device, t)
			if err != nil {
				return nil, err
			}
			for _, digest := range []proof.Digest{before, after} {
				if taken[digest] {
					continue
				}
				taken[digest] = true
				signed, err := p.evidence.Signed(ctx, digest)
				if err != nil {
					return nil, err
				}
				if signed != nil {
					ev.Batches = append(ev.Batches, signed)
				}
			}
		}
	}
	return json.Marshal(ev)
}
