package signwatch

import (
	"sync"
	"time"

	"github.com/commonwatt/commonwatt/grid"
)

// How much evidence makes a verdict, and how much is kept.
const (
	leastWindows, keptWindows = 3, 6 // of counters
	leastJumps, keptJumps     = 5, 10
	// Of export, in seconds: by day panels that nobody paired feed in, by night not.
	leastSeconds, keptSeconds = 600, 24 * 3600
)

const (
	// tooOld is how long after its last reading a device is not known any more.
	tooOld = 5 * time.Minute
	// windowFor is how long the energies of power and counters are compared at most.
	windowFor = 6 * time.Hour
	// settling is how many readings the meter gets to follow what moved behind it.
	settling = 2
)

// Watch watches the connection meters of a community. It is safe for concurrent
// use.
type Watch struct {
	mu     sync.Mutex // guards all below
	points map[string]*point
	of     map[string]grid.Device
}

// Change is a meter that is doubted from now on, or, without a warning, no longer.
type Change struct {
	Meter   string // device id
	Warning string
}

// New returns a watch over the devices.
func New(devices []grid.Device) *Watch {
	w := &Watch{points: map[string]*point{}, of: map[string]grid.Device{}}
	for _, d := range devices {
		w.Add(d)
	}
	return w
}

// Add takes in one more device, or one that was mounted anew. What was seen at its
// metering point before does not count any more.
func (w *Watch) Add(d grid.Device) (c Change, changed bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.of[d.ID] = d
	p := w.points[d.MeteringPoint]
	if p == nil {
		p = &point{behind: map[string]*device{}}
		w.points[d.MeteringPoint] = p
	}
	before := p.warning()
	p.forget()
	if d.Kind == grid.Meter {
		p.meter = d.ID
	} else {
		p.behind[d.ID] = &device{kind: d.Kind}
	}
	return Change{Meter: p.meter}, before != ""
}

// Remove lets go of a device. What was seen at its metering point before does not count any more.
func (w *Watch) Remove(d grid.Device) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.of, d.ID)
	p := w.points[d.MeteringPoint]
	if p == nil {
		return
	}
	p.forget()
	delete(p.behind, d.ID)
	if p.meter == d.ID {
		p.meter = ""
	}
}

// See takes in readings, and returns what they changed.
func (w *Watch) See(readings []grid.Reading) (changes []Change) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range readings {
		d, known := w.of[r.Device]
		if !known || r.Power == nil {
			continue
		}
		p := w.points[d.MeteringPoint]
		if d.Kind != grid.Meter {
			p.behind[d.ID].see(*r.Power, r.Time)
			continue
		}
		before := p.warning()
		p.see(r)
		if after := p.warning(); after != before {
			changes = append(changes, Change{p.meter, after})
		}
	}
	return changes
}

// device is one behind a connection meter.
type device struct {
	kind  grid.DeviceKind
	power grid.Power
	quiet quiet
}

func (d *device) see(p grid.Power, at time.Time) {
	if at.After(d.quiet.last) || d.quiet.last.Sub(at) > tooOld { // the clock was put back
		d.power = p
		d.quiet.see(p, at)
	}
}

// point is what is known of a metering point.
type point struct {
	meter  string
	behind map[string]*device // by id

	last   grid.Reading // of the meter
	window window
	moved  moved

	evidence
}

// evidence is what the witnesses said.
type evidence struct {
	counters, jumps, exports tally
	verdicts                 [3]Evidence // the last clear ones, of these
}

// The first witnesses, in the order of the verdicts.
const (
	byCounters = iota
	byJumps
)

// judge keeps clear verdicts. Where one turns the meter was turned, and what the
// others said before does not count any more.
func (e *evidence) judge() {
	for k, v := range []Evidence{e.counters.verdict(leastWindows), e.jumps.verdict(leastJumps), e.exports.verdict(leastSeconds)} {
		if v == Right && e.verdicts[k] == Wrong {
			*e = evidence{}
			return
		}
		if v != Nothing {
			e.verdicts[k] = v
		}
	}
}

// window compares power and counters.
type window struct {
	begin   grid.Reading
	byPower int64 // W·s since
}

// moved compares the meter with what lies behind it.
type moved struct {
	at            time.Time // zero: not yet
	meter, behind grid.Power
	settling      int // readings of the meter until it is judged; 0: nothing has moved
}

// forget begins anew.
func (p *point) forget() {
	*p = point{meter: p.meter, behind: p.behind}
	for _, d := range p.behind {
		d.quiet = quiet{}
	}
}

// see takes in a reading of the meter.
func (p *point) see(r grid.Reading) {
	elapsed := r.Time.Sub(p.last.Time)
	switch {
	case elapsed <= 0 && elapsed >= -tooOld:
		return // it came late
	case elapsed > tooOld, elapsed < 0: // the clock was put back
		p.window, p.moved = window{}, moved{}
	default:
		p.count(r, elapsed)
		if p.nothingFeedsIn(r.Time) {
			p.exports.add(Export(*r.Power), max(int64(elapsed/time.Second), 1), keptSeconds)
		}
	}
	p.follow(r)
	p.last = r
	p.judge()
}

// count compares power and counters over the window that runs.
func (p *point) count(r grid.Reading, elapsed time.Duration) {
	w := &p.window
	w.byPower += int64(*p.last.Power) * elapsed.Milliseconds() / 1000
	if r.Import == nil && r.Export == nil {
		return
	}
	if w.begin.Import == nil && w.begin.Export == nil {
		*w = window{begin: r}
		return
	}
	in, counts1 := gained(w.begin.Import, r.Import)
	out, counts2 := gained(w.begin.Export, r.Export)
	if !counts1 || !counts2 {
		if r.Time.Sub(w.begin.Time) > windowFor {
			*w = window{begin: r}
		}
		return
	}
	e := Counters(w.byPower, (in-out)*wattHour)
	p.counters.add(e, 1, keptWindows)
	if e != Nothing || r.Time.Sub(w.begin.Time) > windowFor {
		*w = window{begin: r}
	}
}

// gained returns by how many Wh a counter moved; one that is not there at both ends did not.
// counts is false where it is there at one of them alone, or where it moved further than
// counts in W·s.
func gained(begin, now *grid.Energy) (wh int64, counts bool) {
	const most = 1 << 40
	switch {
	case begin == nil && now == nil:
		return 0, true
	case begin == nil || now == nil || *begin < 0 || *now < 0:
		return 0, false
	}
	by := int64(*now - *begin)
	return by, by < most && by > -most
}

// follow looks whether the meter follows what lies behind it.
func (p *point) follow(r grid.Reading) {
	behind, known := p.sum(r.Time)
	m := &p.moved
	here := moved{at: r.Time, meter: *r.Power, behind: behind}
	switch by := behind - m.behind; {
	case !known:
		*m = moved{}
	case m.at.IsZero():
		*m = here
	case m.settling > 1:
		m.settling--
	case m.settling == 1:
		p.jumps.add(Jump(by, *r.Power-m.meter), 1, keptJumps)
		*m = here
	case max(by, -by) >= leastJump:
		m.settling = settling
	case r.Time.Sub(m.at) > tooOld:
		*m = here
	}
}

// sum is the power of all that lies behind the meter.
func (p *point) sum(now time.Time) (sum grid.Power, known bool) {
	for _, d := range p.behind {
		if now.Sub(d.quiet.last) > tooOld {
			return 0, false
		}
		sum += d.power
	}
	return sum, len(p.behind) > 0
}

// nothingFeedsIn tells whether neither a battery nor an inverter can.
func (p *point) nothingFeedsIn(now time.Time) bool {
	for _, d := range p.behind {
		if d.kind == grid.Battery || d.kind == grid.Inverter && !d.quiet.dark(now) {
			return false
		}
	}
	return true
}

// warning says why the meter is doubted, empty when it is not.
func (p *point) warning() string {
	if p.verdicts[byCounters] == Wrong && p.verdicts[byJumps] == Right {
		return "The meter's counters may be the wrong way round: its power follows the devices behind it, and its own counters count the opposite. Pair it anew with a load that you know, or have them change places with inverted_counters."
	}
	reasons := [3]string{
		"its power says the opposite of what its own counters count. Power and counters are turned separately (inverted, inverted_counters).",
		"when the devices behind it move, it moves the other way by as much.",
		"it shows power flowing out although nothing here can produce any: the panels are dark, or neither panels nor a battery were paired. If there are some, pair them.",
	}
	for k, v := range p.verdicts {
		if v == Wrong {
			return "The meter may be mounted the wrong way round: " + reasons[k] + " Look at its mounting, and pair it anew with a load that you know."
		}
	}
	return ""
}
