package pairing

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/commonwatt/commonwatt/grid"
)

// Said fills in what is not said of the device to bind from how it was bound before.
func (s *Session) Said(d grid.Device) grid.Device {
	var before grid.Device
	if s.Device != nil {
		before = *s.Device
	}
	return grid.Device{ID: cmp.Or(d.ID, before.ID), Member: cmp.Or(d.Member, before.Member), MeteringPoint: cmp.Or(d.MeteringPoint, before.MeteringPoint)}
}

// Proposed names a device of a member that has no id or metering point yet after them.
func (s *Session) Proposed(d grid.Device) grid.Device {
	d.ID, d.MeteringPoint = cmp.Or(d.ID, d.Member+"/"+string(s.Kind)), cmp.Or(d.MeteringPoint, "mp-"+d.Member)
	return d
}

// Differs returns the first thing that is said otherwise than an interrupted session has
// it, by the name of its flag, and what the session has; empty when nothing is.
func (s *Session) Differs(w Wish, d grid.Device) (what, has string) {
	before := s.Said(grid.Device{})
	said := [][3]string{{"kind", string(w.Kind), string(s.Kind)}, {"profile", w.Profile, s.Profile}}
	if s.Device != nil {
		said = [][3]string{{"id", d.ID, before.ID}, said[0], {"member", d.Member, before.Member}, {"metering-point", d.MeteringPoint, before.MeteringPoint}, said[1]}
	}
	said = append(said, w.How.said(s.Finding.How)...)
	for _, one := range said {
		if one[1] != "" && one[1] != one[2] {
			return one[0], one[2]
		}
	}
	return "", ""
}

// said lists what of two ways to read a device is said, by the names of the flags.
func (h How) said(before How) [][3]string {
	text := func(v any) string {
		if v := reflect.ValueOf(v); v.Kind() == reflect.Pointer && !v.IsNil() {
			return fmt.Sprint(v.Elem())
		}
		return ""
	}
	flag := func(is bool) string {
		if !is {
			return "" // it was not given
		}
		return "true"
	}
	part := func(n int) string {
		if n == 0 {
			return ""
		}
		return strconv.Itoa(n)
	}
	all := [][3]string{
		{"part", part(h.Part), part(before.Part)},
		{"max-regs", text(h.MaxRegs), text(before.MaxRegs)},
		{"max-hole", text(h.MaxHole), text(before.MaxHole)},
		{"gap-ms", text(h.GapMS), text(before.GapMS)},
		{"connect-delay-ms", text(h.ConnectDelayMS), text(before.ConnectDelayMS)},
		{"timeout-ms", text(h.TimeoutMS), text(before.TimeoutMS)},
		{"single-connection", text(h.SingleConnection), text(before.SingleConnection)},
		{"rated", text(h.Rated), text(before.Rated)},
		{"capacity", text(h.Capacity), text(before.Capacity)},
		{"control", flag(h.Control), flag(before.Control)},
		{"import-limit", text(h.ImportLimit), text(before.ImportLimit)},
		{"export-limit", text(h.ExportLimit), text(before.ExportLimit)},
	}
	for _, name := range slices.Sorted(maps.Keys(h.Planning)) {
		all = append(all, [3]string{strings.ReplaceAll(name, "_", "-"), h.Planning[name], before.Planning[name]})
	}
	return all
}

// Signed says what the sign check found.
func (s *Session) Signed() string {
	if s.Power == nil {
		return fmt.Sprintf("the %s shows no power, so that there is none to check", s.Kind)
	}
	if s.Unchecked {
		return "not checked: pair the device anew, with --fresh, when power flows"
	}
	shows, power := Importing, *s.Power
	if power < 0 {
		shows, power = Exporting, -power
	}
	text := fmt.Sprintf("the %s shows %d W %s", s.Kind, power, shows)
	if s.Inverted {
		text += ", not what you said: it is taken to be mounted the wrong way round, and is read turned round, its counters as the watch will tell (if you answered wrongly, give the right --load with the same command)"
	}
	return text
}
