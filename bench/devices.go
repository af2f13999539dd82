package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters"
	"github.com/commonwatt/commonwatt/meters/modbus"
	"github.com/commonwatt/commonwatt/meters/profile"
)

// DevicesOptions say what Devices reads.
type DevicesOptions struct {
	Count    int
	Duration time.Duration // of the measuring, after Connect
	Connect  time.Duration // from the start of the readers until it is measured
}

// DevicesResult is what Devices measures.
type DevicesResult struct {
	Devices     int     `json:"devices"`
	Seconds     float64 `json:"seconds"`
	Readings    int64   `json:"readings"`
	Missed      int64   `json:"missed_polls"`
	P50MS       float64 `json:"due_to_done_ms_p50"`
	P99MS       float64 `json:"due_to_done_ms_p99"`
	MaxMS       float64 `json:"due_to_done_ms_max"`
	ReaderCores float64 `json:"reader_cores"` // processor time of this process a second
}

// Print writes the result for people.
func (r DevicesResult) Print(w io.Writer) error {
	_, err := fmt.Fprintf(w, `%d devices, %d readings in %.0f s, %d polls missed
from due to done: p50 %.1f ms, p99 %.1f ms, at most %.1f ms
the reader took %.2f of a core
`, r.Devices, r.Readings, r.Seconds, r.Missed, r.P50MS, r.P99MS, r.MaxMS, r.ReaderCores)
	return err
}

// Devices reads meters of another process over Modbus TCP, each once a second, with
// validation, as the program does.
func Devices(ctx context.Context, o DevicesOptions) (DevicesResult, error) {
	profiles, err := profile.Embedded()
	if err != nil {
		return DevicesResult{}, err
	}
	addresses, stop, err := startMeters(ctx, o.Count)
	if err != nil {
		return DevicesResult{}, err
	}
	defer stop()
	targets, err := targets(addresses, profiles.Get("sunspec-meter"))
	if err != nil {
		return DevicesResult{}, err
	}
	var polls polls
	fleet := meters.Fleet{Clock: time.Now, Sink: discard{}, Log: slog.New(slog.DiscardHandler), Seen: polls.seen}
	reading, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- fleet.Run(reading, targets, discard{}) }()
	cores, err := polls.measure(o)
	cancel()
	if err := errors.Join(err, <-done); err != nil {
		return DevicesResult{}, err
	}
	return polls.result(o, cores), nil
}

// targets are the meters at the addresses, four a home.
func targets(addresses []string, p *profile.Profile) ([]meters.Target, error) {
	var all []meters.Target
	for i, a := range addresses {
		e, err := modbus.ParseEndpoint(a)
		if err != nil {
			return nil, err
		}
		id := fmt.Sprintf("meter-%04d", i)
		all = append(all, meters.Target{
			Device:   grid.Device{ID: id, Kind: grid.Meter, Member: fmt.Sprintf("home-%04d", i/4), MeteringPoint: id},
			Endpoint: e, Unit: 1, Profile: p,
		})
	}
	return all, nil
}

// discard takes readings and forgets them.
type discard struct{}

// PublishBatch implements meters.Sink.
func (discard) PublishBatch(context.Context, string, meters.Batch) error { return nil }

// Totals implements meters.Totals: there is no reading from before.
func (discard) Totals(context.Context, string) (*grid.Reading, error) { return nil, nil }

// polls are those that were due while it was measured. Many pollers report to it.
type polls struct {
	mu       sync.Mutex
	from, to time.Time       // zero: not yet
	took     []time.Duration // from due to done
}

func (p *polls) seen(due, done time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.from.IsZero() && !due.Before(p.from) && due.Before(p.to) {
		p.took = append(p.took, done.Sub(due))
	}
}

// measure waits for the readers to connect, lets them read, and returns how much of a
// core this process took meanwhile.
func (p *polls) measure(o DevicesOptions) (cores float64, err error) {
	time.Sleep(o.Connect)
	before, err := processTime()
	if err != nil {
		return 0, err
	}
	p.mu.Lock()
	p.from = time.Now()
	p.to = p.from.Add(o.Duration)
	p.mu.Unlock()
	time.Sleep(o.Duration)
	after, err := processTime()
	if err != nil {
		return 0, err
	}
	time.Sleep(time.Second) // the last polls finish
	return (after - before).Seconds() / o.Duration.Seconds(), nil
}

// result is what was seen until now.
func (p *polls) result(o DevicesOptions, cores float64) DevicesResult {
	p.mu.Lock()
	defer p.mu.Unlock()
	slices.Sort(p.took)
	ms := func(perMille int) float64 { return float64(quantile(p.took, perMille).Microseconds()) / 1e3 }
	polls, readings := int64(float64(o.Count)*o.Duration.Seconds()), int64(len(p.took))
	return DevicesResult{
		Devices: o.Count, Seconds: o.Duration.Seconds(), Readings: readings, Missed: max(polls-readings, 0),
		P50MS: ms(500), P99MS: ms(990), MaxMS: ms(1000), ReaderCores: cores,
	}
}
