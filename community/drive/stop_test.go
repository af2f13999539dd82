package drive_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/community/drive"
	"github.com/commonwatt/commonwatt/community/host"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching"
	"github.com/commonwatt/commonwatt/matching/journal"
	"github.com/commonwatt/commonwatt/tariff"
)

// nothingKept is a log and a bus that keep nothing.
type nothingKept struct{}

func (nothingKept) Append([]matching.Command) error { return nil }
func (nothingKept) Close() error                    { return nil }

func (nothingKept) Frozen(context.Context, string, string) ([]byte, error) { return nil, nil }
func (nothingKept) Publish(context.Context, string, string, []byte) error  { return nil }

// settledInOrder settles at once, and notes what.
type settledInOrder struct {
	t    *testing.T
	host *host.Host
	runs []grid.Interval
}

func (s *settledInOrder) Settle(_ context.Context, a community.Action, now time.Time) (bool, error) {
	if n := len(s.runs); n > 0 && a.Product.Interval.Compare(s.runs[n-1]) <= 0 {
		s.t.Errorf("%s is settled after %s", a.Product.Interval, s.runs[n-1])
	}
	s.runs = append(s.runs, a.Product.Interval)
	s.host.Settled(a.Product.Interval, a.Run, false, now)
	return true, nil
}

// TestAStopOfSixtyDaysIsCaughtUp stops a market for sixty days: what would have been opened
// meanwhile is opened and closed with the first look at the clock, nobody quotes for what is
// over, every interval is settled once and in order, and trade is open for what comes.
func TestAStopOfSixtyDaysIsCaughtUp(t *testing.T) {
	begin := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	m, err := community.NewMarket(community.Config{
		Community: "elm", Minutes: 15, GateClosure: 5 * time.Minute, Deadline: 2 * time.Minute, Ahead: time.Hour, Members: []string{"ann"},
	}, grid.SingleNode(), tariff.Tariff{Version: "t", Currency: "EUR", Retail: 300_000, FeedIn: 60_000})
	if err != nil {
		t.Fatal(err)
	}
	now := begin
	h, err := host.Open(t.Context(), host.Options{
		Community: "elm", Market: m, Bus: nothingKept{}, Stream: "MARKET", Clock: func() time.Time { return now }, Log: slog.New(slog.DiscardHandler),
		Open: func(journal.Machine) (host.Log, journal.Recovery, error) {
			return nothingKept{}, journal.Recovery{}, nil
		},
		Points: []community.Point{{MeteringPoint: "mp-ann", Member: "ann"}}, See: func([]community.Event) {},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{}, 1)
	go func() { _ = h.Run(ctx); done <- struct{}{} }()
	defer func() { cancel(); <-done; _ = h.Close() }()
	settled := &settledInOrder{t: t, host: h}
	quoted := &quotesOf{}
	d := drive.New(drive.Options{Market: h, Agents: quoted, Settlements: settled, Executor: &drive.InPlace{}, Again: time.Minute, Log: slog.New(slog.DiscardHandler)})
	for _, now = range []time.Time{begin, begin.Add(60 * 24 * time.Hour), begin.Add(60*24*time.Hour + time.Minute)} {
		if err := d.Advance(t.Context(), now); err != nil {
			t.Fatal(err)
		}
	}
	const days, aDay = 60, 96
	if n := len(settled.runs); n < days*aDay-2 || n > days*aDay {
		t.Errorf("%d intervals were settled, of %d", n, days*aDay)
	}
	for _, i := range quoted.intervals {
		if i.Begin().Add(-5*time.Minute).Before(now.Add(-time.Minute)) && i.Begin().After(begin.Add(2*time.Hour)) {
			t.Errorf("an agent quotes for %s, whose gate had closed", i)
			break
		}
	}
	if _, _, first, last, some := h.Rules(); !some || !first.Begin().After(now) || last.Begin().Before(now.Add(30*time.Minute)) {
		t.Errorf("open are %s to %s at %s", first, last, now)
	}
}

// quotesOf notes for which intervals an agent is asked.
type quotesOf struct{ intervals []grid.Interval }

func (q *quotesOf) Points(string, time.Time) []string { return []string{"mp-ann"} }

func (q *quotesOf) Plan(_ context.Context, _ string, i grid.Interval, _ time.Time) ([]drive.Bids, error) {
	q.intervals = append(q.intervals, i)
	return nil, nil
}
