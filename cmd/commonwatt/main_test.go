package main

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/commonwatt/commonwatt/bus"
	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/community/drive"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching"
	"github.com/commonwatt/commonwatt/matching/journal"
	"github.com/commonwatt/commonwatt/meters/store"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/scenarios/world"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/settlement/ledger/embedded"
	"github.com/commonwatt/commonwatt/tariff"
	"github.com/commonwatt/commonwatt/web/api"
)

// TestFirstLight boots the program, waits for settled intervals, and follows
// the energy and the money through every stage.
func TestFirstLight(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("SKIPPED by -short: boots the program for a minute; make test runs it")
	}
	dir := t.TempDir()
	p := launch(t, dir, "--homes", "12", "--speed", "60")
	s := p.until("settled intervals", func(s api.Status) bool { return s.IntervalsSettled >= 2 && s.TradesTotal > 0 })
	if s.DevicesOnline < 30 || s.IntervalsCleared < 2 || s.Ledger.Height == 0 || s.Ledger.Kind != "embedded" || s.Homes != 12 || s.Speed != 60 {
		t.Errorf("status %+v", s)
	}
	sumsToZero(t, p)
	liveOverWebSocket(t, p)
	p.wait("measures of what was traded and settled", func() bool {
		var m api.Measures
		return p.get("/api/v1/measures", &m) == nil && m.WelfareShare != nil && *m.WelfareShare > 500 && m.BillByKey != nil && m.BillRuleBased != nil
	})
	for range 5 { // while it runs
		verified(t, dir)
	}
	p.stop()
	audits(t, dir)
	tradedWithinOffered(t, dir)
	registersAgree(t, dir)

	again := launch(t, dir, "--homes", "12", "--speed", "60")
	after := again.until("readiness", func(a api.Status) bool { return a.DevicesOnline >= 30 })
	if after.Ledger.Height < s.Ledger.Height || after.TradesTotal < s.TradesTotal || after.IntervalsSettled < s.IntervalsSettled ||
		after.ReadingsTotal < s.ReadingsTotal || after.WorldTime.Before(s.WorldTime) {
		t.Errorf("a second run went back from %+v to %+v", s, after)
	}
	again.stop()
}

// sumsToZero adds up the postings of every settled interval.
func sumsToZero(t *testing.T, p *process) {
	t.Helper()
	var state api.State
	if err := p.get("/api/v1/state", &state); err != nil {
		t.Fatal(err)
	}
	settled := 0
	totals := map[string]int64{}
	for _, i := range state.Intervals {
		if !i.Settled {
			continue
		}
		id := grid.Interval{Start: i.Interval.Start.Unix(), Minutes: i.Interval.Minutes}
		var postings []api.Posting
		p.wait("posting of "+id.String(), func() bool {
			if err := p.get("/api/v1/postings?interval="+id.String(), &postings); err != nil {
				t.Fatal(err)
			}
			return len(postings) > 0
		})
		balance := map[string]int64{}
		var total int64
		for _, x := range postings {
			balance[x.Debit] -= x.Amount
			balance[x.Credit] += x.Amount
		}
		for account, b := range balance {
			total += b
			totals[account] += b
		}
		if total != 0 || len(postings) == 0 {
			t.Errorf("%s: %d postings sum to %d", id, len(postings), total)
		}
		settled++
	}
	if settled == 0 {
		t.Error("no settled interval in the state")
	}
	// All of it happened today: the postings come to what the pages show.
	for _, h := range state.Homes {
		if h.Today.Net != totals[h.Account] || h.Today.Intervals != settled {
			t.Errorf("%s: postings come to %d over %d intervals, the page shows %+v", h.Id, totals[h.Account], settled, h.Today)
		}
	}
}

// liveOverWebSocket expects the full state first, then a delta.
func liveOverWebSocket(t *testing.T, p *process) {
	t.Helper()
	c, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(p.base(), "http")+"/api/v1/ws", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var first struct {
		Type  string
		State api.State
	}
	if err := c.ReadJSON(&first); err != nil || first.Type != "state" || len(first.State.Homes) != 12 || len(first.State.Trades) == 0 {
		t.Errorf("first message %q with %d homes: %v", first.Type, len(first.State.Homes), err)
	}
	var second struct {
		Type  string
		Delta api.Delta
	}
	if err := c.ReadJSON(&second); err != nil || second.Type != "delta" || second.Delta.Status.Homes != 12 {
		t.Errorf("second message %+v: %v", second, err)
	}
}

// watched is a market whose events are seen while a journal is replayed.
type watched struct {
	*community.Market
	see func(community.Event)
}

func (w *watched) Apply(c *matching.Command) []matching.Event {
	events := w.Market.Apply(c)
	for _, ev := range w.Events() {
		w.see(ev)
	}
	return events
}

// tradedWithinOffered replays the journal and compares, per interval, what was
// traded with what was offered and wanted.
func tradedWithinOffered(t *testing.T, dir string) {
	t.Helper()
	m, err := community.NewMarket(community.Config{Community: "demo", Minutes: 15}, grid.SingleNode(), tariff.Tariff{Version: "1", Currency: "EUR", Retail: 300_000, FeedIn: 60_000})
	if err != nil {
		t.Fatal(err)
	}
	offered, wanted, traded := map[grid.Product]grid.Energy{}, map[grid.Product]grid.Energy{}, map[grid.Product]grid.Energy{}
	j, _, err := journal.Open(filepath.Join(dir, "orders"), journal.DefaultSegment, &watched{m, func(ev community.Event) {
		switch {
		case ev.Kind == community.Accepted && ev.Order.Side == grid.Offer:
			offered[ev.Product] += ev.Order.Energy
		case ev.Kind == community.Accepted:
			wanted[ev.Product] += ev.Order.Energy
		case ev.Kind == community.Traded:
			traded[ev.Product] += ev.Trade.Energy
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	_ = j.Close()
	for product, energy := range traded {
		if energy > offered[product] || energy > wanted[product] {
			t.Errorf("%s: traded %d Wh of %d offered and %d wanted", product.Interval, energy, offered[product], wanted[product])
		}
	}
	if len(traded) == 0 {
		t.Error("no trade in the journal")
	}
}

// registersAgree compares the last registers that were read with the
// simulator's own integrals of power, after the stop.
func registersAgree(t *testing.T, dir string) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(dir, "simulation.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var saved, made []byte
	if err := db.QueryRow(`SELECT state, spec FROM world`).Scan(&saved, &made); err != nil {
		t.Fatal(err)
	}
	var stopped world.State
	var spec world.Spec
	if err := errors.Join(json.Unmarshal(saved, &stopped), json.Unmarshal(made, &spec)); err != nil {
		t.Fatal(err)
	}
	// A second world that runs from the start without a break is the oracle of the
	// sun; batteries were moved.
	oracle := world.New(spec)
	oracle.Advance(time.Unix(stopped.Time, 0))
	s, err := store.OpenSQLite(t.Context(), filepath.Join(dir, "telemetry.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for i, h := range stopped.Homes {
		if want := oracle.State().Homes[i].Produced; h.Produced != want {
			t.Errorf("home %d: the panels gave %d W·s, without a break %d", i+1, h.Produced, want)
		}
		last, err := s.Last(t.Context(), fmt.Sprintf("home-%02d/meter", i+1))
		if err != nil || last == nil {
			t.Fatalf("home %d: %v, %v", i+1, last, err)
		}
		if *last.Import != world.Energy(h.Imported) || *last.Export != world.Energy(h.Exported) {
			t.Errorf("home %d: read %d and %d Wh, the world has %d and %d", i+1, *last.Import, *last.Export, world.Energy(h.Imported), world.Energy(h.Exported))
		}
		for device, want := range map[string]grid.Energy{"inverter": world.Energy(h.Produced), "battery": world.Energy(h.Discharged)} {
			last, err := s.Last(t.Context(), fmt.Sprintf("home-%02d/%s", i+1, device))
			if err != nil {
				t.Fatal(err)
			}
			if last != nil && *last.Export != want {
				t.Errorf("home %d: the %s read %d Wh, the world has %d", i+1, device, *last.Export, want)
			}
		}
	}
}

// TestKill kills the program three times in the middle of its work. Nothing
// that was settled may be lost or doubled, and it goes on.
func TestKill(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("SKIPPED by -short: boots the program four times; make test runs it")
	}
	dir := t.TempDir()
	var last api.Status
	for round := range int64(3) {
		p := launch(t, dir, "--homes", "6", "--speed", "120")
		last = p.until("progress", func(s api.Status) bool {
			return s.DevicesOnline > 10 && s.IntervalsSettled > round && s.WorldTime.After(last.WorldTime.Add(15*time.Minute)) && s.TradesTotal >= last.TradesTotal
		})
		p.kill()
		verified(t, dir)
	}
	p := launch(t, dir, "--homes", "6", "--speed", "120")
	end := p.until("progress after the last kill", func(s api.Status) bool { return s.IntervalsSettled > last.IntervalsSettled+1 })
	if end.TradesTotal < last.TradesTotal || end.Ledger.Height <= last.Ledger.Height || end.OrdersTotal < last.OrdersTotal {
		t.Errorf("totals went back from %+v to %+v", last, end)
	}
	p.stop()
	verified(t, dir)
	tradedWithinOffered(t, dir)
	registersAgree(t, dir)
	settledOnceEach(t, dir, end)
}

// settledOnceEach checks that the ledger has each interval's first run once,
// that none between the first and the last is missing, and that its postings
// are those of the frozen runs: nothing is lost and nothing doubled.
func settledOnceEach(t *testing.T, dir string, s api.Status) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(dir, "ledger.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.Query(`SELECT json_extract(arg, '$.interval'), COUNT(*) FROM (
	SELECT json_extract(CAST(content AS TEXT), '$.args[0]') AS arg FROM blocks
	WHERE json_extract(CAST(content AS TEXT), '$.function') = 'settlement:CloseRun'
) WHERE json_extract(arg, '$.run') = 1 GROUP BY 1 ORDER BY 1`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var previous *grid.Interval
	var closed []grid.Interval
	n := int64(0)
	for rows.Next() {
		var id string
		var closings int
		if err := rows.Scan(&id, &closings); err != nil {
			t.Fatal(err)
		}
		i, err := grid.ParseInterval(id)
		if err != nil || closings != 1 || previous != nil && i != previous.Shift(1) {
			t.Errorf("%s closed %d times after %v: %v", id, closings, previous, err)
		}
		previous = &i
		closed = append(closed, i)
		n++
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	if n < s.IntervalsSettled {
		t.Errorf("%d intervals closed on the ledger, the status said %d", n, s.IntervalsSettled)
	}
	postingsAreTheFrozenOnes(t, dir, closed)
}

func postingsAreTheFrozenOnes(t *testing.T, dir string, closed []grid.Interval) {
	t.Helper()
	b, err := bus.Open(t.Context(), bus.Config{Dir: filepath.Join(dir, "bus")})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	names, err := ledger.OpenNames(filepath.Join(dir, ledger.NamesFile))
	if err != nil {
		t.Fatal(err)
	}
	l, err := embedded.OpenLedger(t.Context(), dir, "demo", "EUR", names)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	frozen := drive.FrozenRuns{Community: "demo", Stream: bus.Settlement, In: b}
	for _, i := range closed {
		var want []record.Posting
		for run := 1; ; run++ {
			r, err := frozen.Frozen(t.Context(), i, run)
			if err != nil {
				t.Fatal(err)
			}
			if r == nil {
				break
			}
			want = append(want, r.Postings()...)
		}
		if got, err := l.Postings(t.Context(), i); err != nil || len(want) == 0 || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %d postings on the ledger, %d were frozen: %v", i, len(got), len(want), err)
		}
	}
}

// TestOutageIsAGapAndHeals stops a meter's server for 30 s, the length of two
// intervals: the gap shows, the intervals settle as estimated, the meter comes
// back by itself, and a later run puts the energy right.
func TestOutageIsAGapAndHeals(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("SKIPPED by -short: boots the program for more than a minute; make test runs it")
	}
	dir := t.TempDir()
	conf := filepath.Join(t.TempDir(), "outage.yaml")
	if err := os.WriteFile(conf, []byte("speed: 60\nsimulation: {homes: 3, outages: [{device: home-02/meter, after: 10s, lasts: 30s}]}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := launch(t, dir, "--config", conf)
	full := p.until("all devices", func(s api.Status) bool { return s.DevicesOnline >= 8 }).DevicesOnline
	p.until("the outage", func(s api.Status) bool { return s.DevicesOnline == full-1 })
	p.until("the meter's return", func(s api.Status) bool { return s.DevicesOnline == full })
	begin := grid.Interval{Start: time.Date(2026, 6, 1, 10, 15, 0, 0, time.UTC).Unix(), Minutes: 15}
	p.until("the correcting run", func(api.Status) bool {
		var postings []api.Posting
		if err := p.get("/api/v1/postings?interval="+begin.String(), &postings); err != nil {
			t.Fatal(err)
		}
		for _, x := range postings {
			if strings.Contains(x.Id, "/15/2/") {
				return true
			}
		}
		return false
	})
	p.stop()
	verified(t, dir)
	s, err := store.OpenSQLite(t.Context(), filepath.Join(dir, "telemetry.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	gaps, err := store.Gaps(t.Context(), s, "home-02/meter", begin.Begin(), begin.Begin().Add(40*time.Minute), 10*time.Minute)
	if err != nil || len(gaps) != 1 || gaps[0].To.Sub(gaps[0].From) < 25*time.Minute {
		t.Errorf("gaps %v, %v: want one of about half an hour", gaps, err)
	}
}

// TestTamperedLedger changes one byte through SQLite, then damages a page.
func TestTamperedLedger(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "replayed")
	code, out, errs := execute(t, "replay", "../../scenarios/summer-day.yaml", "--out", dir, "--ledger", "embedded")
	if code != 0 || !strings.Contains(out, "results in") {
		t.Fatalf("replay: exit code %d\n%s%s", code, out, errs)
	}
	verified(t, dir)
	for want, args := range map[string][]string{"AMOUNT EUR": {"show"}, "pool-bought": {"show", "--reason", "pool-bought"}} {
		if code, out, errs := execute(t, append([]string{"ledger"}, append(args, "--data", dir)...)...); code != 0 || !strings.Contains(out, want) {
			t.Errorf("%v: exit code %d, want %q\n%s%s", args, code, want, out, errs)
		}
	}
	for _, args := range [][]string{{"show"}, {"export", "--out", filepath.Join(t.TempDir(), "x")}} {
		args = append(append([]string{"ledger"}, args...), "--data", dir, "--reason", "pool-bouhgt")
		if code, _, errs := execute(t, args...); code != exitUsage || !strings.Contains(errs, "pool-bought, pool-sold") {
			t.Errorf("%v: exit code %d: %s", args, code, errs)
		}
	}
	path := filepath.Join(dir, "ledger.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(`UPDATE state SET value = CAST(REPLACE(CAST(value AS TEXT), '"amount":1', '"amount":2') AS BLOB)
WHERE key = (SELECT key FROM state WHERE CAST(value AS TEXT) LIKE '%"amount":1%' ORDER BY key LIMIT 1)`); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	code, _, errs = execute(t, "ledger", "verify", "--data", dir)
	if code != 1 || !strings.Contains(errs, "posting replay/2026-06-01T") {
		t.Errorf("after one byte was changed: exit code %d: %s", code, errs)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(bytes.Repeat([]byte{0xa5}, 600), 3*4096); err != nil {
		t.Fatal(err)
	}
	_ = f.Close()
	code, _, errs = execute(t, "ledger", "verify", "--data", dir)
	if code != 1 || !strings.Contains(errs, "damaged") {
		t.Errorf("with a damaged page: exit code %d: %s", code, errs)
	}
}

func TestWrongUseExitsWith2(t *testing.T) {
	t.Parallel()
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	other := t.TempDir()
	if err := os.WriteFile(filepath.Join(other, "version"), []byte("99\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	foreign := t.TempDir()
	if err := os.WriteFile(filepath.Join(foreign, "letter.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for want, args := range map[string][]string{
		"listen: 0.0.0.0:0 is open to others":    {"run", "--data", t.TempDir(), "--listen", "0.0.0.0:0"},
		"behind_proxy[0]: \"proxy\" is not":      {"run", "--data", t.TempDir(), "--listen", "0.0.0.0:0", "--behind-proxy=proxy"},
		"choose another address with --listen":   {"run", "--data", t.TempDir(), "--listen", busy.Addr().String()},
		`is of version "99"`:                     {"run", "--data", other, "--listen", "127.0.0.1:0"},
		"it is not one of commonwatt's":          {"run", "--data", foreign, "--listen", "127.0.0.1:0"},
		`unknown field "colour"`:                 {"run", "--config", "../../config/testdata/bad/unknown-field.yaml"},
		"has not the unit EUR/kWh":               {"config", "check", "../../config/testdata/bad/bad-unit.yaml"},
		"unknown flag: --colour":                 {"run", "--colour"},
		`unknown command "fly"`:                  {"fly"},
		"speed: 0: must be above 0":              {"run", "--speed", "0"},
		"simulation.homes: 0: must be 1 to 1000": {"run", "--homes", "0"},
		"no such file":                           {"replay", "nowhere.yaml", "--out", t.TempDir()},
		`required flag(s) "out" not set`:         {"replay", "../../scenarios/summer-day.yaml"},
		"--data: no ledger in":                   {"ledger", "verify", "--data", t.TempDir()},
	} {
		code, _, errs := execute(t, args...)
		line := strings.TrimSpace(errs)
		if code != 2 || !strings.Contains(line, want) || strings.Contains(line, "\n") {
			t.Errorf("%v: exit code %d, want 2: %s", args, code, errs)
		}
	}
}

func TestTwoProcessesOnOneDirectory(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("SKIPPED by -short: boots the program; make test runs it")
	}
	dir := t.TempDir()
	p := launch(t, dir, "--homes", "1")
	p.until("readiness", func(s api.Status) bool { return s.DevicesOnline > 0 })
	code, _, errs := execute(t, "run", "--data", dir, "--listen", "127.0.0.1:0")
	if code != 2 || !strings.Contains(errs, "another commonwatt is running on it") {
		t.Errorf("exit code %d: %s", code, errs)
	}
}

// TestFeederWithLimits runs a neighbourhood of two streets, whose lines have
// fees and limits: it settles, and the grid operator is paid.
func TestFeederWithLimits(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("SKIPPED by -short: boots the program; make test runs it")
	}
	dir, config := t.TempDir(), filepath.Join(t.TempDir(), "config.yaml")
	const text = `speed: 300
feeder:
  nodes:
    - {id: root}
    - {id: street-1, parent: root, fee: 0.01 EUR/kWh, export_limit: 2 kW, import_limit: 2 kW}
    - {id: street-2, parent: root, fee: 0.01 EUR/kWh, export_limit: 2 kW, import_limit: 2 kW}
simulation: {homes: 12, nodes: [street-1, street-2]}
`
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p := launch(t, dir, "--config", config)
	p.until("settled intervals", func(s api.Status) bool { return s.IntervalsSettled >= 8 })
	p.wait("trade over a line", func() bool { return fees(t, p) > 0 })
	p.stop()
	verified(t, dir)

	// The feeder is part of the market's past: another one is refused.
	changed := strings.Replace(text, "export_limit: 2 kW", "export_limit: 3 kW", 1)
	if err := os.WriteFile(config, []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	code, _, errs := execute(t, "run", "--config", config, "--data", dir, "--listen", "127.0.0.1:0")
	if code != 2 || !strings.Contains(errs, "begun with another feeder, tick or collar") {
		t.Errorf("another feeder: exit code %d: %s", code, errs)
	}
}

// fees counts the postings to the grid operator in the intervals that a community shows.
func fees(t *testing.T, p *process) (n int) {
	t.Helper()
	var state api.State
	if err := p.get("/api/v1/state", &state); err != nil {
		t.Fatal(err)
	}
	for _, i := range state.Intervals {
		var postings []api.Posting
		id := grid.Interval{Start: i.Interval.Start.Unix(), Minutes: i.Interval.Minutes}
		if err := p.get("/api/v1/postings?interval="+id.String(), &postings); err != nil {
			t.Fatal(err)
		}
		for _, x := range postings {
			if x.Reason == settlement.ReasonFee {
				n++
			}
		}
	}
	return n
}
