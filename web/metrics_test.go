package web_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/commonwatt/commonwatt/web"
	"github.com/commonwatt/commonwatt/web/api"
)

// told are measures that are known; it implements web.Measures.
type told api.Measures

func (m told) Measures(context.Context) (api.Measures, error) { return api.Measures(m), nil }

// TestMeasuresAreMetrics has what is known in base units, and nothing of what is not.
func TestMeasuresAreMetrics(t *testing.T) {
	m := told{Members: 3, SharingShare: new(987), Bill: new(int64(-1_500_000)), BillWithout: new(int64(2_000_000)), BillRuleBased: new(int64(500_000)), BillByKey: new(int64(-250_000)), WorseOff: new(0), Imbalance: new(int64(1234)), Cycles: new(int64(750))}
	w := httptest.NewRecorder()
	web.Metrics(func(context.Context) api.Status { return api.Status{OrdersTotal: 5} }, m).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", http.NoBody))
	text := w.Body.String()
	for _, line := range []string{
		"commonwatt_sharing_ratio 0.987", "commonwatt_bill -1.5", "commonwatt_bill_without 2", "commonwatt_bill_rule_based 0.5", "commonwatt_bill_by_key -0.25", "commonwatt_members_worse_off 0", "commonwatt_imbalance_watthours 1234", "commonwatt_battery_cycles 0.75", "commonwatt_orders_total 5",
	} {
		if !strings.Contains(text, "\n"+line+"\n") {
			t.Errorf("no %q in\n%s", line, text)
		}
	}
	for _, missing := range []string{"commonwatt_foresight_ratio", "commonwatt_worst_member_gain", "commonwatt_missed_deadlines"} {
		if strings.Contains(text, missing) {
			t.Errorf("%s is there, and nobody knows it", missing)
		}
	}
	for line := range strings.Lines(text) {
		if name, is := strings.CutPrefix(line, "# TYPE "); is && !strings.Contains(text, "# HELP "+strings.Fields(name)[0]+" ") {
			t.Errorf("%s has no help", name)
		}
	}
}
