package community_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching"
	"github.com/commonwatt/commonwatt/tariff"
)

func priced(retail, feedIn grid.Price) tariff.Tariff {
	return tariff.Tariff{Version: "t", Currency: "XTS", Retail: retail, FeedIn: feedIn}
}

// TestACollarFitsItsTariff: whatever a kWh costs in a currency, its prices are within the collar
// and at least two hundred steps from nothing.
func TestACollarFitsItsTariff(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		currency       string
		retail, feedIn grid.Price
		ceiling        grid.Price
	}{
		{"EUR", 300_000, 60_000, 5_000_000},
		{"EUR, which is paid for feeding in", 300_000, -400_000, 5_000_000},
		{"CZK", 6_500_000, 1_200_000, 50_000_000},
		{"JPY", 31_000_000, 8_000_000, 500_000_000},
		{"KRW", 150_000_000, 80_000_000, 500_000_000},
		{"COP", 800_000_000, 300_000_000, 1_000_000_000},
		{"KWD", 2_000, 0, 50_000},
		{"BHD", 16_000, 3_000, 500_000},
		{"nothing costs anything", 0, 0, 5_000_000},
	} {
		got, err := community.CollarOf(priced(c.retail, c.feedIn))
		if err != nil || got.Ceiling != c.ceiling || got.Floor > c.feedIn || c.retail > 0 && c.retail/got.Tick < 200 {
			t.Errorf("%s: %+v, %v, want a ceiling of %d", c.currency, got, err, c.ceiling)
		}
		if _, err := community.NewMarket(community.Config{Minutes: 15}, grid.SingleNode(), priced(c.retail, c.feedIn)); err != nil {
			t.Errorf("%s: %v", c.currency, err)
		}
	}
	for field, bad := range map[string]tariff.Tariff{
		"tariff.retail: 1444000000": priced(1_444_000_000, 0), "tariff.feed_in: -1444000000": priced(0, -1_444_000_000),
	} {
		if _, err := community.CollarOf(bad); err == nil || !strings.HasPrefix(err.Error(), field) {
			t.Errorf("%v, want %s", err, field)
		}
	}
}

// TestALogKeepsItsCollar: a log and a snapshot go on under the collar they were begun under, when
// the tariff has changed since; other rules are refused as before.
func TestALogKeepsItsCollar(t *testing.T) {
	t.Parallel()
	open := func(name string, tariff tariff.Tariff) *community.Market {
		m, err := community.NewMarket(community.Config{Community: name, Minutes: 15}, grid.SingleNode(), tariff)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	before := open("elm", priced(300_000, 60_000))
	begin := before.Begin(start)
	before.Apply(&begin)
	saved, err := before.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	replayed, restored := open("elm", priced(6_500_000, 1_200_000)), open("elm", priced(6_500_000, 1_200_000))
	if events := replayed.Apply(&begin); events[0].Kind != matching.Done {
		t.Errorf("%+v", events)
	}
	if err := restored.Restore(saved); err != nil {
		t.Error(err)
	}
	for _, m := range []*community.Market{replayed, restored} {
		if m.Rules().Digest() != before.Rules().Digest() || m.Fits() == nil {
			t.Errorf("%+v, %v", m.Rules(), m.Fits())
		}
	}
	other := open("oak", priced(300_000, 60_000))
	if events := other.Apply(&begin); events[0].Kind != matching.Rejected {
		t.Errorf("%+v", events)
	}
	if err := other.Restore(saved); !errors.Is(err, matching.ErrOtherRules) {
		t.Error(err)
	}
}
