// Package meters polls devices and emits validated readings. Each device has a
// poller of its own with a phase spread over the period; a device that does
// not answer yields no reading: missing is missing, never zero.
//
// Poll periods are wall time; readings carry the world time at which the
// answer came.
package meters

import (
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

// Period is how often a device is polled, in wall time.
const Period = time.Second

// Target is a device, where to reach it and how to read it.
type Target struct {
	grid.Device
	Address string // HOST:PORT
	Unit    uint8
	Profile *profile.Profile
}

const (
	requestTimeout = 2 * time.Second
	backoffStep    = 2 * time.Second
	backoffMost    = 5 * time.Minute
	mostPower      = 200_000 // W; what no home device exceeds
)

// poller reads one device.
type poller struct {
	target Target
	conn   *modbus.Conn
	clock  func() time.Time // world time
	emit   func(grid.Reading)
	log    *slog.Logger

	points   []profile.Located // nil until the device was identified
	reads    []modbus.Range
	counters map[profile.Role]*counter
	failures int
	retryAt  time.Time // wall
	doubted  string    // the last doubt that was logged
}

func newPoller(t Target, conn *modbus.Conn, clock func() time.Time, last *grid.Reading, emit func(grid.Reading), log *slog.Logger) *poller {
	p := &poller{target: t, conn: conn, clock: clock, emit: emit, log: log.With(slog.String("device", t.ID)), counters: map[profile.Role]*counter{}}
	for _, pt := range t.Profile.Points {
		if pt.Counter != nil {
			p.counters[pt.Role] = &counter{zeroValid: pt.Counter.ZeroIs == "valid", most: mostPower}
		}
	}
	p.remember(last)
	return p
}

// remember takes the last good totals from before a restart.
func (p *poller) remember(last *grid.Reading) {
	if last == nil {
		return
	}
	for role, value := range totals(last) {
		if c := p.counters[role]; c != nil && *value != nil {
			c.accept(**value, last.Time)
		}
	}
}

func totals(r *grid.Reading) map[profile.Role]**grid.Energy {
	return map[profile.Role]**grid.Energy{profile.RoleImport: &r.Import, profile.RoleExport: &r.Export}
}

// run polls until ctx ends.
func (p *poller) run(ctx context.Context) {
	if !wait(ctx, p.phase()) {
		return
	}
	ticker := time.NewTicker(Period)
	defer ticker.Stop()
	for {
		p.poll(ctx)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// phase spreads the devices over the period by a hash of their ids.
func (p *poller) phase() time.Duration {
	h := fnv.New64a()
	_, _ = h.Write([]byte(p.target.ID)) // never fails
	return time.Duration(h.Sum64() % uint64(Period))
}

func wait(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

func (p *poller) poll(ctx context.Context) {
	if time.Now().Before(p.retryAt) {
		return
	}
	reading, err := p.read(ctx)
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
	p.emit(reading)
}

// read asks for all points once. A point that cannot be believed is left out
// and logged; only a device that does not answer is an error.
func (p *poller) read(ctx context.Context) (grid.Reading, error) {
	if p.points == nil {
		if err := p.identify(ctx); err != nil {
			return grid.Reading{}, err
		}
	}
	began := time.Now()
	words, err := p.readWords(ctx)
	if err != nil {
		p.points = nil // it may be another device when it comes back
		return grid.Reading{}, err
	}
	reading := grid.Reading{Device: p.target.ID, Time: p.clock().UTC().Truncate(time.Millisecond), Took: time.Since(began), Quality: grid.Good}
	doubt := profile.Decode(p.points, func(fc string, addr uint16) (uint16, bool) {
		w, read := words[register{modbus.Table(fc), addr}]
		return w, read
	}, &reading)
	p.note(ctx, errors.Join(doubt, p.validate(&reading)))
	return reading, nil
}

// register is the address of one word.
type register struct {
	table modbus.Table
	addr  uint16
}

// readWords carries out the planned reads. A read that the device refuses is
// split into what was wanted of it, for good: a hole in it may not exist. What
// is refused by itself is left out.
func (p *poller) readWords(ctx context.Context) (map[register]uint16, error) {
	words := map[register]uint16{}
	for k := 0; k < len(p.reads); k++ {
		r := p.reads[k]
		answer, err := p.conn.Read(ctx, p.target.Unit, r.Table, r.Addr, r.Count)
		if refused := (*modbus.ExceptionError)(nil); errors.As(err, &refused) {
			parts := p.within(r)
			p.log.InfoContext(ctx, "read refused", slog.Int("register", int(r.Addr)), slog.Int("count", int(r.Count)), slog.Int("parts", len(parts)))
			p.reads = slices.Replace(p.reads, k, k+1, parts...)
			k--
			continue
		}
		if err != nil {
			return nil, err
		}
		for i, w := range answer {
			words[register{r.Table, r.Addr + uint16(i)}] = w
		}
	}
	if len(words) == 0 {
		return nil, errors.New("the device refuses every read")
	}
	return words, nil
}

// within returns the wanted ranges that a read was joined from, none when it
// is one of them.
func (p *poller) within(r modbus.Range) (parts []modbus.Range) {
	for _, w := range ranges(p.points) {
		if w == r {
			return nil
		}
		if w.Table == r.Table && w.Addr >= r.Addr && w.Addr+w.Count <= r.Addr+r.Count && !slices.Contains(parts, w) {
			parts = append(parts, w)
		}
	}
	return parts
}

// validate withholds the totals that their counters doubt.
func (p *poller) validate(r *grid.Reading) error {
	var problems []error
	// A register that never moved is zero beside one that did: a home that
	// only takes energy exports none.
	moved := r.Import != nil && *r.Import > 0 || r.Export != nil && *r.Export > 0
	for role, value := range totals(r) {
		if c := p.counters[role]; c != nil && *value != nil {
			if **value == 0 && moved && c.last == 0 {
				c.accept(0, r.Time)
				continue
			}
			if err := c.check(**value, r.Time); err != nil {
				problems = append(problems, fmt.Errorf("%s %w", role, err))
				*value = nil
			}
		}
	}
	return errors.Join(problems...)
}

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

// identify finds the addresses of the points and plans the reads.
func (p *poller) identify(ctx context.Context) error {
	models := map[uint16]uint16{}
	if len(p.target.Profile.SunSpec) > 0 {
		found, err := modbus.WalkSunSpec(ctx, p.conn, p.target.Unit)
		if err != nil {
			return err
		}
		for _, m := range found {
			models[m.ID] = m.Addr
		}
	}
	points, err := p.target.Profile.Locate(func(id uint16) (uint16, bool) {
		addr, found := models[id]
		return addr, found
	})
	if err != nil {
		return err
	}
	quirks := p.target.Profile.Quirks
	p.points, p.reads = points, modbus.Plan(ranges(points), quirks.MaxRegs, quirks.MaxHole)
	return nil
}

// ranges returns what must be read, a value together with its scale factor.
func ranges(points []profile.Located) []modbus.Range {
	wanted := make([]modbus.Range, len(points))
	for i, pt := range points {
		from, to := pt.Addr, pt.Addr+pt.Type.Words()
		if pt.ScaleAddr != 0 {
			from, to = min(from, pt.ScaleAddr), max(to, pt.ScaleAddr+1)
		}
		wanted[i] = modbus.Range{Table: modbus.Table(pt.FC), Addr: from, Count: to - from}
	}
	return wanted
}
