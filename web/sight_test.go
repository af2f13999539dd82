package web

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/tariff"
	"github.com/commonwatt/commonwatt/web/api"
	"github.com/commonwatt/commonwatt/web/auth"
)

// street is a dashboard of four homes, n1 to n4, each with a meter and a battery, that say odd
// numbers; n1 trades with n2, and n3 with n4.
func street(t *testing.T) *Live {
	t.Helper()
	now := time.Date(2026, 6, 1, 10, 20, 0, 0, time.UTC)
	var devices []grid.Device
	for k := 1; k <= 4; k++ {
		for kind, name := range map[grid.DeviceKind]string{grid.Meter: "meter", grid.Battery: "battery"} {
			devices = append(devices, grid.Device{ID: fmt.Sprintf("n%d/%s", k, name), Kind: kind, Member: fmt.Sprintf("n%d", k), MeteringPoint: fmt.Sprintf("mp-n%d", k)})
		}
	}
	account := func(member, _ string) (string, error) { return "pseudonym-" + member, nil }
	status := func(context.Context) api.Status {
		return api.Status{Speed: 1, WorldTime: now, Alarms: []string{"n3 burns"}, Gateways: &[]api.GatewayStatus{{Id: "gateway-n4"}}, Store: api.StoreStatus{Kind: "embedded", Problem: new("n2 fell")}}
	}
	l, err := NewLive("elm", tariff.Tariff{Version: "t", Currency: "EUR", Retail: 300_000, FeedIn: 60_000}, devices, account, func() time.Time { return now }, status)
	if err != nil {
		t.Fatal(err)
	}
	i := grid.IntervalAt(now, 15)
	for k := 1; k <= 4; k++ {
		home := fmt.Sprintf("n%d", k)
		l.ShowReadings(home, []grid.Reading{
			{Device: home + "/meter", Time: now, Power: new(grid.Power(7001 + 1010*k)), Quality: grid.Good},
			{Device: home + "/battery", Time: now, Power: new(grid.Power(-5003 - 1010*k)), Charge: new(grid.PerMille(300 + k)), Quality: grid.Good},
		})
		l.ShowExpected("mp-"+home, i, grid.Energy(4321+k))
		l.ShowSettled(i.Shift(-k), settlement.Run{Statements: []settlement.Statement{{MeteringPoint: "mp-" + home, Net: grid.Money(91_111 * k), RetailOnly: 5}}})
	}
	for k, buyer := range []string{"mp-n2", "mp-n4"} {
		l.ShowTrade(grid.Trade{
			Product: grid.Product{Community: "elm", Interval: i}, Seq: uint64(k + 1), Buyer: buyer, Seller: fmt.Sprintf("mp-n%d", 2*k+1),
			Energy: grid.Energy(611 + 12*k), BidPrice: 101_010, OfferPrice: 99_990,
		})
	}
	return l
}

// secrets are what nobody but the homes n2, n3 and n4 may know, as they would be written.
func secrets() []string {
	all := []string{"burns", "gateway", "fell", `"energy":623`} // what n3 sold n4
	for k := 2; k <= 4; k++ {
		all = append(all, fmt.Sprintf("n%d", k), fmt.Sprint(7001+1010*k), fmt.Sprint(5003+1010*k), fmt.Sprint(300+k), fmt.Sprint(4321+k), fmt.Sprint(91_111*k))
	}
	return all
}

func seenBy(t *testing.T, l *Live, p auth.Principal, known bool) (api.State, string) {
	t.Helper()
	state := l.look(sightOf(p, known), l.status.soon(t.Context()))
	b, err := json.Marshal(state)
	if err != nil {
		t.Fatal(err)
	}
	return state, string(b)
}

// TestWhatEachRoleSees looks at a street with the eyes of each role.
func TestWhatEachRoleSees(t *testing.T) {
	l := street(t)
	person := func(r auth.Role) auth.Principal { return auth.Principal{Role: r, Account: "someone"} }
	for name, c := range map[string]struct {
		who                      auth.Principal
		known                    bool
		homes, trades, intervals int
		joined, sums             bool
	}{
		"whoever comes":    {homes: 4, trades: 2, intervals: 5, sums: true},
		"a viewer's key":   {who: auth.Principal{Role: auth.Viewer}, known: true, homes: 4, trades: 2, intervals: 5, joined: true, sums: true},
		"installer's key":  {who: auth.Principal{Role: auth.Installer}, known: true, homes: 4, trades: 2, intervals: 5, joined: true, sums: true},
		"an installer":     {who: person(auth.Installer), known: true, homes: 4},
		"an operator":      {who: person(auth.Operator), known: true, homes: 4, trades: 2, intervals: 5, joined: true, sums: true},
		"the utility":      {who: person(auth.Utility), known: true, homes: 4, trades: 2, intervals: 5, joined: true, sums: true},
		"a researcher":     {who: person(auth.Researcher), known: true, intervals: 5, sums: true},
		"a homeowner":      {who: auth.Principal{Role: auth.Homeowner, Member: "n1", Account: "someone"}, known: true, homes: 1, trades: 1, intervals: 5, joined: true, sums: true},
		"one without home": {who: auth.Principal{Role: auth.Homeowner, Account: "someone"}, known: true, intervals: 5, sums: true},
		"an agent's key":   {who: auth.Principal{Role: auth.Trader, Member: "n1"}, known: true, homes: 1, trades: 1, intervals: 5, joined: true, sums: true},
	} {
		s, _ := seenBy(t, l, c.who, c.known)
		if len(s.Homes) != c.homes || len(s.Trades) != c.trades || len(s.Intervals) != c.intervals || (s.Sums != nil) != c.sums {
			t.Errorf("%s: %d homes, %d trades, %d intervals, sums %+v", name, len(s.Homes), len(s.Trades), len(s.Intervals), s.Sums)
		}
		for _, h := range s.Homes {
			if (h.Account != "") != c.joined {
				t.Errorf("%s: account %q", name, h.Account)
			}
		}
	}
}

// TestAHomeownerSeesNoNeighbour looks for all that others know of themselves.
func TestAHomeownerSeesNoNeighbour(t *testing.T) {
	l := street(t)
	state, text := seenBy(t, l, auth.Principal{Role: auth.Homeowner, Member: "n1"}, true)
	for _, secret := range secrets() {
		if strings.Contains(text, secret) {
			t.Errorf("a homeowner is told %s", secret)
		}
	}
	own := state.Homes[0]
	if own.Id != "n1" || own.Account != "pseudonym-n1" || own.Flow.Meter != 8011 {
		t.Errorf("the own home is %+v", own)
	}
	if sold := state.Trades[0]; sold.Buyer != "" || sold.Seller != "n1" || sold.Energy != 611 || sold.Price != 99_990 {
		t.Errorf("the own trade is %+v", sold)
	}
	if _, all := seenBy(t, l, auth.Principal{}, false); slices.ContainsFunc(secrets(), func(s string) bool { return !strings.Contains(all, s) }) {
		t.Error("the secrets are not those that there are")
	}
}

// TestAnInstallerSeesNoMoney looks for prices, trades and what today came to.
func TestAnInstallerSeesNoMoney(t *testing.T) {
	state, text := seenBy(t, street(t), auth.Principal{Role: auth.Installer, Account: "someone"}, true)
	for _, secret := range []string{"91111", "611", "101010", "4322", "pseudonym"} {
		if strings.Contains(text, secret) {
			t.Errorf("an installer is told %s", secret)
		}
	}
	if d := state.Homes[1].Devices[0]; !d.Online || d.Power == nil {
		t.Errorf("of a device an installer is told %+v", d)
	}
}

// TestAResearcherSeesSums looks for all that homes know of themselves.
func TestAResearcherSeesSums(t *testing.T) {
	state, text := seenBy(t, street(t), auth.Principal{Role: auth.Researcher, Account: "someone"}, true)
	for _, secret := range append(secrets(), "n1", "8011") {
		if strings.Contains(text, secret) {
			t.Errorf("a researcher is told %s", secret)
		}
	}
	if state.Sums.Homes != 4 || *state.Sums.Import != 4*7001+10*1010 {
		t.Errorf("sums %+v", state.Sums)
	}
}

// TestWhoSharesNothingIsInNoSum has a home leave the sums, which are of three then; and two.
func TestWhoSharesNothingIsInNoSum(t *testing.T) {
	l := street(t)
	for without, want := range map[string]int{"": 4, "n2": 3} {
		l.Share(func(home string) bool { return home != without })
		if s, _ := seenBy(t, l, auth.Principal{Role: auth.Researcher}, true); s.Sums == nil || s.Sums.Homes != want {
			t.Errorf("without %q the sums are %+v", without, s.Sums)
		}
	}
	l.Share(func(home string) bool { return home == "n1" || home == "n2" })
	if s, _ := seenBy(t, l, auth.Principal{Role: auth.Researcher}, true); s.Sums != nil {
		t.Errorf("of two homes the sums are %+v", s.Sums)
	}
}

// TestWhatIsPushedIsSeenLikewise looks at the messages that follow a state: of the community, of
// the own home and, for installers, of all devices; what did not change is not told again.
func TestWhatIsPushedIsSeenLikewise(t *testing.T) {
	l := street(t)
	status := l.status.soon(t.Context())
	news, cut := l.news(0, status)
	own, _ := l.newsOf("n1", 0)
	devices, _ := l.delta(sight{extent: allDevices}, 0, status)
	for what, c := range map[string]struct {
		told    any
		secrets []string
	}{
		"the community": {news, append(secrets(), "n1")},
		"the own home":  {own, secrets()},
		"all devices":   {devices, []string{"91111", "611", "101010", "4322", "pseudonym"}},
	} {
		b, err := json.Marshal(c.told)
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range c.secrets {
			if strings.Contains(string(b), secret) {
				t.Errorf("%s tells %s: %s", what, secret, b)
			}
		}
	}
	if len(news.Intervals) != 5 || len(own.Trades) != 1 || len(devices.Homes) != 4 {
		t.Errorf("told at first: %+v, %+v, %+v", news, own, devices)
	}
	l.ShowReadings("n2", []grid.Reading{{Device: "n2/meter", Time: status.WorldTime, Power: new(grid.Power(1)), Quality: grid.Good}})
	d, next := l.delta(sight{}, cut+2, status)
	if len(d.Homes) != 1 || d.Homes[0].Id != "n2" || len(d.Trades) != 0 || len(d.Intervals) != 0 {
		t.Errorf("of one reading is told %+v", d)
	}
	if again, _ := l.newsOf("n2", next); again != nil {
		t.Errorf("told again: %+v", again)
	}
}
