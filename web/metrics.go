package web

import (
	"context"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/commonwatt/commonwatt/web/api"
)

// Metrics serves the totals of the status for Prometheus, and how well the community does; nil:
// nobody measures that.
func Metrics(status func(context.Context) api.Status, measures Measures) http.Handler {
	r := prometheus.NewRegistry()
	r.MustRegister(&statusCollector{status: status})
	if measures != nil {
		r.MustRegister(measureCollector{measures})
	}
	return promhttp.HandlerFor(r, promhttp.HandlerOpts{})
}

// measureCollector sends the measures that are known.
type measureCollector struct{ measures Measures }

// Describe sends nothing: the metrics are made when they are collected.
func (measureCollector) Describe(chan<- *prometheus.Desc) {}

// Collect sends the measures in base units: ratios, units of the currency, Wh.
func (c measureCollector) Collect(out chan<- prometheus.Metric) {
	m, err := c.measures.Measures(context.Background())
	if err != nil {
		out <- prometheus.NewInvalidMetric(prometheus.NewDesc("commonwatt_measures", "How well the community does.", nil, nil), err)
		return
	}
	const thousandth, millionth = 1e-3, 1e-6
	for _, g := range []struct {
		name, help string
		known      *int64
		unit       float64
	}{
		{"commonwatt_sharing_ratio", "Energy shared, of what perfect sharing of what was metered would have shared, over the last seven days.", long(m.SharingShare), thousandth},
		{"commonwatt_welfare_ratio", "Declared welfare of the trades, of the optimum of the same orders.", long(m.WelfareShare), thousandth},
		{"commonwatt_foresight_ratio", "Gain over everyone alone, of that of the joint optimum with perfect foresight.", long(m.ForesightShare), thousandth},
		{"commonwatt_bill", "What all members paid together over the last seven days, in units of the currency; negative: they were paid.", m.Bill, millionth},
		{"commonwatt_bill_without", "What they would have paid each alone, in units of the currency.", m.BillWithout, millionth},
		{"commonwatt_bill_rule_based", "What they would have paid with batteries by their own logic and cars at once, in units of the currency.", m.BillRuleBased, millionth},
		{"commonwatt_bill_by_key", "What they would have paid for what was metered by a dynamic allocation key, in units of the currency.", m.BillByKey, millionth},
		{"commonwatt_worst_member_gain", "What the member gained by the community that gained least, in units of the currency; negative: it lost.", m.WorstMember, millionth},
		{"commonwatt_members_worse_off", "Members whom the community cost more than it saved.", long(m.WorseOff), 1},
		{"commonwatt_imbalance_watthours", "Energy that was metered otherwise than it was traded, both ways, over the last seven days.", m.Imbalance, 1},
		{"commonwatt_forecast_skill_ratio", "Pinball loss of the forecasts in use, of that of yesterday's values, mean over the homes; less is better.", long(m.Skill), thousandth},
		{"commonwatt_battery_cycles", "Full cycles of a battery in the last day, mean.", m.Cycles, thousandth},
		{"commonwatt_best_response", "What one member would have gained by other orders on the last day that was cleared anew, in units of the currency.", m.BestResponse, millionth},
		{"commonwatt_best_response_timestamp_seconds", "World time at which that day ended.", unix(m.BestResponseUntil), 1},
		{"commonwatt_deadlines", "Times of the last seven days by which a car was to be charged and could have been.", long(m.Deadlines), 1},
		{"commonwatt_missed_deadlines", "Those of them at which it was not.", long(m.MissedDeadlines), 1},
	} {
		if g.known != nil {
			out <- prometheus.MustNewConstMetric(prometheus.NewDesc(g.name, g.help, nil, nil), prometheus.GaugeValue, float64(*g.known)*g.unit)
		}
	}
}

// long is a number that may be missing.
func long(n *int) *int64 {
	if n == nil {
		return nil
	}
	return new(int64(*n))
}

// unix is a time that may be missing, in seconds.
func unix(t *time.Time) *int64 {
	if t == nil {
		return nil
	}
	return new(t.Unix())
}

type statusCollector struct {
	status func(context.Context) api.Status
}

// Describe sends nothing: the metrics are made when they are collected.
func (*statusCollector) Describe(chan<- *prometheus.Desc) {}

// Collect sends the totals as they are.
func (c *statusCollector) Collect(out chan<- prometheus.Metric) {
	s := c.status(context.Background())
	for _, m := range []struct {
		name, help string
		kind       prometheus.ValueType
		value      int64
	}{
		{"commonwatt_devices_online", "Devices heard in the last seconds.", prometheus.GaugeValue, int64(s.DevicesOnline)},
		{"commonwatt_readings_total", "Readings stored.", prometheus.CounterValue, s.ReadingsTotal},
		{"commonwatt_orders_total", "Orders accepted.", prometheus.CounterValue, s.OrdersTotal},
		{"commonwatt_trades_total", "Trades made.", prometheus.CounterValue, s.TradesTotal},
		{"commonwatt_intervals_cleared_total", "Delivery intervals cleared.", prometheus.CounterValue, s.IntervalsCleared},
		{"commonwatt_intervals_settled_total", "Delivery intervals with a closed run on the ledger.", prometheus.CounterValue, s.IntervalsSettled},
		{"commonwatt_ledger_height", "Blocks of the ledger.", prometheus.GaugeValue, s.Ledger.Height},
	} {
		out <- prometheus.MustNewConstMetric(prometheus.NewDesc(m.name, m.help, nil, nil), m.kind, float64(m.value))
	}
}
