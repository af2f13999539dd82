package store_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	influxdb2 "github.com/influxdata/influxdb-client-go/v2"
	"github.com/influxdata/influxdb-client-go/v2/api"
	"github.com/influxdata/influxdb-client-go/v2/domain"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/store"
)

// TestDashboardsAndTasksAnswer runs every query of the Grafana dashboards and of
// the downsampling tasks on a real server that holds readings: each brings rows.
func TestDashboardsAndTasksAnswer(t *testing.T) { eachInflux(t, dashboardsAndTasksAnswer) }

func dashboardsAndTasksAnswer(t *testing.T, s *influx) {
	db := openInflux(t, s, "commonwatt")
	var batch []grid.Reading
	for i := range 4000 {
		r := reading(float64(i), 100, grid.Energy(i), grid.Energy(i/2))
		r.Charge, r.Quality = new(grid.PerMille(500)), grid.Quality([]string{"good", "suspect"}[i%2])
		batch = append(batch, r)
	}
	if err := db.Write(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	begin, end := at(0).Format(time.RFC3339), at(4000).Format(time.RFC3339)
	bucket, queries := s.config("commonwatt").Bucket, map[string]string{}
	dashboards, err := filepath.Glob("../../deploy/grafana/dashboards/*.json")
	if err != nil || len(dashboards) == 0 {
		t.Fatal(dashboards, err)
	}
	for _, file := range dashboards {
		var d struct {
			UID, Title string
			Panels     []struct {
				Title   string
				Targets []struct{ Query string }
			}
		}
		load(t, file, &d)
		if d.UID == "" || d.Title == "" || len(d.Panels) == 0 {
			t.Errorf("%s: no dashboard: %+v", file, d)
		}
		for _, p := range d.Panels {
			for _, q := range p.Targets {
				queries[p.Title] = strings.NewReplacer("${bucket}", bucket, "v.timeRangeStart", begin, "v.timeRangeStop", end, "v.windowPeriod", "1m").Replace(q.Query)
			}
		}
	}
	for _, minutes := range []int{1, 15} {
		// What the task would write is asked for: 1.8 only reads.
		q := regexp.MustCompile(`(?m)^option task.*$|\|> to\(.*\)`).ReplaceAllString(store.Downsampling("t", bucket, minutes), "")
		queries[fmt.Sprint(minutes, " minutes")] = strings.ReplaceAll(q, "start: -4h", fmt.Sprintf("start: %s, stop: %s", begin, end))
	}
	for name, q := range queries {
		status, answer := s.post("/api/v2/query?org="+s.config("").Org, "application/vnd.flux", q)
		if rows := strings.Count(answer, "home-01/meter"); status != http.StatusOK || rows < 2 || strings.Contains(answer, "error") {
			t.Errorf("%s: %d, %d rows\n%s\n%.400s", name, status, rows, q, answer)
		}
	}
}

func load(t *testing.T, file string, into any) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(b, into)
	}
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

// TestSetUpInflux sets up a server of version 2: the buckets with how long they
// keep, the tasks, which make means of what is there. Once more makes nothing;
// a task of an older version is replaced; who may only read and write is told
// so.
func TestSetUpInflux(t *testing.T) {
	s := startInflux2(t, influxBinary(t, "INFLUXD2", "v2."))
	c, keep := s.config("street"), store.Keep{Raw: 35 * 24 * time.Hour, Minutes: 400 * 24 * time.Hour}
	setUp := func(want ...string) {
		t.Helper()
		made, err := store.SetUpInflux(t.Context(), c, keep)
		if err != nil || !slices.Equal(made, want) {
			t.Errorf("made %q, %v; want %q", made, err, want)
		}
	}
	setUp("bucket street, readings are kept for 840h0m0s", "bucket street_1m, readings are kept for 9600h0m0s", "bucket street_15m, readings are kept for good",
		"task commonwatt: street_1m", "task commonwatt: street_15m")
	setUp()

	client := influxdb2.NewClient(c.URL, c.Token)
	defer client.Close()
	for name, want := range map[string]int64{"street": 35 * 86400, "street_1m": 400 * 86400, "street_15m": 0} {
		b, err := client.BucketsAPI().FindBucketByName(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		var got int64
		for _, r := range b.RetentionRules {
			got = r.EverySeconds
		}
		if got != want {
			t.Errorf("bucket %s keeps %d s, want %d", name, got, want)
		}
	}

	db, err := store.OpenInflux(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	quarter := time.Now().UTC().Truncate(15 * time.Minute).Add(-15 * time.Minute)
	for i := range 90 {
		r := reading(0, grid.Power(i), grid.Energy(1000+i), 0)
		r.Time = quarter.Add(time.Duration(i) * 10 * time.Second)
		if err := db.Write(t.Context(), []grid.Reading{r}); err != nil {
			t.Fatal(err)
		}
	}
	tasks, err := client.TasksAPI().FindTasks(t.Context(), &api.TaskFilter{OrgName: c.Org})
	if err != nil || len(tasks) != 2 {
		t.Fatal(tasks, err)
	}
	for i := range tasks {
		if _, err := client.TasksAPI().RunManually(t.Context(), &tasks[i]); err != nil {
			t.Fatal(err)
		}
	}
	for bucket, steps := range map[string]int{"street_1m": 15, "street_15m": 1} {
		c := c
		c.Bucket = bucket
		means, err := store.OpenInflux(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		defer means.Close()
		var got []grid.Reading
		// A real server tells nobody when its task has run: it has to be asked again and again.
		for deadline := time.Now().Add(30 * time.Second); len(got) < steps && time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
			if got, err = means.Range(t.Context(), "home-01/meter", quarter, quarter.Add(15*time.Minute), store.Raw); err != nil {
				t.Fatal(err)
			}
		}
		if len(got) != steps {
			t.Fatalf("%s: %d steps, want %d", bucket, len(got), steps)
		}
		if last := got[steps-1]; *last.Import != 1089 || *got[0].Power > 44 || steps == 15 && *got[0].Import != 1005 {
			t.Errorf("%s: power %d, import %d to %d", bucket, *got[0].Power, *got[0].Import, *last.Import)
		}
	}

	tasks[0].Flux = strings.ReplaceAll(tasks[0].Flux, "-4h", "-1h")
	if _, err := client.TasksAPI().UpdateTask(t.Context(), &domain.Task{Id: tasks[0].Id, Name: tasks[0].Name, Flux: tasks[0].Flux}); err != nil {
		t.Fatal(err)
	}
	setUp("task " + tasks[0].Name)
	setUp()

	c.Token = s.writer("street")
	made, err := store.SetUpInflux(t.Context(), c, keep)
	if err != nil || len(made) != 1 || !strings.Contains(made[0], "may only read and write") {
		t.Errorf("with a token for the bucket alone: %q, %v", made, err)
	}
	if db, err := store.OpenInflux(t.Context(), c); err != nil {
		t.Error(err)
	} else if err := errors.Join(db.Write(t.Context(), []grid.Reading{{Device: "home-01/meter", Time: quarter, Quality: grid.Good}}), db.Close()); err != nil {
		t.Error(err)
	}
	c.Org = ""
	if _, err := store.SetUpInflux(t.Context(), c, keep); err == nil || !strings.Contains(err.Error(), "org: must be given") {
		t.Errorf("without an organisation: %v", err)
	}
}
