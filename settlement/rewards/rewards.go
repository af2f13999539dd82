// Package rewards runs a community's programme of storage rewards: it pledges the
// batteries, drives the beacon, says which battery has to give what and when, hands
// in the signed readings that prove it, and closes the epochs. What was done is on
// the ledger, so that it may be stopped anywhere and started again.
//
// Power is in W, + is charging; energy in Wh; times are world time.
package rewards

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
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

// Battery is one that takes part.
type Battery struct {
	grid.Device

	Meter    grid.Device // the connection meter of its metering point
	Rated    grid.Power  // that it can give and take; 0: not known
	Power    grid.Power  // that it pledges
	Energy   grid.Energy // that it keeps for it
	Capacity grid.Energy
}

// Evidence has the signed batches of readings.
type Evidence interface {
	// Around returns the digests of the batches with the last reading of a device at
	// or before t, and the first at or after it; empty where there is none.
	Around(ctx context.Context, member, device string, t time.Time) (before, after proof.Digest, err error)
	Signed(ctx context.Context, digest proof.Digest) ([]byte, error)
	// Name keeps batches for good.
	Name(ctx context.Context, digests ...proof.Digest) error
	// Mark keeps what a device said beside some instants for as long as a challenge may
	// be proven.
	Mark(ctx context.Context, device string, instants ...time.Time) error
}

// Config is what a Desk works with.
type Config struct {
	Ledger      *ledger.Ledger
	Community   string
	Programme   chaincode.Programme // Community and From may be left empty
	Peaks       func(grid.Interval) bool
	Batteries   []Battery
	Evidence    Evidence
	Power       func(device string) (grid.Power, bool) // what a battery does now, if that is known
	Lead        time.Duration                          // from when a setpoint is given until readings show it
	Secret      map[string][]byte                      // of the beacon, by party; a party that is elsewhere reveals there
	Deadline    time.Duration                          // after an interval, for its readings
	Corrections time.Duration                          // after an epoch, before it is closed
	Log         *slog.Logger
}

// Desk runs the programme. Setpoint may be called while Advance runs.
type Desk struct {
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

// New returns a desk. Errors: a battery's pseudonym cannot be had.
func New(c Config) (*Desk, error) {
	d := &Desk{Config: c, epochs: map[string]*epoch{}, names: map[string]string{}}
	d.Programme.Community = c.Community
	slices.SortFunc(d.Batteries, func(a, b Battery) int { return cmp.Compare(a.ID, b.ID) })
	for _, b := range d.Batteries {
		name, err := d.pseudonym(b)
		if err != nil {
			return nil, err
		}
		d.names[name] = b.ID
	}
	return d, nil
}

func (d *Desk) pseudonym(b Battery) (string, error) { return d.Ledger.Names.Device(b.Member, b.ID) }

func nameOf(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// ahead is how long before an epoch its batteries are pledged and its beacon is
// committed to.
const ahead = time.Hour

// Advance does what is due. What fails comes again with the next call.
func (d *Desk) Advance(ctx context.Context, now time.Time) error {
	i := grid.IntervalAt(now, d.Programme.Minutes)
	var problems []error
	for _, day := range slices.Compact([]string{nameOf(now), nameOf(now.Add(ahead))}) {
		problems = append(problems, d.prepare(ctx, day, now))
	}
	return errors.Join(append(problems, d.begin(ctx, i, now), d.Close(ctx, now))...)
}

func (d *Desk) invoke(ctx context.Context, who *identity.Identity, function string, arg any) error {
	c, err := ledger.NewCall(who, "rewards:"+function, arg)
	if err != nil {
		return err
	}
	return d.Ledger.Invoke(ctx, c)
}

func (d *Desk) ask(ctx context.Context, into any, function string, args ...string) error {
	text, err := d.Ledger.Evaluate(ctx, ledger.Call{
		As: d.Ledger.People.Operator, Function: "rewards:" + function, Args: append([]string{d.Community}, args...),
	})
	if err != nil {
		return err
	}
	return json.Unmarshal([]byte(text), into)
}

// open returns an epoch as the ledger has it, and goes on with that.
func (d *Desk) open(ctx context.Context, day string) (*epoch, error) {
	if e := d.epochs[day]; e != nil {
		return e, nil
	}
	e := &epoch{links: map[string][]string{}}
	if err := d.ask(ctx, &e.OpenEpoch, "GetOpenEpoch", day); err != nil {
		return nil, err
	}
	d.epochs[day] = e
	return e, nil
}

// prepare commits to the beacon of an epoch and pledges for it, by the programme,
// which is set first if there is none; another one holds from an epoch that has
// not begun.
func (d *Desk) prepare(ctx context.Context, day string, now time.Time) error {
	e, err := d.open(ctx, day)
	missing := ledger.Refused(err, chaincode.CodeMissing)
	if err != nil && !missing || err == nil && e.ready {
		return err
	}
	if future := day > nameOf(now); missing || future && !d.holds(e.Programme) {
		p := d.Programme
		p.From = day
		if err := d.invoke(ctx, d.Ledger.People.Governor, "SetProgramme", p); err != nil {
			return err
		}
		delete(d.epochs, day)
		if e, err = d.open(ctx, day); err != nil {
			return err
		}
	}
	for _, party := range d.parties() {
		who, secret := d.party(party)
		const minutesADay = 24 * 60
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(d.Community + "/" + day))
		var anchor string
		anchor, e.links[party] = chaincode.Links(mac.Sum(nil), minutesADay/e.Programme.Minutes)
		if slices.Contains(e.Anchors, party) {
			continue
		}
		if err := d.invoke(ctx, who, "CommitBeacon", chaincode.Anchor{Community: d.Community, Epoch: day, Anchor: anchor}); err != nil {
			return err
		}
	}
	for _, b := range d.Batteries {
		if err := d.pledge(ctx, e, b, day, now); err != nil {
			return err
		}
	}
	e.ready = true
	return nil
}

// holds tells whether a programme is the desk's, from whenever it holds.
func (d *Desk) holds(p chaincode.Programme) bool {
	p.From = d.Programme.From
	return p == d.Programme
}

// parties of the beacon that are here.
func (d *Desk) parties() (here []string) {
	for _, party := range []string{chaincode.RoleOperator, chaincode.RoleUtility} {
		if who, secret := d.party(party); who != nil && secret != nil {
			here = append(here, party)
		}
	}
	return here
}

func (d *Desk) party(role string) (*identity.Identity, []byte) {
	if role == chaincode.RoleUtility {
		return d.Ledger.People.Utility, d.Secret[role]
	}
	return d.Ledger.People.Operator, d.Secret[role]
}

// pledge pledges a battery. One that may not, as for want of a stake, does not
// hold up the others.
func (d *Desk) pledge(ctx context.Context, e *epoch, b Battery, day string, now time.Time) error {
	name, err := d.pseudonym(b)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(e.Pledges, func(g chaincode.Pledge) bool { return g.Battery == name }) {
		return nil
	}
	g := chaincode.Pledge{Community: d.Community, Epoch: day, Battery: name, Power: int64(b.Power), Energy: int64(b.Energy)}
	if g.Charge, err = d.hours(ctx, b, now, e.Programme.Minutes); err != nil {
		return err
	}
	err = d.invoke(ctx, d.Ledger.People.Operator, "Pledge", g)
	if refused := (*ledger.ContractError)(nil); errors.As(err, &refused) {
		d.Log.WarnContext(ctx, "a battery is not pledged", slog.String("device", b.ID), slog.String("epoch", day), slog.String("error", err.Error()))
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
func (d *Desk) begin(ctx context.Context, i grid.Interval, now time.Time) error {
	e := d.epochs[nameOf(i.Begin())]
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
		if err := d.declare(ctx, e, i); err != nil {
			return err
		}
		if err := d.seal(ctx, e, i, now); err != nil {
			return err
		}
		if _, sealed := e.Sealed[name]; !sealed {
			return nil // the other party may still reveal
		}
	}
	if d.of == name {
		return nil
	}
	var asked []chaincode.Challenge
	if err := d.ask(ctx, &asked, "GetChallenges", name); err != nil {
		return err
	}
	for _, c := range asked {
		if err := d.mark(ctx, c); err != nil {
			return err
		}
	}
	d.of = name
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked, d.base = asked, map[string]grid.Power{}
	return nil
}

// mark keeps the readings by which a challenge is judged, of the battery and of its
// meter, whenever they come.
func (d *Desk) mark(ctx context.Context, c chaincode.Challenge) error {
	for _, b := range d.Batteries {
		if d.names[c.Battery] != b.ID {
			continue
		}
		if err := errors.Join(d.Evidence.Mark(ctx, b.ID, c.Instants()...), d.Evidence.Mark(ctx, b.Meter.ID, c.Instants()...)); err != nil {
			return err
		}
	}
	return nil
}

// declare declares an outage of the batteries that cannot do what they pledged, and
// flags the interval if it is one of peak.
func (d *Desk) declare(ctx context.Context, e *epoch, i grid.Interval) error {
	name := i.String()
	if d.Peaks != nil && d.Peaks(i) && !slices.Contains(e.Flagged, name) {
		flag := chaincode.Flag{Community: d.Community, Interval: name, Reason: "peak"}
		if err := d.invoke(ctx, d.Ledger.People.Operator, "FlagInterval", flag); err != nil {
			return err
		}
		e.Flagged = append(e.Flagged, name)
	}
	for _, b := range d.Batteries {
		battery, err := d.pseudonym(b)
		if err != nil {
			return err
		}
		g, pledged := e.pledged(battery)
		if !pledged {
			continue
		}
		able, _, err := d.able(ctx, b, g, i)
		if err != nil {
			return err
		}
		if able {
			continue
		}
		err = d.invoke(ctx, d.Ledger.People.Operator, "DeclareOutage", chaincode.Outage{
			Community: d.Community, Battery: battery, From: name, Until: name, Reason: "holds too little, has no room, or was not read",
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
func (d *Desk) able(ctx context.Context, b Battery, g chaincode.Pledge, i grid.Interval) (bool, proof.Digest, error) {
	held, digest, err := d.held(ctx, b, i.Begin())
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
func (d *Desk) held(ctx context.Context, b Battery, t time.Time) (grid.Energy, proof.Digest, error) {
	digest, _, err := d.Evidence.Around(ctx, b.Member, b.ID, t)
	if err != nil || digest == "" {
		return 0, "", err
	}
	signed, err := d.Evidence.Signed(ctx, digest)
	if err != nil || signed == nil {
		return 0, "", err
	}
	batch, _, err := proof.ReadBatch(signed)
	if err != nil {
		d.Log.WarnContext(ctx, "a batch of readings cannot be read", slog.String("device", b.ID), slog.String("error", err.Error()))
		return 0, "", nil
	}
	for _, r := range slices.Backward(batch.Readings) {
		if r.Device != b.ID || r.Charge == nil || r.Time.After(t) || t.Sub(r.Time) > chaincode.Sampling {
			continue
		}
		const perMille = 1000
		return grid.Energy(*r.Charge) * b.Capacity / perMille, digest, nil
	}
	return 0, "", nil
}

// seal reveals the links of who is here, and seals when all have revealed, or
// when a challenge could begin.
func (d *Desk) seal(ctx context.Context, e *epoch, i grid.Interval, now time.Time) error {
	at := map[string]string{"community": d.Community, "interval": i.String()}
	begin := i.Begin()
	index := (begin.Hour()*60 + begin.Minute()) / i.Minutes
	here := d.parties()
	for _, party := range here {
		if last, found := e.Revealed[party]; found && last >= index {
			continue
		}
		who, _ := d.party(party)
		err := d.invoke(ctx, who, "RevealBeacon", chaincode.Reveal{Community: d.Community, Interval: i.String(), Value: e.links[party][index]})
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
	who, _ := d.party(here[0])
	if len(here) < all {
		return d.sealAlone(ctx, e, i, now)
	}
	if err := d.invoke(ctx, who, "SealBeacon", at); err != nil {
		return err
	}
	e.Sealed[i.String()] = chaincode.Beacon{}
	return nil
}

// sealAlone demands the other party's reveal, gives it half the time that there
// is, and then seals with it or without.
func (d *Desk) sealAlone(ctx context.Context, e *epoch, i grid.Interval, now time.Time) error {
	who, _ := d.party(d.parties()[0])
	at := map[string]string{"community": d.Community, "interval": i.String()}
	window := time.Duration(e.Programme.Duration) * time.Second
	if d.demanded == i.String() && now.Before(i.Begin().Add(window/2)) { //nolint:mnd // the other half is for the challenge to go out
		return nil
	}
	if err := d.invoke(ctx, who, "SealBeacon", at); err != nil {
		return err
	}
	d.demanded = i.String()
	var asked []chaincode.Challenge
	err := d.ask(ctx, &asked, "GetChallenges", i.String())
	if ledger.Refused(err, chaincode.CodeMissing) {
		return nil // not sealed yet
	}
	if err == nil {
		e.Sealed[i.String()] = chaincode.Beacon{}
	}
	return err
}

// Standing returns how a battery stands.
func (d *Desk) Standing(ctx context.Context, b Battery) (s chaincode.Standing, err error) {
	name, err := d.pseudonym(b)
	if err != nil {
		return s, err
	}
	err = d.ask(ctx, &s, "GetStanding", name)
	return s, err
}

// Epoch returns a closed epoch, with the batteries by their own names.
func (d *Desk) Epoch(ctx context.Context, day string) (c chaincode.EpochClosing, err error) {
	if err := d.ask(ctx, &c, "GetEpoch", day); err != nil {
		return c, fmt.Errorf("epoch %s: %w", day, err)
	}
	for k, r := range c.Rewards {
		c.Rewards[k].Battery = cmp.Or(d.names[r.Battery], r.Battery)
	}
	return c, nil
}

// Paid returns the tokens that a battery got for the last epoch that was closed; ok
// is false while there is none, or it was not in it.
func (d *Desk) Paid(device string) (tokens int64, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	at := slices.IndexFunc(d.paid.Rewards, func(r chaincode.Reward) bool { return r.Battery == device })
	if at < 0 {
		return 0, false
	}
	return d.paid.Rewards[at].Tokens, true
}

// remember keeps the last epoch that was closed.
func (d *Desk) remember(ctx context.Context, day string) error {
	c, err := d.Epoch(ctx, day)
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if c.Epoch > d.paid.Epoch {
		d.paid = c
	}
	return nil
}
