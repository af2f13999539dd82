package web

import (
	"context"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/commonwatt/commonwatt/web/api"
)

// Metrics serves the totals of the status for Prometheus.
func Metrics(status func(context.Context) api.Status) http.Handler {
	r := prometheus.NewRegistry()
	r.MustRegister(&statusCollector{status: status})
	return promhttp.HandlerFor(r, promhttp.HandlerOpts{})
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
