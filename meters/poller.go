// Package meters polls devices and emits validated readings. Each device has a
// poller of its own with a phase spread over the period; a device that does
// not answer yields no reading: missing is missing, never zero.
//
// Poll periods are wall time; readings carry the world time at which the
// answer came.
package meters

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"slices"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/modbus"
	"github.com/commonwatt/commonwatt/meters/profile"
)

// Period is how often a device is polled, in wall time, unless the fleet says
// otherwise.
const Period = time.Second

// slowPeriod is how often slow points are read, in wall time.
const slowPeriod = time.Minute

// Target is a device, where to reach it and how to read it.
type Target struct {
	grid.Device
	Endpoint modbus.Endpoint
	Unit     uint8
	Profile  *profile.Profile
	Rated    grid.Power // what the device moves at most, W; 0: not known
	Most     grid.Power // above which nothing is believed that it says, W (Bound); 0: by its rating
	Turned   grid.Turned
}

const (
	requestTimeout = 2 * time.Second
	backoffStep    = 2 * time.Second
	backoffMost    = 5 * time.Minute
)

// poller reads one device.
type poller struct {
	target Target
	conn   *modbus.Conn
	clock  func() time.Time          // world time
	emit   func(...grid.Reading)     // readings of one poll, by time
	period time.Duration             // between polls, wall time
	seen   func(due, done time.Time) // may be nil
	log    *slog.Logger

	plans    [2]plan   // of fast points, and of all; without points until the device was identified
	sure     bool      // that the device is the one that was bound
	slowAt   time.Time // wall, when the slow points are due
	belief   belief
	failures int
	retryAt  time.Time // wall
	doubted  string    // the last doubt that was logged
}

// plan is a set of points with the reads that bring them.
type plan struct {
	points []profile.Located
	*modbus.Reader
}

func newPoller(t Target, conn *modbus.Conn, period time.Duration, clock func() time.Time, last *grid.Reading, emit func(...grid.Reading), log *slog.Logger) *poller {
	return &poller{target: t, conn: conn, period: period, clock: clock, emit: emit, log: log.With(slog.String("device", t.ID)), belief: newBelief(t, last)}
}

// run polls until ctx ends, at fixed times: a poll that takes longer than the
// period leaves out the ones that it missed.
func (p *poller) run(ctx context.Context) {
	due := time.Now().Add(p.phase())
	for wait(ctx, time.Until(due)) {
		p.poll(ctx)
		done := time.Now()
		p.observe(due, done)
		for !due.After(done) {
			due = due.Add(p.period)
		}
	}
}

// phase spreads the metering points over the period by a hash of their names: the
// devices behind one are read together, so that what they say is of one moment.
func (p *poller) phase() time.Duration {
	h := fnv.New64a()
	_, _ = h.Write([]byte(cmp.Or(p.target.MeteringPoint, p.target.ID))) // never fails
	return time.Duration(h.Sum64() % uint64(p.period))
}

func wait(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// observe tells the fleet's observer of a poll; one that a backoff left out does
// not count.
func (p *poller) observe(due, done time.Time) {
	if p.seen != nil && p.failures == 0 {
		p.seen(due, done)
	}
}

func (p *poller) poll(ctx context.Context) {
	if time.Now().Before(p.retryAt) {
		return
	}
	readings, err := p.read(ctx)
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		p.failures++
		backoff := min(time.Duration(p.failures)*backoffStep, backoffMost)
		p.retryAt = time.Now().Add(backoff)
		if p.failures == 1 {
			p.log.WarnContext(ctx, "device does not answer", slog.String("error", err.Error()))
		}
		return
	}
	if p.failures > 0 {
		p.log.InfoContext(ctx, "device answers again", slog.Int("failures", p.failures))
		p.failures = 0
	}
	p.emit(readings...)
}

// read asks for the points that are due. A point that cannot be believed is
// left out and logged; only a device that does not answer is an error. The last reading
// is that of now; before it comes what was held back and is believed from now on.
func (p *poller) read(ctx context.Context) ([]grid.Reading, error) {
	if err := p.identify(ctx); err != nil {
		return nil, err
	}
	due := fast
	if !time.Now().Before(p.slowAt) || len(p.plans[fast].Reads()) == 0 {
		due = slow
	}
	began := time.Now()
	words, err := p.plans[due].Read(ctx, p.conn, p.target.Unit)
	if err != nil {
		p.sure = false // it may be another device when it comes back
		if p.failures >= forgetAfter {
			p.plans = [2]plan{}
		}
		return nil, err
	}
	if due == slow {
		p.slowAt = began.Add(slowPeriod)
		p.plans[fast].Retry()
		p.plans[slow].Retry()
	}
	reading := grid.Reading{Device: p.target.ID, Time: p.clock().UTC().Truncate(time.Millisecond), Took: time.Since(began), Quality: grid.Good}
	measured := profile.Measure(p.plans[due].points, words.At)
	doubt := profile.Fill(&reading, measured)
	readings, disbelief := p.belief.judge(reading, measured, doubt != nil)
	p.note(ctx, errors.Join(doubt, disbelief))
	return readings, nil
}

const (
	fast = 0
	slow = 1 // with the fast ones
)

// note logs a doubt when it begins and when it changes, not at every poll.
func (p *poller) note(ctx context.Context, doubt error) {
	text := ""
	if doubt != nil {
		text = doubt.Error()
	}
	if text != "" && p.doubted == "" {
		p.log.WarnContext(ctx, "values left out", slog.String("reason", text))
	}
	p.doubted = text
}

// forgetAfter is how many failures in a row it takes until the addresses of the
// points are looked for anew.
const forgetAfter = 2

// identify makes sure that the addresses of the points are known, and that the
// device is the one that was bound.
func (p *poller) identify(ctx context.Context) error {
	if p.plans[slow].points == nil {
		if err := p.locate(ctx); err != nil {
			return err
		}
	}
	if !p.sure {
		if err := p.checkSerial(ctx); err != nil {
			return err
		}
		p.sure = true
	}
	return nil
}

// locate finds the addresses of the points and plans the reads.
func (p *poller) locate(ctx context.Context) error {
	var models []profile.Model
	if len(p.target.Profile.SunSpec) > 0 {
		found, err := modbus.WalkSunSpec(ctx, p.conn, p.target.Unit)
		if err != nil {
			return err
		}
		for _, m := range found {
			models = append(models, profile.Model(m))
		}
	}
	points, err := p.target.Profile.Locate(p.target.Kind, models)
	if err != nil {
		return err
	}
	often := slices.DeleteFunc(slices.Clone(points), func(l profile.Located) bool { return l.Poll == profile.PollSlow })
	limits := Limits(p.target.Profile.Quirks)
	p.plans = [2]plan{
		fast: {often, modbus.NewReader(Ranges(often, limits), limits)},
		slow: {points, modbus.NewReader(Ranges(points, limits), limits)},
	}
	return nil
}

// AnotherDeviceError reports that the device at a bound address is another one:
// its readings would be billed to the wrong metering point.
type AnotherDeviceError struct{ Bound, Found string }

func (e *AnotherDeviceError) Error() string {
	return fmt.Sprintf("the device there has the serial number %q, the one that was bound has %q: devices were swapped or replaced", e.Found, e.Bound)
}

// checkSerial makes sure that the device is the one that was bound, where its
// serial number is known and can be read.
func (p *poller) checkSerial(ctx context.Context) error {
	if p.target.Serial == "" {
		return nil
	}
	var identity []profile.Located
	for _, l := range p.plans[slow].points {
		if l.Role == profile.RoleSerial {
			identity = append(identity, l)
		}
	}
	if len(identity) == 0 {
		return nil
	}
	limits := Limits(p.target.Profile.Quirks)
	words, err := modbus.NewReader(Ranges(identity, limits), limits).Read(ctx, p.conn, p.target.Unit)
	if errors.Is(err, modbus.ErrRefusesAll) {
		return nil // this model does not tell
	}
	if err == nil {
		if m := profile.Measure(identity, words.At)[0]; m.Err == nil && m.String() != p.target.Serial {
			err = &AnotherDeviceError{Bound: p.target.Serial, Found: m.String()}
		}
	}
	return err
}

// Limits returns what a profile's quirks allow of a read.
func Limits(q profile.Quirks) modbus.Limits {
	limits := modbus.Limits{MaxRegs: q.MaxRegs, MaxHole: q.MaxHole}
	for _, f := range q.ForbiddenRanges {
		for _, table := range []modbus.Table{modbus.Holding, modbus.Input} {
			limits.Forbidden = append(limits.Forbidden, modbus.Range{Table: table, Addr: f[0], Count: f[1] - f[0] + 1})
		}
	}
	return limits
}

// Ranges returns what must be read for points: a value together with its scale
// factor, unless one read cannot hold both.
func Ranges(points []profile.Located, limits modbus.Limits) (wanted []modbus.Range) {
	for _, pt := range points {
		for _, s := range pt.Spans(limits.MaxRegs) {
			wanted = append(wanted, modbus.Range{Table: modbus.Table(pt.FC), Addr: s.Addr, Count: s.Count})
		}
	}
	return wanted
}
