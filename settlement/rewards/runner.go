package rewards

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/proof"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/settlement/ledger/identity"
)

// Runner runs the programme. Setpoint may be called while Advance runs.
type Runner struct {
	Config

	epochs map[string]*epoch
	closed string // every epoch up to it is closed, or held nothing

	of       string            // interval whose challenges are asked
	demanded string            // interval for which the other party's reveal was demanded
	names    map[string]string // pseudonym → device

	mu    sync.Mutex
	asked []chaincode.Challenge
	base  map[string]grid.Power // what a battery did when its challenge in asked began
	paid  chaincode.EpochClosing
}

// epoch is what was done of one.
type epoch struct {
	chaincode.OpenEpoch

	links map[string][]string // by party
	ready bool                // committed and pledged
}

// New returns a runner. Errors: a battery's pseudonym cannot be had.
func New(c Config) (*Runner, error) {
	r := &Runner{Config: c, epochs: map[string]*epoch{}, names: map[string]string{}}
	r.Programme.Community = c.Community
	slices.SortFunc(r.Batteries, func(a, b Battery) int { return cmp.Compare(a.ID, b.ID) })
	for _, b := range r.Batteries {
		name, err := r.pseudonym(b)
		if err != nil {
			return nil, err
		}
		r.names[name] = b.ID
	}
	return r, nil
}

func (r *Runner) pseudonym(b Battery) (string, error) { return r.Ledger.Names.Device(b.Member, b.ID) }

func nameOf(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// ahead is how long before an epoch its batteries are pledged and its beacon is
// committed to.
const ahead = time.Hour

// Advance does what is due. What fails comes again with the next call.
func (r *Runner) Advance(ctx context.Context, now time.Time) error {
	i := grid.IntervalAt(now, r.Programme.Minutes)
	var problems []error
	for _, day := range slices.Compact([]string{nameOf(now), nameOf(now.Add(ahead))}) {
		problems = append(problems, r.prepare(ctx, day, now))
	}
	return errors.Join(append(problems, r.begin(ctx, i, now), r.Close(ctx, now))...)
}

// operator calls the contracts as the community's operator.
func (r *Runner) operator() ledger.Contracts { return r.Ledger.As(r.Ledger.People.Operator) }

// open returns an epoch as the ledger has it, and goes on with that.
func (r *Runner) open(ctx context.Context, day string) (*epoch, error) {
	if e := r.epochs[day]; e != nil {
		return e, nil
	}
	o, err := r.operator().Rewards.GetOpenEpoch(ctx, day)
	if err != nil {
		return nil, err
	}
	e := &epoch{OpenEpoch: o, links: map[string][]string{}}
	r.epochs[day] = e
	return e, nil
}

// prepare commits to the beacon of an epoch and pledges for it, by the programme,
// which is set first if there is none; another one holds from an epoch that has
// not begun.
func (r *Runner) prepare(ctx context.Context, day string, now time.Time) error {
	e, err := r.open(ctx, day)
	missing := ledger.Refused(err, chaincode.CodeMissing)
	if err != nil && !missing || err == nil && e.ready {
		return err
	}
	if future := day > nameOf(now); missing || future && !r.holds(e.Programme) {
		p := r.Programme
		p.From = day
		if err := r.Ledger.As(r.Ledger.People.Governor).Rewards.SetProgramme(ctx, p); err != nil {
			return err
		}
		delete(r.epochs, day)
		if e, err = r.open(ctx, day); err != nil {
			return err
		}
	}
	for _, party := range r.parties() {
		who, secret := r.party(party)
		const minutesADay = 24 * 60
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(r.Community + "/" + day))
		var anchor string
		anchor, e.links[party] = chaincode.Links(mac.Sum(nil), minutesADay/e.Programme.Minutes)
		if slices.Contains(e.Anchors, party) {
			continue
		}
		if err := r.Ledger.As(who).Rewards.CommitBeacon(ctx, chaincode.Anchor{Community: r.Community, Epoch: day, Anchor: anchor}); err != nil {
			return err
		}
	}
	for _, b := range r.Batteries {
		if err := r.pledge(ctx, e, b, day, now); err != nil {
			return err
		}
	}
	e.ready = true
	return nil
}

// holds tells whether a programme is the runner's, from whenever it holds.
func (r *Runner) holds(p chaincode.Programme) bool {
	p.From = r.Programme.From
	return p == r.Programme
}

// parties of the beacon that are here.
func (r *Runner) parties() (here []string) {
	for _, party := range []string{chaincode.RoleOperator, chaincode.RoleUtility} {
		if who, secret := r.party(party); who != nil && secret != nil {
			here = append(here, party)
		}
	}
	return here
}

func (r *Runner) party(role string) (*identity.Identity, []byte) {
	if role == chaincode.RoleUtility {
		return r.Ledger.People.Utility, r.Secret[role]
	}
	return r.Ledger.People.Operator, r.Secret[role]
}

// pledge pledges a battery. One that may not, as for want of a stake, does not
// hold up the others.
func (r *Runner) pledge(ctx context.Context, e *epoch, b Battery, day string, now time.Time) error {
	name, err := r.pseudonym(b)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(e.Pledges, func(g chaincode.Pledge) bool { return g.Battery == name }) {
		return nil
	}
	g := chaincode.Pledge{Community: r.Community, Epoch: day, Battery: name, Power: int64(b.Power), Energy: int64(b.Energy)}
	if g.Charge, err = r.hours(ctx, b, now, e.Programme.Minutes); err != nil {
		return err
	}
	err = r.operator().Rewards.Pledge(ctx, g)
	if refused := (*ledger.ContractError)(nil); errors.As(err, &refused) {
		r.Log.WarnContext(ctx, "a battery is not pledged", slog.String("device", b.ID), slog.String("epoch", day), slog.String("error", err.Error()))
		return nil
	}
	if err == nil {
		e.Pledges = append(e.Pledges, g)
	}
	return err
}

func (e *epoch) pledged(battery string) (g chaincode.Pledge, found bool) {
	at := slices.IndexFunc(e.Pledges, func(g chaincode.Pledge) bool { return g.Battery == battery })
	if at < 0 {
		return g, false
	}
	return e.Pledges[at], true
}

// begin declares who is away in the interval, reveals and seals its beacon, and
// finds who is challenged.
func (r *Runner) begin(ctx context.Context, i grid.Interval, now time.Time) error {
	e := r.epochs[nameOf(i.Begin())]
	if e == nil || !e.ready {
		return nil // it comes again
	}
	if e.Programme.Minutes != i.Minutes {
		return fmt.Errorf("the programme on the ledger has intervals of %d minutes until %s is over, the community of %d", e.Programme.Minutes, nameOf(now), i.Minutes)
	}
	name := i.String()
	if _, sealed := e.Sealed[name]; !sealed {
		if window := time.Duration(e.Programme.Duration) * time.Second; now.After(i.Begin().Add(window)) {
			return nil // a challenge may have begun, of which nobody could know
		}
		if err := r.declare(ctx, e, i); err != nil {
			return err
		}
		if err := r.seal(ctx, e, i, now); err != nil {
			return err
		}
		if _, sealed := e.Sealed[name]; !sealed {
			return nil // the other party may still reveal
		}
	}
	if r.of == name {
		return nil
	}
	asked, err := r.operator().Rewards.GetChallenges(ctx, i)
	if err != nil {
		return err
	}
	for _, c := range asked {
		if err := r.mark(ctx, c); err != nil {
			return err
		}
	}
	r.of = name
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked, r.base = asked, map[string]grid.Power{}
	return nil
}

// mark keeps the readings by which a challenge is judged, of the battery and of its
// meter, whenever they come.
func (r *Runner) mark(ctx context.Context, c chaincode.Challenge) error {
	for _, b := range r.Batteries {
		if r.names[c.Battery] != b.ID {
			continue
		}
		if err := errors.Join(r.Evidence.Mark(ctx, b.ID, c.Instants()...), r.Evidence.Mark(ctx, b.Meter.ID, c.Instants()...)); err != nil {
			return err
		}
	}
	return nil
}

// declare declares an outage of the batteries that cannot do what they pledged, and
// flags the interval if it is one of peak.
func (r *Runner) declare(ctx context.Context, e *epoch, i grid.Interval) error {
	name := i.String()
	if r.Peaks != nil && r.Peaks(i) && !slices.Contains(e.Flagged, name) {
		flag := chaincode.Flag{Community: r.Community, Interval: name, Reason: "peak"}
		if err := r.operator().Rewards.FlagInterval(ctx, flag); err != nil {
			return err
		}
		e.Flagged = append(e.Flagged, name)
	}
	for _, b := range r.Batteries {
		battery, err := r.pseudonym(b)
		if err != nil {
			return err
		}
		g, pledged := e.pledged(battery)
		if !pledged {
			continue
		}
		able, _, err := r.able(ctx, b, g, i)
		if err != nil {
			return err
		}
		if able {
			continue
		}
		err = r.operator().Rewards.DeclareOutage(ctx, chaincode.Outage{
			Community: r.Community, Battery: battery, From: name, Until: name, Reason: "holds too little, has no room, or was not read",
		})
		if err != nil && !ledger.Refused(err, chaincode.CodeTooLate) {
			return err
		}
	}
	return nil
}

// able tells whether signed readings show that a battery can be reached when an
// interval begins and holds what it pledged or, where it is challenged by charging,
// has room for it; and by which batch.
func (r *Runner) able(ctx context.Context, b Battery, g chaincode.Pledge, i grid.Interval) (bool, proof.Digest, error) {
	held, digest, err := r.held(ctx, b, i.Begin())
	if err != nil || digest == "" {
		return false, "", err
	}
	if g.Direction(i) == chaincode.Charging {
		held = b.Capacity - held
	}
	return int64(held) >= g.Energy, digest, nil
}

// held returns what a battery holds about t, and the batch that shows it; none
// where it was not read.
func (r *Runner) held(ctx context.Context, b Battery, t time.Time) (grid.Energy, proof.Digest, error) {
	digest, _, err := r.Evidence.Around(ctx, b.Member, b.ID, t)
	if err != nil || digest == "" {
		return 0, "", err
	}
	signed, err := r.Evidence.Signed(ctx, digest)
	if err != nil || signed == nil {
		return 0, "", err
	}
	batch, _, err := proof.ReadBatch(signed)
	if err != nil {
		r.Log.WarnContext(ctx, "a batch of readings cannot be read", slog.String("device", b.ID), slog.String("error", err.Error()))
		return 0, "", nil
	}
	for _, reading := range slices.Backward(batch.Readings) {
		if reading.Device != b.ID || reading.Charge == nil || reading.Time.After(t) || t.Sub(reading.Time) > chaincode.Sampling {
			continue
		}
		const perMille = 1000
		return grid.Energy(*reading.Charge) * b.Capacity / perMille, digest, nil
	}
	return 0, "", nil
}

// seal reveals the links of who is here, and seals when all have revealed, or
// when a challenge could begin.
func (r *Runner) seal(ctx context.Context, e *epoch, i grid.Interval, now time.Time) error {
	begin := i.Begin()
	index := (begin.Hour()*60 + begin.Minute()) / i.Minutes
	here := r.parties()
	for _, party := range here {
		if last, found := e.Revealed[party]; found && last >= index {
			continue
		}
		who, _ := r.party(party)
		err := r.Ledger.As(who).Rewards.RevealBeacon(ctx, chaincode.Reveal{Community: r.Community, Interval: i.String(), Value: e.links[party][index]})
		if ledger.Refused(err, chaincode.CodeTooLate) {
			e.Sealed[i.String()] = chaincode.Beacon{} // by the other party: the challenges hold all the same
			return nil
		}
		if err != nil {
			return err
		}
		e.Revealed[party] = index
	}
	const all = 2
	who, _ := r.party(here[0])
	if len(here) < all {
		return r.sealAlone(ctx, e, i, now)
	}
	if err := r.Ledger.As(who).Rewards.SealBeacon(ctx, i); err != nil {
		return err
	}
	e.Sealed[i.String()] = chaincode.Beacon{}
	return nil
}

// sealAlone demands the other party's reveal, gives it half the time that there
// is, and then seals with it or without.
func (r *Runner) sealAlone(ctx context.Context, e *epoch, i grid.Interval, now time.Time) error {
	who, _ := r.party(r.parties()[0])
	window := time.Duration(e.Programme.Duration) * time.Second
	if r.demanded == i.String() && now.Before(i.Begin().Add(window/2)) { //nolint:mnd // the other half is for the challenge to go out
		return nil
	}
	if err := r.Ledger.As(who).Rewards.SealBeacon(ctx, i); err != nil {
		return err
	}
	r.demanded = i.String()
	_, err := r.operator().Rewards.GetChallenges(ctx, i)
	if ledger.Refused(err, chaincode.CodeMissing) {
		return nil // not sealed yet
	}
	if err == nil {
		e.Sealed[i.String()] = chaincode.Beacon{}
	}
	return err
}

// Standing returns how a battery stands.
func (r *Runner) Standing(ctx context.Context, b Battery) (s chaincode.Standing, err error) {
	name, err := r.pseudonym(b)
	if err != nil {
		return s, err
	}
	return r.operator().Rewards.GetStanding(ctx, name)
}

// Epoch returns a closed epoch, with the batteries by their own names.
func (r *Runner) Epoch(ctx context.Context, day string) (c chaincode.EpochClosing, err error) {
	if c, err = r.operator().Rewards.GetEpoch(ctx, day); err != nil {
		return c, fmt.Errorf("epoch %s: %w", day, err)
	}
	for k, reward := range c.Rewards {
		c.Rewards[k].Battery = cmp.Or(r.names[reward.Battery], reward.Battery)
	}
	return c, nil
}

// Paid returns the tokens that a battery got for the last epoch that was closed; ok
// is false while there is none, or it was not in it.
func (r *Runner) Paid(device string) (tokens int64, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	at := slices.IndexFunc(r.paid.Rewards, func(reward chaincode.Reward) bool { return reward.Battery == device })
	if at < 0 {
		return 0, false
	}
	return r.paid.Rewards[at].Tokens, true
}

// remember keeps the last epoch that was closed.
func (r *Runner) remember(ctx context.Context, day string) error {
	c, err := r.Epoch(ctx, day)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if c.Epoch > r.paid.Epoch {
		r.paid = c
	}
	return nil
}
