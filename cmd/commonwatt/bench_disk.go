package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/commonwatt/commonwatt/bus"
	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters"
	"github.com/commonwatt/commonwatt/meters/evidence"
	"github.com/commonwatt/commonwatt/meters/store"
	"github.com/commonwatt/commonwatt/proof"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/scenarios/world"
	"github.com/commonwatt/commonwatt/settlement/audit"
	"github.com/commonwatt/commonwatt/tariff"
	"github.com/commonwatt/commonwatt/usage"
)

// diskBench is what bench disk measures. Bytes are of files.
type diskBench struct {
	Homes   int         `json:"homes"`
	Devices int         `json:"devices"`
	Days    float64     `json:"days"`
	Batch   string      `json:"batch"`
	Batches int64       `json:"batches"`
	ByDay   []diskParts `json:"by_day"` // at the end of each
	Peak    diskParts   `json:"peak"`   // of each part on its own
	Kept    int64       `json:"named_bytes"`
	Written int64       `json:"written_bytes"` // to the disk; 0: not known here
	Took    float64     `json:"seconds"`
}

// diskParts is what takes up the disk.
type diskParts struct {
	Evidence  int64 `json:"evidence"`  // with its log
	Telemetry int64 `json:"telemetry"` // with its log
	Bus       int64 `json:"bus"`       // the stream of readings
}

func (p diskParts) total() int64 { return p.Evidence + p.Telemetry + p.Bus }

func (p *diskParts) raise(by diskParts) {
	p.Evidence, p.Telemetry, p.Bus = max(p.Evidence, by.Evidence), max(p.Telemetry, by.Telemetry), max(p.Bus, by.Bus)
}

func benchDiskCommand() *cobra.Command {
	var homes int
	var days float64
	var batch, atOnce time.Duration
	var dir string
	var asJSON bool
	c := &cobra.Command{
		Use:   "disk",
		Short: "Measure what readings once a second take up on the disk",
		Long: `Send the readings of simulated homes, once a second of world time, the way they
go in the program: signed, over the embedded bus, into evidence and telemetry.
The clock goes as fast as the machine can. What looks after the disk runs at its
pace in world time, and every quarter of an hour is settled: the batches beside
its ends are named.

Printed is what the files of each part take up after each day, the most that
they took up, what is kept for good, and what was written to the disk.
Transactions hold --at-once of world time: a longer time is faster, and writes less
than the program does.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if homes < 1 || days <= 0 || batch <= 0 || atOnce < batch {
				return usage.Errorf("--homes, --days and --batch must be above 0, --at-once at least --batch")
			}
			b := &diskRun{result: diskBench{Homes: homes, Days: days, Batch: batch.String()}, batch: batch, atOnce: atOnce}
			r, err := b.run(cmd.Context(), dir)
			if err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(r)
			}
			return r.print(cmd.OutOrStdout())
		},
	}
	c.Flags().IntVar(&homes, "homes", 12, "simulated homes")
	c.Flags().Float64Var(&days, "days", 7, "days of world time")
	c.Flags().DurationVar(&batch, "batch", readingsTogether(1, community.DefaultDeadline), "readings of a home that are signed together")
	c.Flags().DurationVar(&atOnce, "at-once", 15*time.Minute, "world time that is sent before it is waited for")
	c.Flags().StringVar(&dir, "dir", os.TempDir(), "directory on the disk to measure")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func (r diskBench) print(w io.Writer) error {
	const million = 1e6
	var text strings.Builder
	fmt.Fprintf(&text, "%d homes, %d devices once a second, a batch a home every %s: %d batches in %.0f s\n", r.Homes, r.Devices, r.Batch, r.Batches, r.Took)
	fmt.Fprintf(&text, "%-8s %12s %12s %12s %12s\n", "MB", "evidence", "telemetry", "bus", "together")
	row := func(name string, p diskParts) {
		fmt.Fprintf(&text, "%-8s %12.1f %12.1f %12.1f %12.1f\n", name, float64(p.Evidence)/million, float64(p.Telemetry)/million, float64(p.Bus)/million, float64(p.total())/million)
	}
	for k, p := range r.ByDay {
		row(fmt.Sprintf("day %d", k+1), p)
	}
	row("most", r.Peak)
	fmt.Fprintf(&text, "kept for good: %.2f MB a day, %.3f MB a day and home\n", float64(r.Kept)/million/r.Days, float64(r.Kept)/million/r.Days/float64(r.Homes))
	if r.Written > 0 {
		fmt.Fprintf(&text, "written: %.0f MB a day\n", float64(r.Written)/million/r.Days)
	}
	_, err := io.WriteString(w, text.String())
	return err
}

// diskRun is a run of bench disk.
type diskRun struct {
	result        diskBench
	batch, atOnce time.Duration
	dir           string
	devices       [][]grid.Device // by home
	begin, now    time.Time       // world time

	bus      *bus.Bus
	evidence *evidence.Log
	store    *store.SQLite
	signer   *meters.Signer
	sent     int64
	taken    atomic.Int64
}

const benchGateway, benchCommunity = "gw-bench", "bench"

func (b *diskRun) run(ctx context.Context, dir string) (r diskBench, err error) {
	if b.dir, err = os.MkdirTemp(dir, "commonwatt-disk-"); err != nil {
		return r, usage.Mark(err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	if err := b.open(ctx); err != nil {
		return r, err
	}
	consuming, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	var failed atomic.Value
	go func() {
		done <- b.bus.Consume(consuming, bus.Readings, "readings."+benchCommunity+".*.*", "store-bench", b.keep, func(err error) { failed.Store(err) })
	}()
	began, written := time.Now(), bytesWritten()
	err = b.play(ctx, func() error { err, _ := failed.Load().(error); return err })
	b.result.Took = time.Since(began).Seconds()
	if written >= 0 {
		b.result.Written = bytesWritten() - written
	}
	stop()
	err = errors.Join(err, <-done)
	if err == nil {
		b.result.Kept, err = b.evidence.KeptForGood(ctx)
	}
	b.bus.Close()
	return b.result, errors.Join(err, b.evidence.Close(), b.store.Close())
}

func (b *diskRun) open(ctx context.Context) (err error) {
	b.begin = time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	b.now = b.begin
	for _, h := range world.Neighbourhood(b.result.Homes, 1) {
		kinds := map[grid.DeviceKind]bool{grid.Meter: true, grid.Inverter: h.PV.Peak > 0, grid.Battery: h.Battery.Capacity > 0, grid.Charger: h.Charger > 0}
		var home []grid.Device
		for _, kind := range []grid.DeviceKind{grid.Meter, grid.Inverter, grid.Battery, grid.Charger} {
			if kinds[kind] {
				home = append(home, grid.Device{ID: h.ID + "/" + string(kind), Kind: kind, Member: h.ID})
			}
		}
		b.devices = append(b.devices, home)
		b.result.Devices += len(home)
	}
	if b.bus, err = bus.Open(ctx, bus.Config{Dir: filepath.Join(b.dir, "bus")}); err != nil {
		return err
	}
	if b.evidence, err = evidence.Open(ctx, filepath.Join(b.dir, evidenceFile), benchCommunity); err != nil {
		return err
	}
	if b.store, err = store.OpenSQLite(ctx, filepath.Join(b.dir, telemetryFile)); err != nil {
		return err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	b.signer = &meters.Signer{Community: benchCommunity, Gateway: benchGateway, Key: key, Out: b}
	return b.evidence.Admit(ctx, benchGateway, &key.PublicKey)
}

// PublishSigned puts a batch on the bus, as the program does.
func (b *diskRun) PublishSigned(ctx context.Context, member, id string, signed []byte) error {
	b.sent++
	return b.bus.Publish(ctx, "readings."+benchCommunity+"."+benchGateway+"."+member, id, signed)
}

// keep takes batches from the bus, as the program does.
func (b *diskRun) keep(ctx context.Context, messages [][]byte) error {
	const ahead = day // the clock of the one who sends goes on meanwhile
	accepted, refused, err := b.evidence.ReceiveAll(ctx, messages, b.begin.Add(time.Duration(b.result.Days*float64(day))+ahead))
	if err == nil && len(refused) > 0 {
		err = refused[0]
	}
	if err != nil {
		return err
	}
	var readings []grid.Reading
	for _, a := range accepted {
		readings = append(readings, a.Readings...)
	}
	if err := b.store.Write(ctx, readings); err != nil {
		return err
	}
	b.taken.Add(int64(len(messages)))
	return nil
}

// play sends what there is to send, and looks after the disk meanwhile.
func (b *diskRun) play(ctx context.Context, failed func() error) error {
	upkeep := diskUpkeep{b: b, trim: &bus.Trimmer{Stream: bus.Readings, Subject: "readings." + benchCommunity + ".>", Durable: "store-bench"}}
	end := b.begin.Add(time.Duration(b.result.Days * float64(day)))
	for b.now.Before(end) {
		until := b.now.Add(b.atOnce)
		for ; b.now.Before(until); b.now = b.now.Add(b.batch) {
			if err := b.send(ctx); err != nil {
				return err
			}
		}
		for b.taken.Load() < b.sent {
			if err := errors.Join(failed(), ctx.Err()); err != nil {
				return err
			}
			time.Sleep(time.Millisecond)
		}
		if err := upkeep.due(ctx); err != nil {
			return err
		}
	}
	b.result.Batches = b.sent
	return nil
}

// send publishes what the homes read from now on for as long as a batch is.
func (b *diskRun) send(ctx context.Context) error {
	for _, home := range b.devices {
		var readings []grid.Reading
		for t := b.now; t.Before(b.now.Add(b.batch)); t = t.Add(benchTurn) {
			for k, d := range home {
				if second := t.Truncate(time.Second); time.Duration(k%2)*benchTurn == t.Sub(second) {
					readings = append(readings, benchReading(d, t.Add(time.Duration(k)*time.Millisecond)))
				}
			}
		}
		if len(readings) == 0 {
			continue
		}
		if err := b.signer.PublishBatch(ctx, "", meters.Batch{Member: home[0].Member, Readings: readings}); err != nil {
			return err
		}
	}
	return nil
}

// benchTurn is how often a fleet looks for readings: a home's devices answer at
// different times of a second.
const benchTurn = meters.Period / 2

// benchReading is like one of a simulated device.
func benchReading(d grid.Device, t time.Time) grid.Reading {
	s := t.Unix() % (1 << 24)
	noise := s * 7919 % 997
	r := grid.Reading{
		Device: d.ID, Time: t, Power: new(grid.Power(2000 + noise)), Voltage: new(230_000 + noise), Hertz: new(49_990 + noise%20),
		Took: time.Duration(100_000 + s*104_729%200_000), Quality: grid.Good,
	}
	if d.Kind != grid.Inverter {
		r.Import = new(grid.Energy(4_000_000 + s*2))
	}
	if d.Kind != grid.Charger {
		r.Export = new(grid.Energy(9_000_000 + s))
	}
	if d.Kind == grid.Battery {
		r.Charge = new(grid.PerMille(s / 60 % 1000))
	}
	return r
}

// diskUpkeep does what is due in world time.
type diskUpkeep struct {
	b                              *diskRun
	settled, trimmed, tended, days int64
	trim                           *bus.Trimmer
}

func (u *diskUpkeep) due(ctx context.Context) error {
	b := u.b
	gone := b.now.Sub(b.begin)
	const quarter, settledAfter = 15 * time.Minute, 3 * time.Minute
	for ; u.settled < int64((gone-settledAfter)/quarter); u.settled++ {
		if err := b.settle(ctx, grid.IntervalAt(b.begin.Add(time.Duration(u.settled)*quarter), int(quarter/time.Minute))); err != nil {
			return err
		}
	}
	if n := int64(gone / trimEvery); n > u.trimmed {
		u.trimmed = n
		if err := b.bus.Trim(ctx, u.trim); err != nil {
			return err
		}
	}
	if n := int64(gone / thinEvery); n > u.tended {
		u.tended = n
		b.measure()
		keep := storeConfig{}.keep()
		err := errors.Join(b.evidence.Thin(ctx, b.now.Add(-evidenceWhole), b.now.Add(-evidence.Nameable)), b.store.Retire(ctx, b.now, keep))
		if err != nil {
			return err
		}
	}
	if n := int64(gone / day); n > u.days {
		u.days = n
		b.result.ByDay = append(b.result.ByDay, b.measure())
	}
	return nil
}

// measure returns what the parts take up.
func (b *diskRun) measure() diskParts {
	var p diskParts
	_ = filepath.WalkDir(b.dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return nil //nolint:nilerr // it was removed meanwhile
		}
		info, err := e.Info()
		if err != nil {
			return nil //nolint:nilerr // it was removed meanwhile
		}
		switch name, _ := filepath.Rel(b.dir, path); {
		case strings.HasPrefix(name, evidenceFile):
			p.Evidence += info.Size()
		case strings.HasPrefix(name, telemetryFile):
			p.Telemetry += info.Size()
		default:
			p.Bus += info.Size()
		}
		return nil
	})
	b.result.Peak.raise(p)
	return p
}

// settle names what a settlement run of the interval names, and keeps its working.
func (b *diskRun) settle(ctx context.Context, i grid.Interval) error {
	w := audit.Working{Community: benchCommunity, Interval: i.String(), Run: 1, Tariff: tariff.Tariff{Version: "demo-1", Currency: "EUR", Retail: 300_000, FeedIn: 60_000}}
	var named []proof.Digest
	for k, home := range b.devices {
		salt := rand.Text() + rand.Text() + rand.Text()
		leaf := record.Leaf{Salt: salt[:64], Metered: record.Metered{MeteringPoint: salt[:32], Flow: grid.Flow{Import: 412, Export: 1200}, Quality: grid.Good}}
		for end, t := range []time.Time{i.Begin(), i.End()} {
			before, after, err := b.evidence.Around(ctx, home[0].Member, home[0].ID, t)
			if err != nil {
				return err
			}
			leaf.Batches[2*end], leaf.Batches[2*end+1] = before, after
		}
		named = append(named, leaf.Batches[:]...)
		text, err := json.Marshal(leaf)
		if err != nil {
			return err
		}
		w.Leaves = append(w.Leaves, text)
		w.Basis.Trades = append(w.Basis.Trades, grid.Trade{
			Product: grid.Product{Interval: i}, Seq: uint64(i.Begin().Unix()) + uint64(k), Bid: salt[:20], Offer: salt[20:40],
			Buyer: salt[:32], Seller: salt[32:64], Energy: 250, BidPrice: 180_000, OfferPrice: 160_000,
		})
	}
	text, err := json.Marshal(w)
	if err != nil {
		return err
	}
	return errors.Join(b.evidence.Name(ctx, named...), b.evidence.KeepWorking(ctx, w.Interval, 1, "root", text))
}

// bytesWritten returns what this process has written to disks, −1 where that is not
// known.
func bytesWritten() int64 {
	text, err := os.ReadFile("/proc/self/io")
	if err != nil {
		return -1
	}
	for line := range strings.Lines(string(text)) {
		if value, found := strings.CutPrefix(line, "write_bytes: "); found {
			if n, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64); err == nil {
				return n
			}
		}
	}
	return -1
}
