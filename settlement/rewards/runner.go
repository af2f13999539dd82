package rewards

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/settlement/ledger"
)

// Runner runs the programme: it says what is due, and its parts do it. Advance and Close are
// called one at a time; what is asked of the participants, the answers and the payouts may be
// asked while they run, and so may other batteries be set.
type Runner struct {
	*participants
	*answers
	*payouts

	epochs  *epochs
	beacon  *beacon
	pledger pledger
	prover  prover

	programme   chaincode.Programme
	peaks       func(grid.Interval) bool
	deadline    time.Duration // as Config.Deadline
	corrections time.Duration // as Config.Corrections
	log         *slog.Logger

	closed string // every epoch up to it is closed, or held nothing
	of     string // interval whose challenges are asked
}

// New returns a runner. Errors: a battery's pseudonym cannot be had.
func New(c Config) (*Runner, error) {
	who, err := newParticipants(c)
	if err != nil {
		return nil, err
	}
	c.Programme.Community = c.Community
	shown := readings{c.Evidence, c.Log}
	return &Runner{
		participants: who, answers: &answers{participants: who, power: c.Power, lead: c.Lead, minutes: c.Programme.Minutes}, payouts: &payouts{participants: who, as: who.operator()},
		epochs: &epochs{who.operator(), map[string]*epoch{}}, beacon: &beacon{participants: who, secret: c.Secret}, pledger: pledger{who, shown}, prover: prover{who, shown},
		programme: c.Programme, peaks: c.Peaks, deadline: c.Deadline, corrections: c.Corrections, log: c.Log,
	}, nil
}

func nameOf(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// ahead is how long before an epoch its batteries are pledged and its beacon is
// committed to.
const ahead = time.Hour

// Advance does what is due. What fails comes again with the next call.
func (r *Runner) Advance(ctx context.Context, now time.Time) error {
	i := grid.IntervalAt(now, r.programme.Minutes)
	var problems []error
	for _, day := range slices.Compact([]string{nameOf(now), nameOf(now.Add(ahead))}) {
		problems = append(problems, r.prepare(ctx, day, now))
	}
	return errors.Join(append(problems, r.begin(ctx, i, now), r.Close(ctx, now))...)
}

// prepare commits to the beacon of an epoch and pledges for it, by the programme,
// which is set first if there is none; another one holds from an epoch that has
// not begun.
func (r *Runner) prepare(ctx context.Context, day string, now time.Time) error {
	e, err := r.epochs.open(ctx, day)
	if err == nil && e.ready {
		return r.pledger.pledgeAll(ctx, e, day, now)
	}
	missing := ledger.Refused(err, chaincode.CodeMissing)
	if err != nil && !missing {
		return err
	}
	if future := day > nameOf(now); missing || future && !r.holds(e.Programme) {
		p := r.programme
		p.From = day
		if err := r.ledger.As(r.ledger.People.Governor).Rewards.SetProgramme(ctx, p); err != nil {
			return err
		}
		delete(r.epochs.begun, day)
		if e, err = r.epochs.open(ctx, day); err != nil {
			return err
		}
	}
	if err := r.beacon.commit(ctx, e, day); err != nil {
		return err
	}
	if err := r.pledger.pledgeAll(ctx, e, day, now); err != nil {
		return err
	}
	e.ready = true
	return nil
}

// holds tells whether a programme is the runner's, from whenever it holds.
func (r *Runner) holds(p chaincode.Programme) bool {
	p.From = r.programme.From
	return p == r.programme
}

// begin declares who is away in the interval, reveals and seals its beacon, and
// finds who is challenged.
func (r *Runner) begin(ctx context.Context, i grid.Interval, now time.Time) error {
	e := r.epochs.begun[nameOf(i.Begin())]
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
		if err := r.beacon.seal(ctx, e, i, now); err != nil {
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
		if err := r.prover.mark(ctx, c); err != nil {
			return err
		}
	}
	r.of = name
	r.ask(asked)
	return nil
}

// declare flags the interval if it is one of peak, and declares who is away.
func (r *Runner) declare(ctx context.Context, e *epoch, i grid.Interval) error {
	name := i.String()
	if r.peaks != nil && r.peaks(i) && !slices.Contains(e.Flagged, name) {
		flag := chaincode.Flag{Community: r.community, Interval: name, Reason: "peak"}
		if err := r.operator().Rewards.FlagInterval(ctx, flag); err != nil {
			return err
		}
		e.Flagged = append(e.Flagged, name)
	}
	return r.pledger.declare(ctx, e, i)
}

// finish reports the intervals that are over, and hands in what proves their
// challenges and deliveries.
func (r *Runner) finish(ctx context.Context, now time.Time) error {
	for _, day := range slices.Sorted(maps.Keys(r.epochs.begun)) {
		e := r.epochs.begun[day]
		for _, name := range slices.Sorted(maps.Keys(e.Sealed)) {
			i, err := grid.ParseInterval(name)
			if err != nil {
				return err
			}
			if slices.Contains(e.Reported, name) || e.Closed || now.Before(i.End().Add(r.deadline)) {
				continue
			}
			if err := r.epochs.refresh(ctx, e, day); err != nil {
				return err
			}
			if err := r.prover.prove(ctx, e, i); err != nil {
				return err
			}
			if err := r.prover.report(ctx, e, i); err != nil {
				return err
			}
			e.Reported = append(e.Reported, name)
		}
	}
	return nil
}

// proveAgain hands in once more what was not proven in time: readings may have come
// since.
func (r *Runner) proveAgain(ctx context.Context, e *epoch, day string, now time.Time) error {
	if err := r.epochs.refresh(ctx, e, day); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(e.Sealed)) {
		i, err := grid.ParseInterval(name)
		if err != nil {
			return err
		}
		if now.Before(i.End().Add(r.deadline)) {
			return fmt.Errorf("epoch %s: the readings of %s are not complete", day, name)
		}
		if err := r.prover.prove(ctx, e, i); err != nil {
			return err
		}
	}
	return nil
}

// Close finishes the intervals that are over, and closes every epoch whose
// corrections are, in order.
func (r *Runner) Close(ctx context.Context, now time.Time) error {
	if err := r.finish(ctx, now); err != nil {
		return err
	}
	last := now.Add(-max(r.corrections, r.deadline)).AddDate(0, 0, -1)
	if nameOf(last) <= r.closed {
		return nil
	}
	var open []string
	for day := last; nameOf(day) > r.closed; day = day.AddDate(0, 0, -1) {
		e, err := r.epochs.open(ctx, nameOf(day))
		if ledger.Refused(err, chaincode.CodeMissing) {
			break // before the programme
		}
		if err != nil {
			return err
		}
		if e.Closed {
			if err := r.remember(ctx, nameOf(day)); err != nil {
				return err
			}
			break
		}
		open = append(open, nameOf(day))
	}
	if err := r.finish(ctx, now); err != nil { // of epochs that were opened just now
		return err
	}
	for _, day := range slices.Backward(open) {
		if err := r.proveAgain(ctx, r.epochs.begun[day], day, now); err != nil {
			return err
		}
		err := r.operator().Rewards.CloseEpoch(ctx, day)
		if ledger.Refused(err, chaincode.CodeMissing) {
			return nil // the ledger does not know yet that it is over: it will with the next reveal
		}
		if err != nil {
			return err
		}
		if err := r.remember(ctx, day); err != nil {
			return err
		}
		delete(r.epochs.begun, day)
		r.closed = day
		r.log.InfoContext(ctx, "epoch closed", slog.String("epoch", day))
	}
	r.closed = nameOf(last)
	return nil
}
