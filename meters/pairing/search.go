package pairing

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/commonwatt/commonwatt/meters/modbus"
	"github.com/commonwatt/commonwatt/meters/profile"
)

// Units are the unit ids under which devices are looked for when none is given:
// those that makers ship, the likeliest first.
func Units() []uint8 {
	return []uint8{1, 247, 3, 126, 71, 2, 100, 200, 240, 255, 201, 202, 203, 204, 0}
}

// likeliest is how many of Units are asked once more, with patience, when none answers at
// first.
const likeliest = 3

// unitsAt leaves out unit 0 of a line, which means all devices at once.
func unitsAt(e modbus.Endpoint) []uint8 {
	return slices.DeleteFunc(Units(), func(unit uint8) bool { return unit == 0 && e.Takes(unit) != nil })
}

// ErrSilent reports an endpoint at which no unit answered.
var ErrSilent = errors.New("no unit answers there: check the address, that Modbus is switched on in the device, and the unit id")

// Search says where to look for units at an endpoint.
type Search struct {
	Access
	How // whoever is looked for is read

	Profile  string           // by which the device is read: the search keeps to its quirks, and looks for it alone; empty: any
	Units    []uint8          // all of Units when empty
	First    bool             // one that answers is enough
	Progress func(unit uint8) // told of each unit before it is asked
}

// Search looks for what is wished for.
func (w Wish) Search(a Access) Search {
	s := Search{Access: a, How: w.How, Profile: w.Profile}
	if w.Unit != nil {
		s.Units = []uint8{*w.Unit}
	}
	return s
}

// A unit that is not named is asked briefly, for there are many; else a search waits as
// long as polling does.
const (
	brief      = time.Second
	hesitation = 1500 * time.Millisecond // after connecting, for devices that are deaf at first
	gentleGap  = 20 * time.Millisecond   // to a device that is not known yet

	searchWithin = time.Minute     // at one endpoint
	namedWithin  = 4 * time.Minute // for a unit that is named
)

// pass is one way of going through units.
type pass struct {
	units     []uint8
	patient   bool
	hesitates bool // it leaves the device alone for a while after connecting, which is not said of it
	options   modbus.Options
}

// passes are the ways in which an endpoint is searched, the next one when the one before
// found nobody.
func (s Search) passes(e modbus.Endpoint) []pass {
	by := s.Profiles.Get(s.Profile)
	careful := s.options(by)
	careful.Gap = max(careful.Gap, gentleGap)
	again := careful
	again.ConnectDelay = hesitation
	if len(s.Units) > 0 || by != nil {
		units := s.Units
		if len(units) == 0 {
			first := by.Transport.Usual(nil)
			units = append([]uint8{first}, slices.DeleteFunc(unitsAt(e), func(u uint8) bool { return u == first })...)
		}
		all := []pass{{units, true, false, careful}}
		if careful.ConnectDelay == 0 {
			all = append(all, pass{units[:min(len(units), likeliest)], true, true, again})
		}
		return all
	}
	shortly := modbus.Options{Timeout: brief, Busy: brief, Gap: careful.Gap, ConnectDelay: careful.ConnectDelay}
	return []pass{{unitsAt(e), false, false, shortly}, {Units()[:likeliest], true, true, again}}
}

// Identify looks at the units of an endpoint and returns those that answer.
// Errors: modbus.ErrConnect, ErrSilent, *modbus.OtherUnitError, the context's.
func Identify(ctx context.Context, e modbus.Endpoint, s Search) ([]Finding, error) {
	within := searchWithin
	if len(s.Units) > 0 {
		within = namedWithin
	}
	for _, unit := range s.Units {
		if err := e.Takes(unit); err != nil {
			return nil, err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	var last error
	for _, p := range s.passes(e) {
		other := (*modbus.OtherUnitError)(nil)
		if p.hesitates && (errors.Is(last, io.EOF) || errors.As(last, &other) || s.reads(e)) {
			break // whoever hangs up, or answers as another unit, is not deaf, and who is read already does not connect anew
		}
		found, err := s.pass(ctx, e, p)
		if len(found) > 0 || ctx.Err() != nil || errors.Is(err, modbus.ErrConnect) {
			return found, err
		}
		if other := (*modbus.OtherUnitError)(nil); last == nil || errors.As(err, &other) {
			last = err
		}
	}
	if other := (*modbus.OtherUnitError)(nil); errors.As(last, &other) {
		return nil, fmt.Errorf("%s: %w", e, last)
	}
	return nil, fmt.Errorf("%s: %w (last: %w)", e, ErrSilent, last)
}

// pass goes through units over one connection. The error is of one that did not answer,
// the most telling one.
func (s Search) pass(ctx context.Context, e modbus.Endpoint, p pass) (found []Finding, last error) {
	conn, done := s.open(e, p.options)
	defer done()
	for _, unit := range p.units {
		s.Progress(unit)
		f, err := s.identify(ctx, conn, unit, p.patient)
		other := (*modbus.OtherUnitError)(nil)
		switch {
		case err == nil:
			if p.hesitates && f.ConnectDelayMS == nil {
				f.ConnectDelayMS = new(int(hesitation.Milliseconds())) // it answers only so
			}
			if found = append(found, f); s.First {
				return found, nil
			}
		case ctx.Err() != nil && len(found) == 0:
			return found, fmt.Errorf("%s: no more answers are waited for: %w", e, ctx.Err())
		case ctx.Err() != nil:
			return found, nil
		case errors.Is(err, modbus.ErrConnect) && len(found) == 0:
			return nil, fmt.Errorf("%w: check the address, and that Modbus is switched on in the device", err)
		case errors.As(err, &other), !errors.As(last, &other):
			last = err
		}
	}
	if errors.Is(last, io.EOF) {
		last = fmt.Errorf("it closes the connection: it may accept only one, which another program holds: %w", last)
	}
	return found, last
}

// answered tells whether the device itself said something: a value or a refusal.
func answered(err error) bool {
	refused := (*modbus.ExceptionError)(nil)
	return err == nil || errors.As(err, &refused) && !refused.Absent()
}

// present tells whether a unit answers at all: some devices are silent about
// registers that they do not have.
func present(ctx context.Context, conn *modbus.Conn, unit uint8) error {
	var last error
	for _, table := range []modbus.Table{modbus.Holding, modbus.Input} {
		_, err := conn.Read(ctx, unit, table, 0, 1)
		if answered(err) {
			return nil
		}
		last = err
		other := (*modbus.OtherUnitError)(nil)
		if refused := (*modbus.ExceptionError)(nil); errors.As(err, &refused) || errors.As(err, &other) || errors.Is(err, modbus.ErrConnect) {
			return err // a gateway spoke for it, another unit, or nobody
		}
	}
	return last
}

// identify asks one unit: the SunSpec walk, then function 0x2B, then what the
// profiles look at; a profile that is named alone. When patient, a unit that is silent
// about SunSpec is asked whether it is there at all.
func (s Search) identify(ctx context.Context, conn *modbus.Conn, unit uint8, patient bool) (Finding, error) {
	f := Finding{Target: conn.Endpoint().String(), Unit: unit, Profiles: []string{}, How: s.How}
	if by := s.Profiles.Get(s.Profile); by != nil {
		return s.named(ctx, conn, f, by)
	}
	models, err := chain(ctx, conn, unit, patient)
	f.SunSpec = models
	if err != nil && len(models) == 0 && !errors.Is(err, modbus.ErrNoSunSpec) && !answered(err) {
		if !patient {
			return f, err
		}
		if err := present(ctx, conn, unit); err != nil {
			return f, err
		}
	}
	if id, err := conn.Identify(ctx, unit); err == nil && id != (modbus.Identification{}) {
		f.Identification = &id
	}
	fitting, heard := s.fitting(ctx, conn, unit, patient)
	f.Profiles = append(fitting, sunSpecProfiles(f.SunSpec, s.Profiles)...)
	if !heard && len(f.SunSpec) == 0 && f.Identification == nil {
		return f, ErrSilent
	}
	f.Device = introduced(ctx, conn, f, s.Profiles)
	return f, nil
}

// named asks for one profile only. A device that is there and does not look like it is
// read by it all the same: who names a profile knows better, and sees what comes of it.
func (s Search) named(ctx context.Context, conn *modbus.Conn, f Finding, by *profile.Profile) (Finding, error) {
	fits := another
	var err error
	if len(by.SunSpec) == 0 {
		if fits, err = (&asked{conn: conn, unit: f.Unit}).matches(ctx, by); fits == nothing {
			if err2 := present(ctx, conn, f.Unit); err2 != nil {
				return f, cmp.Or(err, err2)
			}
		}
	}
	if fits == itIs {
		f.Profiles = append(f.Profiles, by.ID)
	} else {
		f.SunSpec, err = chain(ctx, conn, f.Unit, true)
		if len(by.SunSpec) > 0 && len(f.SunSpec) == 0 && !errors.Is(err, modbus.ErrNoSunSpec) {
			return f, err
		}
		f.Profiles = append(f.Profiles, sunSpecProfiles(f.SunSpec, s.Profiles)...)
	}
	if at := slices.Index(f.Profiles, by.ID); at > 0 {
		f.Profiles = append([]string{by.ID}, slices.Delete(f.Profiles, at, at+1)...)
	}
	f.Device = introduced(ctx, conn, f, s.Profiles)
	return f, nil
}

// chain walks the SunSpec models. A unit that is not known to be there is given up when
// it is silent to the first question.
func chain(ctx context.Context, conn *modbus.Conn, unit uint8, patient bool) (models []profile.Model, err error) {
	bases := modbus.SunSpecBases()
	if !patient {
		bases = bases[:1]
	}
	found, err := modbus.WalkSunSpec(ctx, conn, unit, bases...)
	if !patient && errors.Is(err, modbus.ErrNoSunSpec) {
		found, err = modbus.WalkSunSpec(ctx, conn, unit, modbus.SunSpecBases()[1:]...)
	}
	for _, m := range found {
		models = append(models, profile.Model(m))
	}
	return models, err
}

// mostSilences is how often a device may leave a question open before it is not asked
// further, and patienceWithin for how long a device that is known to be there is asked.
const (
	mostSilences   = 3
	patienceWithin = time.Minute
)

// fitting returns the profiles whose registers the unit has; heard tells whether it
// answered any question about them.
func (s Search) fitting(ctx context.Context, conn *modbus.Conn, unit uint8, patient bool) (ids []string, heard bool) {
	began, silences := time.Now(), 0
	questions := &asked{conn: conn, unit: unit}
	for _, id := range s.Profiles.IDs() {
		fits, err := questions.matches(ctx, s.Profiles.Get(id))
		heard = heard || fits != nothing
		if fits == itIs {
			ids = append(ids, id)
		}
		if err != nil {
			silences++
		}
		if overdue(ctx) || silences >= mostSilences && (!patient || time.Since(began) > patienceWithin) {
			break
		}
	}
	return ids, heard
}

// overdue tells whether no time is left for more questions: what was found is still to be
// introduced.
func overdue(ctx context.Context) bool {
	const left = 10 * time.Second
	until, limited := ctx.Deadline()
	return ctx.Err() != nil || limited && time.Until(until) < left
}

type fit int

const (
	nothing fit = iota // not one register was read
	another
	itIs
)

// asked are the registers of a unit that were asked for, each once: profiles of one maker
// look at the same.
type asked struct {
	conn *modbus.Conn
	unit uint8
	said map[modbus.Range]said
}

type said struct {
	words []uint16
	err   error
}

func (q *asked) read(ctx context.Context, at modbus.Range) ([]uint16, error) {
	if before, known := q.said[at]; known {
		return before.words, before.err
	}
	words, err := q.conn.Read(ctx, q.unit, at.Table, at.Addr, at.Count)
	if q.said == nil {
		q.said = map[modbus.Range]said{}
	}
	q.said[at] = said{words, err}
	return words, err
}

// matches checks a profile's rules, one read each. A device that is silent to one
// of them is not asked further.
func (q *asked) matches(ctx context.Context, p *profile.Profile) (fit, error) {
	result := nothing
	for _, rule := range p.Identify {
		fc, addr, count := rule.Span()
		words, err := q.read(ctx, modbus.Range{Table: modbus.Table(fc), Addr: addr, Count: count})
		if !answered(err) {
			return result, err
		}
		result = another // a refusal is an answer too
		if len(words) == 0 || !rule.Holds(func(_ string, a uint16) (uint16, bool) {
			if a < addr || int(a-addr) >= len(words) {
				return 0, false
			}
			return words[a-addr], true
		}) {
			return result, nil
		}
	}
	if len(p.Identify) == 0 {
		return nothing, nil
	}
	return itIs, nil
}
