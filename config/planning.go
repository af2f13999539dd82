package config

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/commonwatt/commonwatt/meters/profile"
)

// PlanningField is one of the fields of a device that say what a plan needs to know of it, as the
// configuration calls, explains and writes it.
type PlanningField struct{ Name, Example, Doc string }

// PlanningFields returns them in the order of the reference. What pairs a device asks for the same.
func PlanningFields() []PlanningField { return planningFields(reflect.TypeFor[PlanningText]()) }

func planningFields(t reflect.Type) (all []PlanningField) {
	for f := range t.Fields() {
		name, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if options == "inline" {
			all = append(all, planningFields(f.Type)...)
			continue
		}
		all = append(all, PlanningField{name, strings.Trim(f.Tag.Get("eg"), `"`), f.Tag.Get("doc")})
	}
	return all
}

// Said returns the device with what is said of it by the names of PlanningFields, each as the configuration
// writes it. The error begins with the name.
func (d Device) Said(planning map[string]string) (Device, error) {
	for _, f := range PlanningFields() {
		text, said := planning[f.Name]
		if !said {
			continue
		}
		if err := say(reflect.ValueOf(&d.PlanningText).Elem(), f.Name, text); err != nil {
			return d, fmt.Errorf("%s: %q: want it as in %s: %s", f.Name, text, f.Name, f.Example)
		}
	}
	for name := range planning {
		if !slices.ContainsFunc(PlanningFields(), func(f PlanningField) bool { return f.Name == name }) {
			return d, fmt.Errorf("planning: a device has no field %q that a plan knows", name)
		}
	}
	return d, nil
}

// say sets a field of a struct by its name in the configuration.
func say(of reflect.Value, name, text string) (err error) {
	for f, v := range of.Fields() {
		known, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if options == "inline" {
			if err := say(v, name, text); err != nil {
				return err
			}
		}
		if known != name {
			continue
		}
		switch to := v.Addr().Interface().(type) {
		case *Quantity:
			to.Text = text
		case *string:
			*to = text
		case *time.Duration:
			*to, err = time.ParseDuration(text)
		case *int:
			*to, err = strconv.Atoi(text)
		case *float64:
			*to, err = strconv.ParseFloat(text, 64)
		}
	}
	return err
}

// Sized refuses what would have no effect on a device that is read by a profile, what is half said of it, and what
// cannot be read, as the configuration of a community with tariffs in a currency does; and says how it is read.
func (d Device) Sized(p *profile.Profile, currency string) (t Target, err error) {
	if err := d.effective(p); err != nil {
		return t, err
	}
	if t, err = d.Target("", p); err != nil || !d.Wear.given() {
		return t, err
	}
	t.Wear, err = d.wear("wear", currency)
	return t, err
}
