package official

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Of MSCONS, the report of measured energy on UN/EDIFACT D.04B that Germany's market uses,
// this reads time series of active energy:
//
//	UNA (the signs that separate), UNB, then messages UNH … UNT
//	  LOC+172+POINT            where
//	  PIA+5+1-1?:1.29.0:SRW    what (OBIS: 1.29 taken, 2.29 given)
//	  QTY+220:0.125:KWH        how much, and how it was come by
//	  DTM+163:…:303, DTM+164   from and until
//
// The qualifier of a quantity says its quality: 220 is a true value, 67 a substitute, 201 a
// proposed, 187 a forecast and Z18 a preliminary one; 20 says that there is no value that can
// be used.

// segment is one of an interchange: its elements, of which each has components.
type segment struct {
	line     int
	tag      string
	elements [][]string
}

// get returns a component, empty when it is not there.
func (s segment) get(element, component int) string {
	if element >= len(s.elements) || component >= len(s.elements[element]) {
		return ""
	}
	return s.elements[element][component]
}

// signs are those that UNA names.
type signs struct{ component, element, decimal, release, end byte }

// segments splits an interchange. Line ends between segments mean nothing.
func segments(text []byte) (all []segment, s signs, err error) {
	s = signs{':', '+', '.', '?', '\''}
	line := 1 + bytes.Count(text[:len(text)-len(bytes.TrimLeft(text, " \r\n\t"))], []byte("\n"))
	text = bytes.TrimLeft(text, " \r\n\t")
	const una = 9
	if bytes.HasPrefix(text, []byte("UNA")) {
		if len(text) < una {
			return nil, s, fmt.Errorf("line %d: UNA is cut off", line)
		}
		s = signs{text[3], text[4], text[5], text[6], text[8]}
		text = text[una:]
	}
	now, part := segment{line: line, elements: [][]string{{}}}, []byte{}
	begun := false
	component := func() {
		last := len(now.elements) - 1
		now.elements[last] = append(now.elements[last], string(part))
		part = part[:0]
	}
	for k := 0; k < len(text); k++ {
		b := text[k]
		if b == '\n' {
			line++
		}
		switch {
		case !begun && (b == '\n' || b == '\r' || b == ' ' || b == '\t'):
			continue
		case !begun:
			begun, now.line = true, line
		}
		switch {
		case b == s.release && k+1 < len(text):
			k++
			part = append(part, text[k])
		case b == s.component:
			component()
		case b == s.element:
			component()
			now.elements = append(now.elements, nil)
		case b == s.end:
			component()
			now.tag = now.get(0, 0)
			all = append(all, now)
			now, begun = segment{elements: [][]string{{}}}, false
		case b != '\n' && b != '\r':
			part = append(part, b)
		}
	}
	if begun {
		return nil, s, fmt.Errorf("line %d: segment %.3s… has no end", now.line, now.get(0, 0)+string(part))
	}
	return all, s, nil
}

// mscons reads an interchange.
func (c *collector) mscons(text []byte) {
	all, s, err := segments(text)
	if err != nil {
		c.wrong(0, "", "%v", err)
		return
	}
	r := msconsFile{collector: c, signs: s}
	for _, one := range all {
		r.segment(one)
	}
	if !r.ended {
		c.wrong(0, "UNZ", "is missing: the interchange is not whole")
	}
}

type msconsFile struct {
	*collector

	signs     signs
	point     string
	code      Code
	direction Direction
	known     bool // what the values are
	quantity  *msconsQuantity
	ended     bool
}

// msconsQuantity is one with its times, as they come.
type msconsQuantity struct {
	segment

	from, until segment
}

func (r *msconsFile) segment(s segment) {
	switch s.tag {
	case "QTY":
		r.flush()
		r.quantity = &msconsQuantity{segment: s}
		return
	case "DTM":
		switch {
		case r.quantity == nil:
		case s.get(1, 0) == "163":
			r.quantity.from = s
		case s.get(1, 0) == "164":
			r.quantity.until = s
		}
		return
	case "STS":
		return // says more of the quantity
	}
	r.flush()
	switch s.tag {
	case "UNH":
		r.point, r.known = "", false
		if kind := s.get(2, 0); kind != "MSCONS" {
			r.wrong(s.line, "UNH", "the message is %q, not MSCONS", kind)
		}
	case "LOC":
		if s.get(1, 0) == "172" {
			r.point, r.known = s.get(2, 0), false
		}
	case "PIA":
		r.product(s)
	case "UNZ":
		r.ended = true
	}
}

// product reads the OBIS code. Some systems leave its colon unescaped.
func (r *msconsFile) product(s segment) {
	if s.get(1, 0) != "5" {
		return
	}
	text := s.get(2, 0)
	if !strings.Contains(text, ":") {
		text += ":" + s.get(2, 1)
	}
	var err error
	r.code, r.direction, err = obis(text)
	if r.known = err == nil; err != nil {
		r.wrong(s.line, "PIA", "%v", err)
	}
}

// unusable says that there is no value.
const unusable = "20"

// flush takes the quantity that is complete now.
func (r *msconsFile) flush() {
	q := r.quantity
	if r.quantity = nil; q == nil || !r.known {
		return
	}
	of := row{line: q.line, point: r.point, code: r.code, direction: r.direction, field: "QTY"}
	qualifier := q.get(1, 0)
	if qualifier == unusable {
		r.note(q.line, "%s %s of %s: says that there is no value that can be used", r.code, r.direction, r.point)
		return
	}
	var known bool
	if of.quality, known = msconsQuality(qualifier); !known {
		r.wrong(q.line, "QTY", "the qualifier %q is none of 220 (true value), 67 (substitute), 201, 187 and Z18 (estimates)", qualifier)
		return
	}
	power, known := kiloWattHours, true
	if name := q.get(1, 2); name != "" {
		power, known = unit(name)
	}
	if !known {
		r.wrong(q.line, "QTY", "the unit %q is not KWH, WH or MWH", q.get(1, 2))
		return
	}
	var err error
	if of.exact, err = decimal(q.get(1, 1), r.signs.decimal, power); err != nil {
		r.wrong(q.line, "QTY", "%v", err)
		return
	}
	from, err1 := r.instant(q.from)
	until, err2 := r.instant(q.until)
	if err1 != nil || err2 != nil {
		for k, e := range []error{err1, err2} {
			if e != nil {
				r.wrong(q.line, []string{"DTM+163", "DTM+164"}[k], "%v", e)
			}
		}
		return
	}
	of.start, of.minutes = from, int(until.Sub(from)/time.Minute)
	r.add(of)
}

func msconsQuality(qualifier string) (Quality, bool) {
	switch {
	case qualifier == "220":
		return Measured, true
	case qualifier == "67":
		return Replaced, true
	case slices.Contains([]string{"201", "187", "Z18"}, qualifier):
		return Estimated, true
	default:
		return 0, false
	}
}

// instant reads the time of a DTM: of format 303 with the zone's hours, or 203 without.
func (r *msconsFile) instant(s segment) (time.Time, error) {
	text, format := s.get(1, 1), s.get(1, 2)
	switch format {
	case "303":
		local, zone, _ := strings.Cut(strings.NewReplacer("-", "+-").Replace(text), "+")
		if !strings.HasPrefix(zone, "-") {
			zone = "+" + zone
		}
		t, err := time.Parse("200601021504-07", local+zone)
		if err != nil {
			return t, fmt.Errorf("%q is no time of format 303, as in 202606010000?+02", text)
		}
		return t, nil
	case "203":
		if r.options.Zone == nil {
			return time.Time{}, fmt.Errorf("%q has no zone: name it in the mapping (time_zone)", text)
		}
		t, err := time.ParseInLocation("200601021504", text, r.options.Zone)
		if err != nil {
			return t, fmt.Errorf("%q is no time of format 203, as in 202606010000", text)
		}
		return t, nil
	default:
		return time.Time{}, fmt.Errorf("%q of format %q is no time: 303 or 203 is read", text, format)
	}
}
