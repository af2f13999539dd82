package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters"
	"github.com/commonwatt/commonwatt/meters/modbus"
	"github.com/commonwatt/commonwatt/meters/profile"
	"github.com/commonwatt/commonwatt/usage"
)

// devicesBench is what bench devices measures.
type devicesBench struct {
	Devices     int     `json:"devices"`
	Seconds     float64 `json:"seconds"`
	Readings    int64   `json:"readings"`
	Missed      int64   `json:"missed_polls"`
	P50MS       float64 `json:"due_to_done_ms_p50"`
	P99MS       float64 `json:"due_to_done_ms_p99"`
	MaxMS       float64 `json:"due_to_done_ms_max"`
	ReaderCores float64 `json:"reader_cores"`
}

func benchDevicesCommand() *cobra.Command {
	var count int
	var duration time.Duration
	var asJSON, serve bool
	c := &cobra.Command{
		Use:   "devices",
		Short: "Read many Modbus TCP devices once a second",
		Long: `Read --count meters over Modbus TCP once a second each, with validation, as the
program does. Every meter has a socket of its own, in another process. Measured
are polls that were missed, the time from when a poll was due until its reading
was there, and the processor time of the reading process.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if count < 1 || count > 8000 {
				return usage.Errorf("--count: %d: must be 1 to 8000", count)
			}
			if serve {
				return serveMeters(cmd.Context(), count, cmd.OutOrStdout())
			}
			r, err := benchDevices(cmd.Context(), count, duration)
			if err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(r)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), `%d devices, %d readings in %.0f s, %d polls missed
from due to done: p50 %.1f ms, p99 %.1f ms, at most %.1f ms
the reader took %.2f of a core
`, r.Devices, r.Readings, r.Seconds, r.Missed, r.P50MS, r.P99MS, r.MaxMS, r.ReaderCores)
			return err
		},
	}
	c.Flags().IntVar(&count, "count", 5000, "meters to read")
	c.Flags().DurationVar(&duration, "duration", 20*time.Second, "how long to measure, after 3 s to connect")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().BoolVar(&serve, "serve", false, "be the meters")
	_ = c.Flags().MarkHidden("serve") // the flag is defined above
	return c
}

// benchMeter is a three-phase SunSpec meter whose counters follow the clock.
type benchMeter struct{ began time.Time }

const (
	benchChain  = 40000 // marker
	benchModel  = 40002
	benchLength = 105 // of model 203
)

func (m benchMeter) Registers(_ modbus.Table, addr, n uint16) ([]uint16, error) {
	words := make([]uint16, n)
	wh := uint32(1_000_000 + time.Since(m.began).Milliseconds()/100)
	for i := range words {
		switch at := int(addr) + i; at {
		case benchChain:
			words[i] = 0x5375
		case benchChain + 1:
			words[i] = 0x6e53
		case benchModel:
			words[i] = 203
		case benchModel + 1:
			words[i] = benchLength
		case benchModel + 2 + benchLength:
			words[i] = 0xffff
		case benchModel + 18:
			words[i] = 360
		case benchModel + 8:
			words[i] = 230
		case benchModel + 16:
			words[i] = 50
		case benchModel + 38, benchModel + 46:
			words[i] = uint16(wh >> 16)
		case benchModel + 39, benchModel + 47:
			words[i] = uint16(wh)
		default:
			if at < benchChain || at > benchModel+3+benchLength {
				return nil, &modbus.ExceptionError{Code: modbus.IllegalAddress}
			}
		}
	}
	return words, nil
}

func (benchMeter) SetRegisters(uint16, []uint16) error {
	return &modbus.ExceptionError{Code: modbus.IllegalFunction}
}

// serveMeters serves count meters until ctx ends or its parent is gone, and
// prints the address of each.
func serveMeters(ctx context.Context, count int, out io.Writer) error {
	w := bufio.NewWriter(out)
	for range count {
		s, err := modbus.Serve("127.0.0.1:0", 1, map[uint8]modbus.Device{1: benchMeter{time.Now()}})
		if err != nil {
			return err
		}
		defer s.Stop() //nolint:errcheck // the process ends
		if _, err := fmt.Fprintln(w, s.Address()); err != nil {
			return err
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	gone := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // ends with the parent
		close(gone)
	}()
	select {
	case <-ctx.Done():
	case <-gone:
	}
	return nil
}

// startMeters starts the serving process; its standard input is the life line.
func startMeters(ctx context.Context, count int) (addresses []string, stop func(), err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	child := exec.CommandContext(ctx, self, "bench", "devices", "--serve", "--count", strconv.Itoa(count)) //nolint:gosec // this program
	child.Stderr = os.Stderr
	line, err := child.StdinPipe()
	if err != nil {
		return nil, nil, err
	}
	out, err := child.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	if err := child.Start(); err != nil {
		return nil, nil, err
	}
	stop = func() {
		_ = line.Close()
		_ = child.Wait() // it ends with its standard input
	}
	scan := bufio.NewScanner(out)
	for len(addresses) < count && scan.Scan() {
		addresses = append(addresses, strings.TrimSpace(scan.Text()))
	}
	if len(addresses) < count {
		stop()
		return nil, nil, errors.New("the process with the meters did not start")
	}
	return addresses, stop, nil
}

// discard takes readings and forgets them.
type discard struct{ readings atomic.Int64 }

func (d *discard) PublishBatch(_ context.Context, _ string, b meters.Batch) error {
	d.readings.Add(int64(len(b.Readings)))
	return nil
}

func (*discard) Totals(context.Context, string) (*grid.Reading, error) { return nil, nil }

func benchDevices(ctx context.Context, count int, duration time.Duration) (devicesBench, error) {
	profiles, err := profile.Embedded()
	if err != nil {
		return devicesBench{}, err
	}
	addresses, stop, err := startMeters(ctx, count)
	if err != nil {
		return devicesBench{}, err
	}
	defer stop()
	var targets []meters.Target
	for i, a := range addresses {
		e, err := modbus.ParseEndpoint(a)
		if err != nil {
			return devicesBench{}, err
		}
		id := fmt.Sprintf("meter-%04d", i)
		targets = append(targets, meters.Target{
			Device:   grid.Device{ID: id, Kind: grid.Meter, Member: fmt.Sprintf("home-%04d", i/4), MeteringPoint: id},
			Endpoint: e, Unit: 1, Profile: profiles.Get("sunspec-meter"),
		})
	}
	const settle = 3 * time.Second
	var mu sync.Mutex
	var latencies []time.Duration
	var from time.Time
	sink := &discard{}
	fleet := meters.Fleet{Clock: time.Now, Sink: sink, Log: slog.New(slog.DiscardHandler), Seen: func(due, done time.Time) {
		mu.Lock()
		defer mu.Unlock()
		if !from.IsZero() && !due.Before(from) && due.Before(from.Add(duration)) {
			latencies = append(latencies, done.Sub(due))
		}
	}}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- fleet.Run(ctx, targets, sink) }()
	time.Sleep(settle)
	before, err := processTime()
	if err != nil {
		return devicesBench{}, err
	}
	mu.Lock()
	from = time.Now()
	mu.Unlock()
	time.Sleep(duration)
	after, err := processTime()
	if err != nil {
		return devicesBench{}, err
	}
	time.Sleep(time.Second) // the last polls finish
	cancel()
	if err := <-done; err != nil {
		return devicesBench{}, err
	}
	slices.Sort(latencies)
	ms := func(q float64) float64 {
		if len(latencies) == 0 {
			return 0
		}
		return float64(latencies[int(q*float64(len(latencies)-1))].Microseconds()) / 1e3
	}
	polls := int64(float64(count) * duration.Seconds())
	return devicesBench{
		Devices: count, Seconds: duration.Seconds(), Readings: int64(len(latencies)), Missed: max(polls-int64(len(latencies)), 0),
		P50MS: ms(0.5), P99MS: ms(0.99), MaxMS: ms(1), ReaderCores: (after - before).Seconds() / duration.Seconds(),
	}, nil
}
