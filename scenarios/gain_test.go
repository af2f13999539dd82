package scenarios_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/agent/readiness"
	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/store"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/scenarios"
	"github.com/commonwatt/commonwatt/scenarios/world"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/settlement/statements"
	"github.com/commonwatt/commonwatt/tariff"
)

// keep lays down what a simulated community keeps of a day that begins at midnight: its street, its
// readings, and the statements of the intervals from the second on, settled with or without the pool, and by the rates of
// metering points; nil: by one tariff. Nobody moves anything.
func keep(t *testing.T, dir string, spec world.Spec, rules settlement.Rules, rates map[string]tariff.Rates) {
	t.Helper()
	ctx := t.Context()
	db, err := disk.OpenSQLite(filepath.Join(dir, "simulation.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	text, err := json.Marshal(spec)
	if err == nil {
		_, err = db.ExecContext(ctx, `CREATE TABLE world (id INTEGER PRIMARY KEY, spec TEXT, state TEXT); INSERT INTO world VALUES (1, ?, '')`, text)
	}
	if err != nil {
		t.Fatal(err)
	}
	readings, err := store.OpenEmbedded(ctx, filepath.Join(dir, "telemetry.db"), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer readings.Close()
	book, err := statements.Open(ctx, filepath.Join(dir, statements.File))
	if err != nil {
		t.Fatal(err)
	}
	defer book.Close()
	w := world.New(spec)
	before := w.State()
	var runs []settlement.Run
	for minute := range 24 * 60 {
		at := spec.Start.Add(time.Duration(minute+1) * time.Minute)
		w.Advance(at)
		now := w.State()
		var all []grid.Reading
		for k, h := range spec.Homes {
			if h.Battery.Capacity > 0 {
				all = append(all, grid.Reading{Device: h.ID + "/battery", Time: at, Quality: grid.Good, Charge: new(now.Homes[k].Charge(h))})
			}
			if h.Charger > 0 {
				r := grid.Reading{Device: h.ID + "/charger", Time: at, Quality: grid.Good, Import: new(world.Energy(now.Homes[k].Delivered))}
				if charge, here := now.Homes[k].CarCharge(h); here {
					r.Charge = &charge
				}
				all = append(all, r)
			}
		}
		if err := readings.Write(ctx, all); err != nil {
			t.Fatal(err)
		}
		if at.Minute()%15 != 0 {
			continue
		}
		if at.After(spec.Start.Add(15 * time.Minute)) {
			runs = append(runs, settled(t, grid.IntervalAt(at.Add(-time.Minute), 15), before, now, spec, rules, rates))
		}
		before = now
	}
	if err := book.Add(ctx, func(point string) (string, string, error) { return point[3:], point, nil }, runs...); err != nil {
		t.Fatal(err)
	}
}

// settled is the run of an interval.
func settled(t *testing.T, i grid.Interval, before, now world.State, spec world.Spec, rules settlement.Rules, rates map[string]tariff.Rates) settlement.Run {
	t.Helper()
	in := settlement.Input{
		Community: "elm", Interval: i, Run: 1, Rules: &rules, Rates: rates, Points: map[string]settlement.Point{},
		Tariff: tariff.Tariff{Version: "t", Currency: "EUR", Retail: 300_000, FeedIn: 60_000},
	}
	for k, h := range spec.Homes {
		a, b := before.Homes[k], now.Homes[k]
		f := grid.Flow{Import: world.Energy(b.Imported) - world.Energy(a.Imported), Export: world.Energy(b.Exported) - world.Energy(a.Exported)}
		in.Metered = append(in.Metered, record.Metered{MeteringPoint: "mp-" + h.ID, Flow: f, Quality: grid.Good})
		in.Points["mp-"+h.ID] = settlement.Point{Account: "mp-" + h.ID, Member: h.ID}
	}
	run, err := settlement.Settle(in)
	if err != nil {
		t.Fatal(err)
	}
	for k := range run.Statements {
		s := &run.Statements[k]
		s.Without = new(s.RetailOnly) // nobody moved anything
	}
	return run
}

// TestGainOfADirectory reckons the usual day from what a community keeps of it: where nobody
// shares, what was received is what is had alone, -4.11 EUR, and nothing is gained; where the pool
// shares what the meters counted, and batteries go by their own logic, it is part of the way to
// the optimum.
func TestGainOfADirectory(t *testing.T) {
	spec := world.Spec{Seed: 1, Start: time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC), Latitude: 50, Homes: world.Neighbourhood(12, 1)}
	off := settlement.DefaultRules()
	off.Pool, off.SamePoint = settlement.Off, false
	for _, c := range []struct {
		rules       settlement.Rules
		least, most int64 // of the gain
	}{{off, -1, 1}, {settlement.DefaultRules(), 380, 480}} {
		dir := t.TempDir()
		keep(t, dir, spec, c.rules, nil)
		street := scenarios.Street{Dir: dir, Telemetry: "telemetry.db", Currency: "EUR", Zone: time.UTC}
		g, err := street.Gain(t.Context(), time.Time{}, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%+v", g)
		if g.Intervals != 95 || g.Alone.Money < -4_120_000 || g.Alone.Money > -4_100_000 || g.Estimated != 0 {
			t.Errorf("%d intervals, alone %d, estimated %d", g.Intervals, g.Alone.Money, g.Estimated)
		}
		if d := g.Went.Stored - g.Alone.Stored; d < -60 || d > 60 { // charges are read in per mille
			t.Errorf("stored %d, alone %d", g.Went.Stored, g.Alone.Stored)
		}
		if d := g.Went.Cars - g.Alone.Cars; d < -5 || d > 5 {
			t.Errorf("cars took %d, alone %d", g.Went.Cars, g.Alone.Cars)
		}
		if g.Cars == nil || *g.Cars != (readiness.Count{Feasible: 5}) { // nobody moves a car: each is full if it can be
			t.Errorf("cars %+v", g.Cars)
		}
		if *g.Optimum.Gain < c.least-2 || *g.Optimum.Gain > c.most || *g.Batteries.Gain < *g.Optimum.Gain {
			t.Errorf("gains %d and %d", *g.Optimum.Gain, *g.Batteries.Gain)
		}
		var out bytes.Buffer
		if err := g.Print(&out); err != nil || !strings.Contains(out.String(), "-4.11 EUR") || !strings.Contains(out.String(), "at most +7.4") {
			t.Errorf("%v\n%s", err, out.String())
		}
		// A part of the day, and what cannot be reckoned.
		noon := spec.Start.Add(12 * time.Hour)
		if part, err := street.Gain(t.Context(), noon, noon.Add(3*time.Hour)); err != nil || part.Intervals != 12 || part.From != noon {
			t.Errorf("%+v, %v", part, err)
		}
		if _, err := street.Gain(t.Context(), noon.Add(48*time.Hour), noon.Add(50*time.Hour)); err == nil || !strings.Contains(err.Error(), "no interval is settled") {
			t.Error(err)
		}
	}
	for _, dir := range []string{t.TempDir(), "/nonexistent"} {
		if _, err := (scenarios.Street{Dir: dir, Telemetry: "telemetry.db", Zone: time.UTC}).Gain(t.Context(), time.Time{}, time.Time{}); err == nil || !strings.Contains(err.Error(), "is no simulated community") {
			t.Error(err)
		}
	}
}

// TestGainOfSeveralTariffs reckons the same day where every other home pays more for energy and is paid
// less for it: nobody can come to more than with the better tariff, and the printed gap says how much of
// that is open. Where a home is paid more than a neighbour pays it says so.
func TestGainOfSeveralTariffs(t *testing.T) {
	spec := world.Spec{Seed: 1, Start: time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC), Latitude: 50, Homes: world.Neighbourhood(12, 1)}
	rates := map[string]tariff.Rates{}
	for k, h := range spec.Homes {
		rates["mp-"+h.ID] = tariff.Rates{Tariff: "usual", Version: "t", Currency: "EUR", Retail: 300_000, FeedIn: 60_000}
		if k%2 == 0 {
			rates["mp-"+h.ID] = tariff.Rates{Tariff: "dear", Version: "t", Currency: "EUR", Retail: 340_000, FeedIn: 50_000}
		}
	}
	dir := t.TempDir()
	keep(t, dir, spec, settlement.DefaultRules(), rates)
	street := scenarios.Street{Dir: dir, Telemetry: "telemetry.db", Currency: "EUR", Zone: time.UTC}
	g, err := street.Gain(t.Context(), time.Time{}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", g)
	if bound := g.Optimum.Bound; bound < 7_400_000 || bound > 7_500_000 || g.Optimum.Value >= bound || g.Optimum.Gap <= 5 || *g.Optimum.Gain < 300 || *g.Optimum.Gain > 600 {
		t.Errorf("%+v, gain %d", g.Optimum, *g.Optimum.Gain)
	}
	rates["mp-home-02"] = tariff.Rates{Tariff: "generous", Version: "t", Currency: "EUR", Retail: 400_000, FeedIn: 350_000}
	dir = t.TempDir()
	keep(t, dir, spec, settlement.DefaultRules(), rates)
	street.Dir = dir
	if _, err := street.Gain(t.Context(), time.Time{}, time.Time{}); err == nil || !strings.Contains(err.Error(), "feed-in is above retail") {
		t.Error(err)
	}
}
