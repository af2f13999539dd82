// Package drive carries out what is due in the life of the delivery intervals: it is the
// one place with a switch over community.Action, for a community at work and for a replay
// alike.
//
// It starts no goroutine and reads no clock: whoever owns a Driver calls Advance with the
// time, as often as it likes. Openings, calls and closings are carried out within Advance.
// Quotes and settlements, which ask others and may take long, go to an Executor: InPlace
// does them at once, in the order of the actions; Workers lets them wait for a goroutine
// each that the owner runs, so that a gate never waits for them.
//
// The lifecycle knows what is under way (community.Lifecycle.Begun) and when something that
// failed is due again. What a task came to is told to it by the next Advance.
package drive

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/grid"
)

// Calendar says what is due.
type Calendar interface {
	Advance(now time.Time) []community.Action
	Begun(a community.Action)
	Failed(a community.Action, retryAt time.Time)
}

// Market takes commands of the calendar and orders.
type Market interface {
	Calendar
	// Command carries out an Open, Call or Close action. An error is that of a market
	// which takes nothing any more.
	Command(a community.Action) error
	// Withdraw cancels what the agent of a metering point has waiting for an interval: the orders
	// that are named after the point.
	Withdraw(ctx context.Context, product grid.Product, point string, now time.Time) error
	// Place enters an agent's order; refused says why the market did not take it.
	Place(ctx context.Context, product grid.Product, o grid.Order, now time.Time) (refused string, err error)
}

// Agents plan the orders of the members.
type Agents interface {
	// Points returns the metering points that a member's agents quote for at that time.
	Points(member string, now time.Time) []string
	// Plan returns what a metering point orders in an interval whose gate is near, and in some
	// later ones; nothing where nothing is known of it.
	Plan(ctx context.Context, point string, i grid.Interval, now time.Time) ([]Bids, error)
}

// Bids are what the agent of a metering point orders in an interval, in place of what it has
// waiting there.
type Bids struct {
	Interval grid.Interval
	Orders   []grid.Order
}

// Settlements carries out Settle actions.
type Settlements interface {
	// Settle makes a run, or none while readings are missing and there is time.
	Settle(ctx context.Context, a community.Action, now time.Time) (done bool, err error)
}

// Options are what a Driver works with.
type Options struct {
	Market      Market
	Agents      Agents
	Settlements Settlements
	Executor    Executor
	Again       time.Duration // after a settlement that failed until it is tried again, world time
	Log         *slog.Logger
	// Late is told, when a gate closes, how many quotes were left out since the last one closed because their turn
	// came after the gate of their interval, and of which interval the last of them was; nil: nobody is told.
	Late func(ctx context.Context, quotes int, last grid.Interval)
}

// Driver carries out what is due. Advance is called by one goroutine at a time; the tasks
// that it hands to the Executor may run beside it.
type Driver struct {
	Options

	refusals refusals

	mu     sync.Mutex // guards what follows
	now    time.Time  // of the last Advance
	closed grid.Interval
	over   []over
	late   []grid.Interval // of quotes whose turn came after the gate, since the last one closed
}

// over is a settlement that came to nothing, and whether it failed: else readings were
// missing.
type over struct {
	action community.Action
	failed bool
}

// New returns a driver.
func New(o Options) *Driver {
	return &Driver{Options: o, refusals: refusals{log: o.Log, last: map[string]refusal{}}}
}

// Advance carries out what is due by now. An error is the market's, which takes no commands
// any more; what else fails is logged, and comes again or, a quote, is left out. Once ctx
// has ended no quote and no settlement is begun: they come again after a start.
func (d *Driver) Advance(ctx context.Context, now time.Time) error {
	d.tell(now)
	for _, a := range d.Market.Advance(now) {
		switch a.Step {
		case community.Open, community.Call, community.Close:
			if err := d.Market.Command(a); err != nil {
				return err
			}
			if a.Step == community.Close {
				d.close(ctx, a.Product.Interval)
			}
		case community.Quote:
			d.begin(ctx, a, func(ctx context.Context) error { return d.quote(ctx, a) })
		case community.Settle:
			d.begin(ctx, a, func(ctx context.Context) error { return d.settle(ctx, a) })
		}
	}
	return nil
}

// tell lets the lifecycle know what came to nothing since the last time.
func (d *Driver) tell(now time.Time) {
	d.mu.Lock()
	over := d.over
	d.over, d.now = nil, now
	d.mu.Unlock()
	for _, o := range over {
		retryAt := now
		if o.failed {
			retryAt = now.Add(d.Again)
		}
		d.Market.Failed(o.action, retryAt)
	}
}

// close notes that the gate of an interval has closed, and tells what came late since the last one did.
func (d *Driver) close(ctx context.Context, i grid.Interval) {
	d.mu.Lock()
	if i.Compare(d.closed) > 0 {
		d.closed = i
	}
	late := d.late
	d.late = nil
	d.mu.Unlock()
	if len(late) > 0 && d.Late != nil {
		d.Late(ctx, len(late), late[len(late)-1])
	}
}

// begin hands a task over.
func (d *Driver) begin(ctx context.Context, a community.Action, task Task) {
	if ctx.Err() != nil {
		return
	}
	d.Market.Begun(a)
	d.Executor.Do(ctx, a.Step, task)
}

// time returns that of the last Advance: a task may have waited since it was due.
func (d *Driver) time() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.now
}

// quote lets a member's agents place their orders, one agent for each metering point. One
// that fails does not hold up the others.
func (d *Driver) quote(ctx context.Context, a community.Action) error {
	var problems []error
	for _, point := range d.Agents.Points(a.Member, d.time()) {
		if err := d.quotePoint(ctx, a, point); err != nil {
			problems = append(problems, fmt.Errorf("metering point %s: %w", point, err))
		}
	}
	err := errors.Join(problems...)
	if err == nil {
		return nil
	}
	if ctx.Err() == nil {
		d.Log.ErrorContext(ctx, "no order", slog.String("member", a.Member), slog.String("error", err.Error()))
	}
	return fmt.Errorf("quote of %s for %s: %w", a.Member, a.Product.Interval, err)
}

func (d *Driver) quotePoint(ctx context.Context, a community.Action, point string) error {
	if d.missed(a.Product.Interval) {
		d.Log.DebugContext(ctx, "quote left out: its turn came after the gate had closed", slog.String("member", a.Member),
			slog.String("metering_point", point), slog.String("interval", a.Product.Interval.String()))
		return nil
	}
	all, err := d.Agents.Plan(ctx, point, a.Product.Interval, d.time())
	if err != nil {
		return err
	}
	for _, bids := range all {
		if err = d.place(ctx, a, point, bids); err != nil {
			break
		}
	}
	return errors.Join(err, d.recall(ctx, a, point, all))
}

// recall takes back what was just placed for a metering point that is let go of since it was planned: whoever let go of
// it withdrew what was there at that moment.
func (d *Driver) recall(ctx context.Context, a community.Action, point string, all []Bids) error {
	if slices.Contains(d.Agents.Points(a.Member, d.time()), point) {
		return nil
	}
	for _, bids := range all {
		product := grid.Product{Community: a.Product.Community, Interval: bids.Interval}
		if err := d.Market.Withdraw(ctx, product, point, d.time()); err != nil {
			return err
		}
	}
	return nil
}

// place enters the orders of a metering point for an interval, in place of those that wait.
func (d *Driver) place(ctx context.Context, a community.Action, point string, bids Bids) error {
	product := grid.Product{Community: a.Product.Community, Interval: bids.Interval}
	if err := d.Market.Withdraw(ctx, product, point, d.time()); err != nil {
		return err
	}
	for _, o := range bids.Orders {
		refused, err := d.Market.Place(ctx, product, o, d.time())
		if err != nil {
			return err
		}
		if refused == "" {
			continue
		}
		if d.missed(bids.Interval) { // while it was planned
			return nil
		}
		a.Product = product
		d.refusals.see(ctx, a, point, o, refused, d.time())
	}
	return nil
}

// missed tells whether the gate of an interval has closed before a quote for it was there, and counts that.
func (d *Driver) missed(i grid.Interval) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if i.Compare(d.closed) > 0 {
		return false
	}
	d.late = append(d.late, i)
	return true
}

// settle carries out a Settle action, and notes when nothing came of it.
func (d *Driver) settle(ctx context.Context, a community.Action) error {
	done, err := d.Settlements.Settle(ctx, a, d.time())
	if !done || err != nil {
		d.mu.Lock()
		d.over = append(d.over, over{a, err != nil})
		d.mu.Unlock()
	}
	if err == nil {
		return nil
	}
	if ctx.Err() == nil {
		d.Log.ErrorContext(ctx, "interval not settled, will try again", slog.String("interval", a.Product.Interval.String()), slog.String("error", err.Error()))
	}
	return fmt.Errorf("settle %s: %w", a.Product.Interval, err)
}
