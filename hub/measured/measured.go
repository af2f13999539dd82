// Package measured adds to the measures of a running community what its statement book does not know:
// what its trades are worth beside the best clearing of their orders, and in a simulation how near
// a day came to perfect foresight. Who composes the program makes one Tally, shows it the
// market's events, and has the API ask it; it starts nothing and owns nothing.
//
// Beside a Tally a Runner follows the cars and finds once a day what a member would have gained by other orders; who composes
// the program runs it.
//
// Welfare is of the gates that closed since the start. Foresight is of the last whole UTC day that is
// settled, as long as it ends at most a week after its street began; it is reckoned once for each day.
// What is not known is absent. Shares are in per mille.
package measured

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/web/api"
)

// Measures are what else is measured. Its answer is added to.
type Measures interface {
	Measures(ctx context.Context) (api.Measures, error)
}

// Foresight returns the gain of a day over everybody alone, of that of the joint optimum, in per
// mille; nil where there was nothing to gain.
type Foresight func(ctx context.Context, from, to time.Time) (*int64, error)

// Beyond is what other measures do not have.
type Beyond struct {
	Foresee  Foresight // nil: nobody knows what homes could have done
	Cars     *Cars
	Response *Response
}

// Tally counts. Use New. It is safe for concurrent use.
type Tally struct {
	log *slog.Logger

	mu       sync.Mutex // guards all below
	declared *community.Declarations
	welfare  community.Welfare
	others   Measures
	more     Beyond
	until    time.Time // of the last day that was compared
	gain     *int64
	why      string // nothing is said of it
}

// New returns a tally of a market; node says where a metering point is on the feeder. It is asked
// for nothing before Beside.
func New(log *slog.Logger, feeder grid.Feeder, node func(point string) string) *Tally {
	return &Tally{log: log, declared: community.NewDeclarations(feeder, node)}
}

// Beside has the tally add to other measures.
func (t *Tally) Beside(others Measures, more Beyond) *Tally {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.others, t.more = others, more
	return t
}

// See takes in what happened in the market, in order.
func (t *Tally) See(events []community.Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, ev := range events {
		w, _, err := t.declared.See(ev)
		if err != nil {
			t.log.Warn("the welfare of an interval is not counted", slog.String("interval", ev.Product.Interval.String()), slog.Any("error", err))
			continue
		}
		t.welfare = t.welfare.Add(w)
	}
}

// Measures implements web.Measures.
func (t *Tally) Measures(ctx context.Context) (api.Measures, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	m, err := t.others.Measures(ctx)
	if err != nil {
		return m, err
	}
	unknown := slices.Clone(m.Unknown) // whoever else asks is told of the same
	if m.WelfareShare = whole(t.welfare.Share()); m.WelfareShare == nil {
		unknown = append(unknown, api.UnknownMeasure{Measure: "welfare_share", Reason: "No orders have crossed since the start."})
	}
	var why string
	if m.ForesightShare, why = t.foresight(ctx, m.Until); m.ForesightShare == nil {
		unknown = append(unknown, api.UnknownMeasure{Measure: "foresight_share", Reason: why})
	}
	if m.BestResponse, m.BestResponseUntil, why = t.more.Response.last(); m.BestResponse == nil {
		unknown = append(unknown, api.UnknownMeasure{Measure: "best_response", Reason: why})
	}
	if count, seen := t.more.Cars.Count(); seen {
		m.Deadlines, m.MissedDeadlines = &count.Feasible, &count.Missed
	} else {
		unknown = append(unknown, api.UnknownMeasure{Measure: "deadlines", Reason: t.more.Cars.why()})
	}
	m.Unknown = unknown
	return m, nil
}

// foresight is that of the last whole day before a time; nil where it is not known, with the reason.
func (t *Tally) foresight(ctx context.Context, until *time.Time) (share *int, why string) {
	switch {
	case t.more.Foresee == nil:
		return nil, "What homes could have done at best is known in a simulation alone."
	case until == nil:
		return nil, "No interval is settled yet."
	}
	t.day(ctx, until.UTC().Truncate(24*time.Hour))
	return whole(t.gain), t.why
}

// day compares the day that ends at a time, once.
func (t *Tally) day(ctx context.Context, until time.Time) {
	if until.Equal(t.until) {
		return
	}
	gain, err := t.more.Foresee(ctx, until.AddDate(0, 0, -1), until)
	t.until, t.gain, t.why = until, gain, "There was nothing to gain on the last whole day."
	if err != nil {
		t.why = "The last day is not compared with perfect foresight: that takes a whole day, settled without a gap, in the first week of a simulation, and nobody who is paid more for energy than a neighbour pays."
		t.log.DebugContext(ctx, "a day is not compared with perfect foresight", slog.String("until", until.Format(time.RFC3339)), slog.Any("error", err))
	}
}

// whole is a share as the API has it.
func whole(share *int64) *int {
	if share == nil {
		return nil
	}
	return new(int(*share))
}
