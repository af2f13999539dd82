package bench

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/commonwatt/commonwatt/bus"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/hub"
	"github.com/commonwatt/commonwatt/meters"
	"github.com/commonwatt/commonwatt/meters/evidence"
	"github.com/commonwatt/commonwatt/meters/store"
	"github.com/commonwatt/commonwatt/scenarios/world"
	"github.com/commonwatt/commonwatt/usage"
)

// DiskOptions say what Disk sends, and how the disk is looked after.
type DiskOptions struct {
	Homes  int
	Days   float64       // of world time
	Batch  time.Duration // readings of a home that are signed together
	AtOnce time.Duration // world time that is sent before it is waited for, at least Batch
	Dir    string        // on the disk to measure
	Upkeep DiskUpkeep
}

// DiskUpkeep is what the program does about its disk, in world time.
type DiskUpkeep struct {
	Trim  time.Duration // so often, readings that are evidence go off the bus
	Thin  time.Duration // so often, evidence is thinned out and telemetry retired
	Whole time.Duration // so long, evidence is kept whole
	Keep  store.Keep    // so long, telemetry is kept
}

// DiskResult is what Disk measures. Bytes are of files.
type DiskResult struct {
	Homes   int         `json:"homes"`
	Devices int         `json:"devices"`
	Days    float64     `json:"days"`
	Batch   string      `json:"batch"`
	Batches int64       `json:"batches"`
	ByDay   []DiskParts `json:"by_day"` // at the end of each
	Peak    DiskParts   `json:"peak"`   // of each part on its own
	Kept    int64       `json:"named_bytes"`
	Written int64       `json:"written_bytes"` // to the disk by this process; 0: not known here
	Took    float64     `json:"seconds"`
}

// DiskParts is what takes up the disk, in bytes.
type DiskParts struct {
	Evidence  int64 `json:"evidence"`  // with its log
	Telemetry int64 `json:"telemetry"` // with its log
	Bus       int64 `json:"bus"`       // the stream of readings
}

func (p DiskParts) total() int64 { return p.Evidence + p.Telemetry + p.Bus }

func (p *DiskParts) raise(by DiskParts) {
	p.Evidence, p.Telemetry, p.Bus = max(p.Evidence, by.Evidence), max(p.Telemetry, by.Telemetry), max(p.Bus, by.Bus)
}

// Print writes the result for people.
func (r DiskResult) Print(w io.Writer) error {
	const million = 1e6
	var text strings.Builder
	fmt.Fprintf(&text, "%d homes, %d devices once a second, a batch a home every %s: %d batches in %.0f s\n", r.Homes, r.Devices, r.Batch, r.Batches, r.Took)
	fmt.Fprintf(&text, "%-8s %12s %12s %12s %12s\n", "MB", "evidence", "telemetry", "bus", "together")
	row := func(name string, p DiskParts) {
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

// diskRun is a run of Disk. It is a gateway and a community in one: it publishes signed
// batches (meters.Out), and takes them from the bus again in a goroutine of its own.
type diskRun struct {
	DiskOptions

	result     DiskResult
	dir        string
	devices    [][]grid.Device // by home
	begin, now time.Time       // world time

	bus      *bus.Bus
	evidence *evidence.Log
	store    *store.SQLite
	signer   *meters.Signer
	sent     int64
	taken    atomic.Int64
}

const (
	gateway, communityName = "gw-bench", "bench"
	consumer               = "store-bench"
)

// The files that are told apart by their names.
const (
	evidenceFile  = hub.EvidenceFile
	telemetryFile = hub.TelemetryFile
)

const day = 24 * time.Hour

// Disk sends the readings of simulated homes, once a second of world time, as fast as the
// machine goes, the way they go in the program: signed, over the embedded bus, into
// evidence and telemetry, which are looked after at their pace in world time. Every
// quarter of an hour is settled. All is written to a new directory, which is removed.
func Disk(ctx context.Context, o DiskOptions) (r DiskResult, err error) {
	b := &diskRun{DiskOptions: o, result: DiskResult{Homes: o.Homes, Days: o.Days, Batch: o.Batch.String()}}
	if b.dir, err = os.MkdirTemp(o.Dir, "commonwatt-disk-"); err != nil {
		return r, usage.Mark(err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	if err := b.open(ctx); err != nil {
		return r, errors.Join(err, b.close())
	}
	failed, stop := b.consume(ctx)
	began, written := time.Now(), bytesWritten()
	err = b.play(ctx, failed)
	b.result.Took = time.Since(began).Seconds()
	if written >= 0 {
		b.result.Written = bytesWritten() - written
	}
	err = errors.Join(err, stop())
	if err == nil {
		b.result.Kept, err = b.evidence.KeptForGood(ctx)
	}
	return b.result, errors.Join(err, b.close())
}

// consume takes batches from the bus until it is stopped. failed tells the last error of
// those after which the bus tries again.
func (b *diskRun) consume(ctx context.Context) (failed, stop func() error) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	var last atomic.Value
	go func() {
		done <- b.bus.Consume(ctx, bus.Readings, subject("*", "*"), consumer, b.keep, func(err error) { last.Store(err) })
	}()
	failed = func() error { err, _ := last.Load().(error); return err }
	stop = func() error {
		cancel()
		return <-done
	}
	return failed, stop
}

// close closes what was opened.
func (b *diskRun) close() error {
	var errs []error
	if b.bus != nil {
		b.bus.Close()
	}
	if b.evidence != nil {
		errs = append(errs, b.evidence.Close())
	}
	if b.store != nil {
		errs = append(errs, b.store.Close())
	}
	return errors.Join(errs...)
}

// subject is that of a gateway's readings of a member.
func subject(gateway, member string) string {
	return "readings." + communityName + "." + gateway + "." + member
}

func (b *diskRun) open(ctx context.Context) (err error) {
	b.begin = time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	b.now = b.begin
	for _, h := range world.Neighbourhood(b.Homes, 1) {
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
	if b.evidence, err = evidence.Open(ctx, filepath.Join(b.dir, evidenceFile), communityName); err != nil {
		return err
	}
	b.evidence.Meters = func(device string) bool { return strings.HasSuffix(device, "/"+string(grid.Meter)) }
	if b.store, err = store.OpenSQLite(ctx, filepath.Join(b.dir, telemetryFile)); err != nil {
		return err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	b.signer = &meters.Signer{Community: communityName, Gateway: gateway, Key: key, Out: b}
	return b.evidence.Admit(ctx, gateway, &key.PublicKey)
}

// PublishSigned puts a batch on the bus, as the program does.
func (b *diskRun) PublishSigned(ctx context.Context, member, id string, signed []byte) error {
	b.sent++
	return b.bus.Publish(ctx, subject(gateway, member), id, signed)
}

// keep takes batches from the bus, as the program does.
func (b *diskRun) keep(ctx context.Context, messages [][]byte) error {
	const ahead = day // the clock of the one who sends goes on meanwhile
	accepted, refused, err := b.evidence.ReceiveAll(ctx, messages, b.begin.Add(time.Duration(b.Days*float64(day))+ahead))
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
	upkeep := diskUpkeep{b: b, trim: &bus.Trimmer{Stream: bus.Readings, Subject: "readings." + communityName + ".>", Durable: consumer}}
	end := b.begin.Add(time.Duration(b.Days * float64(day)))
	for b.now.Before(end) {
		until := b.now.Add(b.AtOnce)
		for ; b.now.Before(until); b.now = b.now.Add(b.Batch) {
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
		for t := b.now; t.Before(b.now.Add(b.Batch)); t = t.Add(turn) {
			for k, d := range home {
				if second := t.Truncate(time.Second); time.Duration(k%2)*turn == t.Sub(second) {
					readings = append(readings, simulated(d, t.Add(time.Duration(k)*time.Millisecond)))
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

// turn is how often a fleet looks for readings: a home's devices answer at
// different times of a second.
const turn = meters.Period / 2

// simulated is like one of a simulated device.
func simulated(d grid.Device, t time.Time) grid.Reading {
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
