package profile

import (
	"errors"
	"fmt"
)

// Quirks bounds what may be asked of the device.
type Quirks struct {
	MaxRegs          uint16      `yaml:"max_regs"`
	MaxHole          uint16      `yaml:"max_hole"`
	ForbiddenRanges  [][2]uint16 `yaml:"forbidden_ranges"` // first and last register
	GapMS            int         `yaml:"gap_ms"`
	ConnectDelayMS   int         `yaml:"connect_delay_ms"`
	TimeoutMS        int         `yaml:"timeout_ms"` // of one answer; 0: as usual
	SingleConnection bool        `yaml:"single_connection"`
	WriteSingle      bool        `yaml:"write_single"` // takes function 6, not 16
}

// Own are the quirks of one device where they are not those of its profile: it stands
// behind a gateway or a stick of its own. What is nil is as the profile says.
type Own struct {
	MaxRegs          *uint16
	MaxHole          *uint16
	GapMS            *int
	ConnectDelayMS   *int
	TimeoutMS        *int
	SingleConnection *bool
}

// With returns the quirks with those of one device in their place.
func (q Quirks) With(o Own) Quirks {
	instead(&q.MaxRegs, o.MaxRegs)
	instead(&q.MaxHole, o.MaxHole)
	instead(&q.GapMS, o.GapMS)
	instead(&q.ConnectDelayMS, o.ConnectDelayMS)
	instead(&q.TimeoutMS, o.TimeoutMS)
	instead(&q.SingleConnection, o.SingleConnection)
	return q
}

func instead[T any](of *T, own *T) {
	if own != nil {
		*of = *own
	}
}

const longest = 60_000 // ms that a device may take, or is left alone

// Validate names the first quirk that cannot be kept to, as it is written in a profile.
func (q Quirks) Validate() error {
	if q.MaxRegs < 1 || q.MaxRegs > defaultRegs {
		return fmt.Errorf("max_regs: %d is not 1 to %d, the most of the protocol", q.MaxRegs, defaultRegs)
	}
	for _, t := range []struct {
		name string
		ms   int
	}{{"gap_ms", q.GapMS}, {"connect_delay_ms", q.ConnectDelayMS}, {"timeout_ms", q.TimeoutMS}} {
		if t.ms < 0 || t.ms > longest {
			return fmt.Errorf("%s: %d is not 0 to %d", t.name, t.ms, longest)
		}
	}
	for _, f := range q.ForbiddenRanges {
		if f[1] < f[0] {
			return errors.New("forbidden_ranges: want [first, last]")
		}
	}
	return nil
}

// UsualQuirks are those of a device of which nothing is known.
func UsualQuirks() Quirks { return Quirks{MaxRegs: defaultRegs, MaxHole: defaultHole} }

// Allows refuses quirks of one device that cannot be kept to.
func (p *Profile) Allows(o Own) error {
	quirks := p.Quirks.With(o)
	if err := quirks.Validate(); err != nil {
		return err
	}
	if o.TimeoutMS != nil && *o.TimeoutMS == 0 {
		return errors.New("timeout_ms: 0: no answer comes in no time: leave it out for the usual one")
	}
	for i := range p.Points {
		if pt := &p.Points[i]; !pt.derived() && pt.Type.words(pt.Words) > quirks.MaxRegs {
			return fmt.Errorf("max_regs: %d: the point %s of profile %s has %d registers, which are read at once", quirks.MaxRegs, pt.Name, p.ID, pt.Type.words(pt.Words))
		}
	}
	return nil
}
