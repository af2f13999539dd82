package hub

import (
	"encoding/json"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/settlement/audit"
	"github.com/commonwatt/commonwatt/settlement/guarantee"
)

// TestTheMonthOfARunningCommunity runs a neighbourhood that shares by a key whose price is
// below the feed-in price, so that who has sun is worse off; stops it, looks at it two months
// later, and guarantees the month. The audit reckons it anew from what the directory keeps.
func TestTheMonthOfARunningCommunity(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED by -short: runs a neighbourhood; make test runs it")
	}
	dir := t.TempDir()
	file := filepath.Join(t.TempDir(), "community.yaml")
	write(t, file, `data: `+dir+`
listen: 127.0.0.1:0
speed: 900
simulation: {homes: 4}
guarantee: month
zone: Europe/Berlin
sharing: {key: dynamic, price: 0.01 EUR/kWh}
rewards: {off: true}
`)
	c, err := ReadConfig(file)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := Resolve(c)
	if err != nil {
		t.Fatal(err)
	}
	open := func() *Hub {
		t.Helper()
		h, err := Open(t.Context(), Options{Plan: plan, Version: "t", Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	h := open()
	silent := func(State) {}
	if err := h.Run(t.Context(), 8*time.Second, silent, silent); err != nil {
		t.Fatal(err)
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	h = open()
	months := h.money.months
	now := time.Date(2026, 8, 2, 0, 0, 0, 0, time.UTC)
	months.Clock = func() time.Time { return now }
	if months.From != "2026-06" {
		t.Fatalf("guaranteed from %q", months.From)
	}
	if month, err := months.Step(t.Context()); err != nil || month != "2026-06" {
		t.Fatalf("%q %v", month, err)
	}
	root, err := months.Ledger.Month(t.Context(), "2026-06")
	if err != nil || root == "" {
		t.Fatalf("not on the ledger: %v", err)
	}
	kept := audit.KeptGuarantees{Dir: filepath.Join(dir, audit.GuaranteeDir)}
	text, err := kept.Guarantee("2026-06", root)
	if err != nil || text == nil {
		t.Fatalf("not kept: %v", err)
	}
	needs(t, text)
	x, err := h.records.ledger.Index(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	checked, err := audit.Recompute(t.Context(), x, nil, h.records.evidence.Workings, kept)
	if err != nil || checked.Months != 1 || checked.MonthsWithout != 0 {
		t.Errorf("%+v %v", checked, err)
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
}

// needs holds that somebody is worse off and nobody was paid, for the fund is empty; and that
// nobody is named.
func needs(t *testing.T, text []byte) {
	t.Helper()
	var w guarantee.Working
	if err := json.Unmarshal(text, &w); err != nil {
		t.Fatal(err)
	}
	m, err := w.Read()
	if err != nil || len(m.Leaves) != 4 || m.Available != 0 {
		t.Fatalf("%+v %v", m, err)
	}
	needy := 0
	for _, l := range m.Leaves {
		if l.Need > 0 {
			needy++
		}
		if l.Paid != 0 || l.RetailOnly == 0 {
			t.Errorf("%+v", l)
		}
	}
	if needy == 0 || needy == len(m.Leaves) {
		t.Errorf("%d of %d are worse off: %s", needy, len(m.Leaves), text)
	}
	if strings.Contains(string(text), "home-") {
		t.Errorf("it names a member: %s", text)
	}
}
