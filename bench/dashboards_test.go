package bench

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

// TestDashboardsWatchTheirHomes has a few dashboards watch: each hears of the community and of its
// home about once a second, and one that does not read is not hung up on so soon. It is by
// cookies, and by keys where there are too many homes to sign in to.
func TestDashboardsWatchTheirHomes(t *testing.T) {
	t.Parallel()
	for _, homes := range []int{4, mostCookies + 1} {
		r, err := Dashboards(t.Context(), DashboardsOptions{Count: 12, Stalled: 1, Homes: homes, Idle: time.Millisecond, Duration: 3 * time.Second, Evict: time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		if r.Dashboards != 12 || r.Homes != homes || r.Hertz < 0.5 || r.Hertz > 3.5 || r.Bytes < 300*r.Hertz || r.Cores <= 0 || r.Evicted != 0 {
			t.Errorf("got %+v", r)
		}
	}
}

// TestDashboardsThatNobodyAnswers ask where nobody listens, and where no community is.
func TestDashboardsThatNobodyAnswers(t *testing.T) {
	t.Parallel()
	for _, homes := range []int{1, mostCookies + 1} {
		err := WatchDashboards(t.Context(), "127.0.0.1:1", DashboardsOptions{Count: 1, Homes: homes}, strings.NewReader(""), &bytes.Buffer{})
		if err == nil || !strings.Contains(err.Error(), "refused") {
			t.Errorf("%v", err)
		}
	}
}

// TestFramesAreAsLongAsTheySay, in each of the three ways.
func TestFramesAreAsLongAsTheySay(t *testing.T) {
	t.Parallel()
	for head, want := range map[string]int64{"\x81\x05": 5, "\x81\x7e\x01\x02": 258, "\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00": 65536} {
		if got, err := frame(strings.NewReader(head)); got != want || err != nil {
			t.Errorf("%x: %d, %v", head, got, err)
		}
	}
	for _, cut := range []string{"", "\x81", "\x81\x7e\x01"} {
		if _, err := frame(strings.NewReader(cut)); err == nil {
			t.Errorf("%x is a frame", cut)
		}
	}
}

func TestADashboardsResultPrintsItself(t *testing.T) {
	t.Parallel()
	r := DashboardsResult{Dashboards: 10, Homes: 2, Seconds: 20, Hertz: 2.06, Bytes: 1234.4, IdleCores: 0.01, Cores: 0.4, BeyondIdle: 0.39, Stalled: 3, Evicted: 2, EvictSeconds: 61.2}
	printed(t, r, `10 signed-in dashboards over 2 homes, 2.06 messages and 1234 bytes a second each, for 20 s
the server took 0.400 of a core, 0.010 without dashboards: 0.390 for them
2 of 3 dashboards that do not read were hung up on, the last after 61 s
`)
	marshalled(t, r, `{"dashboards":10,"homes":2,"seconds":20,"messages_per_dashboard_second":2.06,"bytes_per_dashboard_second":1234.4,"idle_cores":0.01,"cores":0.4,"cores_beyond_idle":0.39,"stalled":3,"evicted":2,"evicted_after_seconds":61.2}`)
}
