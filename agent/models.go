package agent

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/commonwatt/commonwatt/forecast"
	"github.com/commonwatt/commonwatt/grid"
)

// Kept keeps fitted models from one start to the next. A name is of letters, digits and hyphens.
type Kept interface {
	// Load returns what was kept, nil when nothing was.
	Load(name string) ([]byte, error)
	Save(name string, model []byte) error
}

// Skills is how well each method did on the past of one series of a home.
type Skills struct {
	Series string // load, pv or net
	Chosen string // the method that forecasts
	Skills []forecast.Skill
}

// models are the fitted models of all series. They are safe for concurrent use: whoever fits one
// puts it in its place when it is done, and whoever forecasts goes on with the last one.
type models struct {
	mu  sync.Mutex
	of  map[series]fitted
	new int // counts what was put in its place
}

// series names what is forecast of a metering point.
type series struct {
	point string
	kind  forecast.Kind
}

// fitted is a model, and up to when it knew its series.
type fitted struct {
	*forecast.Model

	until time.Time
	days  int // of history
}

func (m *models) get(s series) (fitted, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f, known := m.of[s]
	return f, known
}

func (m *models) put(s series, f fitted) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.of == nil {
		m.of = map[series]fitted{}
	}
	m.of[s] = f
	m.new++
}

// generation changes whenever a model does.
func (m *models) generation() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.new
}

const (
	refitYoung = 24 * time.Hour     // between fits while the history is short
	refitOld   = 7 * 24 * time.Hour // and once it is long
	youngDays  = 28
)

// due tells whether a series wants another fit.
func (t *Traders) due(s series, now time.Time) bool {
	f, known := t.models.get(s)
	after := refitOld
	if f.days < youngDays {
		after = refitYoung
	}
	return !known || now.Sub(f.until) >= after
}

// fit fits a model to a series. One that was kept serves as long as it is young enough.
func (t *Traders) fit(s series, past forecast.Series, now time.Time) error {
	if len(past.Values) == 0 { // as of the sun where no inverter was ever read
		return forecast.ErrNoHistory
	}
	o := forecast.Options{Kind: s.kind, Zone: t.zone(), Latitude: t.Latitude, Longitude: t.Longitude}
	if s.kind == forecast.PV {
		o.Peak = float64(t.peak(s.point))
	}
	days := len(past.Values) * t.Minutes / (24 * 60)
	before, known := t.models.get(s)
	if !known && t.Kept != nil {
		if m, until := t.load(s, o); m != nil && now.Sub(until) < refitOld && !until.After(now) {
			t.models.put(s, fitted{m, until, days})
			return nil
		}
	}
	if known {
		o.Before = before.Chosen()
	}
	m, err := forecast.Fit(past, o)
	if err != nil {
		return err
	}
	t.models.put(s, fitted{m, now, days})
	if t.Kept != nil {
		return t.save(s, m, now)
	}
	return nil
}

// stampSize is what stands before a kept model: when it was fitted, unix seconds.
const stampSize = 8

func (s series) name() string { return fmt.Sprintf("%x-%s", s.point, s.kind) }

// load returns a model that was kept, nil where there is none that can be read.
func (t *Traders) load(s series, o forecast.Options) (*forecast.Model, time.Time) {
	b, err := t.Kept.Load(s.name())
	if err != nil || len(b) < stampSize {
		return nil, time.Time{}
	}
	var at int64
	for _, c := range b[:stampSize] {
		at = at<<8 | int64(c)
	}
	m, err := forecast.Restore(b[stampSize:], o)
	if err != nil {
		return nil, time.Time{}
	}
	return m, time.Unix(at, 0).UTC()
}

func (t *Traders) save(s series, m *forecast.Model, now time.Time) error {
	b, err := m.MarshalBinary()
	if errors.Is(err, forecast.ErrVersion) {
		return nil
	}
	if err != nil {
		return err
	}
	stamp := make([]byte, stampSize, stampSize+len(b))
	for k := range stamp {
		stamp[k] = byte(now.Unix() >> (8 * (stampSize - 1 - k)))
	}
	return t.Kept.Save(s.name(), append(stamp, b...))
}

// Refit fits the models that want it of one metering point: the first, by name, that has any, or looks again
// at what one of its batteries is. did is false where none has. It is safe beside everything else, and is meant to be called
// again and again by one worker at a low rate; with FitInPlace nobody needs to.
func (t *Traders) Refit(ctx context.Context, now time.Time) (did bool, err error) {
	for _, at := range t.planners() {
		if err := t.recollect(ctx, at, now); err != nil {
			return true, fmt.Errorf("metering point %s: %w", at.home.MeteringPoint, err)
		}
		if did, err := t.restudy(ctx, at, now); did {
			return true, err
		}
		for _, s := range t.seriesOf(at) {
			if !t.due(s, now) {
				continue
			}
			past, err := t.past(ctx, at, s.kind, now)
			if err != nil {
				return true, fmt.Errorf("metering point %s: %w", s.point, err)
			}
			err = t.fit(s, past, now)
			if err == nil || !errors.Is(err, forecast.ErrNoHistory) {
				return true, err
			}
		}
	}
	return false, nil
}

// planners returns the seats whose agents plan, by metering point.
func (t *Traders) planners() (all []seat) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, at := range t.seats {
		if at.meter != "" && at.strategy == ByPlanner {
			all = append(all, at)
		}
	}
	slices.SortFunc(all, func(a, b seat) int { return strings.Compare(a.home.MeteringPoint, b.home.MeteringPoint) })
	return all
}

// seriesOf returns what is forecast of a metering point: load and sun apart where the inverters
// are metered, and both together where they are not, or a battery goes its own way.
func (t *Traders) seriesOf(at seat) []series {
	point := at.home.MeteringPoint
	if t.unseen(at) || slices.ContainsFunc(at.devices, func(d grid.Device) bool { return d.Kind == grid.Battery && !t.moves(d.ID) }) {
		return []series{{point, forecast.Net}}
	}
	all := []series{{point, forecast.Load}}
	if at.has(grid.Inverter) {
		all = append(all, series{point, forecast.PV})
	}
	return all
}

// moves tells whether a plan can move a battery.
func (t *Traders) moves(battery string) bool {
	of := t.rating(battery)
	return of.Controlled && of.Capacity > 0 && of.Power > 0
}

func (at seat) has(kind grid.DeviceKind) bool {
	return slices.ContainsFunc(at.devices, func(d grid.Device) bool { return d.Kind == kind })
}

// past returns what a series of a metering point counted, without the interval that runs: of the
// sun what the inverters gave, of the load what the home took without its inverters and without
// what a plan moves; heat pumps and heating rods of which
// too little is known for that are part of it. Where one of them is not known nothing is; before a device
// other than an inverter was first read it counts as none, for a home has its past also when a battery comes.
func (t *Traders) past(ctx context.Context, at seat, kind forecast.Kind, now time.Time) (forecast.Series, error) {
	return t.assemble(at, kind, func(device string) (forecast.Series, error) { return t.recall(ctx, device, now) })
}

// assemble makes a series of what devices counted.
func (t *Traders) assemble(at seat, kind forecast.Kind, of func(device string) (forecast.Series, error)) (sum forecast.Series, err error) {
	add := func(device string, sign float64, late bool) error {
		one, err := of(device)
		if err != nil || device != at.meter && !slices.ContainsFunc(one.Values, known) {
			return err // what nobody ever read is left out
		}
		if sum.Values == nil {
			sum = forecast.Series{First: one.First, Values: make([]float64, len(one.Values))}
		}
		shift, first := between(one.First, sum.First), slices.IndexFunc(one.Values, known)
		for k := range sum.Values {
			switch at := k + shift; {
			case late && at < first:
			case at >= 0 && at < len(one.Values):
				sum.Values[k] += sign * one.Values[at]
			default:
				sum.Values[k] = math.NaN()
			}
		}
		return nil
	}
	if kind != forecast.PV {
		if err := add(at.meter, 1, false); err != nil {
			return sum, err
		}
	}
	for _, d := range at.devices {
		apart := d.Kind == grid.Inverter && kind != forecast.Net
		if kind != forecast.PV {
			apart = apart || d.Kind == grid.Charger || t.warms(d) || t.waits(d) || d.Kind == grid.Battery && t.moves(d.ID)
		}
		if !apart {
			continue
		}
		if err := add(d.ID, -1, d.Kind != grid.Inverter); err != nil {
			return sum, err
		}
	}
	if kind != forecast.Net {
		for k, v := range sum.Values {
			sum.Values[k] = math.Max(v, 0) // registers are read in whole Wh; NaN stays
		}
	}
	return sum, nil
}

// Skill returns how well each method did on the past of a metering point, by what is forecast of
// it; nothing before the first fit.
func (t *Traders) Skill(point string) (all []Skills) {
	for _, kind := range []forecast.Kind{forecast.Load, forecast.PV, forecast.Net} {
		if m, known := t.models.get(series{point, kind}); known {
			all = append(all, Skills{Series: kind.String(), Chosen: m.Chosen(), Skills: m.Skills()})
		}
	}
	return all
}

func known(v float64) bool { return !math.IsNaN(v) }
