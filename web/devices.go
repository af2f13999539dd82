package web

import (
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/web/api"
)

// silentAfter is how long a device may be silent before it is offline.
const silentAfter = 10 * time.Second

// devices are what those of all homes said last. They stand in the lists of their homes.
type devices struct {
	shown map[string]*api.Device
	heard map[string]time.Time // wall time of a device's last reading
	last  map[string]grid.Reading
}

func newDevices() devices {
	return devices{shown: map[string]*api.Device{}, heard: map[string]time.Time{}, last: map[string]grid.Reading{}}
}

// forget lets go of a device.
func (d *devices) forget(id string) {
	delete(d.shown, id)
	delete(d.heard, id)
	delete(d.last, id)
}

// place finds the devices of a home where they stand now.
func (d *devices) place(list []api.Device) {
	for k := range list {
		d.shown[list[k].Id] = &list[k]
	}
}

// read shows what a device said; false when it is not known or said something later.
func (d *devices) read(r grid.Reading) bool {
	x := d.shown[r.Device]
	if x == nil || x.Time != nil && x.Time.After(r.Time) {
		return false
	}
	d.heard[r.Device], d.last[r.Device] = time.Now(), r
	x.Online, x.Time, x.Power, x.Charge = true, new(r.Time), nil, nil
	if r.Power != nil {
		x.Power = new(int64(*r.Power))
	}
	if r.Charge != nil {
		x.Charge = new(int(*r.Charge))
	}
	return true
}

// warn shows what the installer should look at; an empty text takes it back. It returns
// false when the device is not known.
func (d *devices) warn(id, text string, said *api.Said) bool {
	x := d.shown[id]
	if x == nil {
		return false
	}
	x.Warning, x.Said = nil, said
	if text != "" {
		x.Warning = &text
	}
	return true
}

// warning returns what the installer should look at, empty when there is nothing.
func (d *devices) warning(id string) string {
	if x := d.shown[id]; x != nil && x.Warning != nil {
		return *x.Warning
	}
	return ""
}

// online tells whether a device was heard lately.
func (d *devices) online(id string) bool {
	at, heard := d.heard[id]
	return heard && time.Since(at) < silentAfter
}

// count returns how many were heard lately.
func (d *devices) count() int {
	n := 0
	for id := range d.heard {
		if d.online(id) {
			n++
		}
	}
	return n
}

// silence shows as offline the devices of a home that fell silent, and tells whether there
// are any.
func (d *devices) silence(list []api.Device) (some bool) {
	for k := range list {
		if x := &list[k]; x.Online && !d.online(x.Id) {
			x.Online, some = false, true
		}
	}
	return some
}

// oneMoment is how far apart readings of one moment may be, in world time: the devices
// behind a metering point are read together. oneTick is the same in wall time, for worlds
// that run fast.
const (
	oneMoment = time.Second
	oneTick   = 100 * time.Millisecond
)

// flow returns the powers of a home's devices and what remains for the home, nil
// unless all are known and lie within so much time. A home that would produce
// shows readings that do not belong together.
func flow(devices []api.Device, within time.Duration) *api.Flow {
	sums := map[string]*int64{}
	var first, last time.Time
	for _, d := range devices {
		if d.Time == nil || d.Power == nil {
			return nil
		}
		if first.IsZero() || d.Time.Before(first) {
			first = *d.Time
		}
		if d.Time.After(last) {
			last = *d.Time
		}
		if sums[d.Kind] == nil {
			sums[d.Kind] = new(int64)
		}
		*sums[d.Kind] += *d.Power
	}
	meter := sums[string(grid.Meter)]
	if meter == nil || last.Sub(first) > within {
		return nil
	}
	f := &api.Flow{
		Time: first, Meter: *meter, Home: *meter,
		Inverter: sums[string(grid.Inverter)], Battery: sums[string(grid.Battery)], Charger: sums[string(grid.Charger)],
	}
	for _, part := range []*int64{f.Inverter, f.Battery, f.Charger} {
		if part != nil {
			f.Home -= *part
		}
	}
	if f.Home < 0 {
		return nil
	}
	return f
}
