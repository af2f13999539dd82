package pairing

import (
	"cmp"
	"flag"
	"fmt"
	"maps"
	"strconv"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters"
	"github.com/commonwatt/commonwatt/meters/modbus"
	"github.com/commonwatt/commonwatt/meters/profile"
)

// How says how one device is read where its profile does not: which part of what its unit
// shows, and the limits of the device, or of the stick or gateway that it stands behind.
// What is absent is as the profile says.
type How struct {
	Part int `json:"part,omitempty"` // of several of a kind behind one unit, from 1; 0: what says that it is the connection meter, or the only one

	Own
	Ratings
}

// Ratings are what a device and its connection are made for: what it says beyond them is
// not believed. What is nil is not known; a limit of 0 is one.
type Ratings struct {
	Rated       *grid.Power  `json:"rated,omitempty"`        // what the device moves at most, W
	Capacity    *grid.Energy `json:"capacity,omitempty"`     // of a battery, Wh
	ImportLimit *grid.Power  `json:"import_limit,omitempty"` // what the connection takes at most, W, of a connection meter
	ExportLimit *grid.Power  `json:"export_limit,omitempty"` // what it gives at most, W
	Control     bool         `json:"control,omitempty"`      // it may be moved, or limited
	// Planning is what a plan needs to know of the device, by the names of the configuration and as it writes them.
	Planning map[string]string `json:"planning,omitempty"`
}

// IsZero tells whether nothing is said.
func (r Ratings) IsZero() bool {
	return r.Rated == nil && r.Capacity == nil && r.ImportLimit == nil && r.ExportLimit == nil && !r.Control && len(r.Planning) == 0
}

// Say says what a plan needs to know of the device beside what was said before; an empty text takes it back.
func (r *Ratings) Say(planning map[string]string) {
	all := map[string]string{}
	maps.Copy(all, r.Planning)
	maps.Copy(all, planning)
	maps.DeleteFunc(all, func(_, text string) bool { return text == "" })
	if r.Planning = all; len(all) == 0 {
		r.Planning = nil
	}
}

// check refuses what would have no effect on a kind of device that is read by a profile.
func (r Ratings) check(kind grid.DeviceKind, p *profile.Profile) error {
	acts := p.Acts(kind)
	limits := r.ImportLimit != nil || r.ExportLimit != nil
	switch {
	case limits && kind != grid.Meter:
		return &ConflictError{fmt.Sprintf("import_limit, export_limit: they are about the connection: give them to the connection meter, not to a %s", kind)}
	case r.Capacity != nil && kind != grid.Battery && kind != grid.Charger:
		return &ConflictError{fmt.Sprintf("capacity: a %s has none, only a battery has, and the car at a charger", kind)}
	case r.Control && (acts == nil || !acts.LetsGo()):
		return &ConflictError{fmt.Sprintf("control: profile %s does not say how a %s is moved and falls back: leave it out (docs/profiles.md)", p.ID, kind)}
	case r.Rated != nil && *r.Rated <= 0, r.Capacity != nil && *r.Capacity <= 0:
		return &ConflictError{"rated, capacity: must be above 0; leave out what is not known"}
	case limits && (r.ImportLimit != nil && *r.ImportLimit < 0 || r.ExportLimit != nil && *r.ExportLimit < 0):
		return &ConflictError{"import_limit, export_limit: must not be below 0"}
	}
	return nil
}

// most is above which nothing is believed that the device says.
func (r Ratings) most() grid.Power {
	var known []grid.Power
	for _, p := range []*grid.Power{r.Rated, r.ImportLimit, r.ExportLimit} {
		if p != nil {
			known = append(known, *p)
		}
	}
	return meters.Bound(known...)
}

// with returns the ratings with others in their place that are given.
func (r Ratings) with(o Ratings) Ratings {
	all := Ratings{
		Rated: cmp.Or(o.Rated, r.Rated), Capacity: cmp.Or(o.Capacity, r.Capacity),
		ImportLimit: cmp.Or(o.ImportLimit, r.ImportLimit), ExportLimit: cmp.Or(o.ExportLimit, r.ExportLimit),
		Control: o.Control || r.Control, Planning: r.Planning,
	}
	all.Say(o.Planning)
	return all
}

// Part is one of several things of a kind behind one unit.
type Part = meters.Part

// Own are the limits of one device, by the names that they have in a profile.
type Own struct {
	MaxRegs          *uint16 `json:"max_regs,omitempty"`
	MaxHole          *uint16 `json:"max_hole,omitempty"`
	GapMS            *int    `json:"gap_ms,omitempty"`
	ConnectDelayMS   *int    `json:"connect_delay_ms,omitempty"`
	TimeoutMS        *int    `json:"timeout_ms,omitempty"`
	SingleConnection *bool   `json:"single_connection,omitempty"`
}

// check refuses what cannot be kept to, or would have no effect.
func (h How) check(p *profile.Profile) error {
	err := p.Allows(profile.Own(h.Own))
	if err == nil && h.Part < 0 {
		err = fmt.Errorf("part: %d: parts are counted from 1", h.Part)
	}
	if err == nil && h.Part > 0 && len(p.SunSpec) == 0 {
		err = fmt.Errorf("part: profile %s has fixed addresses, and reads one device behind a unit", p.ID)
	}
	if err != nil {
		return &ConflictError{err.Error()}
	}
	return nil
}

// quirks are those with which a device is read; what is not known is as careful as polling.
func (h How) quirks(p *profile.Profile) profile.Quirks {
	quirks := profile.UsualQuirks()
	if p != nil {
		quirks = p.Quirks
	}
	return quirks.With(profile.Own(h.Own))
}

// options open a connection as careful as polling is.
func (h How) options(p *profile.Profile) modbus.Options {
	return meters.Careful(modbus.Options{}, h.quirks(p))
}

// Wish is what an installer says of the device to pair. What is empty is looked for.
type Wish struct {
	Target  string // as modbus.ParseEndpoint reads it
	Unit    *uint8 // nil: look for it; 0 is a unit too
	Profile string // empty: the closest one that fits
	Kind    grid.DeviceKind
	By      string // who pairs it
	How
}

// Flags are those of a command line that says which device is meant, and how it is read.
func (w *Wish) Flags() *flag.FlagSet {
	fs := flag.NewFlagSet("device", flag.ContinueOnError)
	fs.StringVar(&w.Profile, "profile", "", "read by this `profile` (default: the closest one that fits)")
	w.unitFlag(fs, "unit `id`, 0 to 255 (default: look for it)")
	h := &w.How
	fs.IntVar(&h.Part, "part", 0, "which of several meters behind the unit, from 1 `N` (default: the connection meter, if one says that it is)")
	number(fs, &h.MaxRegs, "max-regs", "`registers` of one read at most")
	number(fs, &h.MaxHole, "max-hole", "`registers` that may be read for nothing between two that are wanted")
	number(fs, &h.GapMS, "gap-ms", "`ms` of silence between requests")
	number(fs, &h.ConnectDelayMS, "connect-delay-ms", "`ms` between connecting and the first request")
	number(fs, &h.TimeoutMS, "timeout-ms", "`ms` that an answer may take")
	fs.BoolFunc("single-connection", "the device accepts one connection", func(s string) error {
		is, err := strconv.ParseBool(s)
		h.SingleConnection = &is
		return err
	})
	return fs
}

// UnitFlag is the flag for the unit alone.
func (w *Wish) UnitFlag(usage string) *flag.FlagSet {
	fs := flag.NewFlagSet("unit", flag.ContinueOnError)
	w.unitFlag(fs, usage)
	return fs
}

func (w *Wish) unitFlag(fs *flag.FlagSet, usage string) {
	fs.Func("unit", usage, func(s string) error {
		n, err := strconv.ParseUint(s, 10, 8)
		if err != nil {
			return fmt.Errorf("%q is not a unit id, 0 to 255", s)
		}
		w.Unit = new(uint8(n))
		return nil
	})
}

// number is a flag whose absence differs from 0.
func number[T uint16 | int](fs *flag.FlagSet, to **T, name, usage string) {
	fs.Func(name, usage+" (default: as the profile says)", func(s string) error {
		n, err := strconv.Atoi(s)
		if err != nil || n < 0 || n > 1<<16-1 {
			return fmt.Errorf("%q is not a number from 0 on", s)
		}
		*to = new(T(n))
		return nil
	})
}

// quantity is a flag with a unit.
func quantity[T grid.Power | grid.Energy](fs *flag.FlagSet, to **T, parse func(string) (T, error), name, usage string) {
	fs.Func(name, usage, func(s string) error {
		q, err := parse(s)
		*to = &q
		return err
	})
}

// Flags are those of a command line that says what a device and its connection are made for.
func (r *Ratings) Flags() *flag.FlagSet {
	fs := flag.NewFlagSet("ratings", flag.ContinueOnError)
	quantity(fs, &r.Rated, grid.ParsePower, "rated", "what the device moves at most, as `10kW`: what it says beyond is not believed")
	quantity(fs, &r.Capacity, grid.ParseEnergy, "capacity", "what a battery holds, or the car at a charger, as `10kWh`")
	quantity(fs, &r.ImportLimit, grid.ParsePower, "import-limit", "what the connection takes at most, as `11kW`; of a connection meter")
	quantity(fs, &r.ExportLimit, grid.ParsePower, "export-limit", "what the connection gives at most, as `10kW`; of a connection meter")
	fs.BoolVar(&r.Control, "control", false, "the device may be moved, so that its home keeps what it sold and bought")
	return fs
}
