package measured_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/agent/readiness"
	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/hub/measured"
	"github.com/commonwatt/commonwatt/web/api"
)

// until answers with the end of what was settled.
type until struct{ t time.Time }

func (u *until) Measures(context.Context) (api.Measures, error) {
	return api.Measures{Intervals: 1, Until: &u.t}, nil
}

// TestTally follows a trade at less than the best of its orders, and compares each day that is over with
// perfect foresight once.
func TestTally(t *testing.T) {
	t.Parallel()
	tally := measured.New(slog.New(slog.DiscardHandler), grid.SingleNode(), func(string) string { return "" })
	p := grid.Product{Community: "elm", Interval: grid.IntervalAt(time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC), 15)}
	order := func(id, member string, side grid.Side, price grid.Price) community.Event {
		return community.Event{Kind: community.Accepted, Product: p, Order: &grid.Order{ID: id, Member: member, MeteringPoint: "mp-" + member, Side: side, Energy: 100, Price: price}}
	}
	expired := order("3", "cat", grid.Bid, 280_000)
	expired.Kind = community.Expired
	// bob's offer meets ann's bid, though cat would have given more for it.
	tally.See([]community.Event{
		{Kind: community.Opened, Product: p},
		order("1", "ann", grid.Bid, 200_000),
		order("2", "bob", grid.Offer, 100_000),
		{Kind: community.Traded, Product: p, Trade: &grid.Trade{Product: p, Bid: "1", Offer: "2", Energy: 100}},
		order("3", "cat", grid.Bid, 280_000),
		expired,
		{Kind: community.Cleared, Product: p},
	})
	now, days := &until{time.Date(2026, 6, 2, 0, 15, 0, 0, time.UTC)}, 0
	more := measured.Beyond{Cars: &measured.Cars{Chargers: func() []readiness.Charger { return nil }}, Response: &measured.Response{Why: "not now"}}
	more.Foresee = func(_ context.Context, from, to time.Time) (*int64, error) {
		days++
		if to.Sub(from) != 24*time.Hour {
			t.Errorf("from %s to %s", from, to)
		}
		if to.Day() == 3 {
			return nil, errors.New("secret")
		}
		return new(int64(912)), nil
	}
	tally.Beside(now, more)
	for range 3 {
		m, err := tally.Measures(t.Context())
		if err != nil || *m.WelfareShare != 556 || *m.ForesightShare != 912 || m.Intervals != 1 { // 100 of 180
			t.Fatalf("%+v, %v", m, err)
		}
	}
	now.t = now.t.AddDate(0, 0, 1)
	if m, err := tally.Measures(t.Context()); err != nil || m.ForesightShare != nil || days != 2 || len(m.Unknown) != 3 || m.Unknown[1].Reason != "not now" || m.Unknown[2].Measure != "deadlines" || m.Unknown[0].Measure != "foresight_share" || !strings.Contains(m.Unknown[0].Reason, "that takes a whole day") || strings.Contains(m.Unknown[0].Reason, "secret") {
		t.Errorf("%+v, %v, %d days compared", m, err, days)
	}
}
