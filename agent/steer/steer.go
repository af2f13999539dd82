// Package steer holds homes to what they sold, bought and plan: through a delivery interval
// their batteries make up for what sun and loads do otherwise than forecast, first for their
// homes and then, as the plans want it, for the community; chargers, heat pumps, heating
// rods and appliances take what the plans want; inverters are held back where a home gives more than it may.
// It is the running half of agent/hold: readings come in, setpoints go out over the
// connections by which the devices are read, or wait for the gateway that reads a device
// elsewhere and asks for its orders.
//
// Who makes Devices hands them every reading (Hear), tells them of every home that has other devices
// or limits than before (Set), and runs them (Run) until it stops; then every device is released. A setpoint is refreshed, and holds for three refreshes: a device
// whose readings or refreshes stay out goes back to its own logic. Power is in W, + charging.
package steer

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/commonwatt/commonwatt/agent/hold"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters"
	"github.com/commonwatt/commonwatt/meters/control"
	"github.com/commonwatt/commonwatt/meters/modbus"
)

// Home is a metering point of the community, with the devices behind it that may be moved.
type Home struct {
	Meter            grid.Device // its connection meter
	Imports, Exports *grid.Power // of the connection, nil: not limited
	Batteries        []Battery
	Others           []Device // chargers, heat pumps, heating rods, appliances and inverters
}

// Battery is one that may be moved.
type Battery struct {
	meters.Target

	Gateway string // that reads and moves it; empty: this process

	Size grid.Energy // its capacity, 0: not known
	Most grid.Power  // that it gives and takes, 0: not known
}

// Device is one of another kind that may be moved.
type Device struct {
	meters.Target

	Gateway string // that reads and moves it; empty: this process

	Made   hold.Made
	Supply control.Supply // of a charger
	Size   grid.Energy    // of the car at a charger, 0: not known
}

// Options are what Devices work with.
type Options struct {
	Homes   []Home           // of the whole community at first: whose devices are not moved are only looked at
	Speed   float64          // world seconds a second
	Minutes int              // of a delivery interval
	Every   time.Duration    // between setpoints, wall time: as often as the devices are read
	Clock   func() time.Time // world time
	Log     *slog.Logger
	// Conn returns the connection by which an endpoint is read, nil while there is none.
	Conn func(modbus.Endpoint) *modbus.Conn
	// Position returns what a metering point has sold and bought of an interval.
	Position func(i grid.Interval, point string) (net grid.Energy, traded bool)
	// Intent returns what a home's plan wants of its devices in an interval; planned is false
	// where there is no plan for it. Intent itself may be nil.
	Intent func(point string, i grid.Interval) (in hold.Intent, planned bool)
	// Known returns exactly what a member's home would have done alone in an interval, as a
	// simulation does, which goes on beside as if nobody had moved anything; nil: it is
	// estimated.
	Known func(ctx context.Context, member string, i grid.Interval) (f grid.Flow, known bool, err error)
	// Owner returns whose metering point it is.
	Owner func(point string) string
}

// Challenge returns what a storage challenge wants of a battery; ok is false when nothing is.
// It may ask for the battery's power.
type Challenge func(battery grid.Device, now time.Time) (p grid.Power, ok bool)

// Devices are moved. They are safe for concurrent use.
type Devices struct {
	Options

	// stepping is held while setpoints are decided, and while a home is changed; before mu.
	stepping sync.Mutex
	// mu guards what follows. Whoever holds the lock of the rewards asks for a battery's
	// power, so that nobody who holds this one may ask the rewards anything.
	mu     sync.Mutex
	street *hold.Street
	homes  []*home           // stepping guards which there are, and their devices, as well
	at     map[string]*home  // by device
	wishes []hold.Wish       // of the homes with batteries; stepping guards it
	trials map[string]*trial // by device

	ctx    context.Context //nolint:containedctx // of Run, under which guards that come later run; nil: not running
	guards sync.WaitGroup  // those that run
}

// refresh bounds how often setpoints are refreshed, in world time: chargers of the simulation
// hold a limit for a minute, however fast its world goes.
const refresh = 40 * time.Second

// leastEvery is the wall time between two refreshes of a device at least.
const leastEvery = 100 * time.Millisecond

// heartbeat is how often setpoints are refreshed, wall time.
func heartbeat(speed float64) time.Duration {
	if speed <= 0 {
		return control.Heartbeat
	}
	return min(max(time.Duration(float64(refresh)/speed), leastEvery), control.Heartbeat)
}

// Open takes the devices. Errors: a device's profile does not say how it is written to.
func Open(o Options) (*Devices, error) {
	d := &Devices{Options: o, street: hold.NewStreet(), at: map[string]*home{}, trials: map[string]*trial{}}
	for _, of := range o.Homes {
		if err := d.Set(of); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// Batteries returns those that may be moved, with the connection meters of their homes.
func (d *Devices) Batteries(each func(b Battery, meter grid.Device)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, h := range d.homes {
		for _, b := range h.Batteries {
			each(b, h.Meter)
		}
	}
}

// Hear takes a reading.
func (d *Devices) Hear(r grid.Reading) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if t := d.trials[r.Device]; t != nil {
		t.hear(r)
	}
	h := d.at[r.Device]
	if h == nil {
		return
	}
	if r.Device == h.Meter.ID {
		h.shown = r
		d.street.Meter(h.Meter.MeteringPoint, r)
	}
	h.hear(r)
	h.estimate()
}

// Run follows the meters until ctx ends, and then releases every device. challenge may be
// nil.
func (d *Devices) Run(ctx context.Context, challenge Challenge) error {
	d.start(ctx)
	defer d.end()
	ticker := time.NewTicker(d.Every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			d.follow(challenge)
		}
	}
}

// follow sets the batteries to what challenges ask, or else so that their homes keep what
// they promised, and the community what its plans want; and the other devices to what the
// plans of their homes want.
func (d *Devices) follow(challenge Challenge) {
	d.stepping.Lock()
	defer d.stepping.Unlock()
	now := d.Clock()
	i := grid.IntervalAt(now, d.Minutes)
	d.wish(challenge, i, now)
	d.mu.Lock()
	defer d.mu.Unlock()
	k := 0
	for _, told := range d.street.Step(now, i, d.wishes) {
		for d.homes[k].holder == nil {
			k++
		}
		d.homes[k].tell(told)
		k++
	}
	for _, h := range d.homes {
		h.throttle(now)
	}
}

// wish finds what is wanted of the homes. stepping is held.
func (d *Devices) wish(challenge Challenge, i grid.Interval, now time.Time) {
	d.wishes = d.wishes[:0]
	for _, h := range d.homes {
		if !h.moves() {
			continue
		}
		h.intent = nil
		if d.Intent != nil {
			if in, planned := d.Intent(h.Meter.MeteringPoint, i); planned {
				h.intent = &in
			}
		}
		if h.holder == nil {
			continue
		}
		w := hold.Wish{Intent: h.intent, Asked: h.ask(challenge, now)}
		w.Contracted, w.Traded = d.Position(i, h.Meter.MeteringPoint)
		d.wishes = append(d.wishes, w)
	}
}

// Power returns what a battery does now.
func (d *Devices) Power(battery string) (grid.Power, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	h := d.at[battery]
	if h == nil {
		return 0, false
	}
	for _, u := range h.bank {
		if u.ID == battery && u.shown.Power != nil {
			return *u.shown.Power, true
		}
	}
	return 0, false
}

// Orders returns what is wanted now of the devices that a gateway reads.
func (d *Devices) Orders(gateway string) control.Orders {
	const beats = 3
	o := control.Orders{Hold: beats * heartbeat(d.Speed), Devices: map[string]grid.Power{}}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, h := range d.homes {
		h.orders(gateway, o.Devices)
	}
	return o
}

// Alone returns what a metering point would have drawn and given in an interval if nobody
// had moved its devices, exactly or by an estimate. known is false where nobody did, and
// where it cannot be told: then it counts as if nobody had. With a device that may be
// moved either is an estimate. It implements drive.Alone.
func (d *Devices) Alone(ctx context.Context, point string, i grid.Interval) (f grid.Flow, estimated, known bool, err error) {
	if d.Known != nil {
		f, known, err = d.Known(ctx, d.Owner(point), i)
		return f, false, known, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, h := range d.homes {
		if h.Meter.MeteringPoint != point || !h.moves() && h.alone == nil {
			continue
		}
		if h.alone != nil {
			f, known = h.alone.Flow(i)
		}
		return f, true, known, nil // it may have been moved before this program was started too
	}
	return f, false, false, nil
}
