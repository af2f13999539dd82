package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/commonwatt/commonwatt/web/api"
)

// objected asks for the objections of a data directory.
func objected(t *testing.T, dir string, flags ...string) []api.Objection {
	t.Helper()
	code, out, errs := execute(t, append([]string{"objections", "list", "--data", dir, "--json"}, flags...)...)
	var all api.Objections
	if err := json.Unmarshal([]byte(out), &all); err != nil || code != 0 {
		t.Fatalf("exit code %d, %v: %s%s", code, err, out, errs)
	}
	return all.Objections
}

// objects has a homeowner object to what was metered in a settled interval.
func (s *session) objects(interval string, claimed int) {
	s.t.Helper()
	var values api.HomeValues
	text, code := s.get("/api/v1/homes/" + s.home + "/values?interval=" + interval)
	if err := json.Unmarshal([]byte(text), &values); err != nil || code != http.StatusOK || len(values.Points) == 0 {
		s.t.Fatalf("values: %d %s, %v", code, text, err)
	}
	claim := fmt.Sprintf(`{"metering_point":%q,"interval":%q,"import":%d,"export":0,"reason":"the oven was off"}`, values.Points[0].MeteringPoint, interval, claimed)
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.base+"/api/v1/homes/"+s.home+"/objections", strings.NewReader(claim))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Cookie", s.cookie)
	r.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		s.t.Fatalf("objection: %s", answer.Status)
	}
}

// TestTheOperatorDecidesAboutObjections lists two objections of a community that runs, accepts one
// and refuses the other by commands, and reads what became of them when it has stopped.
func TestTheOperatorDecidesAboutObjections(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	p := launch(t, dir, "--homes", "3", "--speed", "900")
	var interval string
	p.wait("two settled intervals", func() bool {
		var s api.State
		if p.base() == "" || p.get("/api/v1/state", &s) != nil {
			return false
		}
		for _, c := range s.Intervals {
			if c.Settled && !c.Provisional {
				interval = fmt.Sprintf("%s/%d", c.Interval.Start.UTC().Format("2006-01-02T15:04:05Z"), c.Interval.Minutes)
				return true
			}
		}
		return false
	})
	signIn(t, p, "home-01").objects(interval, 77_777)
	signIn(t, p, "home-02").objects(interval, 88_888)
	code, out, errs := execute(t, "objections", "list", "--data", dir, "--state", "open")
	if code != 0 || strings.Count(out, "\n") != 3 || !strings.Contains(out, "88888 Wh taken, 0 Wh given") || !strings.Contains(out, `"the oven was off"`) {
		t.Fatalf("exit code %d\n%s%s", code, out, errs)
	}
	if all := objected(t, dir, "--member", "home-02"); len(all) != 1 || all[0].Id != 2 || all[0].State != api.ObjectionStateOpen {
		t.Errorf("of one member: %+v", all)
	}
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"accept", "1"}, exitUsage, "--reason"},
		{[]string{"accept", "one", "--reason", "x"}, exitUsage, "NUMBER"},
		{[]string{"refuse", "9", "--reason", "x"}, exitUsage, "there is no such objection"},
		{[]string{"accept", "1", "--reason", "the register jumped", "--estimated"}, 0, `accepted  home-01`},
		{[]string{"refuse", "2", "--reason", "the meter was tested"}, 0, `by the operator: "the meter was tested"`},
		{[]string{"refuse", "1", "--reason", "x"}, exitUsage, "not open any more"},
		{[]string{"list", "--state", "sad"}, exitUsage, "--state"},
	} {
		code, out, errs := execute(t, append(append([]string{"objections"}, c.args...), "--data", dir)...)
		if code != c.code || !strings.Contains(out+errs, c.says) {
			t.Errorf("%v: exit code %d\n%s%s\nwant %d with %s", c.args, code, out, errs, c.code, c.says)
		}
	}
	p.wait("its settlement", func() bool {
		all := objected(t, dir, "--state", "accepted")
		return len(all) == 1 && all[0].Settled != nil && *all[0].Settled && *all[0].Quality == "official-3"
	})
	before := objected(t, dir)
	p.stop()
	after := objected(t, dir)
	if got, want := fmt.Sprintf("%+v", states(after)), fmt.Sprintf("%+v", states(before)); got != want || len(after) != 2 {
		t.Errorf("from the directory %s, want %s", got, want)
	}
	if code, out, errs := execute(t, "objections", "refuse", "2", "--reason", "x", "--data", dir); code != exitUsage || !strings.Contains(errs, "no community runs") {
		t.Errorf("a decision where nothing runs: exit code %d\n%s%s", code, out, errs)
	}
	if code, _, errs := execute(t, "objections", "list", "--data", filepath.Join(dir, "none")); code != exitUsage || !strings.Contains(errs, "data directory") {
		t.Errorf("no directory: exit code %d\n%s", code, errs)
	}
}

// states are what became of objections.
func states(all []api.Objection) (texts []string) {
	for _, o := range all {
		texts = append(texts, fmt.Sprint(o.Id, o.State, o.Home, o.Interval, o.Import, said(o.Answer), said(o.By)))
	}
	return texts
}
