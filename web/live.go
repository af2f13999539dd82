package web

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/settlement"
)

// Live is what the dashboard shows, kept current by what happens: readings,
// trades, clearings, settlements. It is safe for concurrent use.
type Live struct {
	clock   func() time.Time // world time
	status  func(context.Context) Status
	account func(member, point string) (string, error)

	mu        sync.Mutex // guards all below
	state     State
	homes     map[string]int // member → index in state.Homes
	points    map[string]int // metering point → index
	devices   map[string]*Device
	heard     map[string]time.Time // wall time of a device's last reading
	contracts map[delivery]Contract
	day       int64 // unix day that Today counts
	counted   map[delivery]settlement.Statement
	runs      map[grid.Interval]runs
	changed   change
	clients   map[*client]struct{}
}

// runs are the last of an interval that was settled, and that the ledger has.
type runs struct{ settled, recorded int }

// delivery is one metering point in one interval.
type delivery struct {
	point    string
	interval grid.Interval
}

// change is what the next delta will carry.
type change struct {
	homes     map[int]bool
	trades    []Trade
	intervals map[time.Time]bool // by start
}

func newChange() change { return change{homes: map[int]bool{}, intervals: map[time.Time]bool{}} }

// Delta is a change of the State: homes and intervals replace those with the
// same key, trades are new, oldest first.
type Delta struct {
	Status    Status     `json:"status"`
	Homes     []Home     `json:"homes,omitempty"`
	Trades    []Trade    `json:"trades,omitempty"`
	Intervals []Clearing `json:"intervals,omitempty"`
}

const (
	// silentAfter is how long a device may be silent before it is offline.
	silentAfter    = 10 * time.Second
	shownTrades    = 30
	shownIntervals = 96
	contractsKept  = time.Hour
)

// NewLive returns the dashboard of a community's devices. status fills the
// totals, account tells the ledger's account of a member's metering point.
func NewLive(community string, tariff settlement.Tariff, devices []grid.Device, account func(member, point string) (string, error), clock func() time.Time, status func(context.Context) Status) (*Live, error) {
	l := &Live{
		clock: clock, status: status, account: account, homes: map[string]int{}, points: map[string]int{}, devices: map[string]*Device{},
		heard: map[string]time.Time{}, contracts: map[delivery]Contract{}, counted: map[delivery]settlement.Statement{}, runs: map[grid.Interval]runs{},
		changed: newChange(), clients: map[*client]struct{}{},
		state: State{
			Community: community, Trades: []Trade{}, Intervals: []Clearing{}, Homes: []Home{},
			Tariff: Tariff{Version: tariff.Version, Currency: tariff.Currency, Retail: int64(tariff.Retail), FeedIn: int64(tariff.FeedIn)},
		},
	}
	for _, d := range devices {
		if err := l.Add(d); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// Add shows one more device, and its home if that is new.
func (l *Live) Add(d grid.Device) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.devices[d.ID] != nil {
		return nil
	}
	at, known := l.homes[d.Member]
	if !known {
		account, err := l.account(d.Member, d.MeteringPoint)
		if err != nil {
			return err
		}
		at = len(l.state.Homes)
		l.homes[d.Member], l.points[d.MeteringPoint] = at, at
		l.state.Homes = append(l.state.Homes, Home{Id: d.Member, MeteringPoint: d.MeteringPoint, Account: account})
	}
	h := &l.state.Homes[at]
	h.Devices = append(h.Devices, Device{Id: d.ID, Kind: string(d.Kind)})
	for k := range h.Devices { // which append may have moved
		l.devices[h.Devices[k].Id] = &h.Devices[k]
	}
	l.changed.homes[at] = true
	return nil
}

// SeeReadings shows what a member's devices said.
func (l *Live) SeeReadings(member string, readings []grid.Reading) {
	l.mu.Lock()
	defer l.mu.Unlock()
	at, known := l.homes[member]
	if !known {
		return
	}
	l.changed.homes[at] = true
	for _, r := range readings {
		d := l.devices[r.Device]
		if d == nil || d.Time != nil && d.Time.After(r.Time) {
			continue
		}
		l.heard[r.Device] = time.Now()
		d.Online, d.Time, d.Power, d.Charge = true, new(r.Time), nil, nil
		if r.Power != nil {
			d.Power = new(int64(*r.Power))
		}
		if r.Charge != nil {
			d.Charge = new(int(*r.Charge))
		}
	}
}

// Warn shows what the installer should look at; an empty text takes it back.
func (l *Live) Warn(device, text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	d := l.devices[device]
	if d == nil {
		return
	}
	d.Warning = nil
	if text != "" {
		d.Warning = &text
	}
	for at := range l.state.Homes {
		if slices.ContainsFunc(l.state.Homes[at].Devices, func(d Device) bool { return d.Id == device }) {
			l.changed.homes[at] = true
		}
	}
}

// Warning returns what the installer should look at, empty when there is nothing.
func (l *Live) Warning(device string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if d := l.devices[device]; d != nil && d.Warning != nil {
		return *d.Warning
	}
	return ""
}

// Devices counts the devices that are shown.
func (l *Live) Devices() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.devices)
}

// DevicesOnline counts the devices that were heard lately.
func (l *Live) DevicesOnline() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for id := range l.heard {
		if l.online(id) {
			n++
		}
	}
	return n
}

func (l *Live) online(id string) bool {
	at, heard := l.heard[id]
	return heard && time.Since(at) < silentAfter
}

// SeeTrade shows a trade.
func (l *Live) SeeTrade(t grid.Trade) {
	l.mu.Lock()
	defer l.mu.Unlock()
	pays, err := t.BidPrice.Cost(t.Energy)
	if err != nil {
		return // settlement will name it
	}
	gets, err := t.OfferPrice.Cost(t.Energy)
	if err != nil {
		return
	}
	l.contract(t.Buyer, t.Product.Interval, Contract{Bought: int64(t.Energy), Paid: int64(pays)})
	l.contract(t.Seller, t.Product.Interval, Contract{Sold: int64(t.Energy), Received: int64(gets)})
	shown := Trade{
		Seq: int64(t.Seq), Interval: interval(t.Product.Interval), Buyer: l.name(t.Buyer), Seller: l.name(t.Seller),
		Energy: int64(t.Energy), Price: int64(t.BidPrice),
	}
	l.state.Trades = slices.Insert(l.state.Trades, 0, shown)
	l.state.Trades = l.state.Trades[:min(len(l.state.Trades), shownTrades)]
	l.changed.trades = append(l.changed.trades, shown)
	c := l.clearing(t.Product.Interval)
	turnover := int64(t.Energy) * int64(t.BidPrice)
	if c.Price != nil {
		turnover += *c.Price * c.Volume
	}
	c.Volume += int64(t.Energy)
	c.Price = new(turnover / c.Volume)
	c.Trades++
}

func (l *Live) contract(point string, i grid.Interval, add Contract) {
	k := delivery{point, i}
	c := l.contracts[k]
	c.Bought += add.Bought
	c.Sold += add.Sold
	c.Paid += add.Paid
	c.Received += add.Received
	l.contracts[k] = c
}

// name shows a metering point as its home.
func (l *Live) name(point string) string {
	if at, known := l.points[point]; known {
		return l.state.Homes[at].Id
	}
	return point
}

func interval(i grid.Interval) Interval { return Interval{Start: i.Begin(), Minutes: i.Minutes} }

// clearing returns the interval's line, a new one when there is none. The
// lines are kept latest first.
func (l *Live) clearing(i grid.Interval) *Clearing {
	want := interval(i)
	l.changed.intervals[want.Start] = true
	at, found := slices.BinarySearchFunc(l.state.Intervals, want.Start, func(c Clearing, start time.Time) int {
		return start.Compare(c.Interval.Start)
	})
	if !found {
		l.state.Intervals = slices.Insert(l.state.Intervals, at, Clearing{Interval: want})
		if len(l.state.Intervals) > shownIntervals {
			l.state.Intervals = l.state.Intervals[:shownIntervals]
		}
		if at == shownIntervals {
			return &Clearing{Interval: want} // older than all that is shown
		}
	}
	return &l.state.Intervals[at]
}

// SeeCleared shows that an interval's gate has closed.
func (l *Live) SeeCleared(i grid.Interval) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.clearing(i)
}

// SeeSettled shows what a run came to; a later run of an interval replaces an
// earlier one.
func (l *Live) SeeSettled(i grid.Interval, run settlement.Run) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.see(i, runs{settled: run.Manifest.Run})
	c := l.clearing(i)
	c.Settled, c.Estimated = true, run.Manifest.Estimated
	day := i.Start / int64((24 * time.Hour).Seconds())
	if day < l.day {
		return
	}
	if day > l.day {
		l.newDay(day)
	}
	for _, s := range run.Statements {
		at, known := l.points[s.MeteringPoint]
		if !known {
			continue
		}
		k := delivery{s.MeteringPoint, i}
		before, again := l.counted[k]
		l.counted[k] = s
		today := &l.state.Homes[at].Today
		today.Net += int64(s.Net - before.Net)
		today.RetailOnly += int64(s.RetailOnly - before.RetailOnly)
		if !again {
			today.Intervals++
		}
		l.changed.homes[at] = true
	}
}

// SeeRecorded shows that the ledger has a run of an interval.
func (l *Live) SeeRecorded(i grid.Interval, run int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.see(i, runs{recorded: run})
}

// remembered is how long the runs of an interval are.
const remembered = 48 * time.Hour

// see notes the runs of an interval: until the ledger has the last one, what is
// shown is provisional.
func (l *Live) see(i grid.Interval, now runs) {
	r := l.runs[i]
	r = runs{settled: max(r.settled, now.settled), recorded: max(r.recorded, now.recorded)}
	l.runs[i] = r
	for old := range l.runs {
		if i.Begin().Sub(old.Begin()) > remembered {
			delete(l.runs, old)
		}
	}
	if r.settled > 0 {
		l.clearing(i).Provisional = r.settled > r.recorded
	}
}

func (l *Live) newDay(day int64) {
	l.day = day
	clear(l.counted)
	for at := range l.state.Homes {
		l.state.Homes[at].Today = Today{}
		l.changed.homes[at] = true
	}
}

// State returns a copy of everything.
func (l *Live) State(ctx context.Context) State {
	status := l.status(ctx)
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.snapshot(status)
}

func (l *Live) snapshot(status Status) State {
	s := l.state
	s.Status, s.Trades, s.Intervals = status, slices.Clone(s.Trades), slices.Clone(s.Intervals)
	s.Homes = make([]Home, len(l.state.Homes))
	for at := range s.Homes {
		s.Homes[at] = l.home(at)
	}
	return s
}

// home returns a copy of a home with what depends on the time.
func (l *Live) home(at int) Home {
	h := l.state.Homes[at]
	h.Devices = slices.Clone(h.Devices)
	for k := range h.Devices {
		h.Devices[k].Online = l.online(h.Devices[k].Id)
	}
	now := l.clock()
	for k, c := range l.contracts {
		switch {
		case k.point == h.MeteringPoint && k.interval.Contains(now):
			h.Contract = c
		case k.interval.End().Before(now.Add(-contractsKept)):
			delete(l.contracts, k)
		}
	}
	return h
}

// delta returns what changed since the last one, homes with a device that fell
// silent among it.
func (l *Live) delta(status Status) Delta {
	d := Delta{Status: status, Trades: l.changed.trades}
	for at, h := range l.state.Homes {
		for k := range h.Devices {
			if dev := &h.Devices[k]; dev.Online && !l.online(dev.Id) {
				dev.Online = false
				l.changed.homes[at] = true
			}
		}
		if l.changed.homes[at] {
			d.Homes = append(d.Homes, l.home(at))
		}
	}
	for _, c := range l.state.Intervals {
		if l.changed.intervals[c.Interval.Start] {
			d.Intervals = append(d.Intervals, c)
		}
	}
	l.changed = newChange()
	return d
}
