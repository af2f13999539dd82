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
	Own      profile.Own
	Warm     Warm // of what heats
	Car      Car  // of a charger
	Part     int  // which of several of a kind behind the unit, from 1; 0: the serial number tells, or what it says of itself
}

// Quirks are the device's own, and those of its profile otherwise.
func (t Target) Quirks() profile.Quirks { return t.Profile.Quirks.With(t.Own) }

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

	chain    *Chain
	plans    [2]plan   // of fast points, and of all; without points until the device was identified
	sure     bool      // that the device is the one that was bound
	slowAt   time.Time // wall, when the slow points are due
	belief   belief
	visit    visit // of a car, at a charger
	failures int
	retryAt  time.Time // wall
	doubts   bool      // what it said last was in doubt
	toTell   bool      // that doubt is not told yet
	doubtAt  time.Time // wall, when a doubt was told last
	untold   int       // doubts since then
}

// plan is a set of points with the reads that bring them.
type plan struct {
	points []profile.Located
	*modbus.Reader
}

func newPoller(t Target, conn *modbus.Conn, period time.Duration, clock func() time.Time, last *grid.Reading, emit func(...grid.Reading), log *slog.Logger) *poller {
	return &poller{target: t, conn: conn, period: period, clock: clock, emit: emit, log: log.With(slog.String("device", t.ID)), belief: newBelief(t, last), chain: NewChain(t)}
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
	words, err := p.words(ctx, due)
	if err != nil {
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
	p.target.complete(&reading, measured)
	readings, disbelief := p.belief.judge(reading, measured, doubt != nil)
	p.visit.complete(&readings[len(readings)-1], measured, p.target) // by what is believed
	p.note(ctx, errors.Join(doubt, disbelief))
	return readings, nil
}

// words reads the registers of a plan, by addresses that are looked for anew where the
// device has moved its models.
func (p *poller) words(ctx context.Context, due int) (modbus.Answers, error) {
	for again := false; ; again = true {
		words, err := p.plans[due].Read(ctx, p.conn, p.target.Unit)
		chained := slices.ContainsFunc(p.plans[due].points, func(l profile.Located) bool { return l.In != profile.Model{} })
		if err != nil && (again || !chained || !errors.Is(err, modbus.ErrRefusesAll)) {
			p.sure = false // it may be another device when it comes back
			if p.failures >= forgetAfter {
				p.forget()
			}
			return nil, err
		}
		headless := profile.Headless(p.plans[due].points, words.At) && !p.chain.headless
		if !profile.Moved(p.plans[due].points, words.At) && (again || !headless) {
			p.chain.headless = p.chain.headless || headless // it does not show them a second time either
			return words, nil
		}
		p.forget()
		if again {
			return nil, errMoving
		}
		p.log.InfoContext(ctx, "the device has moved its registers: they are looked for anew")
		if err := p.identify(ctx); err != nil {
			return nil, err
		}
	}
}

// forget has addresses and identity of the device looked for anew.
func (p *poller) forget() {
	p.plans, p.sure = [2]plan{}, false
	p.chain.Forget()
}

var errMoving = errors.New("the device moves its registers from one read to the next: perhaps it is starting up")

const (
	fast = 0
	slow = 1 // with the fast ones
)

// note logs a doubt when it begins, not at every poll, and of one that comes and goes how often it came since it was
// told.
func (p *poller) note(ctx context.Context, doubt error) {
	if doubt == nil {
		p.doubts, p.toTell = false, false
		return
	}
	if !p.doubts {
		p.doubts, p.toTell = true, true
		p.untold++
	}
	if !p.toTell || !p.doubtAt.IsZero() && time.Since(p.doubtAt) < doubtEvery {
		return
	}
	p.log.WarnContext(ctx, "values left out", slog.String("reason", doubt.Error()), slog.Int("more_since_last_told", p.untold-1))
	p.doubtAt, p.untold, p.toTell = time.Now(), 0, false
}

// doubtEvery is how long a doubt about a device's values that comes again is not told again, wall time.
const doubtEvery = 10 * time.Minute

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
	models, doubt, err := p.chain.Models(ctx, p.conn)
	if err != nil {
		return err
	}
	if doubt != nil {
		p.log.WarnContext(ctx, "the first is read", slog.String("reason", doubt.Error()))
	}
	points, err := p.target.Profile.Locate(p.target.Kind, models)
	if err != nil {
		return err
	}
	often := slices.DeleteFunc(slices.Clone(points), func(l profile.Located) bool { return l.Poll == profile.PollSlow })
	p.plans = [2]plan{
		fast: {often, newReader(often, p.target.Quirks(), true)},
		slow: {points, newReader(points, p.target.Quirks(), true)},
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
	words, err := NewReader(identity, p.target.Quirks()).Read(ctx, p.conn, p.target.Unit)
	if errors.Is(err, modbus.ErrRefusesAll) {
		return nil // this model does not tell
	}
	if err == nil {
		if m := profile.Measure(identity, words.At)[0]; m.Err == nil && m.String() != p.target.Serial && !p.headHas(ctx, p.target.Serial) {
			err = &AnotherDeviceError{Bound: p.target.Serial, Found: m.String()}
		}
	}
	return err
}

// headHas tells whether what stands at the head of the chain has a serial number: a meter
// behind an inverter was bound by that of the inverter before parts were told apart.
func (p *poller) headHas(ctx context.Context, serial string) bool {
	head, there := p.chain.head()
	points := p.target.Profile.Introduces(head)
	if !there || len(points) == 0 {
		return false
	}
	words, err := NewReader(points, p.target.Quirks()).Read(ctx, p.conn, p.target.Unit)
	return err == nil && slices.ContainsFunc(profile.Measure(points, words.At), func(m profile.Measured) bool {
		return m.Name == "1.SN" && m.Err == nil && m.Text == serial
	})
}
