package web_test

import (
	"io"
	"strings"

	"github.com/commonwatt/commonwatt/web"
	"github.com/commonwatt/commonwatt/web/api"
)

// oneRun is a laboratory with one run that is done.
type oneRun struct{}

func aRun() api.Run {
	return api.Run{Id: "r1", Scenario: "summer-day", State: api.RunDone, Queued: now, Version: "v"}
}

func (oneRun) Scenarios() api.Scenarios {
	return api.Scenarios{Scenarios: []api.ScenarioSummary{}, Mechanisms: []string{}, Sharings: []string{}, Plots: []string{}}
}
func (oneRun) List() api.Runs                        { return api.Runs{Runs: []api.Run{aRun()}} }
func (oneRun) Start(api.RunRequest) (api.Run, error) { return aRun(), nil }
func (oneRun) Get(string) (api.RunResult, error)     { return api.RunResult{Run: aRun()}, nil }
func (oneRun) End(string) error                      { return nil }

func (oneRun) File(_, file string) (web.RunFile, error) {
	return web.RunFile{Name: file, Write: func(w io.Writer) error {
		_, err := io.Copy(w, strings.NewReader("a,b\n1,2\n"))
		return err
	}}, nil
}

func (oneRun) Plot([]string, string) ([]byte, error) { return []byte("\x89PNG"), nil }
