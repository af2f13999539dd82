package web

import (
	"slices"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/web/api"
)

// homes are those of the members, by their place in the list, with what is known of each:
// what its devices said, what it trades and expects, and what today came to.
type homes struct {
	all    []api.Home
	member map[string]int
	point  map[string]int
	own    [][]string        // metering points by the place of their home
	ledger []string          // accounts by the place of their home, which strangers are not told
	drawn  map[int]time.Time // wall time of a home's flow

	prices   priced
	devices  devices
	outlooks outlooks
	today    today

	speed   float64        // seconds of world time in one of wall time
	minute  int64          // that was last shown, in minutes since 1970
	changes uint64         // grows whenever somebody was told what changed
	marked  map[int]uint64 // changes, when a home changed last
}

func newHomes() homes {
	return homes{
		all: []api.Home{}, member: map[string]int{}, point: map[string]int{}, drawn: map[int]time.Time{}, speed: 1, changes: 1, marked: map[int]uint64{},
		devices:  newDevices(),
		outlooks: outlooks{of: map[string]map[grid.Interval]outlook{}},
		today:    today{counted: map[string]map[grid.Interval]settlement.Statement{}},
	}
}

// add shows one more device, and its home if that is new.
func (h *homes) add(d grid.Device, account func(member, point string) (string, error)) error {
	if h.devices.shown[d.ID] != nil {
		return nil
	}
	at, known := h.member[d.Member]
	if !known {
		account, err := account(d.Member, d.MeteringPoint)
		if err != nil {
			return err
		}
		at = len(h.all)
		h.member[d.Member] = at
		h.own = append(h.own, nil)
		h.ledger = append(h.ledger, account)
		h.all = append(h.all, api.Home{Id: d.Member, MeteringPoint: d.MeteringPoint})
	}
	if _, known := h.point[d.MeteringPoint]; !known {
		h.point[d.MeteringPoint] = at
		h.own[at] = append(h.own[at], d.MeteringPoint)
	}
	home := &h.all[at]
	home.Devices = append(home.Devices, api.Device{Id: d.ID, Kind: string(d.Kind)})
	h.devices.place(home.Devices) // which append may have moved
	h.mark(at)
	return nil
}

// remove shows a device no more.
func (h *homes) remove(d grid.Device) {
	at, known := h.member[d.Member]
	if !known {
		return
	}
	home := &h.all[at]
	home.Devices = slices.DeleteFunc(slices.Clone(home.Devices), func(x api.Device) bool { return x.Id == d.ID })
	h.devices.forget(d.ID)
	h.devices.place(home.Devices)
	h.mark(at)
}

// name shows a metering point as its home.
func (h *homes) name(point string) string {
	if at, known := h.point[point]; known {
		return h.all[at].Id
	}
	return point
}

// read shows what a member's devices said.
func (h *homes) read(member string, readings []grid.Reading) {
	at, known := h.member[member]
	if !known {
		return
	}
	h.mark(at)
	for _, r := range readings {
		if h.devices.read(r) {
			h.draw(at)
		}
	}
}

// draw keeps the powers of a home when all of them were read at one moment.
func (h *homes) draw(at int) {
	if f := flow(h.all[at].Devices, max(oneMoment, time.Duration(h.speed*float64(oneTick)))); f != nil {
		h.all[at].Flow = f
		h.drawn[at] = time.Now()
	}
}

// warn shows what the installer should look at; an empty text takes it back.
func (h *homes) warn(device, text string, said *api.Said) {
	if !h.devices.warn(device, text, said) {
		return
	}
	for at := range h.all {
		if slices.ContainsFunc(h.all[at].Devices, func(d api.Device) bool { return d.Id == device }) {
			h.mark(at)
		}
	}
}

// agree adds what a trade means for a home's metering point.
func (h *homes) agree(point string, i grid.Interval, now time.Time, add api.Contract) {
	if _, known := h.point[point]; known {
		h.outlooks.agree(point, i, now, add)
	}
}

// expect shows how much energy a metering point is expected to take.
func (h *homes) expect(point string, i grid.Interval, now time.Time, net grid.Energy) {
	if at, known := h.point[point]; known {
		h.outlooks.expect(point, i, now, net)
		h.mark(at)
	}
}

// challenge shows the storage challenge that a member's battery answers.
func (h *homes) challenge(member string, c *api.Challenge) {
	if at, known := h.member[member]; known {
		h.all[at].Challenge = c
		h.mark(at)
	}
}

// settle adds the statements of an interval to what today came to.
func (h *homes) settle(i grid.Interval, now time.Time, statements []settlement.Statement) {
	h.turn(now)
	if dayOf(i.Begin()) != h.today.day {
		return
	}
	for _, s := range statements {
		if at, known := h.point[s.MeteringPoint]; known {
			h.today.count(i, s)
			h.all[at].Today = h.today.sum(h.own[at])
			h.mark(at)
		}
	}
}

// follow goes on with the world's clock and its speed.
func (h *homes) follow(now time.Time, speed float64) {
	h.speed = speed
	h.turn(now)
}

// turn goes on with the world's clock: at midnight today is empty, and every
// minute each home is shown again, for intervals begin on whole minutes.
func (h *homes) turn(now time.Time) {
	if h.today.turn(now) {
		for at := range h.all {
			h.all[at].Today = api.Today{}
		}
	}
	if minute := now.Unix() / int64(time.Minute.Seconds()); minute != h.minute {
		h.minute = minute
		for at := range h.all {
			h.mark(at)
		}
	}
}

// mark notes that a home changed.
func (h *homes) mark(at int) { h.marked[at] = h.changes }

// traded notes that a metering point traded.
func (h *homes) traded(point string) {
	if at, known := h.point[point]; known {
		h.mark(at)
	}
}

// since returns copies of the homes that changed after a cut; all after 0.
func (h *homes) since(cut uint64, now time.Time, t api.Tariff) []api.Home {
	changed := []api.Home{}
	for at := range h.all {
		if h.marked[at] > cut {
			changed = append(changed, h.home(at, now, t))
		}
	}
	return changed
}

// fallSilent shows the devices as offline that fell silent.
func (h *homes) fallSilent() {
	for at := range h.all {
		if h.devices.silence(h.all[at].Devices) {
			h.mark(at)
		}
	}
}

// flow returns the powers of a home if they were read lately.
func (h *homes) flow(at int) *api.Flow {
	if time.Since(h.drawn[at]) >= silentAfter {
		return nil
	}
	return h.all[at].Flow
}

// home returns a copy of a home with what depends on the time.
func (h *homes) home(at int, now time.Time, t api.Tariff) api.Home {
	home := h.all[at]
	home.Devices = slices.Clone(home.Devices)
	for k := range home.Devices {
		home.Devices[k].Online = h.devices.online(home.Devices[k].Id)
	}
	home.Flow = h.flow(at)
	if home.Challenge != nil && !now.Before(home.Challenge.Until) {
		home.Challenge = nil
	}
	own := h.prices.of(home.MeteringPoint, h.prices.interval(now))
	if own != nil {
		home.Tariff, t = own, *own
	}
	home.Contract, home.Expected = h.outlooks.contracted(h.own[at], now, t)
	switch home.Pool = h.outlooks.shared(h.own[at]); {
	case home.Pool == nil || h.prices.prices == nil || !h.outlooks.halfWay:
	case own == nil:
		home.Pool = nil // what it costs is not known
	default:
		*home.Pool = (avoided(t) + t.FeedIn) / 2 //nolint:mnd // the middle, as near as a home knows it before the others are metered
	}
	return home
}
