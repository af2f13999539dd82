package shown

import (
	"context"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/commonwatt/commonwatt/agent"
	"github.com/commonwatt/commonwatt/settlement/measures"
	"github.com/commonwatt/commonwatt/web/api"
)

// Measures says how well the community did in the last days. It implements web.Measures.
type Measures struct {
	Book    measures.Book
	Traders *agent.Traders
	Clock   func() time.Time // world time

	mu   sync.Mutex
	ways measures.Ways
	last api.Measures
	at   time.Time // wall time at which last was made; zero: never
}

const (
	measuredDays = 7
	measureAgain = time.Minute // wall time: whoever asks sooner is told what was measured last
)

// Measures implements web.Measures.
func (m *Measures) Measures(ctx context.Context) (api.Measures, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.at.IsZero() && time.Since(m.at) < measureAgain && m.last.Intervals > 0 {
		return m.last, nil
	}
	now := m.Clock()
	from := now.AddDate(0, 0, -measuredDays)
	of, err := measures.Of(ctx, m.Book, from, now)
	if err != nil {
		return api.Measures{}, err
	}
	otherwise, err := m.ways.Of(ctx, m.Book, from, now)
	if err != nil {
		return api.Measures{}, err
	}
	shown := measured(of)
	compared(&shown, otherwise)
	if shown.Skill = m.skill(); shown.Skill == nil {
		shown.Unknown = append(shown.Unknown, api.UnknownMeasure{Measure: "skill", Reason: "No method was tried on the past of a home yet: that takes some days of history."})
	}
	if shown.Cycles, err = m.cycles(ctx, of); err != nil {
		return api.Measures{}, err
	}
	m.last, m.at = shown, time.Now()
	return shown, nil
}

// measured are measures as the API has them.
func measured(of measures.Measures) api.Measures {
	shown := api.Measures{Intervals: of.Intervals, Members: of.Members}
	if of.Intervals == 0 {
		return shown
	}
	shown.From, shown.Until = new(of.From.UTC()), new(of.Until.UTC())
	shown.Bill, shown.BillWithout = new(int64(-of.Net)), new(int64(-of.Without))
	shown.WorstMember, shown.WorseOff, shown.Imbalance = new(int64(of.Worst)), &of.WorseOff, new(int64(of.Imbalance))
	if share := of.Sharing(); share != nil {
		shown.SharingShare = new(int(*share))
	}
	return shown
}

// compared adds what simpler ways would have cost.
func compared(shown *api.Measures, o measures.Otherwise) {
	if shown.Intervals > 0 {
		shown.BillByKey = new(int64(-o.Key))
		if o.Unknown == 0 {
			shown.BillRuleBased = new(int64(-o.Rules))
		} else {
			shown.Unknown = append(shown.Unknown, api.UnknownMeasure{Measure: "bill_rule_based", Reason: fmt.Sprintf(
				"Of %d of %d intervals it was not noted what homes would have metered with their devices left alone.", o.Unknown, shown.Intervals)})
		}
	}
}

// skill is the error of the band of what forecasts, mean over all series; nil where nothing was
// tried yet.
func (m *Measures) skill() *int {
	const perMille = 1000
	mean, known := m.Traders.Pinball()
	if !known {
		return nil
	}
	return new(int(math.Round(perMille * mean)))
}

// cycles returns how often the batteries were emptied in the last day of what was measured, mean,
// in thousandths; nil where nobody knows it of any.
func (m *Measures) cycles(ctx context.Context, of measures.Measures) (*int64, error) {
	const thousandths = 1000
	mean, known, err := m.Traders.Cycles(ctx, of.From, of.Until)
	if err != nil || !known {
		return nil, err
	}
	return new(int64(math.Round(thousandths * mean))), nil
}
