package store_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
)

// TestDashboardsAndTasksAnswer runs every query of the Grafana dashboards and of
// the downsampling tasks on a real server that holds readings: each brings rows.
func TestDashboardsAndTasksAnswer(t *testing.T) {
	s := startInflux(t, influxBinary(t))
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
	queries := map[string]string{}
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
				queries[p.Title] = strings.NewReplacer("${bucket}", "commonwatt/autogen", "v.timeRangeStart", begin, "v.timeRangeStop", end, "v.windowPeriod", "1m").Replace(q.Query)
			}
		}
	}
	tasks, err := filepath.Glob("../../deploy/influxdb/*.flux")
	if err != nil || len(tasks) == 0 {
		t.Fatal(tasks, err)
	}
	for _, file := range tasks {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		// 1.8 reads only: what the task would write is asked for.
		q := regexp.MustCompile(`(?m)^option task.*$|\|> to\(.*\)`).ReplaceAllString(string(text), "")
		queries[file] = strings.NewReplacer(`"commonwatt"`, `"commonwatt/autogen"`, "start: -3 * task.every", fmt.Sprintf("start: %s, stop: %s", begin, end)).Replace(q)
	}
	for name, q := range queries {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.base+"/api/v2/query", strings.NewReader(q))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/vnd.flux")
		request.Header.Set("Accept", "application/csv")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if rows := strings.Count(string(b), "home-01/meter"); response.StatusCode != http.StatusOK || rows < 2 || strings.Contains(string(b), "error") {
			t.Errorf("%s: %s, %d rows\n%s\n%.400s", name, response.Status, rows, q, b)
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
