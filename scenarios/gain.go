package scenarios

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/commonwatt/commonwatt/agent/readiness"
	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/evidence"
	"github.com/commonwatt/commonwatt/meters/store"
	"github.com/commonwatt/commonwatt/scenarios/foresight"
	"github.com/commonwatt/commonwatt/scenarios/world"
	"github.com/commonwatt/commonwatt/settlement/statements"
	"github.com/commonwatt/commonwatt/tariff"
	"github.com/commonwatt/commonwatt/usage"
)

// Gained is what a community made of a time, with what it is written in.
type Gained struct {
	Currency string `json:"currency"`
	foresight.Gain

	// Estimated is how many of the intervals have a value that was not metered.
	Estimated int `json:"intervals_estimated"`

	// Cars are the deadlines of the cars; nil: nobody counted them.
	Cars *readiness.Count `json:"cars,omitempty"`
}

// Street is the data directory of a simulated community.
type Street struct {
	Dir       string
	Telemetry string // name of the file that keeps the readings
	Currency  string
	Zone      *time.Location
}

// Gain reckons what a simulated community made of the intervals that begin in [from, to), by its
// data directory; where both are zero, of the first day of its zone whose end is settled, from the first
// interval of it that is. The directory may belong to a community that runs. The world is run anew
// for it, since nobody can move sun and loads. What cannot be reckoned is the caller's to mend.
func (s Street) Gain(ctx context.Context, from, to time.Time) (g Gained, err error) {
	if _, err := s.spec(ctx); err != nil { // says so where it is no simulated community
		return g, err
	}
	book, err := s.book(ctx)
	if err != nil {
		return g, err
	}
	defer func() { err = errors.Join(err, book.Close()) }()
	if from.IsZero() && to.IsZero() {
		if from, to, err = s.firstDay(ctx, book); err != nil {
			return g, err
		}
	}
	readings, err := store.OpenSQLite(ctx, filepath.Join(s.Dir, s.Telemetry))
	if err != nil {
		return g, err
	}
	defer func() { err = errors.Join(err, readings.Close()) }()
	if g, err = s.GainOf(ctx, readings, book, from, to, 0); err != nil {
		return g, err
	}
	g.Cars, err = s.cars(ctx, readings, g.From, g.To)
	return g, err
}

// Simulated tells whether the directory is one of a simulated community.
func (s Street) Simulated() bool {
	_, err := os.Stat(filepath.Join(s.Dir, "simulation.db"))
	return err == nil
}

// Deviate finds what single members would have gained by other orders (Recorded.Deviate), in the time that Gain takes too.
// The community may be one with real devices. orders and evidenceFile are names in the directory: of the order log and of the evidence.
func (s Street) Deviate(ctx context.Context, orders, evidenceFile string, from, to time.Time, members int) (d *Deviations, err error) {
	book, err := s.book(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, book.Close()) }()
	if from.IsZero() && to.IsZero() {
		if from, to, err = s.firstDay(ctx, book); err != nil {
			return nil, err
		}
	}
	kept, err := evidence.Read(filepath.Join(s.Dir, evidenceFile))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, kept.Close()) }()
	return Recorded{Orders: filepath.Join(s.Dir, orders), Workings: kept.WorkingsOf, Book: book}.Deviate(ctx, from, to, members)
}

// book opens the book of statements.
func (s Street) book(ctx context.Context) (*statements.Book, error) {
	path := filepath.Join(s.Dir, statements.File)
	if _, err := os.Stat(path); err != nil {
		return nil, usage.Errorf("--data: %s has no book of statements yet: it begins with the first settled interval", s.Dir)
	}
	return statements.Open(ctx, path)
}

// GainOf is Gain of a time by a store and a book that are open; longest is how long after its
// beginning a street is run anew for it at most, 0: as long as it takes.
func (s Street) GainOf(ctx context.Context, readings store.Store, book *statements.Book, from, to time.Time, longest time.Duration) (g Gained, err error) {
	spec, err := s.spec(ctx)
	if err != nil {
		return g, err
	}
	if longest > 0 && to.Sub(spec.Start) > longest {
		return g, fmt.Errorf("the street began at %s: the days since are not run anew", spec.Start.Format(time.RFC3339))
	}
	settled, err := settledIn(ctx, spec, book, from, to)
	if err != nil {
		return g, err
	}
	kept, err := keptOf(ctx, readings, spec, settled.period.First.Begin(), settled.end())
	if err != nil {
		return g, err
	}
	watch := foresight.New(spec, settled.period.First.Minutes)
	w := world.New(spec)
	watch.See(w.State())
	for at := spec.Start.Add(time.Minute); !at.After(settled.end()); at = at.Add(time.Minute) {
		if err := ctx.Err(); err != nil {
			return g, err
		}
		w.Advance(at)
		watch.See(w.State())
	}
	g = Gained{Currency: s.Currency, Estimated: settled.estimated}
	g.Gain, err = watch.Gain(settled.period, settled.alone, foresight.Way{Money: settled.net, Kept: kept}, shown{ctx, readings, spec})
	return g, err
}

// spec returns what the simulation was made from.
func (s Street) spec(ctx context.Context) (spec world.Spec, err error) {
	path := filepath.Join(s.Dir, "simulation.db")
	if _, err := os.Stat(path); err != nil {
		return spec, usage.Errorf("--data: %s is no simulated community, and what else homes could have done is known in a simulation alone", s.Dir)
	}
	if _, err := os.Stat(filepath.Join(s.Dir, s.Telemetry)); err != nil {
		return spec, usage.Errorf("--data: %s keeps its readings elsewhere (store: influxdb): run it with the embedded store", s.Dir)
	}
	db, err := disk.ReadSQLite(path)
	if err != nil {
		return spec, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	all, err := disk.Column[string](ctx, db, `SELECT spec FROM world`)
	if err != nil || len(all) != 1 {
		return spec, fmt.Errorf("%s: it should describe one street, and describes %d: %w", path, len(all), err)
	}
	if err := json.Unmarshal([]byte(all[0]), &spec); err != nil {
		return spec, fmt.Errorf("%s: %w", path, err)
	}
	return spec, nil
}

// settled is what statements say of a time.
type settled struct {
	period     foresight.Period
	net, alone grid.Money
	estimated  int
}

func (s settled) end() time.Time { return s.period.First.Shift(len(s.period.Retail)).Begin() }

// add takes in the next interval of a street.
func (s *settled) add(spec world.Spec, i *statements.Interval) error {
	if len(s.period.Retail) > 0 && !i.Interval.Begin().Equal(s.end()) {
		return usage.Errorf("--from, --to: no interval was settled from %s to %s: give a time without a gap", s.end().Format(time.RFC3339), i.Interval.Begin().Format(time.RFC3339))
	}
	own := map[string]tariff.Rates{}
	for _, p := range i.Points {
		own[p.MeteringPoint] = p.Rates
		for _, m := range []struct {
			sum *grid.Money
			add grid.Money
		}{{&s.net, p.Net}, {&s.alone, p.Without}} {
			var err error
			if *m.sum, err = m.sum.Add(m.add); err != nil {
				return fmt.Errorf("all members together, up to %s: %w", i.Interval, err)
			}
		}
	}
	rates, err := ratesOf(spec, own)
	if err == nil {
		err = s.period.Add(i.Interval, rates)
	}
	if err != nil {
		return usage.Errorf("--data: %s: %w: what was possible is not reckoned", i.Interval, err)
	}
	if i.Estimated {
		s.estimated++
	}
	return nil
}

// settledIn reads the book of statements of a street.
func settledIn(ctx context.Context, spec world.Spec, book *statements.Book, from, to time.Time) (all settled, err error) {
	err = book.Each(ctx, from, to, func(i *statements.Interval) error { return all.add(spec, i) })
	if err == nil && len(all.period.Retail) == 0 {
		err = usage.Errorf("--from, --to: no interval is settled in that time")
	}
	return all, err
}

// firstDay finds the first day whose end is settled.
func (s Street) firstDay(ctx context.Context, book *statements.Book) (from, to time.Time, err error) {
	var begin time.Time // of a day, with an interval of it
	err = book.Each(ctx, time.Unix(0, 0), time.Date(9999, time.January, 1, 0, 0, 0, 0, time.UTC), func(i *statements.Interval) error {
		year, month, day := i.Interval.Begin().In(s.Zone).Date()
		if at := time.Date(year, month, day, 0, 0, 0, 0, s.Zone); !at.Equal(begin) {
			begin = at
		}
		if end := begin.AddDate(0, 0, 1); to.IsZero() && i.Interval.End().Equal(end) {
			from, to = begin, end
		}
		return nil
	})
	if err == nil && to.IsZero() {
		err = usage.Errorf("--data: %s has no day yet whose end is settled: wait for it, or give --from and --to", s.Dir)
	}
	return from, to, err
}

// keptOf reads what batteries and cars kept over a time.
func keptOf(ctx context.Context, readings store.Store, spec world.Spec, from, to time.Time) (kept foresight.Kept, err error) {
	var stored, cars, loads float64
	for _, h := range spec.Homes {
		for _, d := range []struct {
			kind  grid.DeviceKind
			shown func(grid.Reading) (float64, bool)
			sum   *float64
			unit  float64 // Wh
		}{{grid.Battery, charge, &stored, float64(h.Battery.Capacity) / 1000}, {grid.Charger, imported, &cars, 1}, {grid.Appliance, imported, &loads, 1}} { //nolint:mnd // per mille
			if !slices.Contains(h.Devices(), d.kind) {
				continue
			}
			for _, end := range []struct {
				at   time.Time
				sign float64
			}{{from, -1}, {to, 1}} {
				value, err := shownAt(ctx, readings, deviceOf(h, d.kind), end.at, d.shown)
				if err != nil {
					return kept, err
				}
				*d.sum += end.sign * value * d.unit
			}
		}
	}
	return foresight.Kept{Stored: grid.Energy(math.Round(stored)), Cars: grid.Energy(math.Round(cars)), Loads: grid.Energy(math.Round(loads))}, nil
}

// shown are the readings of a community, as foresight asks for them.
type shown struct {
	ctx      context.Context //nolint:containedctx // of one call
	readings store.Store
	spec     world.Spec
}

// Held implements foresight.Shown.
func (s shown) Held(home int, at time.Time) (grid.Energy, error) {
	h := s.spec.Homes[home]
	value, err := shownAt(s.ctx, s.readings, deviceOf(h, grid.Battery), at, charge)
	const all = 1000
	return grid.Energy(math.Round(value * float64(h.Battery.Capacity) / all)), err
}

// Taken implements foresight.Shown.
func (s shown) Taken(home int, at time.Time) (grid.Energy, error) {
	value, err := shownAt(s.ctx, s.readings, deviceOf(s.spec.Homes[home], grid.Charger), at, imported)
	return grid.Energy(math.Round(value)), err
}

// deviceOf is what a simulated device is called.
func deviceOf(h world.Home, kind grid.DeviceKind) string { return h.ID + "/" + string(kind) }

// reach is how far from a time a reading may be that tells of it.
const reach = 15 * time.Minute

// sample is what a device showed at a time.
type sample struct {
	at    time.Time
	value float64
}

// shownAt returns what a device showed at a time, as it is between the readings on both sides of it.
// Of readings that were thinned to means of minutes a charge is that of the middle, and a register that of the end.
func shownAt(ctx context.Context, readings store.Store, device string, t time.Time, of func(grid.Reading) (value float64, known bool)) (float64, error) {
	for _, step := range []store.Step{store.Raw, store.Minute} {
		all, err := readings.Range(ctx, device, t.Add(-reach), t.Add(reach), step)
		if err != nil {
			return 0, err
		}
		var before, after *sample
		for _, r := range all {
			value, known := of(r)
			at := r.Time
			if step != store.Raw {
				at = at.Add(time.Duration(step))
				if r.Charge != nil {
					at = at.Add(-time.Duration(step) / 2) //nolint:mnd // the middle
				}
			}
			switch {
			case !known:
			case !at.After(t):
				before = &sample{at, value}
			case after == nil:
				after = &sample{at, value}
			}
		}
		switch {
		case before == nil && after == nil:
		case before == nil:
			return after.value, nil
		case after == nil:
			return before.value, nil
		default:
			part := float64(t.Sub(before.at)) / float64(after.at.Sub(before.at))
			return before.value + part*(after.value-before.value), nil
		}
	}
	return 0, usage.Errorf("--from, --to: %s was not read around %s, so that nobody knows how it stood: give another time", device, t.Format(time.RFC3339))
}

// charge is a battery's, in per mille.
func charge(r grid.Reading) (float64, bool) {
	if r.Charge == nil {
		return 0, false
	}
	return float64(*r.Charge), true
}

// imported is a charger's register.
func imported(r grid.Reading) (float64, bool) {
	if r.Import == nil {
		return 0, false
	}
	return float64(*r.Import), true
}

// Print writes a gain as people read it.
func (g Gained) Print(out io.Writer) error {
	if _, err := fmt.Fprintf(out, `%s to %s: %d intervals of %d homes%s
                                   money    in batteries      in cars
  alone                    %+9.2f %s   %+9.2f kWh   %7.2f kWh
  as it went               %+9.2f %s   %+9.2f kWh   %7.2f kWh
  result                   %+9.2f %s   what was kept more than alone at %.4f (batteries) and %.4f (cars) %s/kWh
`, g.From.Format(time.RFC3339), g.To.Format(time.RFC3339), g.Intervals, g.Homes, g.estimated(),
		money(g.Alone.Money), g.Currency, energy(g.Alone.Stored), energy(g.Alone.Cars),
		money(g.Went.Money), g.Currency, energy(g.Went.Stored), energy(g.Went.Cars),
		money(g.Result), g.Currency, float64(g.Worth)/millionth, float64(g.Mean)/millionth, g.Currency); err != nil {
		return err
	}
	for _, b := range []struct {
		name string
		best foresight.Best
	}{{"optimum", g.Optimum}, {"optimum, cars as they come", g.Batteries}} {
		gain := "there was nothing to gain"
		if b.best.Gain != nil {
			gain = fmt.Sprintf("gain %.1f %%", float64(*b.best.Gain)/ofPercent)
		}
		if _, err := fmt.Fprintf(out, "  %-27s %+6.2f %s   at most %+.2f (gap %.3f %%)   %s\n", b.name, money(b.best.Value), g.Currency, money(b.best.Bound), b.best.Gap/ofPercent, gain); err != nil {
			return err
		}
	}
	return g.printCars(out)
}

func (g Gained) estimated() string {
	if g.Estimated == 0 {
		return ""
	}
	return fmt.Sprintf(", %d of them with estimated values", g.Estimated)
}

func money(m grid.Money) float64   { return float64(m) / millionth }
func energy(e grid.Energy) float64 { return float64(e) / kilo }
