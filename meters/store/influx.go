package store

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	influxdb2 "github.com/influxdata/influxdb-client-go/v2"
	"github.com/influxdata/influxdb-client-go/v2/api"
	influxhttp "github.com/influxdata/influxdb-client-go/v2/api/http"
	"github.com/influxdata/influxdb-client-go/v2/api/query"
	"github.com/influxdata/influxdb-client-go/v2/api/write"

	"github.com/commonwatt/commonwatt/grid"
)

// InfluxConfig says which server and bucket to use. For InfluxDB 1.8 the
// bucket is DATABASE/RETENTION and organisation and token are empty, or
// USER:PASSWORD as the token.
type InfluxConfig struct {
	URL    string
	Org    string
	Bucket string
	Token  string
}

// Influx is the driver for InfluxDB 1.8 and 2.x. It is safe for concurrent
// use. Writes are blocking: a write returns after the server said 204.
type Influx struct {
	client influxdb2.Client
	write  api.WriteAPIBlocking
	query  api.QueryAPI
	bucket string
	atOnce atomic.Int64 // readings that one request carries
}

const measurement = "reading"

// requestWithin is how long a server may take for one request.
const requestWithin = 20 * time.Second

// OpenInflux connects and checks that the bucket answers queries.
func OpenInflux(ctx context.Context, c InfluxConfig) (*Influx, error) {
	options := influxdb2.DefaultOptions().SetPrecision(time.Millisecond).SetHTTPRequestTimeout(uint(requestWithin / time.Second))
	client := influxdb2.NewClientWithOptions(c.URL, c.Token, options)
	s := &Influx{client: client, write: client.WriteAPIBlocking(c.Org, c.Bucket), query: client.QueryAPI(c.Org), bucket: c.Bucket}
	s.atOnce.Store(mostPoints)
	if _, err := s.Last(ctx, "-"); err != nil {
		client.Close()
		return nil, fmt.Errorf("open influxdb %s bucket %q: %w", c.URL, c.Bucket, err)
	}
	return s, nil
}

// Kind names the driver.
func (*Influx) Kind() string { return "influxdb" }

// Close releases the connections.
func (s *Influx) Close() error {
	s.client.Close()
	return nil
}

// Write sends the readings and waits for the server's 204. What the server refuses
// for good, as a field whose type another program changed, is found point by
// point; the others are written. A body that is larger than the server takes is sent in
// smaller ones. Errors: *RefusedPointsError, or the network's, after which the same
// readings are to be written again.
func (s *Influx) Write(ctx context.Context, readings []grid.Reading) error {
	var refused RefusedPointsError
	for len(readings) > 0 {
		n := min(len(readings), int(s.atOnce.Load()))
		if err := s.writeChunk(ctx, readings[:n], &refused); err != nil {
			return fmt.Errorf("write %d readings to influxdb: %w", len(readings), err)
		}
		readings = readings[n:]
	}
	if len(refused.Points) > 0 {
		return &refused
	}
	return nil
}

// mostPoints is what one request carries: the server's documentation advises
// 5,000 lines.
const mostPoints = 5000

// writeChunk writes readings; those that the server refuses are told apart by
// halves.
func (s *Influx) writeChunk(ctx context.Context, readings []grid.Reading, refused *RefusedPointsError) error {
	points := make([]*write.Point, len(readings))
	for i, r := range readings {
		points[i] = point(r)
	}
	err := s.write.WritePoint(ctx, points...)
	if err == nil {
		return nil
	}
	if late := net.Error(nil); errors.As(err, &late) && late.Timeout() {
		s.atOnce.Store(int64(max(len(readings)/2, 1))) //nolint:mnd // half of what took too long
	}
	answer := (*influxhttp.Error)(nil)
	if !errors.As(err, &answer) {
		return err
	}
	switch answer.StatusCode {
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
	case http.StatusRequestEntityTooLarge:
		s.atOnce.Store(int64(max(len(readings)/2, 1))) //nolint:mnd // half of what was too much
	default:
		return err
	}
	if len(readings) == 1 {
		refused.Points = append(refused.Points, RefusedPoint{Device: readings[0].Device, Time: readings[0].Time, Err: err})
		return nil
	}
	half := len(readings) / 2
	if err := s.writeChunk(ctx, readings[:half], refused); err != nil {
		return err
	}
	return s.writeChunk(ctx, readings[half:], refused)
}

// Refuses tells whether a server has answered that it does not take what it was sent, so
// that the configuration is to be mended: its token, its organisation, its bucket. A server
// that is busy, or does not answer, does not refuse.
func Refuses(err error) bool {
	answer := (*influxhttp.Error)(nil)
	if !errors.As(err, &answer) {
		return errors.Is(err, errHidden) || errors.Is(err, errNoOrg)
	}
	switch answer.StatusCode {
	case http.StatusRequestTimeout, http.StatusTooManyRequests:
		return false
	default:
		return answer.StatusCode >= http.StatusBadRequest && answer.StatusCode < http.StatusInternalServerError
	}
}

func point(r grid.Reading) *write.Point {
	p := influxdb2.NewPointWithMeasurement(measurement).AddTag("device", r.Device).SetTime(r.Time).
		AddField("took", r.Took.Microseconds()).AddField("quality", string(r.Quality))
	if r.Power != nil {
		p.AddField("power", int64(*r.Power))
	}
	if r.Import != nil {
		p.AddField("import", int64(*r.Import))
	}
	if r.Export != nil {
		p.AddField("export", int64(*r.Export))
	}
	if r.Charge != nil {
		p.AddField("charge", int64(*r.Charge))
	}
	if r.Voltage != nil {
		p.AddField("voltage", *r.Voltage)
	}
	if r.Hertz != nil {
		p.AddField("hertz", *r.Hertz)
	}
	return p
}

// from begins a Flux query for one device in [start, stop). The filter repeats
// the stop because 1.8 takes it as inclusive.
func (s *Influx) from(device string, start, stop time.Time) string {
	return fmt.Sprintf(`from(bucket: %s) |> range(start: %s, stop: %s) |> filter(fn: (r) => r._measurement == "%s" and r.device == %s and r._time < %s)`,
		quote(s.bucket), start.UTC().Format(time.RFC3339Nano), stop.UTC().Format(time.RFC3339Nano),
		measurement, quote(device), stop.UTC().Format(time.RFC3339Nano))
}

// quote writes a Flux string literal.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, `$`, `\x24`).Replace(s) + `"`
}

const pivot = ` |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value") |> group() |> sort(columns: ["_time"])`

// Last returns the latest reading.
func (s *Influx) Last(ctx context.Context, device string) (*grid.Reading, error) {
	// Fields may end at different times; "took" is written with every reading.
	ago := time.Unix(0, 0)
	rows, err := s.records(ctx, s.from(device, ago, farFuture())+` |> filter(fn: (r) => r._field == "took") |> last()`)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	at := rows[0].Time()
	readings, err := s.Range(ctx, device, at, at.Add(time.Millisecond), Raw)
	if err != nil || len(readings) == 0 {
		return nil, err
	}
	return &readings[0], nil
}

func farFuture() time.Time { return time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC) }

// Range returns the readings of [from, to).
func (s *Influx) Range(ctx context.Context, device string, from, to time.Time, step Step) ([]grid.Reading, error) {
	flux := s.from(device, from, to)
	if step != Raw {
		flux = s.downsampled(flux, time.Duration(step))
	}
	rows, err := s.records(ctx, flux+pivot)
	if err != nil {
		return nil, err
	}
	readings := make([]grid.Reading, len(rows))
	for i, row := range rows {
		readings[i] = reading(device, row)
	}
	return readings, nil
}

func (s *Influx) downsampled(flux string, step time.Duration) string {
	window := func(fields, fn string) string {
		return fmt.Sprintf(`%s |> filter(fn: (r) => contains(value: r._field, set: [%s])) |> aggregateWindow(every: %dms, fn: %s, timeSrc: "_start", createEmpty: false)`,
			flux, fields, step.Milliseconds(), fn)
	}
	// Registers only grow, so the last of a step is its maximum.
	return fmt.Sprintf("union(tables: [%s, %s, %s])",
		window(`"power", "charge", "voltage", "hertz"`, "mean")+` |> map(fn: (r) => ({r with _value: int(v: if r._value < 0.0 then r._value - 0.5 else r._value + 0.5)}))`+drop,
		window(`"import", "export", "took"`, "max")+drop,
		fmt.Sprintf(doubts, flux, step.Milliseconds())+drop)
}

// doubts counts a step's readings that are not good as 1.
const doubts = `%s |> filter(fn: (r) => r._field == "quality") |> map(fn: (r) => ({r with _value: if r._value == "good" then 0 else 1}))` +
	` |> aggregateWindow(every: %dms, fn: max, timeSrc: "_start", createEmpty: false)`

const drop = ` |> drop(columns: ["_start", "_stop"])`

// Around returns the registers on both sides of t.
func (s *Influx) Around(ctx context.Context, device string, t time.Time, reach time.Duration) (before, after *grid.Registers, err error) {
	before, err = s.registers(ctx, s.from(device, t.Add(-reach), t.Add(time.Millisecond)), "true")
	if err != nil {
		return nil, nil, err
	}
	after, err = s.registers(ctx, s.from(device, t, t.Add(reach+time.Millisecond)), "false")
	return before, after, err
}

func (s *Influx) registers(ctx context.Context, flux, desc string) (*grid.Registers, error) {
	rows, err := s.records(ctx, flux+` |> filter(fn: (r) => r._field == "import" or r._field == "export" or r._field == "quality")`+
		` |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value") |> group()`+
		` |> filter(fn: (r) => exists r["import"] and exists r["export"])`+
		` |> sort(columns: ["_time"], desc: `+desc+`) |> limit(n: 1)`)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	r := grid.Registers{Time: rows[0].Time().UTC(), Quality: quality(rows[0].ValueByKey("quality"))}
	if v := integer(rows[0], "import"); v != nil {
		r.Import = grid.Energy(*v)
	}
	if v := integer(rows[0], "export"); v != nil {
		r.Export = grid.Energy(*v)
	}
	return &r, nil
}

func (s *Influx) records(ctx context.Context, flux string) ([]*query.FluxRecord, error) {
	result, err := s.query.Query(ctx, flux)
	if err != nil {
		return nil, fmt.Errorf("query influxdb: %w", err)
	}
	defer result.Close() //nolint:errcheck // the records are read or the error below says why not
	var rows []*query.FluxRecord
	for result.Next() {
		rows = append(rows, result.Record())
	}
	if err := result.Err(); err != nil {
		return nil, fmt.Errorf("query influxdb: %w", err)
	}
	return rows, nil
}

func reading(device string, row *query.FluxRecord) grid.Reading {
	r := grid.Reading{
		Device: device, Time: row.Time().UTC(),
		Power: typed[grid.Power](row, "power"), Import: typed[grid.Energy](row, "import"), Export: typed[grid.Energy](row, "export"),
		Charge: typed[grid.PerMille](row, "charge"), Voltage: integer(row, "voltage"), Hertz: integer(row, "hertz"),
	}
	if took := integer(row, "took"); took != nil {
		r.Took = time.Duration(*took) * time.Microsecond
	}
	r.Quality = quality(row.ValueByKey("quality"))
	return r
}

// quality reads the field as written, or what doubts made of it.
func quality(v any) grid.Quality {
	switch v := v.(type) {
	case string:
		return grid.Quality(v)
	case int64:
		if v == 0 {
			return grid.Good
		}
	}
	return grid.Suspect
}

func integer(row *query.FluxRecord, field string) *int64 {
	if v, ok := row.ValueByKey(field).(int64); ok {
		return &v
	}
	return nil
}

func typed[T ~int | ~int64](row *query.FluxRecord, field string) *T {
	if v := integer(row, field); v != nil {
		return new(T(*v))
	}
	return nil
}

// Count returns how many readings are kept.
func (s *Influx) Count(ctx context.Context) (int64, error) {
	rows, err := s.records(ctx, fmt.Sprintf(`from(bucket: %s) |> range(start: 0) |> filter(fn: (r) => r._measurement == "%s" and r._field == "took") |> group() |> count()`,
		quote(s.bucket), measurement))
	if err != nil || len(rows) == 0 {
		return 0, err
	}
	n, _ := rows[0].Value().(int64)
	return n, nil
}

// Totals returns the last registers that were read.
func (s *Influx) Totals(ctx context.Context, device string) (*grid.Reading, error) {
	rows, err := s.records(ctx, s.from(device, time.Unix(0, 0), farFuture())+` |> filter(fn: (r) => r._field == "import" or r._field == "export") |> last()`)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	var values [2]*grid.Energy
	var times [2]time.Time
	for _, row := range rows {
		value, ok := row.Value().(int64)
		if !ok {
			continue
		}
		i := 0
		if row.Field() == "export" {
			i = 1
		}
		values[i], times[i] = new(grid.Energy(value)), row.Time().UTC()
	}
	return totals(device, values[0], times[0], values[1], times[1]), nil
}
