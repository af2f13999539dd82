package agent

import (
	"errors"
	"fmt"
	"math"
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
	site

	ratings ratings
	kept    Kept // nil: they are fitted anew after a start

	mu  sync.Mutex // guards all below
	of  map[series]fitted
	new int // counts what was put in its place
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
func (m *models) due(s series, now time.Time) bool {
	f, known := m.get(s)
	after := refitOld
	if f.days < youngDays {
		after = refitYoung
	}
	return !known || now.Sub(f.until) >= after
}

// fit fits a model to a series of a metering point that has devices. One that was kept serves as long as it is young enough.
func (m *models) fit(s series, devices []grid.Device, past forecast.Series, now time.Time) error {
	if len(past.Values) == 0 { // as of the sun where no inverter was ever read
		return forecast.ErrNoHistory
	}
	o := forecast.Options{Kind: s.kind, Zone: m.zone, Latitude: m.Latitude, Longitude: m.Longitude}
	if s.kind == forecast.PV {
		o.Peak = float64(m.ratings.peak(devices))
	}
	days := len(past.Values) * m.minutes / (24 * 60)
	before, known := m.get(s)
	if !known && m.kept != nil {
		if one, until := m.load(s, o); one != nil && now.Sub(until) < refitOld && !until.After(now) {
			m.put(s, fitted{one, until, days})
			return nil
		}
	}
	if known {
		o.Before = before.Chosen()
	}
	one, err := forecast.Fit(past, o)
	if err != nil {
		return err
	}
	m.put(s, fitted{one, now, days})
	if m.kept != nil {
		return m.save(s, one, now)
	}
	return nil
}

// stampSize is what stands before a kept model: when it was fitted, unix seconds.
const stampSize = 8

func (s series) name() string { return fmt.Sprintf("%x-%s", s.point, s.kind) }

// load returns a model that was kept, nil where there is none that can be read.
func (m *models) load(s series, o forecast.Options) (*forecast.Model, time.Time) {
	b, err := m.kept.Load(s.name())
	if err != nil || len(b) < stampSize {
		return nil, time.Time{}
	}
	var at int64
	for _, c := range b[:stampSize] {
		at = at<<8 | int64(c)
	}
	one, err := forecast.Restore(b[stampSize:], o)
	if err != nil {
		return nil, time.Time{}
	}
	return one, time.Unix(at, 0).UTC()
}

func (m *models) save(s series, one *forecast.Model, now time.Time) error {
	b, err := one.MarshalBinary()
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
	return m.kept.Save(s.name(), append(stamp, b...))
}

// skill returns how well each method did on the past of a metering point, by what is forecast of
// it; nothing before the first fit.
func (m *models) skill(point string) (all []Skills) {
	for _, kind := range []forecast.Kind{forecast.Load, forecast.PV, forecast.Net} {
		if one, known := m.get(series{point, kind}); known {
			all = append(all, Skills{Series: kind.String(), Chosen: one.Chosen(), Skills: one.Skills()})
		}
	}
	return all
}

func known(v float64) bool { return !math.IsNaN(v) }
