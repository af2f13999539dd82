package fund_test

import (
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement/fund"
)

func posting(interval, debit, credit, reason string, amount grid.Money) record.Posting {
	return record.Posting{ID: "c/" + interval + "/1/0/0", Debit: debit, Credit: credit, Amount: amount, Reason: reason}
}

func guarantee(month, account string, amount grid.Money) record.Posting {
	return record.Posting{ID: "c/guarantee/" + month + "/" + account, Debit: record.Fund, Credit: account, Amount: amount, Reason: "guarantee", Reference: month + "/" + account}
}

func sums(t *testing.T, postings ...record.Posting) *fund.Sums {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	s := &fund.Sums{Zone: zone}
	for _, p := range postings {
		if err := s.Add(p); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func shown(t *testing.T, s *fund.Sums) string {
	t.Helper()
	balance, months, err := s.Shown(fund.Together)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(balance, months)
}

// TestTheFundIsShownByMonthAndReason counts in local months: 22:00 UTC on 31 May is June in
// Berlin.
func TestTheFundIsShownByMonthAndReason(t *testing.T) {
	s := sums(t,
		posting("2026-05-31T21:45:00Z/15", "a", record.Fund, "lines", 100),
		posting("2026-05-31T22:00:00Z/15", "b", record.Fund, "lines", 10),
		posting("2026-06-01T12:00:00Z/15", record.Fund, record.Grid, "grid-fee", 4),
		posting("2026-06-01T12:00:00Z/15", "a", "b", "trade", 1000),
		record.Posting{ID: "c/penalty/operator/2026-06-02T00:00:00Z/15", Debit: record.Utility, Credit: record.Fund, Amount: 7, Reason: "penalty", Reference: "operator/2026-06-02T00:00:00Z/15"},
	)
	if got, want := shown(t, s), "113 [{2026-06 [{grid-fee -4 0} {lines 10 0} {penalty 7 0}]} {2026-05 [{lines 100 0}]}]"; got != want || s.Held() != 113 {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestTheGuaranteeIsShownOfThreeMembersOrMore hides what fewer got, in the sums and in the
// balance, until they are three. The same member in two months is one.
func TestTheGuaranteeIsShownOfThreeMembersOrMore(t *testing.T) {
	before := posting("2026-05-31T12:00:00Z/15", "a", record.Fund, "lines", 1000)
	april := []record.Posting{before, guarantee("2026-04", "a", 30), guarantee("2026-04", "b", 20)}
	if got, want := shown(t, sums(t, april...)), "1000 [{2026-05 [{lines 1000 0}]}]"; got != want {
		t.Errorf("two members: %s, want %s", got, want)
	}
	may := append(april, guarantee("2026-05", "a", 5))
	if got, want := shown(t, sums(t, may...)), "1000 [{2026-05 [{lines 1000 0}]}]"; got != want {
		t.Errorf("two members in two months: %s, want %s", got, want)
	}
	june := append(may, guarantee("2026-06", "c", 45))
	if got, want := shown(t, sums(t, june...)), "900 [{2026-06 [{guarantee -100 3}]} {2026-05 [{lines 1000 0}]}]"; got != want {
		t.Errorf("three members: %s, want %s", got, want)
	}
	if s := sums(t, june...); s.Held() != 900 {
		t.Errorf("it holds %d", s.Held())
	}
}

func TestTheFundStandsInForThePoolAlone(t *testing.T) {
	debts := []fund.Debt{{Balance: 50, PoolBought: 100}, {Balance: -40, PoolBought: 100}, {Balance: -500, PoolBought: 60}, {Balance: -5}}
	for held, want := range map[grid.Money]fund.Owed{
		1000: {Members: 2, Owed: 100, Fund: 100}, 70: {Members: 2, Owed: 100, Fund: 70, Open: 30}, 0: {Members: 2, Owed: 100, Open: 100}, -5: {Members: 2, Owed: 100, Open: 100},
	} {
		if got, err := fund.Cover(held, debts); err != nil || got != want {
			t.Errorf("of %d: %+v %v, want %+v", held, got, err, want)
		}
	}
}

func TestNoSumLeavesItsRange(t *testing.T) {
	s := sums(t, posting("2026-05-31T12:00:00Z/15", "a", record.Fund, "lines", math.MaxInt64))
	if err := s.Add(posting("2026-06-30T12:00:00Z/15", "a", record.Fund, "lines", 1)); !errors.Is(err, grid.ErrOverflow) {
		t.Errorf("%v", err)
	}
	huge := fund.Debt{Balance: -math.MaxInt64, PoolBought: math.MaxInt64}
	if _, err := fund.Cover(0, []fund.Debt{huge, huge}); !errors.Is(err, grid.ErrOverflow) {
		t.Errorf("%v", err)
	}
}
