package forecast

import (
	"encoding/binary"
	"hash/crc32"
	"math"
	"slices"
	"time"
)

// What a saved model begins with, and the version of what follows. A model of another version
// is fitted again, so the version goes up with any change of what is saved or of what it means.
const (
	magic         = "cwforecast"
	formatVersion = 1
)

// MarshalBinary implements encoding.BinaryMarshaler. The bytes end with a checksum, are the same
// for the same model, and hold what the forecasts of the chosen method need.
func (m *Model) MarshalBinary() ([]byte, error) {
	w := &writer{}
	w.bytes = append(w.bytes, magic...)
	w.whole(formatVersion)
	m.write(w)
	return binary.LittleEndian.AppendUint32(w.bytes, crc32.ChecksumIEEE(w.bytes)), nil
}

// Restore reads what MarshalBinary wrote. The options must be those that the model was fitted
// with (a zone cannot be saved, only its name); the weather in them is not read. Errors:
// ErrVersion, also for a model that was fitted with other options.
func Restore(data []byte, o Options) (*Model, error) {
	n := len(data) - crc32.Size
	if n < len(magic) || string(data[:len(magic)]) != magic || crc32.ChecksumIEEE(data[:n]) != binary.LittleEndian.Uint32(data[n:]) {
		return nil, ErrVersion
	}
	r := &reader{bytes: data[len(magic):n]}
	if r.whole() != formatVersion {
		return nil, ErrVersion
	}
	m := &Model{options: o}
	m.options.Weather = nil
	if !m.read(r) || len(r.bytes) > 0 {
		return nil, ErrVersion
	}
	return m, nil
}

// writer appends what a model holds.
type writer struct{ bytes []byte }

func (w *writer) whole(v int) { w.bytes = binary.AppendVarint(w.bytes, int64(v)) }

func (w *writer) number(v float64) {
	w.bytes = binary.LittleEndian.AppendUint64(w.bytes, math.Float64bits(v))
}

func (w *writer) text(s string) {
	w.whole(len(s))
	w.bytes = append(w.bytes, s...)
}

func (w *writer) row(v []float64) {
	w.whole(len(v))
	for _, x := range v {
		w.number(x)
	}
}

func (w *writer) rows(v [][]float64) {
	w.whole(len(v))
	for _, x := range v {
		w.row(x)
	}
}

// reader takes the same out again. It fails once and for all.
type reader struct {
	bytes  []byte
	failed bool
}

func (r *reader) fail() {
	r.failed, r.bytes = true, nil
}

func (r *reader) whole() int {
	v, n := binary.Varint(r.bytes)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.bytes = r.bytes[n:]
	return int(v)
}

// count reads a length of things that take at least a size each.
func (r *reader) count(size int) int {
	n := r.whole()
	if n < 0 || n > len(r.bytes)/size {
		r.fail()
		return 0
	}
	return n
}

func (r *reader) number() float64 {
	const size = 8
	if len(r.bytes) < size {
		r.fail()
		return 0
	}
	v := math.Float64frombits(binary.LittleEndian.Uint64(r.bytes))
	r.bytes = r.bytes[size:]
	return v
}

func (r *reader) text() string {
	n := r.count(1)
	s := string(r.bytes[:n])
	r.bytes = r.bytes[n:]
	return s
}

func (r *reader) row() []float64 {
	n := r.count(8)
	if n == 0 {
		return nil
	}
	v := make([]float64, n)
	for i := range v {
		v[i] = r.number()
	}
	return v
}

func (r *reader) rows() (all [][]float64) {
	for range r.count(1) {
		all = append(all, r.row())
	}
	return all
}

// day reads one of the last and the coming centuries.
func (r *reader) day() Day {
	const centuries = 100000 // days
	d := r.whole()
	if d < -centuries || d > centuries {
		r.fail()
		return 0
	}
	return Day(d)
}

// of reads a row that must have a length.
func (r *reader) of(n int) []float64 {
	v := r.row()
	if len(v) != n {
		r.fail()
		return make([]float64, n)
	}
	return v
}

func zoneName(zone *time.Location) string {
	if zone == nil {
		return time.UTC.String()
	}
	return zone.String()
}

// write appends the model.
func (m *Model) write(w *writer) {
	o, k := m.options, m.walk
	w.whole(int(o.Kind))
	w.text(zoneName(o.Zone))
	w.row([]float64{o.Peak, o.Latitude, o.Longitude})
	w.whole(m.minutes)
	w.text(m.chosen)
	w.row(m.tail)
	w.whole(int(m.early.First.Start))
	w.row(m.early.Values)
	w.whole(len(m.skills))
	for _, s := range m.skills {
		w.text(s.Method)
		w.whole(s.Days)
		w.row([]float64{s.MAE, s.RMAE, s.Pinball, s.RPinball, s.Cov80, s.RCRPS})
	}
	w.whole(int(k.t.first))
	w.rows(k.t.rows)
	w.row([]float64{k.scale.floor, k.top, k.sum, k.n, k.zeros, k.odd})
	w.row(k.largest)
	w.whole(len(k.f.w))
	for i, c := range k.f.w {
		w.text(c.name)
		w.whole(int(c.is))
		w.whole(int(c.first))
		w.rows(c.rows)
		w.row(k.f.fahr[2*i : 2*i+2])
	}
	writeMethod(w, m.method())
	w.whole(int(is(m.errs != nil)))
	if m.errs != nil {
		w.whole(int(m.errs.first))
		w.rows(m.errs.z)
		w.row(m.errs.sigma)
		w.whole(len(m.errs.fits))
		for _, f := range m.errs.fits {
			w.whole(f.lead)
			w.row(slices.Concat(f.mean[:], f.median[:], []float64{f.above, f.below}))
		}
	}
}

// read takes a model; it is false where it cannot be one.
func (m *Model) read(r *reader) bool {
	kind, zone, site := r.whole(), r.text(), r.of(3)
	m.minutes, m.chosen = r.whole(), r.text()
	o := m.options
	if r.failed || kind != int(o.Kind) || zone != zoneName(o.Zone) || !slices.Equal(site, []float64{o.Peak, o.Latitude, o.Longitude}) ||
		!slices.Contains([]int{5, 15, 30, 60}, m.minutes) || !slices.Contains(Methods(), m.chosen) {
		return false
	}
	slots := minutesOfDay / m.minutes
	m.tail = r.of(slots)
	m.early.First.Start, m.early.First.Minutes = int64(r.whole()), m.minutes
	m.early.Values = r.row()
	for range r.count(1) {
		s := Skill{Method: r.text(), Days: r.whole()}
		v := r.of(6)
		s.MAE, s.RMAE, s.Pinball, s.RPinball, s.Cov80, s.RCRPS = v[0], v[1], v[2], v[3], v[4], v[5]
		m.skills = append(m.skills, s)
	}
	like := newTable(m.minutes)
	like.first = r.day()
	rows := r.rows()
	totals, largest := r.of(6), r.of(slots)
	var w []column
	var units []float64
	for range r.count(1) {
		c := column{r.text(), element(r.whole()), newTable(m.minutes)}
		c.first, c.rows = r.day(), r.rows()
		units = append(units, r.of(2)...)
		if !square(c.rows, slots) {
			return false
		}
		w = append(w, c)
	}
	if r.failed || !square(rows, slots) {
		return false
	}
	k := newWalk(like, w, o.Kind, o.Peak*float64(m.minutes)/60, place{o.Latitude, o.Longitude, wall{o.Zone}})
	k.t.rows, k.day, k.largest, k.f.fahr = rows, like.first+Day(len(rows)), largest, units
	k.scale.floor, k.top, k.sum, k.n, k.zeros, k.odd = totals[0], totals[1], totals[2], totals[3], totals[4], totals[5]
	m.walk = k
	readMethod(r, m.method())
	if r.whole() == 1 {
		m.errs = readIntraday(r, slots)
	}
	if !r.failed {
		k.warm()
		settle(m.method())
	}
	return !r.failed
}

func readIntraday(r *reader, slots int) *intraday {
	n := &intraday{first: r.day(), z: r.rows(), sigma: r.of(slots)}
	if !square(n.z, slots) {
		r.fail()
	}
	n.line = timeline(n.z)
	for range r.count(1) {
		f := leadFit{lead: r.whole()}
		v := r.of(2*intradayTerms + 2)
		copy(f.mean[:], v)
		copy(f.median[:], v[intradayTerms:])
		f.above, f.below = v[2*intradayTerms], v[2*intradayTerms+1]
		n.fits = append(n.fits, f)
	}
	if len(n.fits) != dayParts*len(leads(slots)) {
		r.fail()
	}
	return n
}

// square tells whether all rows have a length.
func square(rows [][]float64, n int) bool {
	return !slices.ContainsFunc(rows, func(row []float64) bool { return len(row) != n })
}
