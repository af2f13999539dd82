package web

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/commonwatt/commonwatt/web/api"
)

func says(t *testing.T) *sayer {
	t.Helper()
	s, err := newSayer()
	if err != nil {
		t.Fatal(err)
	}
	s.in("Europe/Vienna")
	return s
}

// TestProblemsAreSaid has refusals told in every language, and everything else passed on as it is.
func TestProblemsAreSaid(t *testing.T) {
	t.Parallel()
	gate := "interval: its gate closed at 2026-06-01T12:00:00Z"
	for path, answer := range map[string]http.HandlerFunc{
		"/refused": func(w http.ResponseWriter, _ *http.Request) { api.WriteProblem(w, http.StatusConflict, gate) },
		"/unknown": func(w http.ResponseWriter, _ *http.Request) {
			api.WriteProblem(w, http.StatusTeapot, "nobody wrote this")
		},
		"/answered": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(gate)) },
		"/text":     func(w http.ResponseWriter, _ *http.Request) { http.Error(w, gate, http.StatusServiceUnavailable) },
		"/other": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"else":1}`)
		},
	} {
		w := httptest.NewRecorder()
		says(t).problems(answer).ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, http.NoBody))
		var p api.Problem
		body := w.Body.String()
		switch path {
		case "/refused":
			if err := json.Unmarshal([]byte(body), &p); err != nil || w.Code != http.StatusConflict || p.Error != gate || p.Said == nil ||
				p.Said.De != "interval: der Handel dafür schloss um 1.6.2026 14:00 CEST" || p.Said.En != "interval: its gate closed at 1 Jun 2026 14:00 CEST" {
				t.Errorf("%d %s %v", w.Code, body, err)
			}
		case "/unknown":
			if err := json.Unmarshal([]byte(body), &p); err != nil || w.Code != http.StatusTeapot || p.Said != nil || p.Error != "nobody wrote this" {
				t.Errorf("%d %s %v", w.Code, body, err)
			}
		case "/answered":
			if w.Code != http.StatusOK || body != gate {
				t.Errorf("%d %s", w.Code, body)
			}
		case "/text":
			if w.Code != http.StatusServiceUnavailable || strings.TrimSpace(body) != gate {
				t.Errorf("%d %s", w.Code, body)
			}
		case "/other":
			if w.Code != http.StatusBadRequest || body != `{"else":1}` {
				t.Errorf("%d %s", w.Code, body)
			}
		}
	}
}

// TestAnswersAreSaid has each operation whose answer holds a sentence say it, and leaves what
// others hold as it was.
func TestAnswersAreSaid(t *testing.T) {
	t.Parallel()
	s := says(t)
	clock, full := "reason.clocks", "machine.full"
	clocks := "clocks differ: the next or the last interval has the opposite difference"
	disk := "the disk of /data is full but for 20 MB: no orders, readings or settlements are taken until there is room; make room there"
	swung := "The meter may be mounted the wrong way round: when the devices behind it move, it moves the other way by as much. Look at its mounting, and pair it anew with a load that you know."
	for _, w := range []struct {
		answer any
		code   func(any) string
		want   string
	}{
		{api.ReconcileValues200JSONResponse{Energy: []api.ReconciledEnergy{{Reason: clocks}}}, func(a any) string { return a.(api.ReconcileValues200JSONResponse).Energy[0].Said.Code }, clock},
		{api.GetOperation200JSONResponse{Checks: []api.Check{{Text: &disk}}}, func(a any) string { return a.(api.GetOperation200JSONResponse).Checks[0].Said.Code }, full},
		{api.ListDevices200JSONResponse{{Warning: &swung}}, func(a any) string { return a.(api.ListDevices200JSONResponse)[0].Said.Code }, "device.sign"},
		{api.SubmitOrders200JSONResponse{{Error: &clocks}}, func(a any) string { return a.(api.SubmitOrders200JSONResponse)[0].Said.Code }, clock},
		{api.GetRun200JSONResponse{Run: api.Run{Problem: &clocks}}, func(a any) string { return a.(api.GetRun200JSONResponse).Run.Said.Code }, clock},
		{api.DraftBills200JSONResponse{Left: []api.BillLeft{{Why: "it is a draft: approve it first"}}}, func(a any) string { return a.(api.DraftBills200JSONResponse).Left[0].Said.Code }, "bill.not_approved"},
		{api.WatchPairing200JSONResponse{Warnings: []string{"this community is simulated: the device was looked at, and not added"}}, func(a any) string { return a.(api.WatchPairing200JSONResponse).WarningsSaid[0].Code }, "device.simulated"},
		{api.ListScenarios200JSONResponse{Scenarios: []api.ScenarioSummary{{About: "A week in June in an all-electric street of fifty homes."}}}, func(a any) string { return a.(api.ListScenarios200JSONResponse).Scenarios[0].Said.Code }, "scenario.fifty_homes"},
		{api.MeasurePairing200JSONResponse{Live: api.LiveValues{Points: []api.LivePoint{{Error: "7 V: outside of the plausible 200 to 260"}}}}, func(a any) string { return a.(api.MeasurePairing200JSONResponse).Live.Points[0].Said.Code }, "profile.implausible"},
	} {
		if got := w.code(s.told(w.answer)); got != w.want {
			t.Errorf("%T: %q, want %q", w.answer, got, w.want)
		}
	}
	shared := []api.UnknownMeasure{{Reason: "No interval is settled yet."}}
	told := s.told(api.GetMeasures200JSONResponse{Unknown: shared}).(api.GetMeasures200JSONResponse)
	if shared[0].Said != nil || told.Unknown[0].Said.De != "Noch ist kein Intervall abgerechnet." {
		t.Errorf("%+v %+v", shared, told.Unknown)
	}
}

func TestPlanIsSaid(t *testing.T) {
	t.Parallel()
	p := api.PointPlan{
		Why:   "The car has what it needs. The battery gives 4.2 kWh from 18:00 to 21:00, when a kWh would cost 31.20 ct.",
		Unmet: []string{"The car will have 72 % by 07:00, not 80 %: 3.7 kW for 6.5 h is all there is."},
	}
	got := says(t).told(api.GetPlan200JSONResponse{Points: []api.PointPlan{p}}).(api.GetPlan200JSONResponse).Points[0]
	if len(got.WhySaid) != 2 || got.WhySaid[0].De != "Das Auto hat, was es braucht." || got.WhySaid[1].De != "Die Batterie gibt von 18:00 bis 21:00 4,2 kWh ab, wenn eine kWh 31,20 ct kosten würde." {
		t.Errorf("why: %+v", got.WhySaid)
	}
	if len(got.UnmetSaid) != 1 || got.UnmetSaid[0].De != "Das Auto hat um 07:00 nur 72 %, nicht 80 %: mehr als 3,7 kW für 6,5 h gibt es nicht." {
		t.Errorf("unmet: %+v", got.UnmetSaid)
	}
}
