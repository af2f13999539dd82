package scenarios_test

import (
	"strings"
	"testing"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/scenarios"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/settlement/ledger/embedded"
)

// ownTariffs deals three tariffs in tenge, a kWh of which costs tens: one pays more for feeding
// in than energy costs, one is negative at noon, one is usual.
const ownTariffs = `version: 1
name: own tariffs
seed: 3
start: 2026-06-01T00:00:00Z
homes: 6
latitude: 50
zone: Asia/Almaty
tariff: usual
home_tariffs: [generous, noon, usual]
tariffs:
  - name: usual
    currency: KZT
    versions: [{valid_from: 2026-01-01, components: [{name: e, kind: energy, price: 31 KZT/kWh}, {name: f, kind: energy, side: export, price: 8 KZT/kWh}]}]
  - name: generous
    currency: KZT
    versions: [{valid_from: 2026-01-01, components: [{name: e, kind: energy, price: 31 KZT/kWh}, {name: f, kind: energy, side: export, price: 45 KZT/kWh}]}]
  - name: noon
    currency: KZT
    versions:
      - valid_from: 2026-01-01
        components:
          - {name: e, kind: energy, windows: [{hours: "11:00-14:00", price: -2 KZT/kWh}, {hours: "14:00-11:00", price: 40 KZT/kWh}]}
          - {name: f, kind: energy, side: export, windows: [{hours: "11:00-14:00", price: -3 KZT/kWh}, {hours: "14:00-11:00", price: 9 KZT/kWh}]}
`

// TestEachHomeHasItsOwnTariff replays a day of them. Almaty is five hours ahead of UTC.
func TestEachHomeHasItsOwnTariff(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("SKIPPED by -short: replays days; make test runs it")
	}
	s, err := scenarios.Parse([]byte(ownTariffs))
	if err != nil {
		t.Fatal(err)
	}
	l, err := embedded.OpenMemory(t.Context(), scenarios.Community, "KZT", ledger.SeededNames(s.Seed))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	r, err := scenarios.Replay(t.Context(), s, l, func(float64) {})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Trades) == 0 || len(r.Refused) > 0 {
		t.Errorf("%d trades, refused %v", len(r.Trades), r.Refused)
	}
	for _, x := range r.Trades {
		for _, point := range []string{x.Buyer, x.Seller} {
			if point == "mp-home-01" || point == "mp-home-04" {
				t.Errorf("%s trades, whom the utility pays more than energy costs: %+v", point, x)
			}
		}
		noon := x.Product.Interval.Begin().Hour() >= 6 && x.Product.Interval.Begin().Hour() < 9
		if (x.Buyer == "mp-home-02" || x.Buyer == "mp-home-05") && noon && x.BidPrice > -2_000_000 {
			t.Errorf("%s buys at %d what it is paid for taking from the grid", x.Buyer, x.BidPrice)
		}
	}
	names := map[string]int{}
	for _, st := range r.Statements {
		names[st.Counted.Tariff]++
		want := map[string]grid.Price{"usual": 31_000_000, "generous": 31_000_000, "noon": 40_000_000}[st.Counted.Tariff]
		if h := st.Interval.Begin().Hour(); st.Counted.Tariff == "noon" && h >= 6 && h < 9 {
			want = -2_000_000
		}
		if st.Counted.Retail != want || st.Counted.Currency != "KZT" {
			t.Errorf("%s in %s: %+v, want %d", st.MeteringPoint, st.Interval, st.Counted, want)
		}
	}
	if names["usual"] != names["noon"] || names["noon"] != names["generous"] || names["usual"] == 0 {
		t.Errorf("%v", names)
	}
}

// TestBadTariffsOfAScenario: what is wrong is named as in a configuration.
func TestBadTariffsOfAScenario(t *testing.T) {
	for want, text := range map[string]string{
		`home_tariffs: tariff of mp-home-02: there is no tariff "none"`: strings.Replace(ownTariffs, "generous, noon,", "generous, none,", 1),
		"there is a gap": strings.Replace(ownTariffs, `"14:00-11:00", price: 40`, `"15:00-11:00", price: 40`, 1),
		`tariff_of.mp-home-99: there is no metering point "mp-home-99"`: ownTariffs + "\ntariff_of: {mp-home-99: usual}\n",
		`tariff: there is no tariff "none" under tariffs`:               strings.Replace(ownTariffs, "tariff: usual", "tariff: none", 1),
	} {
		if _, err := scenarios.Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
