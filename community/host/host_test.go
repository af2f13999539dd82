package host_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/community/host"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching"
	"github.com/commonwatt/commonwatt/matching/journal"
	"github.com/commonwatt/commonwatt/tariff"
)

// log is a log in memory, which a second host can go on with.
type log struct {
	commands []matching.Command
	full     error // that it answers
}

func (l *log) Append(commands []matching.Command) error {
	if l.full == nil {
		l.commands = append(l.commands, commands...)
	}
	return l.full
}

func (*log) Close() error { return nil }

// open replays what is in it.
func (l *log) open(m journal.Machine) (host.Log, journal.Recovery, error) {
	for _, c := range l.commands {
		m.Apply(&c)
	}
	n := uint64(len(l.commands))
	return l, journal.Recovery{Commands: n, Replayed: n}, nil
}

// bus keeps messages by their id, and loses the answer to some.
type bus struct {
	ids      []string
	messages [][]byte
	lose     int // answers
}

func (b *bus) Frozen(context.Context, string, string) ([]byte, error) {
	if len(b.messages) == 0 {
		return nil, nil
	}
	return b.messages[len(b.messages)-1], nil
}

var errLost = errors.New("the answer was lost")

func (b *bus) Publish(_ context.Context, _, id string, data []byte) error {
	if !slices.Contains(b.ids, id) {
		b.ids, b.messages = append(b.ids, id), append(b.messages, data)
	}
	if b.lose > 0 {
		b.lose--
		return errLost
	}
	return nil
}

func noon() time.Time { return time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC) }

// opened is a host that runs until the test ends.
func opened(t *testing.T, l *log, b host.Bus, see func([]community.Event)) *host.Host {
	t.Helper()
	m, err := community.NewMarket(community.Config{Community: "elm", Minutes: 15, GateClosure: 5 * time.Minute, Ahead: time.Hour, Members: []string{"ann", "bob"}},
		grid.SingleNode(), tariff.Tariff{Version: "t", Currency: "EUR", Retail: 300_000, FeedIn: 60_000})
	if err != nil {
		t.Fatal(err)
	}
	h, err := host.Open(t.Context(), host.Options{
		Community: "elm", Market: m, Bus: b, Stream: "MARKET", Clock: noon, Log: slog.New(slog.DiscardHandler), Open: l.open, See: see,
		Points: []community.Point{{MeteringPoint: "mp-ann", Member: "ann"}, {MeteringPoint: "mp-bob", Member: "bob"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{}, 1)
	go func() { _ = h.Run(ctx); done <- struct{}{} }()
	t.Cleanup(func() { cancel(); <-done; _ = h.Close() })
	return h
}

func seeNothing([]community.Event) {}

// begin opens what is due.
func begin(t *testing.T, h *host.Host) grid.Product {
	t.Helper()
	var first grid.Product
	for _, a := range h.Advance(noon()) {
		if a.Step != community.Open {
			continue
		}
		if err := h.Command(a); err != nil {
			t.Fatal(err)
		}
		if first.Community == "" {
			first = a.Product
		}
	}
	return first
}

func order(member, id string, side grid.Side, price grid.Price) grid.Order {
	return grid.Order{ID: id, Member: member, MeteringPoint: "mp-" + member, Side: side, Energy: 100, Price: price}
}

// TestOrdersOfAgents trades between two members, shows it to who watches, and answers
// why an order was refused. An agent's price is moved to the nearest tick, a program's is
// not.
func TestOrdersOfAgents(t *testing.T) {
	b := &bus{}
	h := opened(t, &log{}, b, seeNothing)
	product := begin(t, h)
	changes, stop := h.Watch("ann")
	defer stop()
	for _, o := range []grid.Order{order("ann", "1", grid.Bid, 200_000), order("bob", "2", grid.Offer, 150_000)} {
		if refused, err := h.Place(t.Context(), product, o, noon()); err != nil || refused != "" {
			t.Fatalf("%+v: %s, %v", o, refused, err)
		}
	}
	if net, traded := h.Position(product.Interval, "mp-ann"); net != 100 || !traded || h.Counts().Trades != 1 {
		t.Errorf("ann bought %d Wh, %t; %+v", net, traded, h.Counts())
	}
	var last community.Order
	for len(changes) > 0 {
		last = <-changes
	}
	if last.Status != community.Filled {
		t.Errorf("who watches ann saw %+v", last)
	}
	if refused, err := h.Place(t.Context(), product, order("zed", "3", grid.Bid, 200_000), noon()); err != nil || !strings.Contains(refused, "zed") {
		t.Errorf("an order of a stranger: %q, %v", refused, err)
	}
	if !h.HeardOutside("bob").IsZero() {
		t.Error("an order of an agent counts as one of a program outside")
	}
	off := community.Submission{Product: product, Order: order("ann", "3", grid.Bid, 123), Time: noon()}
	if outcomes, err := h.Submit([]community.Submission{off}); err != nil || outcomes[0].Err == nil || !strings.Contains(outcomes[0].Err.Error(), "of 100") {
		t.Errorf("off the tick: %+v, %v", outcomes, err)
	}
	if _, err := (host.Outside{Host: h}).Submit([]community.Submission{{Product: product, Order: order("bob", "4", grid.Offer, 150_000), Time: noon()}}); err != nil || !h.HeardOutside("bob").Equal(noon()) {
		t.Errorf("bob's program was heard at %s, %v", h.HeardOutside("bob"), err)
	}
}

// TestAnAgentPlacesOrders off the tick, which are moved to it, and outside of the collar,
// which is refused with the reason.
func TestAnAgentPlacesOrders(t *testing.T) {
	h := opened(t, &log{}, &bus{}, seeNothing)
	product := begin(t, h)
	if refused, err := h.Place(t.Context(), product, order("ann", "1", grid.Bid, 200_017), noon()); refused != "" || err != nil {
		t.Errorf("off the tick: %q, %v", refused, err)
	}
	if o, known := h.Find("ann", "1"); !known || o.Limit != 200_000 {
		t.Errorf("the order is %+v, want a limit of 200000", o)
	}
	if refused, err := h.Place(t.Context(), product, order("ann", "2", grid.Bid, 9_000_000), noon()); !strings.Contains(refused, "5000000") || err != nil {
		t.Errorf("above the ceiling: %q, %v", refused, err)
	}
}

// TestEventsArePublishedOnce loses answers of the bus: a message is sent again as it was,
// nothing is doubled or left out, and a host that starts anew shows others what the bus
// has and publishes the rest.
func TestEventsArePublishedOnce(t *testing.T) {
	l, b := &log{}, &bus{lose: 1}
	h := opened(t, l, b, seeNothing)
	product := begin(t, h)
	if err := h.Publish(t.Context()); !errors.Is(err, errLost) {
		t.Fatalf("publish: %v", err)
	}
	if _, err := h.Submit([]community.Submission{{Product: product, Order: order("ann", "1", grid.Bid, 200_000), Time: noon()}}); err != nil {
		t.Fatal(err)
	}
	if err := h.Publish(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Submit([]community.Submission{{Product: product, Order: order("bob", "2", grid.Offer, 150_000), Time: noon()}}); err != nil {
		t.Fatal(err)
	}
	// It is gone before it has published the trade.
	var shown []community.Event
	again := opened(t, &log{commands: slices.Clone(l.commands)}, b, func(events []community.Event) { shown = append(shown, events...) })
	if err := again.Publish(t.Context()); err != nil {
		t.Fatal(err)
	}
	var all []community.Event
	for _, m := range b.messages {
		var events []community.Event
		if err := json.Unmarshal(m, &events); err != nil {
			t.Fatal(err)
		}
		all = append(all, events...)
	}
	trades := 0
	for k, ev := range all {
		if k > 0 && ev.Seq <= all[k-1].Seq {
			t.Errorf("event %d after %d", ev.Seq, all[k-1].Seq)
		}
		if ev.Kind == community.Traded {
			trades++
		}
	}
	if trades != 1 || len(shown) == 0 || len(shown) >= len(all) || slices.ContainsFunc(shown, func(ev community.Event) bool { return ev.Kind == community.Traded }) {
		t.Errorf("%d trades among %d events on the bus, %d shown at the start", trades, len(all), len(shown))
	}
}

// TestNothingIsSaidThatIsNotDurable lets the log fail: nobody is told that an order was
// taken, and nothing of it is applied.
func TestNothingIsSaidThatIsNotDurable(t *testing.T) {
	l := &log{}
	h := opened(t, l, &bus{}, seeNothing)
	product := begin(t, h)
	l.full = errors.New("the disk is full")
	if _, err := h.Submit([]community.Submission{{Product: product, Order: order("ann", "1", grid.Bid, 200_000), Time: noon()}}); err == nil {
		t.Error("an order that is not durable was taken")
	}
	if h.Counts().Orders != 0 {
		t.Errorf("%+v", h.Counts())
	}
}

// TestTheLatestTimeIsKnownAfterAStart tells when the last command was of, also to a host
// that goes on with the log, so that a clock which is behind it is not believed.
func TestTheLatestTimeIsKnownAfterAStart(t *testing.T) {
	l := &log{}
	h := opened(t, l, &bus{}, seeNothing)
	begin(t, h)
	if got := h.Latest(); !got.Equal(noon()) {
		t.Errorf("after commands of noon it is %s", got)
	}
	l.commands = append(l.commands, matching.Command{Kind: matching.Cancel, Order: 1, Time: noon().Add(time.Hour).UnixMilli()})
	if got := opened(t, l, &bus{}, seeNothing).Latest(); !got.Equal(noon().Add(time.Hour)) {
		t.Errorf("after a start it is %s", got)
	}
}

// TestALimitThatCannotCountIsSaid goes on with a log in which ann's metering point traded
// before anything of it was counted, and is given a limit now.
func TestALimitThatCannotCountIsSaid(t *testing.T) {
	at := noon().UnixMilli()
	l := &log{}
	opened(t, l, &bus{}, seeNothing)
	l.commands = append(l.commands[:1:1],
		matching.Command{Kind: matching.Admit, Time: at, Account: 1, Member: 1, Name: "mp-ann\nann"},
		matching.Command{Kind: matching.Open, Time: at, Product: 7},
		matching.Command{Kind: matching.Submit, Time: at, Product: 7, Account: 1, Order: 1, Side: grid.Bid, Energy: 1, Price: 100, Name: "o"})
	m, err := community.NewMarket(community.Config{Community: "elm", Minutes: 15}, grid.SingleNode(), tariff.Tariff{Version: "t", Currency: "EUR", Retail: 300_000, FeedIn: 60_000})
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	h, err := host.Open(t.Context(), host.Options{
		Community: "elm", Market: m, Bus: &bus{}, Stream: "MARKET", Clock: noon, Log: slog.New(slog.NewTextHandler(&text, nil)), Open: l.open, See: seeNothing,
		Points: []community.Point{{MeteringPoint: "mp-ann", Member: "ann", Export: new(grid.Power(0))}},
	})
	if err != nil || !strings.Contains(text.String(), "the limit does not count") || !strings.Contains(text.String(), "metering_point=mp-ann side=offer limit_w=0") {
		t.Errorf("%v\n%s", err, text.String())
	}
	_ = h.Close()
}
