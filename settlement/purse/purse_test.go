package purse_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/settlement/fund"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/settlement/ledger/embedded"
	"github.com/commonwatt/commonwatt/settlement/prepaid"
	"github.com/commonwatt/commonwatt/settlement/purse"
	"github.com/commonwatt/commonwatt/tariff"
)

// anything takes every balance, of a community in which nothing is drawn.
type anything struct{}

func (anything) Prepay(string, grid.Money, grid.Price, time.Time) (bool, error) { return false, nil }
func (anything) Funds(string) matching.Funds                                    { return matching.Funds{} }
func (anything) Unreleased() []grid.Interval                                    { return nil }
func (anything) Release([]grid.Interval, time.Time) error                       { return nil }
func (anything) Carries(string) grid.Energy                                     { return 0 }
func (anything) Dearest(string, time.Time) (grid.Price, error)                  { return 0, nil }

// street opens a ledger with one metering point a member, all of them prepaid.
func street(t *testing.T, members ...string) *purse.Purse {
	t.Helper()
	l, err := embedded.OpenMemory(t.Context(), "elm", "EUR", ledger.SeededNames(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	points := map[string][]string{}
	for _, m := range members {
		points[m] = []string{"mp-" + m}
		if err := l.Register(t.Context(), grid.Device{ID: m + "/meter", Kind: grid.Meter, Member: m, MeteringPoint: "mp-" + m}); err != nil {
			t.Fatal(err)
		}
	}
	clock := func() time.Time { return time.Date(2026, 6, 2, 0, 0, 0, 0, time.UTC) }
	p := purse.New(purse.Options{Ledger: l, Community: "elm", Currency: "EUR", Zone: time.UTC, Clock: clock, Points: func(member string) []string { return points[member] }})
	p.Keeper = &prepaid.Keeper{
		Members: func() []string { return members }, Prepaid: func(string) bool { return true }, Market: anything{}, Ledger: p, Points: anything{},
		Unposted: func(context.Context) (int, error) { return 0, nil }, Clock: clock, Log: slog.New(slog.DiscardHandler),
	}
	return p
}

// TestTransfers pays in and out, and has what the operator can mend told apart.
func TestTransfers(t *testing.T) {
	p := street(t, "ann")
	if err := p.Transfer(t.Context(), purse.Payment{Member: "ann", Reference: "1", Amount: 10_000_000}); err != nil {
		t.Fatal(err)
	}
	if err := p.Transfer(t.Context(), purse.Payment{Member: "ann", Point: "mp-ann", Reference: "2", Amount: -4_000_000}); err != nil {
		t.Fatal(err)
	}
	if err := p.Keeper.Step(t.Context()); err != nil {
		t.Fatal(err)
	}
	if b, err := p.Balance(t.Context(), "ann"); err != nil || b != (purse.Balance{Held: 6_000_000, Prepaid: true, Free: 6_000_000}) {
		t.Errorf("%+v, %v", b, err)
	}
	for name, c := range map[string]struct {
		of  purse.Payment
		why purse.Why
	}{
		"the same reference, another amount": {purse.Payment{Member: "ann", Reference: "1", Amount: 5_000_000}, purse.Conflict},
		"more than there is":                 {purse.Payment{Member: "ann", Reference: "3", Amount: -7_000_000}, purse.Conflict},
		"nothing":                            {purse.Payment{Member: "ann", Reference: "4"}, purse.Wrong},
		"no reference":                       {purse.Payment{Member: "ann", Amount: 1_000_000}, purse.Wrong},
		"a part of a cent":                   {purse.Payment{Member: "ann", Reference: "7", Amount: 1_005_000}, purse.Wrong},
		"nobody":                             {purse.Payment{Member: "bob", Reference: "5", Amount: 1_000_000}, purse.Unknown},
		"another's metering point":           {purse.Payment{Member: "ann", Point: "mp-bob", Reference: "6", Amount: 1_000_000}, purse.Unknown},
	} {
		err := p.Transfer(t.Context(), c.of)
		if refused := (*purse.RefusedError)(nil); !errors.As(err, &refused) || refused.Why != c.why {
			t.Errorf("%s: %v", name, err)
		}
	}
	if held, err := p.Held(t.Context(), "ann"); err != nil || held != 6_000_000 {
		t.Errorf("what was refused was booked: %d, %v", held, err)
	}
}

// TestWhatIsOwedIsShownOverThree has three members draw a kWh each of a fourth's, which the pool
// shares at the middle of retail and feed-in price, (0.30 + 0.10) / 2 = 0.20 EUR: each owes that,
// until it pays. What the fund holds stands in for it.
func TestWhatIsOwedIsShownOverThree(t *testing.T) {
	buyers := []string{"ann", "bob", "cat"}
	p := street(t, append(buyers, "dan")...)
	i := grid.IntervalAt(time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC), 15)
	in := settlement.Input{
		Community: "elm", Interval: i, Run: 1, ReadingRoot: "root", Rules: new(settlement.DefaultRules()), Salt: "salt",
		Tariff: tariff.Tariff{Version: "t", Currency: "EUR", Retail: 300_000, FeedIn: 100_000}, Points: map[string]settlement.Point{},
	}
	for _, m := range append(buyers, "dan") {
		account, err := p.Ledger.Account(m, "mp-"+m)
		if err != nil {
			t.Fatal(err)
		}
		in.Points["mp-"+m] = settlement.Point{Account: account, Member: m}
		flow := grid.Flow{Import: 1000}
		if m == "dan" {
			flow = grid.Flow{Export: 3000}
		}
		in.Metered = append(in.Metered, record.Metered{MeteringPoint: "mp-" + m, Flow: flow, Quality: grid.Good})
	}
	// Ann trades one kilowatt-hour with dan as well, and pays 0.02 EUR more for it than he gets.
	in.Metered[0].Flow.Import, in.Metered[3].Flow.Export = 2000, 4000
	in.Trades = []grid.Trade{{
		Product: grid.Product{Community: "elm", Interval: i}, Seq: 1, Bid: "1", Offer: "2", Buyer: "mp-ann", Seller: "mp-dan", Energy: 1000, BidPrice: 200_000, OfferPrice: 180_000,
	}}
	run, err := settlement.Settle(in)
	if err != nil {
		t.Fatal(err)
	}
	if p.Has(i) {
		t.Error("has an interval that is not posted")
	}
	if err := p.Ledger.SubmitRun(t.Context(), run.Record()); err != nil {
		t.Fatal(err)
	}
	look := func(whole bool) *fund.Owed {
		t.Helper()
		if err := p.Keeper.Step(t.Context()); err != nil {
			t.Fatal(err)
		}
		f, err := p.Fund(t.Context(), whole)
		if err != nil {
			t.Fatal(err)
		}
		if f.Balance != 20_000 { // what ann paid more than dan got
			t.Errorf("the fund holds %d", f.Balance)
		}
		return f.Owed
	}
	if o := look(false); o == nil || *o != (fund.Owed{Members: 3, Owed: 600_000, Fund: 20_000, Open: 580_000}) {
		t.Errorf("everybody sees %+v", o)
	}
	if !p.Has(i) {
		t.Error("has not an interval that is posted")
	}
	if err := p.Transfer(t.Context(), purse.Payment{Member: "ann", Reference: "1", Amount: 400_000}); err != nil {
		t.Fatal(err)
	}
	if o := look(false); o != nil {
		t.Errorf("two owe, and everybody sees %+v", o)
	}
	if o := look(true); o == nil || *o != (fund.Owed{Members: 2, Owed: 400_000, Fund: 20_000, Open: 380_000}) {
		t.Errorf("the operator sees %+v", o)
	}
	if available, err := p.Available(t.Context()); err != nil || available != 0 {
		t.Errorf("the fund can give %d, %v", available, err)
	}
}
