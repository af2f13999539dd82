package web_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/web"
	"github.com/commonwatt/commonwatt/web/api"
)

// willing is one home that allows research, of one step; by days it is said that there are too few.
type willing struct{}

func (willing) History(_ context.Context, r web.Range) (api.ResearchHistory, error) {
	if r.Step == "1d" {
		return api.ResearchHistory{}, refusedBillError{conflict: true}
	}
	return api.ResearchHistory{Zone: "Europe/Vienna", Step: r.Step, Homes: []api.ResearchHome{
		{Pseudonym: "00ff", Points: []api.ResearchPoint{{Start: r.From, End: r.From.Add(time.Hour), Quality: "measured", Import: new(int64(0))}}},
	}}, nil
}

// TestResearchersAloneDownloadHistory asks as a researcher for both forms and for ranges that are
// none, and as others.
func TestResearchersAloneDownloadHistory(t *testing.T) {
	h := guarded(t)
	researcher := guestIn(t, h, `{"role":"researcher"}`)
	const day = "/api/v1/research/history?from=2026-06-01T00:00:00Z&to=2026-06-02T00:00:00Z"
	for _, r := range []struct {
		query, says string
		code        int
	}{
		{"", `"import":0`, http.StatusOK},
		{"&format=csv", "home,start,end,quality,import_wh,export_wh\n00ff,2026-06-01T02:00:00+02:00,2026-06-01T03:00:00+02:00,measured,0,\n", http.StatusOK},
		{"&step=1d", "", http.StatusConflict},
		{"&step=5m", "step", http.StatusBadRequest},
		{"&format=xml", "format", http.StatusBadRequest},
	} {
		if w := knock(t, h, http.MethodGet, day+r.query, "", researcher); w.Code != r.code || !strings.Contains(w.Body.String(), r.says) {
			t.Errorf("%s: %d %s, want %d with %s", r.query, w.Code, w.Body, r.code, r.says)
		}
	}
	for _, wrong := range []string{"from=2026-06-02T00:00:00Z&to=2026-06-01T00:00:00Z", "from=2026-06-01T00:00:00Z&to=2026-07-04T00:00:00Z&step=15m", "from=2025-06-01T00:00:00Z&to=2026-07-04T00:00:00Z"} {
		if w := knock(t, h, http.MethodGet, "/api/v1/research/history?"+wrong, "", researcher); w.Code != http.StatusBadRequest {
			t.Errorf("%s: %d %s", wrong, w.Code, w.Body)
		}
	}
	for _, role := range []string{"homeowner", "utility", "operator", "installer"} {
		if w := knock(t, h, http.MethodGet, day, "", guestIn(t, h, `{"role":"`+role+`"}`)); w.Code != http.StatusForbidden {
			t.Errorf("%s: %d %s", role, w.Code, w.Body)
		}
	}
	if w := knock(t, h, http.MethodGet, day, ""); w.Code != http.StatusUnauthorized {
		t.Errorf("whoever comes: %d %s", w.Code, w.Body)
	}
}
