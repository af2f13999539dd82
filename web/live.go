package web

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/tariff"
	"github.com/commonwatt/commonwatt/web/api"
)

// Live is what the dashboard shows, kept current by what happens: readings,
// trades, clearings, settlements. It is safe for concurrent use.
type Live struct {
	clock   func() time.Time // world time
	status  func(context.Context) api.Status
	account func(member, point string) (string, error)

	mu       sync.Mutex // guards all below
	state    api.State
	speed    float64         // seconds of world time in one of wall time
	homes    map[string]int  // member → index in state.Homes
	points   map[string]int  // metering point → index
	own      [][]string      // metering points by the index of their home
	pool     *grid.Price     // of what no trade covers; nil: it is not shared
	apart    map[string]bool // metering points that share nothing
	devices  map[string]*api.Device
	heard    map[string]time.Time                              // wall time of a device's last reading
	drawn    map[int]time.Time                                 // wall time of a home's flow
	outlooks map[string]map[grid.Interval]outlook              // by metering point
	counted  map[string]map[grid.Interval]settlement.Statement // of today, by metering point
	day      int64                                             // that Today counts, in days since 1970
	minute   int64                                             // of the last delta, in minutes since 1970
	runs     map[grid.Interval]runs
	changed  change
	clients  map[*client]struct{}
}

// runs are the last of an interval that was settled, and that the ledger has.
type runs struct{ settled, recorded int }

// change is what the next delta will carry.
type change struct {
	homes     map[int]bool
	trades    []api.Trade
	intervals map[time.Time]bool // by start
}

func newChange() change { return change{homes: map[int]bool{}, intervals: map[time.Time]bool{}} }

const (
	// silentAfter is how long a device may be silent before it is offline.
	silentAfter = 10 * time.Second
	// statusWithin bounds how long a message to the pages waits for the status.
	statusWithin   = time.Second
	shownTrades    = 30
	shownIntervals = 96
)

// NewLive returns the dashboard of a community's devices. status fills the
// totals, account tells the ledger's account of a member's metering point.
func NewLive(community string, tariff tariff.Tariff, devices []grid.Device, account func(member, point string) (string, error), clock func() time.Time, status func(context.Context) api.Status) (*Live, error) {
	l := &Live{
		clock: clock, status: status, account: account, speed: 1, homes: map[string]int{}, points: map[string]int{}, devices: map[string]*api.Device{},
		heard: map[string]time.Time{}, drawn: map[int]time.Time{}, outlooks: map[string]map[grid.Interval]outlook{},
		counted: map[string]map[grid.Interval]settlement.Statement{}, runs: map[grid.Interval]runs{},
		changed: newChange(), clients: map[*client]struct{}{},
		state: api.State{
			Community: community, Trades: []api.Trade{}, Intervals: []api.Clearing{}, Homes: []api.Home{},
			Tariff: api.Tariff{Version: tariff.Version, Currency: tariff.Currency, Retail: int64(tariff.Retail), FeedIn: int64(tariff.FeedIn)},
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
		l.homes[d.Member] = at
		l.own = append(l.own, nil)
		l.state.Homes = append(l.state.Homes, api.Home{Id: d.Member, MeteringPoint: d.MeteringPoint, Account: account})
	}
	if _, known := l.points[d.MeteringPoint]; !known {
		l.points[d.MeteringPoint] = at
		l.own[at] = append(l.own[at], d.MeteringPoint)
	}
	h := &l.state.Homes[at]
	h.Devices = append(h.Devices, api.Device{Id: d.ID, Kind: string(d.Kind)})
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
		l.draw(at)
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
		if slices.ContainsFunc(l.state.Homes[at].Devices, func(d api.Device) bool { return d.Id == device }) {
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
	l.agree(t.Buyer, t.Product.Interval, api.Contract{Bought: int64(t.Energy), Paid: int64(pays)})
	l.agree(t.Seller, t.Product.Interval, api.Contract{Sold: int64(t.Energy), Received: int64(gets)})
	shown := api.Trade{
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

// name shows a metering point as its home.
func (l *Live) name(point string) string {
	if at, known := l.points[point]; known {
		return l.state.Homes[at].Id
	}
	return point
}

func interval(i grid.Interval) api.Interval {
	return api.Interval{Start: i.Begin(), Minutes: i.Minutes}
}

// clearing returns the interval's line, a new one when there is none. The
// lines are kept latest first.
func (l *Live) clearing(i grid.Interval) *api.Clearing {
	want := interval(i)
	l.changed.intervals[want.Start] = true
	at, found := slices.BinarySearchFunc(l.state.Intervals, want.Start, func(c api.Clearing, start time.Time) int {
		return start.Compare(c.Interval.Start)
	})
	if !found {
		l.state.Intervals = slices.Insert(l.state.Intervals, at, api.Clearing{Interval: want})
		if len(l.state.Intervals) > shownIntervals {
			l.state.Intervals = l.state.Intervals[:shownIntervals]
		}
		if at == shownIntervals {
			return &api.Clearing{Interval: want} // older than all that is shown
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
	if run.Manifest.Run < l.runs[i].settled {
		return // a later one is shown
	}
	l.see(i, runs{settled: run.Manifest.Run})
	c := l.clearing(i)
	c.Settled, c.Estimated = true, run.Manifest.Estimated
	l.turn()
	if dayOf(i.Begin()) != l.day {
		return
	}
	for _, s := range run.Statements {
		if at, known := l.points[s.MeteringPoint]; known {
			l.count(at, i, s)
		}
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

// turn goes on with the world's clock: at midnight today is empty, and every
// minute each home is shown again, for intervals begin on whole minutes.
func (l *Live) turn() {
	now := l.clock()
	day, minute := dayOf(now), now.Unix()/int64(time.Minute.Seconds())
	if day != l.day {
		l.day = day
		clear(l.counted)
		for at := range l.state.Homes {
			l.state.Homes[at].Today = api.Today{}
		}
	}
	if minute != l.minute {
		l.minute = minute
		for at := range l.state.Homes {
			l.changed.homes[at] = true
		}
	}
}

func dayOf(t time.Time) int64 { return t.Unix() / int64((24 * time.Hour).Seconds()) }

// State returns a copy of everything.
func (l *Live) State(ctx context.Context) api.State {
	status := l.ask(ctx)
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.snapshot(status)
}

// ask returns the status, after statusWithin at the latest if who answers keeps
// to the context.
func (l *Live) ask(ctx context.Context) api.Status {
	ctx, cancel := context.WithTimeout(ctx, statusWithin)
	defer cancel()
	return l.status(ctx)
}

func (l *Live) snapshot(status api.Status) api.State {
	l.speed = status.Speed
	l.turn()
	s := l.state
	s.Status, s.Trades, s.Intervals = status, slices.Clone(s.Trades), slices.Clone(s.Intervals)
	s.Homes = make([]api.Home, len(l.state.Homes))
	for at := range s.Homes {
		s.Homes[at] = l.home(at)
	}
	return s
}

// delta returns what changed since the last one, homes with a device that fell
// silent among it.
func (l *Live) delta(status api.Status) api.Delta {
	l.speed = status.Speed
	l.turn()
	d := api.Delta{Status: status, Trades: l.changed.trades}
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
