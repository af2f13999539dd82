package forecast

import "math"

// features makes the numbers that a ridge regression predicts a slot from, out of the days
// before and the weather of the day. All of them are known but where ok is false: a value that
// is missing is stood in for by the nearest mean that is known, missing weather by NaN.
type features struct {
	t    *table
	w    []column
	kind Kind
	suns *suns     // of a plant
	rays []*suns   // of columns of radiation, for a plant
	fahr []float64 // offset and factor to degrees Celsius, by column
}

func newFeatures(t *table, w []column, kind Kind) *features {
	f := &features{t: t, w: w, kind: kind}
	if kind == PV {
		f.suns = &suns{t: t}
	}
	for _, c := range w {
		var ray *suns
		if c.is == radiation && kind == PV {
			ray = &suns{t: c.table}
		}
		f.rays = append(f.rays, ray)
		f.fahr = append(f.fahr, c.celsius()...)
	}
	return f
}

// goOn returns the same for a table that goes on after the days before d, with weather that does.
func (f *features) goOn(t *table, w []column, d Day) *features {
	c := *f
	c.t, c.w = t, w
	if f.suns != nil {
		c.suns = f.suns.goOn(t, d)
	}
	c.rays = make([]*suns, len(w))
	for i, ray := range f.rays {
		if ray != nil {
			c.rays[i] = ray.goOn(w[i].table, d)
		}
	}
	return &c
}

// celsius returns offset and factor that turn a column of temperature into degrees Celsius, by
// what its first four weeks are like.
func (c column) celsius() []float64 {
	const kelvin, fahrenheit = 150.0, 36.0 // that the mean of weeks in Celsius does not come to
	var sum, n float64
	for i := range min(month, len(c.rows)) {
		if v := meanOf(c.rows[i]); known(v) {
			sum, n = sum+v, n+1
		}
	}
	switch mean := sum / n; {
	case c.is != temperature:
		return []float64{0, 1}
	case mean > kelvin:
		return []float64{273.15, 1}
	case mean > fahrenheit:
		return []float64{32, 5.0 / 9}
	default:
		return []float64{0, 1}
	}
}

// of appends the features of a day's slot to x.
func (f *features) of(x []float64, d Day, slot int) (_ []float64, ok bool) {
	if f.kind == PV {
		x, ok = f.plant(x, d, slot)
	} else {
		x, ok = f.home(x, d, slot)
	}
	return x, ok
}

// home appends those of consumption, or of a home's net.
func (f *features) home(x []float64, d Day, slot int) (_ []float64, ok bool) {
	l := lags{f.t, d}
	mean, median := l.week(slot)
	alike := l.alike(slot)
	base := or(mean, alike, l.weeks(slot))
	if !known(base) {
		return x, false
	}
	yesterday := f.t.means(d - 1)
	var days, n float64
	for k := 1; k <= week; k++ {
		if m := f.t.means(d - Day(k)).all; known(m) {
			days, n = days+m, n+1
		}
	}
	level := or(days/n, base)
	one := or(l.ago(1, slot), base)
	x = append(x,
		one, or(l.ago(2, slot), base), or(l.ago(week, slot), alike, base),
		or(mean, base), or(median, base), or(l.weeks(slot), alike, base), or(alike, base),
		or(f.t.value(d-1, max(0, slot-1)), one), or(f.t.value(d-1, min(slot+1, f.t.slots-1)), one),
		or(yesterday.all, level), or(yesterday.evening, level), level)
	for k := range week - 1 {
		x = append(x, is(d.weekday() == k))
	}
	x = append(x, math.Sin(d.season()), math.Cos(d.season()))
	for i, c := range f.w {
		x = f.weatherOfHome(x, c, f.fahr[2*i:], d, slot)
	}
	return x, true
}

func is(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// weatherOfHome appends what people's consumption follows of the weather: that of the slot and
// of the day, and of the days that the lags are of, so that a change of weather counts.
func (f *features) weatherOfHome(x []float64, c column, unit []float64, d Day, slot int) []float64 {
	l := lags{c.table, d}
	now := or(c.value(d, slot), c.means(d).all, l.ago(1, slot))
	before := or(l.ago(1, slot), now)
	mean, _ := l.week(slot)
	mean = or(mean, before)
	day, yesterday := or(c.means(d).all, now), or(c.means(d-1).all, before)
	switch c.is {
	case temperature:
		for _, v := range []float64{now, day, before, yesterday, mean} {
			x = degrees(x, (v-unit[0])*unit[1])
		}
		return append(x, now*day, or(c.value(d, slot-3*60/c.minutes), now))
	case wind:
		return append(x, now, now*now, now*now*now, day, before, mean)
	case radiation, cloud:
		return append(x, now, day, before, yesterday, mean)
	default:
		return append(x, now, day, before)
	}
}

// degrees appends a temperature, and the degrees of heating and cooling that it asks for.
func degrees(x []float64, t float64) []float64 {
	if !known(t) {
		return append(x, t, t, t, t, t)
	}
	return append(x, t, math.Max(0, 15-t), math.Max(0, 5-t), math.Max(0, t-20), math.Max(0, t-27))
}

// plant appends those of production.
func (f *features) plant(x []float64, d Day, slot int) (_ []float64, ok bool) {
	l := lags{f.t, d}
	env := l.envelope(slot)
	if !known(env) {
		return x, false
	}
	one, two, late := math.NaN(), math.NaN(), math.NaN()
	var sum, n float64
	for k := 1; k <= week; k++ {
		s := f.suns.on(d - Day(k))
		if s == nil || !known(s.clear) {
			continue
		}
		sum, n = sum+s.clear, n+1
		switch k {
		case 1:
			one, late = s.clear, s.late
		case 2:
			two = s.clear
		}
	}
	days := or(sum/n, 1)
	mean, _ := l.week(slot)
	mean = or(mean, env)
	x = append(x, env, env*or(one, days), env*or(two, days), env*days, env*or(late, one, days),
		or(l.ago(1, slot), mean), or(l.ago(2, slot), mean), mean)
	for i, c := range f.w {
		x = f.weatherOfPlant(x, i, c, env, d, slot)
	}
	return x, true
}

// weatherOfPlant appends what production follows of the weather: radiation against its own
// envelope times the plant's, and the others times the plant's envelope.
func (f *features) weatherOfPlant(x []float64, i int, c column, env float64, d Day, slot int) []float64 {
	hour := max(1, 60/c.minutes)
	now := or(c.value(d, slot), c.means(d).all, c.value(d-1, slot))
	if c.is != radiation {
		if c.is == temperature {
			now = (now - f.fahr[2*i]) * f.fahr[2*i+1]
		}
		day := or(c.means(d).all, now)
		if c.is == cloud {
			return append(x, env*now, env*day, env*now*now, env*or(c.value(d, slot-hour), now), env*or(c.value(d, min(slot+hour, c.slots-1)), now))
		}
		return append(x, env*now, env*day)
	}
	of := f.rays[i].on(d)
	if of == nil {
		nan := math.NaN()
		return append(x, nan, nan, nan, nan, nan, nan, nan)
	}
	part := share(now, of.envelope[slot])
	part = or(part, of.clear)
	before := or(c.value(d, slot-hour), now)
	after := or(c.value(d, min(slot+hour, c.slots-1)), now)
	return append(x, now, env*part, env*part*part, env*or(of.clear, part), before, after, env*or(of.late, part))
}
