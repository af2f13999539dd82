package rewards_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/config"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/proof"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/settlement/ledger/embedded"
	"github.com/commonwatt/commonwatt/settlement/rewards"
)

// street is one battery whose home draws nothing else, read every minute. It
// implements rewards.Evidence.
type street struct {
	t       *testing.T
	l       *ledger.Ledger
	runner  *rewards.Runner
	key     *ecdsa.PrivateKey
	now     time.Time
	given   float64 // Wh at the battery's terminals
	read    map[time.Time]proof.Digest
	signed  map[proof.Digest][]byte
	dead    bool       // the battery does not do what it is asked
	base    grid.Power // what it does by itself
	charge  func(at time.Time) grid.PerMille
	unread  func(time.Time) bool
	battery rewards.Battery
}

const (
	community = "test"
	step      = time.Minute
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newStreet(t *testing.T, start string) *street {
	t.Helper()
	s := &street{
		t: t, read: map[time.Time]proof.Digest{}, signed: map[proof.Digest][]byte{}, unread: func(time.Time) bool { return false },
		charge: func(time.Time) grid.PerMille { return 900 },
	}
	var err error
	s.now, err = time.Parse(time.RFC3339, start)
	must(t, err)
	s.l, err = embedded.OpenLedger(t.Context(), t.TempDir(), community, "EUR", ledger.SeededNames(1))
	must(t, err)
	t.Cleanup(func() { _ = s.l.Close() })
	s.battery = rewards.Battery{
		Device: grid.Device{ID: "ann/battery", Kind: grid.Battery, Member: "ann", MeteringPoint: "mp-ann"},
		Meter:  grid.Device{ID: "ann/meter", Kind: grid.Meter, Member: "ann", MeteringPoint: "mp-ann"},
		Rated:  4000, Power: 2000, Energy: 1000, Capacity: 1_000_000,
	}
	must(t, s.l.Register(t.Context(), s.battery.Device, s.battery.Meter))
	s.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	public, err := proof.EncodeKey(&s.key.PublicKey)
	must(t, err)
	must(t, s.l.RegisterGateway(t.Context(), "gw", public))
	s.open(nil)
	return s
}

// open opens a runner on the ledger, as a start of the program does; change makes it
// another.
func (s *street) open(change func(c *rewards.Config)) {
	s.t.Helper()
	terms := rewards.Terms{Rewards: config.DefaultRewards()}
	terms.Challenges = 1000
	programme, err := terms.Programme(15, "EUR")
	must(s.t, err)
	c := rewards.Config{
		Ledger: s.l, Community: community, Programme: programme, Batteries: []rewards.Battery{s.battery}, Evidence: s,
		Power: func(string) (grid.Power, bool) { return s.base, true }, Lead: step, Secret: s.l.People.Beacon, Deadline: 2 * time.Minute, Corrections: time.Hour, Log: slog.New(slog.DiscardHandler),
	}
	if change != nil {
		change(&c)
	}
	s.runner, err = rewards.New(c)
	must(s.t, err)
}

// until goes on to a time, minute by minute.
func (s *street) until(end string) {
	s.t.Helper()
	until, err := time.Parse(time.RFC3339, end)
	must(s.t, err)
	for ; s.now.Before(until); s.now = s.now.Add(step) {
		s.sign()
		must(s.t, s.runner.Advance(s.t.Context(), s.now))
		power := s.base
		if p, asked := s.runner.Setpoint(s.battery.ID, s.now); asked && !s.dead {
			power = max(p, -s.battery.Rated)
		}
		s.given -= float64(power) / 60
	}
}

// sign reads battery and meter, which show the same.
func (s *street) sign() {
	const base = 1_000_000
	given := base + grid.Energy(s.given)
	signed, digest, err := proof.SignBatch(proof.Batch{Community: community, Gateway: "gw", Sequence: uint64(s.now.Unix()), Member: "ann", Readings: []grid.Reading{
		{Device: s.battery.ID, Time: s.now, Quality: grid.Good, Import: new(grid.Energy(base)), Export: new(given), Charge: new(s.charge(s.now))},
		{Device: s.battery.Meter.ID, Time: s.now, Quality: grid.Good, Import: new(grid.Energy(base)), Export: new(given)},
	}}, s.key)
	must(s.t, err)
	s.read[s.now], s.signed[digest] = digest, signed
}

// Around implements rewards.Evidence.
func (*street) Name(context.Context, ...proof.Digest) error { return nil }

func (*street) Mark(context.Context, string, ...time.Time) error { return nil }

func (s *street) Around(_ context.Context, _, _ string, t time.Time) (before, after proof.Digest, err error) {
	if s.unread(t) {
		return "", "", nil
	}
	return s.read[t.Truncate(step)], s.read[t.Add(step-1).Truncate(step)], nil
}

// Signed implements rewards.Evidence.
func (s *street) Signed(_ context.Context, digest proof.Digest) ([]byte, error) {
	return s.signed[digest], nil
}

func (s *street) standing() chaincode.Standing {
	s.t.Helper()
	st, err := s.runner.Standing(s.t.Context(), s.battery)
	must(s.t, err)
	return st
}

func (s *street) epoch(day string) chaincode.EpochClosing {
	s.t.Helper()
	c, err := s.runner.Epoch(s.t.Context(), day)
	must(s.t, err)
	return c
}

func (s *street) openEpoch(day string) chaincode.OpenEpoch {
	s.t.Helper()
	o, err := s.l.As(s.l.People.Operator).Rewards.GetOpenEpoch(s.t.Context(), day)
	must(s.t, err)
	return o
}

// TestADay begins in the evening, goes on past midnight with a runner that is opened
// anew in the middle of a challenge, and pays the day when its corrections are over.
func TestADay(t *testing.T) {
	s := newStreet(t, "2026-06-01T20:00:00Z")
	s.until("2026-06-01T22:05:00Z")
	s.open(nil)
	s.until("2026-06-02T01:02:00Z")
	c := s.epoch("2026-06-01")
	if r := c.Rewards[0]; len(c.Rewards) != 1 || r.Challenged < 15 || r.Met < r.Challenged-1 || r.Tokens == 0 || r.Intervals < 15 {
		t.Errorf("the day came to %+v", c)
	}
	if st := s.standing(); st.Tokens != c.Paid || st.Reputation < 900 || st.Granted != 20 {
		t.Errorf("the battery stands at %+v", st)
	}
	if o := s.openEpoch("2026-06-02"); len(o.Pledges) != 1 || len(o.Sealed) < 4 || o.Closed {
		t.Errorf("the next day is %+v", o)
	}
}

// TestADeadBatteryEarnsNothing challenges a battery that does nothing.
func TestADeadBatteryEarnsNothing(t *testing.T) {
	s := newStreet(t, "2026-06-01T22:00:00Z")
	s.dead = true
	s.until("2026-06-02T01:02:00Z")
	if r := s.epoch("2026-06-01").Rewards[0]; r.Challenged < 8 || r.Met != 0 || r.Tokens != 0 || r.Slashed < 5 {
		t.Errorf("%+v", r)
	}
}

// TestALateStartChallengesNobody starts when a challenge may have begun already: no
// battery is asked for what it could not know.
func TestALateStartChallengesNobody(t *testing.T) {
	s := newStreet(t, "2026-06-01T22:04:00Z")
	s.until("2026-06-01T22:20:00Z")
	o := s.openEpoch("2026-06-01")
	if _, sealed := o.Sealed["2026-06-01T22:00:00Z/15"]; sealed || len(o.Sealed) != 1 {
		t.Errorf("sealed %v", o.Sealed)
	}
}

// TestReadingsThatComeLate proves a challenge before its epoch closes, although its
// readings were not there in time.
func TestReadingsThatComeLate(t *testing.T) {
	s := newStreet(t, "2026-06-01T23:00:00Z")
	s.until("2026-06-01T23:30:00Z")
	s.unread = func(at time.Time) bool {
		return at.Hour() == 23 && at.Minute() > 30 && s.now.Before(time.Date(2026, 6, 2, 0, 30, 0, 0, time.UTC))
	}
	s.until("2026-06-02T01:02:00Z")
	if r := s.epoch("2026-06-01").Rewards[0]; r.Challenged < 3 || r.Met != r.Challenged {
		t.Errorf("%+v", r)
	}
}

// TestTheUtilityElsewhere has no reveal from the other party: it is demanded, waited
// for, and then everybody is challenged without it.
func TestTheUtilityElsewhere(t *testing.T) {
	s := newStreet(t, "2026-06-01T21:59:00Z")
	alone := func(c *rewards.Config) {
		c.Secret = map[string][]byte{chaincode.RoleOperator: s.l.People.Beacon[chaincode.RoleOperator]}
	}
	s.open(alone)
	s.until("2026-06-01T22:01:00Z")
	if o := s.openEpoch("2026-06-01"); len(o.Sealed) != 0 {
		t.Errorf("sealed at once: %v", o.Sealed)
	}
	s.until("2026-06-01T22:04:00Z")
	if o := s.openEpoch("2026-06-01"); len(o.Sealed) != 1 || len(o.Sealed["2026-06-01T22:00:00Z/15"].Missing) != 1 {
		t.Errorf("sealed %v", o.Sealed)
	}
	s.until("2026-06-01T22:18:00Z")
	if o := s.openEpoch("2026-06-01"); len(o.Met) != 1 {
		t.Errorf("met %v", o.Met)
	}
}

// TestDaysOff closes in order what was left open over days without the program.
func TestDaysOff(t *testing.T) {
	s := newStreet(t, "2026-06-01T22:00:00Z")
	s.until("2026-06-01T23:55:00Z")
	s.now = time.Date(2026, 6, 4, 10, 0, 0, 0, time.UTC)
	s.open(nil)
	s.until("2026-06-04T10:20:00Z")
	left := int64(0)
	for _, day := range []string{"2026-06-01", "2026-06-02", "2026-06-03"} {
		c := s.epoch(day)
		if c.Carried != left || c.Budget+c.Carried+c.Slashed != c.Granted+c.Adjusted+c.Paid+c.Left {
			t.Errorf("%s does not add up: %+v", day, c)
		}
		left = c.Left
	}
	if c := s.epoch("2026-06-01"); c.Rewards[0].Met < 6 || c.Rewards[0].Tokens == 0 {
		t.Errorf("the day before came to %+v", c)
	}
}

// TestABatteryAtItsRating cannot give more than it does: it gives less right after.
func TestABatteryAtItsRating(t *testing.T) {
	s := newStreet(t, "2026-06-01T23:00:00Z")
	s.base = -s.battery.Rated
	s.until("2026-06-02T01:02:00Z")
	if r := s.epoch("2026-06-01").Rewards[0]; r.Challenged != 4 || r.Met != 4 {
		t.Errorf("%+v", r)
	}
}

// TestABatteryComesAndGoes has the only battery of a street be paired within an epoch, and be let go of: it is pledged
// from the next interval on, proves what it is asked, is asked no more when it is gone, and is paid for what it did; also
// by a runner that began when it was gone already.
func TestABatteryComesAndGoes(t *testing.T) {
	s := newStreet(t, "2026-06-01T20:00:00Z")
	s.open(func(c *rewards.Config) { c.Batteries = nil })
	s.until("2026-06-01T21:05:00Z")
	if o := s.openEpoch("2026-06-01"); len(o.Pledges) != 0 || len(o.Sealed) != 5 {
		t.Errorf("without a battery the epoch is %+v", o)
	}
	must(t, s.runner.Set([]rewards.Battery{s.battery}, s.now))
	s.until("2026-06-01T21:16:00Z")
	if o := s.openEpoch("2026-06-01"); len(o.Pledges) != 1 || o.Pledges[0].From != "2026-06-01T21:15:00Z/15" || !s.runner.Challenged(s.battery.ID, s.now) {
		t.Errorf("when it has come it pledges %+v", o.Pledges)
	}
	s.until("2026-06-01T22:35:00Z")
	must(t, s.runner.Set(nil, s.now))
	s.until("2026-06-01T22:50:00Z")
	if len(s.runner.Batteries()) != 0 || s.runner.Challenged(s.battery.ID, s.now) {
		t.Errorf("it is gone, and %+v take part; challenged: %t", s.runner.Batteries(), s.runner.Challenged(s.battery.ID, s.now))
	}
	gone := s.runner.Everyone()
	s.open(func(c *rewards.Config) { c.Batteries = gone })
	s.until("2026-06-02T01:02:00Z")
	c := s.epoch("2026-06-01")
	if r := c.Rewards[0]; len(c.Rewards) != 1 || r.Battery != s.battery.ID || r.Challenged != 6 || r.Met < 5 || r.Intervals != 5 || r.Tokens == 0 {
		t.Errorf("the day came to %+v", c)
	}
	if o := s.openEpoch("2026-06-02"); len(o.Pledges) != 0 {
		t.Errorf("a battery that is gone is pledged for the next day: %+v", o.Pledges)
	}
}

// TestAnotherRatingCountsForTheNextEpoch has a battery be said to be made for more while an epoch runs, for which it has
// pledged already: it pledges more for the next one.
func TestAnotherRatingCountsForTheNextEpoch(t *testing.T) {
	s := newStreet(t, "2026-06-01T22:00:00Z")
	s.until("2026-06-01T22:20:00Z")
	s.battery.Power = 3000
	must(t, s.runner.Set([]rewards.Battery{s.battery}, s.now))
	s.until("2026-06-01T23:20:00Z")
	if now, next := s.openEpoch("2026-06-01").Pledges, s.openEpoch("2026-06-02").Pledges; len(now) != 1 || now[0].Power != 2000 || len(next) != 1 || next[0].Power != 3000 {
		t.Errorf("pledged %+v, and for the next day %+v", now, next)
	}
}

// TestAnswering moves a battery for the window of a challenge alone, by no more than
// registers show; what the epoch paid is known afterwards, also to the next start.
func TestAnswering(t *testing.T) {
	s := newStreet(t, "2026-06-01T22:00:00Z")
	s.base = -500
	s.until("2026-06-01T23:30:00Z")
	s.sign()
	must(t, s.runner.Advance(t.Context(), s.now))
	moved := 0
	for at := s.now; at.Before(s.now.Add(15 * time.Minute)); at = at.Add(time.Second) {
		c, answering := s.runner.Answering(s.battery.ID, at)
		p, asked := s.runner.Setpoint(s.battery.ID, at)
		if asked != answering || asked && p != s.base-grid.Power(c.Power) || asked && (c.Power < 1200 || c.Power > 1500) {
			t.Fatalf("%s: %+v, setpoint %d", at, c, p)
		}
		if asked {
			moved++
		}
	}
	if moved != 60+59 { // the lead is a minute
		t.Errorf("moved for %d s", moved)
	}
	if _, paid := s.runner.Paid(s.battery.ID); paid {
		t.Error("paid before anything was closed")
	}
	s.until("2026-06-02T01:02:00Z")
	want := s.epoch("2026-06-01").Rewards[0].Tokens
	for range 2 {
		if tokens, paid := s.runner.Paid(s.battery.ID); !paid || tokens != want || want == 0 {
			t.Errorf("paid %d, %v, want %d", tokens, paid, want)
		}
		s.open(nil)
		s.until("2026-06-02T01:03:00Z")
	}
}

// TestHoursOfCharging pledges by what the battery held in the day before.
func TestHoursOfCharging(t *testing.T) {
	sunny := func(at time.Time) grid.PerMille {
		switch hour := at.Hour(); {
		case hour < 6 || hour == 23:
			return 40
		case hour < 10 || hour >= 17:
			return 500
		default:
			return 1000
		}
	}
	now := time.Date(2026, 6, 2, 23, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		charge func(time.Time) grid.PerMille
		want   []string
	}{
		"empty in the night": {sunny, []string{"00:00-06:00", "17:00-24:00"}},
		"always full":        {func(time.Time) grid.PerMille { return 1000 }, nil},
		"always empty":       {func(time.Time) grid.PerMille { return 0 }, []string{"00:00-24:00"}},
		"neither":            {func(time.Time) grid.PerMille { return 500 }, nil},
		"tonight it holds more": {func(at time.Time) grid.PerMille {
			if at.Equal(now) {
				return 600
			}
			return sunny(at)
		}, nil},
	} {
		s := newStreet(t, "2026-06-01T23:00:00Z")
		s.charge = c.charge
		for ; s.now.Before(now); s.now = s.now.Add(15 * time.Minute) {
			s.sign()
		}
		s.until("2026-06-02T23:01:00Z")
		if o := s.openEpoch("2026-06-03"); len(o.Pledges) != 1 || !slices.Equal(o.Pledges[0].Charge, c.want) {
			t.Errorf("%s: pledged %+v, want %v", name, o.Pledges, c.want)
		}
	}
}

// TestAProgrammeOfBefore keeps to what it asks until its epoch is over: a discharge
// at a power, and rest after it. The next epoch has the new programme.
func TestAProgrammeOfBefore(t *testing.T) {
	s := newStreet(t, "2026-06-01T22:00:00Z")
	s.open(func(c *rewards.Config) { c.Programme.Energy, c.Programme.Response, c.Programme.Duration = 0, 112, 150 })
	s.until("2026-06-01T22:40:00Z")
	s.open(nil)
	s.until("2026-06-02T01:02:00Z")
	if r := s.epoch("2026-06-01").Rewards[0]; r.Challenged != 8 || r.Met < 7 {
		t.Errorf("%+v", r)
	}
	if before, now := s.openEpoch("2026-06-01").Programme, s.openEpoch("2026-06-02").Programme; before.Energy != 0 || now.Energy != 20 {
		t.Errorf("the programmes are %+v, then %+v", before, now)
	}
}
