package profile

import (
	"errors"
	"fmt"
	"slices"
)

// idle names a field of a point, as it is written, that would have no effect, and says
// why; empty when there is none.
func (pt *Point) idle(written map[string]any, sunSpec bool) (field, why string) {
	number := pt.Type != Text && pt.Type != String
	for _, c := range []struct {
		where  bool
		fields []string
		why    string
	}{
		{pt.derived(), []string{"addr", "fc", "model", "type", "words", "word_order", "byte_order", "bits", "sf_ref", "nan", "scale", "offset", "times", "decimals", "writable", "write_only"}, "the point is made of others"},
		{sunSpec && !pt.derived(), []string{"addr", "fc", "type", "words", "word_order", "byte_order", "sf_ref", "nan"}, "the SunSpec table says it"},
		{!sunSpec, []string{"model"}, "the profile names no SunSpec models"},
		{!pt.derived() && !sunSpec && number, []string{"words"}, "the type says how many there are"},
		{!pt.derived() && !number, []string{"scale", "offset", "times", "decimals", "bits", "sf_ref", "nan", "range", "sign", "counter", "negative_if"}, "the point is a text"},
		{pt.WriteOnly, []string{"role", "nan", "range", "poll", "counter", "present_if", "negative_if", "times"}, "the point cannot be read"},
		{pt.Type == Float32 || pt.Type == Float64, []string{"bits"}, "a floating-point value has none that could be picked"},
	} {
		for _, f := range c.fields {
			if _, is := written[f]; is && c.where {
				return f, c.why
			}
		}
	}
	return "", ""
}

// forbidden refuses points in registers that may not be read.
func (p checks) forbidden() error {
	for _, pt := range p.Points {
		first, last := int(pt.Addr), int(pt.Addr)+int(pt.Type.words(pt.Words))-1
		if pt.derived() || pt.WriteOnly || len(p.SunSpec) > 0 {
			continue
		}
		for _, f := range p.Quirks.ForbiddenRanges {
			if first <= int(f[1]) && int(f[0]) <= last {
				return fmt.Errorf("quirks.forbidden_ranges: %v holds the point %s, which would never be read", f, pt.Name)
			}
		}
	}
	return nil
}

// related checks what the profile says of SunSpec models and of its own variants.
func (p checks) related() error {
	if len(p.SunSpec) == 0 && len(p.With)+len(p.Without) > 0 {
		return errors.New("sunspec_with, sunspec_without: they have no effect without sunspec")
	}
	for _, v := range p.Variants {
		switch {
		case v.ID == "" || v.ID == p.ID:
			return fmt.Errorf("variants: %q: each needs an id of its own", v.ID)
		case len(p.SunSpec) > 0:
			return errors.New("variants: they have no effect with sunspec: the chain says where a device's models are")
		case v.Shift == 0 && len(v.Identify) == 0 && len(v.Models) == 0:
			return fmt.Errorf("variants: %s is no other than %s", v.ID, p.ID)
		}
		for i := range v.Identify {
			if err := v.Identify[i].validate(); err != nil {
				return fmt.Errorf("variants %s: identify[%d]: %w", v.ID, i, err)
			}
		}
		for _, pt := range p.Points {
			if at := int(pt.Addr) + v.Shift; !pt.derived() && (at < 0 || at+int(pt.Type.words(pt.Words)) > 1<<16) {
				return fmt.Errorf("variants: %s: shift: %d moves the point %s out of the table", v.ID, v.Shift, pt.Name)
			}
		}
	}
	return nil
}

// A Variant is a family whose registers are those of the profile at other addresses, as
// the second meter behind an inverter. It is a profile of its own.
type Variant struct {
	ID       string   `yaml:"id"`
	Models   []string `yaml:"models"`   // for people; empty: those of the profile
	Shift    int      `yaml:"shift"`    // by which its registers are further on
	Identify []Rule   `yaml:"identify"` // in place of the profile's, where it stands; empty: those of the profile, further on
}

// Variant returns the profile of a variant.
func (p *Profile) variant(v Variant) *Profile {
	own := *p
	own.ID, own.Variants = v.ID, nil
	if len(v.Models) > 0 {
		own.Models = v.Models
	}
	own.Points = slices.Clone(p.Points)
	for i := range own.Points {
		if !own.Points[i].derived() {
			own.Points[i].Addr = uint16(int(own.Points[i].Addr) + v.Shift)
		}
	}
	own.Identify = slices.Clone(p.Identify)
	for i := range own.Identify {
		own.Identify[i].Addr = uint16(int(own.Identify[i].Addr) + v.Shift)
	}
	if len(v.Identify) > 0 {
		own.Identify = v.Identify
	}
	own.Quirks.ForbiddenRanges = nil
	for _, f := range p.Quirks.ForbiddenRanges {
		own.Quirks.ForbiddenRanges = append(own.Quirks.ForbiddenRanges, [2]uint16{uint16(int(f[0]) + v.Shift), uint16(int(f[1]) + v.Shift)})
	}
	return &own
}
