package audit_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement/audit"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/tariff"
)

// severalTariffs are those of the homes of a community.
func severalTariffs() map[string]tariff.Rates {
	return map[string]tariff.Rates{
		point(0): {Tariff: "flat", Version: "2026", Currency: "EUR", Retail: 300_000, FeedIn: 60_000, Community: 20_000},
		point(1): {Tariff: "old", Version: "2025", Currency: "EUR", Retail: 280_000, FeedIn: 460_000},
		point(2): {Tariff: "noon", Version: "2026", Currency: "EUR", Retail: -50_000, FeedIn: -120_000},
	}
}

// TestRatesInABundle: what each account's energy cost goes with the bundle and is computed
// anew; whatever is changed of it, the run does not come out.
func TestRatesInABundle(t *testing.T) {
	t.Parallel()
	s := newSettledBy(t, 2, severalTariffs())
	report, err := s.verify(s.bundle(ledger.Query{}, nil), nil)
	if err != nil || report.Checked.Runs != 2 || report.Checked.Proven != 2*homes {
		t.Fatalf("%+v, %v", report, err)
	}
	if !strings.Contains(string(s.workings[0]), `"community":20000`) {
		t.Fatalf("the working carries no rates: %s", s.workings[0])
	}
	type rates = map[string]tariff.Rates
	set := func(change func(all rates, account string, r *tariff.Rates)) func(*settled, *audit.Working, *record.Leaf) {
		return func(_ *settled, w *audit.Working, l *record.Leaf) {
			r := w.Basis.Rates[l.MeteringPoint]
			change(w.Basis.Rates, l.MeteringPoint, &r)
			if _, still := w.Basis.Rates[l.MeteringPoint]; still {
				w.Basis.Rates[l.MeteringPoint] = r
			}
		}
	}
	const otherRules = "other rules, nodes, members or rates"
	for what, c := range map[string]struct {
		change func(*settled, *audit.Working, *record.Leaf)
		want   string
	}{
		"another retail price":            {set(func(_ rates, _ string, r *tariff.Rates) { r.Retail++ }), otherRules},
		"another feed-in price":           {set(func(_ rates, _ string, r *tariff.Rates) { r.FeedIn-- }), otherRules},
		"another part of neighbours":      {set(func(_ rates, _ string, r *tariff.Rates) { r.Community-- }), otherRules},
		"no part of neighbours":           {set(func(_ rates, _ string, r *tariff.Rates) { r.Community = 0 }), otherRules},
		"a tariff of another name":        {set(func(_ rates, _ string, r *tariff.Rates) { r.Tariff = "night" }), otherRules},
		"another version":                 {set(func(_ rates, _ string, r *tariff.Rates) { r.Version = "2027" }), otherRules},
		"another currency":                {set(func(_ rates, _ string, r *tariff.Rates) { r.Currency = "CHF" }), "the community's in EUR"},
		"an account without rates":        {set(func(all rates, account string, _ *tariff.Rates) { delete(all, account) }), "the first run has no rates of it"},
		"the tariff of another account":   {set(func(all rates, account string, r *tariff.Rates) { *r = another(all, account) }), otherRules},
		"one tariff for all":              {func(_ *settled, w *audit.Working, _ *record.Leaf) { w.Basis.Rates = nil }, otherRules},
		"rates of an account that is not": {set(func(all rates, _ string, r *tariff.Rates) { all["nobody"] = *r }), otherRules},
		"another tariff of the community": {func(_ *settled, w *audit.Working, _ *record.Leaf) { w.Tariff.Retail++ }, "another tariff"},
	} {
		newSettledBy(t, 1, severalTariffs()).lies(what, c.change, c.want)
	}
	newSettled(t, 1).lies("rates where there was one tariff", func(_ *settled, w *audit.Working, _ *record.Leaf) {
		w.Basis.Rates = rates{}
		for account := range w.Basis.Members {
			w.Basis.Rates[account] = w.Tariff.Rates()
		}
	}, otherRules)
}

// another returns the rates of some other account.
func another(all map[string]tariff.Rates, account string) tariff.Rates {
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if name != account {
			return all[name]
		}
	}
	return tariff.Rates{}
}

// TestAWorkingWithoutRates is as it was kept before there were several tariffs: none of its
// bytes names rates, and it verifies.
func TestAWorkingWithoutRates(t *testing.T) {
	t.Parallel()
	s := newSettled(t, 1)
	var w map[string]json.RawMessage
	must(t, json.Unmarshal(s.workings[0], &w))
	if strings.Contains(string(w["basis"]), "rates") {
		t.Errorf("a run of one tariff names rates: %s", w["basis"])
	}
	if _, err := s.verify(s.bundle(ledger.Query{}, nil), nil); err != nil {
		t.Error(err)
	}
}
