package shown

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/commonwatt/commonwatt/scenarios"
	"github.com/commonwatt/commonwatt/scenarios/runs"
	"github.com/commonwatt/commonwatt/settlement/sharing/packs"
	"github.com/commonwatt/commonwatt/web"
	"github.com/commonwatt/commonwatt/web/api"
)

// Runs are replays in the terms of the API. They implement web.Laboratory.
type Runs struct {
	Manager *runs.Manager
	Packs   *packs.Set
}

// Scenarios implements web.Laboratory.
func (r Runs) Scenarios() api.Scenarios {
	out := api.Scenarios{Mechanisms: []string{scenarios.Uniform}, Sharings: append([]string{runs.Market}, r.Packs.IDs()...), Plots: runs.Plots()}
	for _, s := range r.Manager.Library {
		out.Scenarios = append(out.Scenarios, api.ScenarioSummary{
			Name: s.Name, About: s.About, Homes: s.Homes, Days: s.Days, Minutes: s.Interval, Seed: signed(s.Seed), Mechanism: s.Mechanism, Currency: s.Currency(),
		})
	}
	return out
}

// signed is a seed as JSON has numbers; larger ones cannot be asked for there.
func signed(seed uint64) int64 { return int64(min(seed, math.MaxInt64)) }

// List implements web.Laboratory.
func (r Runs) List() api.Runs {
	out := api.Runs{Runs: []api.Run{}, Most: r.Manager.Most, Bytes: r.Manager.Used(), MostBytes: r.Manager.Bytes}
	for _, one := range r.Manager.List() {
		out.Runs = append(out.Runs, shownRun(one))
	}
	return out
}

func shownRun(r runs.Run) api.Run {
	out := api.Run{
		Id: r.ID, Scenario: r.Scenario, State: api.RunState(r.State), Progress: r.Progress, Queued: r.Queued, Version: r.Version, Bytes: r.Bytes,
		Mechanism: some(r.Mechanism), Sharing: some(r.Sharing), Problem: some(r.Problem),
	}
	if r.Seed != nil {
		out.Seed = new(signed(*r.Seed))
	}
	if !r.Started.IsZero() {
		out.Started = &r.Started
	}
	if !r.Ended.IsZero() {
		out.Ended = &r.Ended
	}
	return out
}

// some is a text, nil where there is none.
func some(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// Start implements web.Laboratory.
func (r Runs) Start(q api.RunRequest) (api.Run, error) {
	a := runs.Asked{Scenario: q.Scenario}
	if q.Seed != nil {
		a.Seed = new(uint64(*q.Seed)) // it is not negative
	}
	if q.Mechanism != nil {
		a.Mechanism = *q.Mechanism
	}
	if q.Sharing != nil {
		a.Sharing = *q.Sharing
	}
	run, err := r.Manager.Start(a)
	return shownRun(run), err
}

// Get implements web.Laboratory.
func (r Runs) Get(id string) (api.RunResult, error) {
	run, err := r.Manager.Get(id)
	out := api.RunResult{Run: shownRun(run)}
	if err != nil || run.State != runs.Done {
		return out, err
	}
	_, dir, err := r.Manager.Result(id)
	if err != nil {
		return out, err
	}
	text, err := os.ReadFile(filepath.Join(dir, scenarios.Files()[0])) //nolint:gosec // in the run's folder
	if err != nil {
		return out, err
	}
	out.Summary = &map[string]any{}
	if err := json.Unmarshal(text, out.Summary); err != nil {
		return out, err
	}
	points, err := scenarios.Points(dir)
	if err != nil {
		return out, err
	}
	out.Points, out.Files = new([]api.RunPoint{}), new(resultFiles())
	for _, p := range points {
		shown := api.RunPoint{Start: p.Start, Minutes: p.Minutes, Offered: int64(p.Offered), Wanted: int64(p.Wanted), Traded: int64(p.Traded), Import: int64(p.Import), Export: int64(p.Export)}
		if p.Price != nil {
			shown.Price = new(int64(*p.Price))
		}
		*out.Points = append(*out.Points, shown)
	}
	return out, nil
}

const (
	parquetEnd = ".parquet"
	csvEnd     = ".csv"
)

// resultFiles are what can be had of a run: its files, and its tables as CSV.
func resultFiles() []string {
	all := append([]string{runs.ScenarioFile}, scenarios.Files()...)
	for _, name := range scenarios.Files() {
		if table, is := strings.CutSuffix(name, parquetEnd); is {
			all = append(all, table+csvEnd)
		}
	}
	return all
}

// End implements web.Laboratory.
func (r Runs) End(id string) error { return r.Manager.End(id) }

// noFileError says that a run has no such file.
type noFileError struct{ name string }

func (e noFileError) Error() string {
	return fmt.Sprintf("a run has no file %q: it has %s", e.name, strings.Join(resultFiles(), ", "))
}

// Refused says that what is asked for is not there.
func (noFileError) Refused() (missing, conflict bool) { return true, false }

// File implements web.Laboratory.
func (r Runs) File(id, file string) (web.RunFile, error) {
	if !slices.Contains(resultFiles(), file) {
		return web.RunFile{}, noFileError{file}
	}
	run, dir, err := r.Manager.Result(id)
	if err != nil {
		return web.RunFile{}, err
	}
	s, err := scenarios.ReadSummary(dir)
	if err != nil {
		return web.RunFile{}, err
	}
	out := web.RunFile{Name: fmt.Sprintf("%s-seed-%d-%s-%s", run.Scenario, s.Seed, run.Version, file)}
	table, isTable := strings.CutSuffix(file, csvEnd)
	path := filepath.Join(dir, file)
	if file == runs.ScenarioFile {
		path = filepath.Join(filepath.Dir(dir), file)
	}
	out.Write = func(w io.Writer) error {
		if isTable {
			return scenarios.WriteCSV(w, dir, table)
		}
		text, err := os.ReadFile(path) //nolint:gosec // one of the names above
		if err != nil {
			return err
		}
		_, err = w.Write(text)
		return err
	}
	return out, nil
}

// Plot implements web.Laboratory.
func (r Runs) Plot(ids []string, of string) ([]byte, error) { return r.Manager.Plot(ids, of) }
