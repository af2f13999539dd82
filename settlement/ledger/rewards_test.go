package ledger_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/proof"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/settlement/ledger/embedded"
)

// street is a community with two batteries and a gateway that reads them.
type street struct {
	t       *testing.T
	l       *ledger.Ledger
	day     int
	epoch   string
	gateway string
	key     *ecdsa.PrivateKey
	links   map[string][]string // of the beacon, by party
	battery [2]string           // pseudonyms
}

const hour = 60 // minutes: long intervals make few

func newStreet(t *testing.T, l *ledger.Ledger, day int) *street {
	t.Helper()
	s := &street{t: t, l: l, day: day, links: map[string][]string{}}
	s.epoch = s.interval(0).Begin().Format(time.DateOnly)
	var devices []grid.Device
	for k := range s.battery {
		member, p := s.member(k), s.member(k)+"-point"
		devices = append(devices,
			grid.Device{ID: member + "/meter", Kind: grid.Meter, Member: member, MeteringPoint: p},
			grid.Device{ID: member + "/battery", Kind: grid.Battery, Member: member, MeteringPoint: p})
	}
	must(t, l.Register(t.Context(), devices...))
	for k := range s.battery {
		var err error
		s.battery[k], err = l.Names.Device(s.member(k), s.member(k)+"/battery")
		must(t, err)
	}
	s.gateway, s.key = "gw-"+s.battery[0], s.newKey()
	public, err := proof.EncodeKey(&s.key.PublicKey)
	must(t, err)
	must(t, l.RegisterGateway(t.Context(), s.gateway, public))
	return s
}

func (s *street) newKey() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(s.t, err)
	return key
}

func (*street) member(k int) string { return fmt.Sprintf("owner-%d", k) }

func (s *street) interval(k int) grid.Interval {
	return grid.Interval{Start: interval(s.day, 0).Start, Minutes: hour}.Shift(k)
}

func (s *street) programme() chaincode.Programme {
	return chaincode.Programme{
		Community: community, From: s.epoch, Minutes: hour, Budget: 1000, Schedule: chaincode.Halving, Period: 1, Availability: 600,
		Grant: 10, Stake: 5, Slash: 500, Smoothing: 600, Threshold: 500, RevealPenalty: 7,
		Challenging: chaincode.Challenging{Challenges: 1000, Response: 300, Duration: 600, Energy: 20},
	}
}

func (s *street) operator() ledger.Contracts { return s.l.As(s.l.People.Operator) }

func (s *street) utility() ledger.Contracts { return s.l.As(s.l.People.Utility) }

func (s *street) pledge(k int, epoch string) error {
	return s.operator().Rewards.Pledge(s.t.Context(), chaincode.Pledge{Community: community, Epoch: epoch, Battery: s.battery[k], Power: 2000, Energy: 1000})
}

// commit commits both parties to the beacon of an epoch.
func (s *street) commit(epoch string) {
	s.t.Helper()
	for party, by := range map[string]ledger.Contracts{chaincode.RoleOperator: s.operator(), chaincode.RoleUtility: s.utility()} {
		anchor, links := chaincode.Links([]byte(party+epoch), 24)
		s.links[party] = links
		must(s.t, by.Rewards.CommitBeacon(s.t.Context(), chaincode.Anchor{Community: community, Epoch: epoch, Anchor: anchor}))
	}
}

// seal reveals the beacon of an interval and seals it.
func (s *street) seal(k int) {
	s.t.Helper()
	must(s.t, s.reveal(chaincode.RoleOperator, k))
	must(s.t, s.reveal(chaincode.RoleUtility, k))
	must(s.t, s.operator().Rewards.SealBeacon(s.t.Context(), s.interval(k)))
}

func (s *street) reveal(party string, k int) error {
	by := s.operator()
	if party == chaincode.RoleUtility {
		by = s.utility()
	}
	return by.Rewards.RevealBeacon(s.t.Context(), chaincode.Reveal{Community: community, Interval: s.interval(k).String(), Value: s.links[party][k%24]})
}

func (s *street) challenges(k int) []chaincode.Challenge {
	s.t.Helper()
	all, err := s.operator().Rewards.GetChallenges(s.t.Context(), s.interval(k))
	must(s.t, err)
	return all
}

// readings are what a challenge's six instants show: the battery's and the
// meter's registers of what was given, or of what was taken, Wh.
type readings struct {
	battery, meter [6]grid.Energy
	taken          bool
}

// honest gives what is asked, and the meter shows it.
func honest(c chaincode.Challenge) readings {
	given := grid.Energy(c.Power * int64(c.Until.Sub(c.From)/time.Second) / 3600)
	all := [6]grid.Energy{0, 0, 0, given, given, given}
	return readings{all, all, c.Direction == chaincode.Charging}
}

// evidence signs readings as of the challenge's instants.
func (s *street) evidence(c chaincode.Challenge, k int, shown readings, change func(b *proof.Batch, key **ecdsa.PrivateKey)) []byte {
	s.t.Helper()
	salt, err := s.l.Names.Salt(s.member(k))
	must(s.t, err)
	ev := chaincode.Evidence{Salt: hex.EncodeToString(salt), Device: s.member(k) + "/battery", Meter: s.member(k) + "/meter"}
	for n, t := range c.Instants() {
		const base = 100_000
		b := proof.Batch{Community: community, Gateway: s.gateway, Sequence: uint64(n + 1), Member: s.member(k), Readings: []grid.Reading{
			{Device: ev.Device, Time: t, Quality: grid.Good, Import: new(grid.Energy(base)), Export: new(base + shown.battery[n])},
			{Device: ev.Meter, Time: t, Quality: grid.Good, Import: new(base + grid.Energy(n)), Export: new(base + shown.meter[n])},
		}}
		if shown.taken {
			for n, r := range b.Readings {
				b.Readings[n].Import, b.Readings[n].Export = r.Export, r.Import
			}
		}
		key := s.key
		if change != nil {
			change(&b, &key)
		}
		signed, _, err := proof.SignBatch(b, key)
		must(s.t, err)
		ev.Batches = append(ev.Batches, signed)
	}
	b, err := json.Marshal(ev)
	must(s.t, err)
	return b
}

func (s *street) prove(prove func(context.Context, chaincode.Proof, []byte) error, at, k int, evidence []byte) error {
	sum := sha256.Sum256(evidence)
	return prove(s.t.Context(), chaincode.Proof{
		Community: community, Interval: s.interval(at).String(), Battery: s.battery[k], Evidence: hex.EncodeToString(sum[:]),
	}, evidence)
}

func (s *street) standing(k int) chaincode.Standing {
	s.t.Helper()
	st, err := s.utility().Rewards.GetStanding(s.t.Context(), s.battery[k])
	must(s.t, err)
	return st
}

func (s *street) closeEpoch(epoch string) (c chaincode.EpochClosing, err error) {
	s.t.Helper()
	if err := s.operator().Rewards.CloseEpoch(s.t.Context(), epoch); err != nil {
		return c, err
	}
	c, err = s.operator().Rewards.GetEpoch(s.t.Context(), epoch)
	must(s.t, err)
	if c.Budget+c.Carried+c.Slashed != c.Granted+c.Adjusted+c.Paid+c.Left {
		s.t.Errorf("epoch %+v does not add up", c)
	}
	return c, nil
}

// TestRewards goes through two epochs: of two batteries one meets its challenges,
// the other fails them in every way there is, declares an outage, and wins a
// dispute.
func TestRewards(t *testing.T) {
	onBoth(t, func(t *testing.T, l *ledger.Ledger, day int) {
		s := newStreet(t, l, day)
		expect(t, "a pledge without a programme", chaincode.CodeMissing, s.pledge(0, s.epoch))
		must(t, l.As(l.People.Governor).Rewards.SetProgramme(t.Context(), s.programme()))
		must(t, l.As(l.People.Governor).Rewards.SetProgramme(t.Context(), s.programme()))
		s.commit(s.epoch)
		for k := range s.battery {
			must(t, s.pledge(k, s.epoch))
			must(t, s.pledge(k, s.epoch))
			if st := s.standing(k); st.Stake != 10 || st.Reputation != 0 {
				t.Errorf("after the first pledge: %+v", st)
			}
		}
		expect(t, "sealed before it was revealed", chaincode.CodeMissing, s.operator().Rewards.SealBeacon(s.t.Context(), s.interval(0)))
		s.seal(0)
		expect(t, "committed after the epoch began", chaincode.CodeConflict, s.operator().Rewards.CommitBeacon(s.t.Context(), chaincode.Anchor{Community: community, Epoch: s.epoch, Anchor: hex.EncodeToString(make([]byte, 32))}))
		expect(t, "revealed again otherwise", chaincode.CodeTooLate, s.operator().Rewards.RevealBeacon(s.t.Context(), chaincode.Reveal{Community: community, Interval: s.interval(0).String(), Value: s.links[chaincode.RoleUtility][0]}))
		expect(t, "a link that was not committed to", chaincode.CodeInvalid, s.operator().Rewards.RevealBeacon(s.t.Context(), chaincode.Reveal{Community: community, Interval: s.interval(1).String(), Value: s.links[chaincode.RoleUtility][1]}))
		s.provesOne(0)
		s.missingReveal(1)
		s.declaredOutage(2)
		s.delivers(3)
		s.reports()
		_, err := s.closeEpoch(s.epoch)
		expect(t, "closed before it is over", chaincode.CodeMissing, err)
		s.over(23)
		first, err := s.closeEpoch(s.epoch)
		must(t, err)
		again, err := s.closeEpoch(s.epoch)
		if err != nil || again.Paid != first.Paid {
			t.Errorf("closed again: %+v, %v", again, err)
		}
		s.judged(first)
		expect(t, "proof after the closing", chaincode.CodeTooLate, s.prove(s.operator().Rewards.ProveChallenge, 0, 1, s.evidence(s.challenges(0)[0], 1, readings{}, nil)))
		s.nextEpoch(first)
	})
}

// provesOne proves the challenge of battery 0 in an interval, and tries all that
// proves nothing for battery 1.
func (s *street) provesOne(k int) {
	s.t.Helper()
	all := s.challenges(k)
	if len(all) != len(s.battery) {
		s.t.Fatalf("%d of %d batteries are challenged", len(all), len(s.battery))
	}
	of := func(battery int) chaincode.Challenge {
		return all[slices.IndexFunc(all, func(c chaincode.Challenge) bool { return c.Battery == s.battery[battery] })]
	}
	c, d := of(0), of(1)
	if i := s.interval(k); c.Start.Before(i.Begin()) || c.Instants()[5].After(i.End()) || c.Start.Second() != 0 ||
		c.Power < 120 || c.Power > 150 || c.Direction != chaincode.Discharging { // 20 to 25 Wh in ten minutes
		s.t.Errorf("challenge %+v", c)
	}
	good := s.evidence(c, 0, honest(c), nil)
	must(s.t, s.prove(s.operator().Rewards.ProveChallenge, k, 0, good))
	must(s.t, s.prove(s.operator().Rewards.ProveChallenge, k, 0, good))
	yes := honest(d)
	half := yes
	for n := range half.battery {
		half.battery[n] /= 2
	}
	weak := yes // the meter shows a quarter
	for n := range weak.meter {
		weak.meter[n] /= 4
	}
	steady := yes // gives all the time, as its own counter says
	for n := range steady.battery {
		steady.battery[n] = grid.Energy(n) * yes.battery[3]
	}
	backwards := yes
	backwards.battery[4], backwards.battery[5] = -5, -5
	backwards.battery[3] = -1
	for what, evidence := range map[string][]byte{
		"delivers nothing":                  s.evidence(d, 1, readings{}, nil),
		"delivers half":                     s.evidence(d, 1, half, nil),
		"the meter shows a quarter of it":   s.evidence(d, 1, weak, nil),
		"its own counter alone shows it":    s.evidence(d, 1, readings{battery: yes.battery}, nil),
		"a counter that always runs":        s.evidence(d, 1, readings{battery: steady.battery}, nil),
		"a counter that runs backwards":     s.evidence(d, 1, backwards, nil),
		"another gateway's key":             s.evidence(d, 1, yes, func(_ *proof.Batch, key **ecdsa.PrivateKey) { *key = s.newKey() }),
		"another member's readings":         s.evidence(d, 1, yes, func(b *proof.Batch, _ **ecdsa.PrivateKey) { b.Member = s.member(0) }),
		"another community's readings":      s.evidence(d, 1, yes, func(b *proof.Batch, _ **ecdsa.PrivateKey) { b.Community = "elsewhere" }),
		"no evidence":                       []byte(`{"salt":"","device":"","meter":"","batches":[]}`),
		"the neighbour's evidence":          good,
		"the neighbour's battery, its salt": s.evidence(d, 0, yes, nil),
	} {
		expect(s.t, what, chaincode.CodeInvalid, s.prove(s.operator().Rewards.ProveChallenge, k, 1, evidence))
	}
	for what, evidence := range map[string][]byte{
		"estimated readings": s.evidence(d, 1, yes, func(b *proof.Batch, _ **ecdsa.PrivateKey) { b.Readings[0].Quality = grid.Estimated }),
		"readings of the day before": s.evidence(d, 1, yes, func(b *proof.Batch, _ **ecdsa.PrivateKey) {
			for n := range b.Readings {
				b.Readings[n].Time = b.Readings[n].Time.AddDate(0, 0, -1)
			}
		}),
		"a gateway that is not registered": s.evidence(d, 1, yes, func(b *proof.Batch, _ **ecdsa.PrivateKey) { b.Gateway = "gw-unknown" }),
	} {
		expect(s.t, what, chaincode.CodeMissing, s.prove(s.operator().Rewards.ProveChallenge, k, 1, evidence))
	}
	expect(s.t, "a pledge that no challenge could test", chaincode.CodeInvalid, s.operator().Rewards.Pledge(s.t.Context(),
		chaincode.Pledge{Community: community, Epoch: s.interval(24).Begin().Format(time.DateOnly), Battery: s.battery[1], Power: 119, Energy: 10}))
	expect(s.t, "proof for a battery that is not pledged", chaincode.CodeMissing, s.l.As(s.l.People.Operator).Rewards.Pledge(s.t.Context(), chaincode.Pledge{Community: community, Epoch: s.epoch, Battery: "unknown", Power: 1, Energy: 1}))
}

// TestAPledgeWithinAnEpoch pledges a battery when its epoch has begun: from an interval on of which nothing was revealed.
// Before that it is not challenged, not paid for being there and for nothing that it gave.
func TestAPledgeWithinAnEpoch(t *testing.T) {
	onBoth(t, func(t *testing.T, l *ledger.Ledger, day int) {
		s := newStreet(t, l, day)
		must(t, l.As(l.People.Governor).Rewards.SetProgramme(t.Context(), s.programme()))
		s.commit(s.epoch)
		must(t, s.utility().Rewards.FlagInterval(t.Context(), chaincode.Flag{Community: community, Interval: s.interval(0).String(), Reason: "peak"}))
		s.seal(0)
		expect(t, "a pledge for all of an epoch that has begun", chaincode.CodeTooLate, s.pledge(0, s.epoch))
		from := func(i string) error {
			return s.operator().Rewards.Pledge(t.Context(), chaincode.Pledge{Community: community, Epoch: s.epoch, Battery: s.battery[0], Power: 2000, Energy: 1000, From: i})
		}
		must(t, s.reveal(chaincode.RoleUtility, 1))
		for what, i := range map[string]grid.Interval{"that is sealed": s.interval(0), "of which one party has revealed its link": s.interval(1)} {
			expect(t, "a pledge from an interval on "+what, chaincode.CodeTooLate, from(i.String()))
		}
		for _, i := range []string{s.interval(24).String(), grid.Interval{Start: s.interval(3).Start, Minutes: 15}.String(), "soon"} {
			expect(t, "a pledge from "+i+" on", chaincode.CodeInvalid, from(i))
		}
		must(t, from(s.interval(2).String()))
		s.seal(1)
		if all := s.challenges(1); len(all) != 0 {
			t.Errorf("challenged before its pledge counts: %+v", all)
		}
		i := s.interval(0)
		whole := chaincode.Challenge{Start: i.Begin(), From: i.Begin(), Until: i.End()}
		expect(t, "a delivery before the pledge counts", chaincode.CodeMissing,
			s.prove(s.operator().Rewards.ProveDelivery, 0, 0, s.evidence(whole, 0, readings{battery: [6]grid.Energy{0, 0, 0, 1500, 1500, 1500}}, nil)))
		s.seal(2)
		c := s.challenges(2)
		if len(c) != 1 {
			t.Fatalf("challenges once the pledge counts: %+v", c)
		}
		must(t, s.prove(s.operator().Rewards.ProveChallenge, 2, 0, s.evidence(c[0], 0, honest(c[0]), nil)))
		for k := range 3 {
			must(t, s.operator().Rewards.ReportInterval(t.Context(), chaincode.Report{Community: community, Interval: s.interval(k).String(), Available: []string{s.battery[0]}}))
		}
		s.seal(23)
		closed, err := s.closeEpoch(s.epoch)
		must(t, err)
		if r := closed.Rewards[0]; len(closed.Rewards) != 1 || r.Intervals != 1 || r.Challenged != 2 || r.Met != 1 || r.Delivered != 0 {
			t.Errorf("the epoch came to %+v", closed.Rewards)
		}
	})
}

// TestChallengesByCharging challenges a battery by charging in the hours for which it
// pledged so, and only in them. The opposite of what was asked for proves nothing.
func TestChallengesByCharging(t *testing.T) {
	onBoth(t, func(t *testing.T, l *ledger.Ledger, day int) {
		s := newStreet(t, l, day)
		must(t, l.As(l.People.Governor).Rewards.SetProgramme(t.Context(), s.programme()))
		s.commit(s.epoch)
		g := chaincode.Pledge{Community: community, Epoch: s.epoch, Battery: s.battery[0], Power: 2000, Energy: 1000}
		for _, hours := range [][]string{{"1:00-2:00"}, {"02:00-01:00"}, {"23:00-24:01"}, {"00:00-02:00", "01:00-03:00"}, {"02:00-03:00", "00:00-01:00"}, {""}} {
			g.Charge = hours
			expect(t, fmt.Sprintf("charging in the hours %q", hours), chaincode.CodeInvalid, s.operator().Rewards.Pledge(s.t.Context(), g))
		}
		g.Charge = []string{"00:00-01:00", "23:00-24:00"}
		must(t, s.operator().Rewards.Pledge(s.t.Context(), g))
		for k, direction := range []string{chaincode.Charging, chaincode.Discharging} {
			s.seal(k)
			c := s.challenges(k)[0]
			if c.Direction != direction {
				t.Errorf("hour %d: challenge %+v, want to %s", k, c, direction)
			}
			shown := honest(c)
			shown.taken = !shown.taken
			expect(t, "the opposite of what was asked for", chaincode.CodeInvalid, s.prove(s.operator().Rewards.ProveChallenge, k, 0, s.evidence(c, 0, shown, nil)))
			shown.taken = !shown.taken
			must(t, s.prove(s.operator().Rewards.ProveChallenge, k, 0, s.evidence(c, 0, shown, nil)))
		}
		s.drifts(2)
	})
}

// drifts proves a challenge while the load of the home falls steadily: neither the
// window before nor the one after shows the change at the meter, the mean does.
func (s *street) drifts(k int) {
	s.t.Helper()
	s.seal(k)
	c := s.challenges(k)[0]
	asked := honest(c).battery[5]
	load := asked * 2 / 3
	steady := honest(c)
	steady.meter = [6]grid.Energy{0, 0, 0, asked + load, asked + load, asked + 3*load}
	expect(s.t, "a home that gave more after than while challenged", chaincode.CodeInvalid, s.prove(s.operator().Rewards.ProveChallenge, k, 0, s.evidence(c, 0,
		readings{battery: steady.battery, meter: [6]grid.Energy{0, 0, 0, asked + load, asked + load, asked + 5*load}}, nil)))
	must(s.t, s.prove(s.operator().Rewards.ProveChallenge, k, 0, s.evidence(c, 0, steady, nil)))
}

// TestAProgrammeOfBefore keeps to the rule of programmes without an energy: a
// challenge is a discharge at a power of at least half of what was pledged. To stop
// charging is none.
func TestAProgrammeOfBefore(t *testing.T) {
	onBoth(t, func(t *testing.T, l *ledger.Ledger, day int) {
		const later = 10_000 // days: a programme cannot be set for days before one that another test has closed
		s := newStreet(t, l, day+later)
		p := s.programme()
		p.Energy = 0
		must(t, l.As(l.People.Governor).Rewards.SetProgramme(t.Context(), p))
		s.commit(s.epoch)
		must(t, s.pledge(0, s.epoch))
		s.seal(0)
		c := s.challenges(0)[0]
		if c.Power < 1000 || c.Power > 2000 || c.Direction != "" {
			t.Errorf("challenge %+v", c)
		}
		given := honest(c).battery[5]
		stops := readings{taken: true, battery: [6]grid.Energy{0, given, given, given, given, 2 * given}}
		stops.meter = stops.battery
		expect(t, "a battery that stopped charging", chaincode.CodeInvalid, s.prove(s.operator().Rewards.ProveChallenge, 0, 0, s.evidence(c, 0, stops, nil)))
		must(t, s.prove(s.operator().Rewards.ProveChallenge, 0, 0, s.evidence(c, 0, honest(c), nil)))
		p.Energy, p.From = 19, s.interval(24).Begin().Format(time.DateOnly)
		expect(t, "an energy that registers cannot show", chaincode.CodeInvalid, l.As(l.People.Governor).Rewards.SetProgramme(t.Context(), p))
	})
}

// missingReveal seals an interval without the utility: it pays, and everybody is
// challenged all the same.
func (s *street) missingReveal(k int) {
	s.t.Helper()
	before, err := s.l.Balance(s.t.Context(), record.Utility)
	must(s.t, err)
	must(s.t, s.reveal(chaincode.RoleOperator, k))
	expect(s.t, "sealed by who has not revealed", chaincode.CodeMissing, s.utility().Rewards.SealBeacon(s.t.Context(), s.interval(k)))
	must(s.t, s.operator().Rewards.SealBeacon(s.t.Context(), s.interval(k))) // demands the other's reveal
	s.notSealed(k)
	must(s.t, s.operator().Rewards.SealBeacon(s.t.Context(), s.interval(k)))
	expect(s.t, "revealed after it was sealed", chaincode.CodeTooLate, s.reveal(chaincode.RoleUtility, k))
	after, err := s.l.Balance(s.t.Context(), record.Utility)
	if err != nil || after-before != -7 {
		s.t.Errorf("the utility's balance changed by %d, want the penalty, −7: %v", after-before, err)
	}
	all := s.challenges(k)
	if len(all) != len(s.battery) {
		s.t.Errorf("%d of %d batteries are challenged", len(all), len(s.battery))
	}
	c := all[slices.IndexFunc(all, func(c chaincode.Challenge) bool { return c.Battery == s.battery[0] })]
	must(s.t, s.prove(s.operator().Rewards.ProveChallenge, k, 0, s.evidence(c, 0, honest(c), nil)))
}

func (s *street) notSealed(k int) {
	s.t.Helper()
	_, err := s.operator().Rewards.GetChallenges(s.t.Context(), s.interval(k))
	expect(s.t, "the challenges of an interval that is not sealed", chaincode.CodeMissing, err)
}

// declaredOutage declares an outage of battery 1 before an interval, and another
// too late.
func (s *street) declaredOutage(k int) {
	s.t.Helper()
	name := s.interval(k).String()
	o := chaincode.Outage{Community: community, Battery: s.battery[1], From: name, Until: name, Reason: "repair"}
	must(s.t, s.operator().Rewards.DeclareOutage(s.t.Context(), o))
	s.seal(k)
	for _, c := range s.challenges(k) {
		if c.Battery == s.battery[1] {
			s.t.Error("a battery that is away is challenged")
			continue
		}
		must(s.t, s.prove(s.operator().Rewards.ProveChallenge, k, 0, s.evidence(c, 0, honest(c), nil)))
	}
	o.Battery = s.battery[0]
	expect(s.t, "an outage that comes after", chaincode.CodeTooLate, s.operator().Rewards.DeclareOutage(s.t.Context(), o))
}

// delivers proves what battery 0 gave in a flagged interval.
func (s *street) delivers(k int) {
	s.t.Helper()
	i := s.interval(k)
	whole := chaincode.Challenge{Start: i.Begin(), From: i.Begin(), Until: i.End()} // its instants are the ends
	evidence := s.evidence(whole, 0, readings{battery: [6]grid.Energy{0, 0, 0, 1500, 1500, 1500}}, nil)
	expect(s.t, "delivery in an interval that is not flagged", chaincode.CodeMissing, s.prove(s.operator().Rewards.ProveDelivery, k, 0, evidence))
	must(s.t, s.utility().Rewards.FlagInterval(s.t.Context(), chaincode.Flag{Community: community, Interval: i.String(), Reason: "peak"}))
	s.seal(k)
	must(s.t, s.prove(s.operator().Rewards.ProveDelivery, k, 0, evidence))
	for _, c := range s.challenges(k) {
		if c.Battery == s.battery[0] {
			must(s.t, s.prove(s.operator().Rewards.ProveChallenge, k, 0, s.evidence(c, 0, honest(c), nil)))
		}
	}
	expect(s.t, "nothing given", chaincode.CodeInvalid, s.prove(s.operator().Rewards.ProveDelivery, k, 1, s.evidence(whole, 1, readings{}, nil)))
}

// over seals the last interval of an epoch; whoever is challenged in it fails.
func (s *street) over(k int) {
	s.t.Helper()
	name := s.interval(k).String()
	for _, battery := range s.battery {
		must(s.t, s.operator().Rewards.DeclareOutage(s.t.Context(), chaincode.Outage{Community: community, Battery: battery, From: name, Until: name, Reason: "night"}))
	}
	s.seal(k)
}

func (s *street) reports() {
	s.t.Helper()
	expect(s.t, "a report of an interval that is not sealed", chaincode.CodeMissing, s.operator().Rewards.ReportInterval(s.t.Context(),
		chaincode.Report{Community: community, Interval: s.interval(9).String(), Available: []string{}}))
	for k := range 4 {
		r := chaincode.Report{Community: community, Interval: s.interval(k).String(), Available: slices.Sorted(slices.Values(s.battery[:]))}
		must(s.t, s.operator().Rewards.ReportInterval(s.t.Context(), r))
		r.Available = []string{}
		expect(s.t, "another report", chaincode.CodeConflict, s.operator().Rewards.ReportInterval(s.t.Context(), r))
	}
}

// judged checks the first closing. Battery 0 met 4 of 4, battery 1 none of 3.
func (s *street) judged(c chaincode.EpochClosing) {
	s.t.Helper()
	if c.Budget != 1000 || c.Granted != 20 || len(c.Rewards) != 2 {
		s.t.Fatalf("epoch %+v", c)
	}
	for _, r := range c.Rewards {
		k := slices.Index(s.battery[:], r.Battery)
		want := [2]chaincode.Reward{
			{Tokens: 1000 + 8 - 20, Intervals: 4, Delivered: 1500, Challenged: 4, Met: 4, Reputation: 974},
			{Intervals: 3, Challenged: 3, Slashed: 8},
		}[k]
		want.Battery = r.Battery
		if r != want {
			s.t.Errorf("battery %d: %+v, want %+v", k, r, want)
		}
		if st := s.standing(k); st.Tokens != want.Tokens || st.Stake != 10-want.Slashed || st.Reputation != want.Reputation {
			s.t.Errorf("battery %d stands at %+v", k, st)
		}
	}
}

// nextEpoch: the budget is halved, what is left carries over, a stake that is
// gone keeps a battery out, and a dispute that is upheld is made good.
func (s *street) nextEpoch(first chaincode.EpochClosing) {
	s.t.Helper()
	next := s.interval(24).Begin().Format(time.DateOnly)
	after := s.interval(48).Begin().Format(time.DateOnly)
	s.commit(next)
	must(s.t, s.pledge(0, next))
	expect(s.t, "a pledge without its stake", chaincode.CodeFunds, s.pledge(1, next))
	must(s.t, s.operator().Rewards.ChangeStake(s.t.Context(), chaincode.StakeChange{Community: community, Battery: s.battery[0], Amount: 5, Reference: "more"}))
	expect(s.t, "a stake taken back before the epoch is closed", chaincode.CodeConflict, s.operator().Rewards.ChangeStake(s.t.Context(),
		chaincode.StakeChange{Community: community, Battery: s.battery[0], Amount: -1, Reference: "a"}))
	expect(s.t, "more staked than there is", chaincode.CodeFunds, s.operator().Rewards.ChangeStake(s.t.Context(),
		chaincode.StakeChange{Community: community, Battery: s.battery[1], Amount: 1, Reference: "b"}))
	s.adjusts(next)
	if _, err := s.closeEpoch(after); err == nil {
		s.t.Error("an epoch was closed before the one before it")
	}
	s.over(47)
	c, err := s.closeEpoch(next) // nothing was reported: nothing is paid
	must(s.t, err)
	if c.Budget != 500 || c.Carried != first.Left || c.Adjusted != 30 || c.Paid != 0 || c.Left != 470 {
		s.t.Errorf("second epoch %+v", c)
	}
	expect(s.t, "an amount beyond all bounds", chaincode.CodeInvalid, s.operator().Rewards.ChangeStake(s.t.Context(),
		chaincode.StakeChange{Community: community, Battery: s.battery[0], Amount: -1 << 63, Reference: "least"}))
	expect(s.t, "taking out what was granted", chaincode.CodeFunds, s.operator().Rewards.ChangeStake(s.t.Context(),
		chaincode.StakeChange{Community: community, Battery: s.battery[0], Amount: -6, Reference: "granted"}))
	must(s.t, s.operator().Rewards.ChangeStake(s.t.Context(), chaincode.StakeChange{Community: community, Battery: s.battery[0], Amount: -5, Reference: "a"}))
	expect(s.t, "a pledge for an epoch that is closed", chaincode.CodeTooLate, s.pledge(1, next))
}

// adjusts resolves a dispute of battery 1's owner, who gets 30 tokens.
func (s *street) adjusts(epoch string) {
	s.t.Helper()
	id, err := s.l.Names.Member(s.member(1))
	must(s.t, err)
	member, err := s.l.People.Member(id)
	must(s.t, err)
	at := s.interval(25).Begin().Format(time.RFC3339)
	a := chaincode.Adjustment{Community: community, Epoch: epoch, Battery: s.battery[1], Tokens: 30, Dispute: "lost-readings-" + id}
	must(s.t, s.l.As(member).Disputes.Open(s.t.Context(), chaincode.Dispute{Community: community, ID: a.Dispute, Member: id, Subject: "epoch " + s.epoch, Evidence: "ab", Time: at}))
	expect(s.t, "adjusted before the dispute was resolved", chaincode.CodeMissing, s.utility().Rewards.Adjust(s.t.Context(), a))
	must(s.t, s.l.As(s.l.People.Operator).Disputes.Respond(s.t.Context(), chaincode.Response{Community: community, ID: a.Dispute, Evidence: "cd", Time: at}))
	must(s.t, s.l.As(s.l.People.Utility).Disputes.Resolve(s.t.Context(), chaincode.Resolution{Community: community, ID: a.Dispute, Upheld: true, Reason: "readings came late", Time: at}))
	must(s.t, s.utility().Rewards.Adjust(s.t.Context(), a))
	must(s.t, s.utility().Rewards.Adjust(s.t.Context(), a))
	a.Tokens = 40
	expect(s.t, "adjusted again otherwise", chaincode.CodeConflict, s.utility().Rewards.Adjust(s.t.Context(), a))
	a.Tokens, a.Battery = 30, s.battery[0]
	expect(s.t, "the same dispute for another battery", chaincode.CodeConflict, s.utility().Rewards.Adjust(s.t.Context(), a))
	if st := s.standing(1); st.Tokens != 30 {
		s.t.Errorf("after the adjustment %+v", st)
	}
}

// embeddedStreet is a street on an embedded ledger of its own: a test that closes epochs
// would bind those of others on a network that all share.
func embeddedStreet(t *testing.T) *street {
	t.Helper()
	l, err := embedded.OpenLedger(t.Context(), t.TempDir(), community, "EUR", ledger.SeededNames(5))
	must(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return newStreet(t, l, 100)
}

// TestGrantsEndWithTheEmission has two batteries pledge for an epoch that emits one grant
// and a half: the first is granted its stake, the second pledges without one.
func TestGrantsEndWithTheEmission(t *testing.T) {
	s := embeddedStreet(t)
	p := s.programme()
	p.Budget, p.Grant, p.Stake = 15, 10, 0
	must(t, s.l.As(s.l.People.Governor).Rewards.SetProgramme(t.Context(), p))
	s.commit(s.epoch)
	for k, granted := range []int64{10, 0} {
		must(t, s.pledge(k, s.epoch))
		if st := s.standing(k); st.Granted != granted || st.Stake != granted {
			t.Errorf("battery %d stands at %+v, want %d granted", k, st, granted)
		}
	}
	s.over(23)
	c, err := s.closeEpoch(s.epoch)
	if err != nil || c.Budget != 15 || c.Granted != 10 || c.Left != 5 {
		t.Errorf("epoch %+v, %v, want 10 of 15 tokens granted", c, err)
	}
}

// TestDeliveryWithoutAChallengeEarnsNothing has a battery of good repute deliver in a
// flagged interval of an epoch that challenges nobody. It is paid for having been
// available, on its repute; what it says to have delivered nobody has tested, and the
// tokens for it stay.
func TestDeliveryWithoutAChallengeEarnsNothing(t *testing.T) {
	s := embeddedStreet(t)
	p := s.programme()
	p.Smoothing = 1000 // one challenge makes the reputation
	must(t, s.l.As(s.l.People.Governor).Rewards.SetProgramme(t.Context(), p))
	s.commit(s.epoch)
	must(t, s.pledge(0, s.epoch))
	s.seal(0)
	c := s.challenges(0)[0]
	must(t, s.prove(s.operator().Rewards.ProveChallenge, 0, 0, s.evidence(c, 0, honest(c), nil)))
	s.over(23)
	_, err := s.closeEpoch(s.epoch)
	must(t, err)

	next := s.interval(24).Begin().Format(time.DateOnly)
	p.From, p.Challenges = next, 0
	must(t, s.l.As(s.l.People.Governor).Rewards.SetProgramme(t.Context(), p))
	s.commit(next)
	for k := range s.battery {
		must(t, s.pledge(k, next))
	}
	s.delivers(24)
	must(t, s.operator().Rewards.ReportInterval(s.t.Context(), chaincode.Report{Community: community, Interval: s.interval(24).String(), Available: s.battery[:1]}))
	s.over(47)
	second, err := s.closeEpoch(next)
	must(t, err)
	fund := second.Budget + second.Carried - second.Granted
	want := chaincode.Reward{Battery: s.battery[0], Tokens: fund * p.Availability / 1000, Intervals: 1, Delivered: 1500, Reputation: 1000}
	if at := slices.IndexFunc(second.Rewards, func(r chaincode.Reward) bool { return r.Battery == want.Battery }); at < 0 || second.Rewards[at] != want || second.Left != fund-want.Tokens {
		t.Errorf("epoch %+v, want the reward %+v and nothing else paid", second, want)
	}
}

// TestTheShareOfChallengesMetWeighs challenges two batteries twice. One meets both and the
// other its second alone, which is why it is paid less than its reputation by itself would
// bring: weights of 1000 W × 2 intervals × 0.84 × 2/2 and × 0.60 × 1/2 divide 980 tokens.
func TestTheShareOfChallengesMetWeighs(t *testing.T) {
	s := embeddedStreet(t)
	p := s.programme()
	p.Availability, p.Slash = 1000, 0
	must(t, s.l.As(s.l.People.Governor).Rewards.SetProgramme(t.Context(), p))
	s.commit(s.epoch)
	for k := range s.battery {
		must(t, s.pledge(k, s.epoch))
	}
	for n := range 2 {
		s.seal(n)
		for _, c := range s.challenges(n) {
			if k := slices.Index(s.battery[:], c.Battery); k <= n {
				must(t, s.prove(s.operator().Rewards.ProveChallenge, n, k, s.evidence(c, k, honest(c), nil)))
			}
		}
		must(t, s.operator().Rewards.ReportInterval(s.t.Context(), chaincode.Report{Community: community, Interval: s.interval(n).String(), Available: slices.Sorted(slices.Values(s.battery[:]))}))
	}
	s.over(23)
	c, err := s.closeEpoch(s.epoch)
	must(t, err)
	for _, r := range c.Rewards {
		k := slices.Index(s.battery[:], r.Battery)
		if want := [2]int64{722, 258}[k]; r.Tokens != want || r.Challenged != 2 || r.Met != 2-k {
			t.Errorf("battery %d: %+v, want %d tokens", k, r, want)
		}
	}
}

// TestEmission adds up a programme's tokens.
func TestEmission(t *testing.T) {
	p := chaincode.Programme{From: "2026-01-01", Budget: 1000, Period: 10, Schedule: chaincode.Linear}
	var linear, halving int64
	for day := time.Date(2025, 12, 31, 0, 0, 0, 0, time.UTC); day.Year() < 2027; day = day.AddDate(0, 0, 1) {
		p.Schedule = chaincode.Linear
		n, err := p.Emission(day.Format(time.DateOnly))
		must(t, err)
		linear += n
		p.Schedule = chaincode.Halving
		n, err = p.Emission(day.Format(time.DateOnly))
		must(t, err)
		halving += n
	}
	if linear != 5500 || halving != 10*(1000+500+250+125+62+31+15+7+3+1) {
		t.Errorf("linear %d tokens, halving %d", linear, halving)
	}
}
