package official

import (
	"strconv"
	"strings"
	"time"
)

// Of Green Button (NAESB ESPI) this reads an Atom feed whose entries are tied by their links:
//
//	UsagePoint      …/UsagePoint/ID             the metering point
//	MeterReading    …/UsagePoint/ID/MeterReading/N, related to a ReadingType
//	ReadingType     flowDirection 1 delivered or 19 given, uom 72 (Wh), powerOfTenMultiplier
//	IntervalBlock   …/MeterReading/N/IntervalBlock/K: IntervalReading with timePeriod and value
//
// Times are unix seconds. Of the codes of quality 0, 17, 18 and 19 (valid, validated,
// verified, of revenue quality) are measured, 7, 11 and 13 (edited, derived, mixed) replaced,
// and all others estimates, since nobody vouches for them.

// espi reads a feed.
func (c *collector) espi(text []byte) {
	r := espiFeed{collector: c, types: map[string]espiType{}, readings: map[string]string{}}
	if err := (walker{begin: r.begin, end: r.end}).walk(text); err != nil {
		c.wrong(0, "", "%v", err)
		return
	}
	r.take()
}

type espiFeed struct {
	*collector

	entry    espiEntry
	reading  espiReading
	types    map[string]espiType // by the entry's own link
	readings map[string]string   // types by the reading's own link
	blocks   []espiBlock
}

// espiEntry is one of the feed.
type espiEntry struct {
	self    string
	related []string
	kind    string // of its content
	line    int
	of      espiType
	block   espiBlock
}

type espiType struct {
	line                          int
	uom, multiplier, flow, behave texted
	quality                       texted
}

type espiBlock struct {
	self     string
	readings []espiReading
}

type espiReading struct {
	line                            int
	start, duration, value, quality texted
}

func (r *espiFeed) begin(path []*element) {
	e := path[len(path)-1]
	switch e.name {
	case "entry":
		r.entry = espiEntry{line: e.line}
	case "link":
		switch e.attr("rel") {
		case "self":
			r.entry.self = e.attr("href")
		case "related":
			r.entry.related = append(r.entry.related, e.attr("href"))
		}
	case "UsagePoint", "MeterReading", "ReadingType", "IntervalBlock":
		if within(path, "content") != nil {
			r.entry.kind, r.entry.of.line = e.name, e.line
		}
	case "IntervalReading":
		r.reading = espiReading{line: e.line}
	}
}

func (r *espiFeed) end(path []*element, text string) {
	e := path[len(path)-1]
	t := texted{text, e.line}
	switch {
	case e.name == "entry":
		r.close()
	case e.name == "IntervalReading":
		r.entry.block.readings = append(r.entry.block.readings, r.reading)
	case within(path, "IntervalReading") != nil:
		switch e.name {
		case "start":
			r.reading.start = t
		case "duration":
			r.reading.duration = t
		case "value":
			r.reading.value = t
		case "quality":
			r.reading.quality = t
		}
	case within(path, "ReadingType") != nil:
		r.typed(path, e.name, t)
	}
}

func (r *espiFeed) typed(path []*element, name string, t texted) {
	if path[max(len(path)-2, 0)].name != "ReadingType" {
		return
	}
	switch name {
	case "uom":
		r.entry.of.uom = t
	case "powerOfTenMultiplier":
		r.entry.of.multiplier = t
	case "flowDirection":
		r.entry.of.flow = t
	case "accumulationBehaviour":
		r.entry.of.behave = t
	case "defaultQuality":
		r.entry.of.quality = t
	}
}

// close keeps an entry.
func (r *espiFeed) close() {
	e := r.entry
	switch e.kind {
	case "ReadingType":
		r.types[e.self] = e.of
		for _, of := range e.related {
			if strings.Contains(of, "/MeterReading/") {
				r.readings[of] = e.self
			}
		}
	case "MeterReading":
		for _, of := range e.related {
			if strings.Contains(of, "/ReadingType/") {
				r.readings[e.self] = of
			}
		}
	case "IntervalBlock":
		e.block.self = e.self
		if len(e.block.readings) == 0 {
			r.note(e.line, "an interval block without a reading")
		}
		r.blocks = append(r.blocks, e.block)
	}
}

// take takes the blocks, whose types are known by now.
func (r *espiFeed) take() {
	for _, b := range r.blocks {
		if len(b.readings) == 0 {
			continue
		}
		line := b.readings[0].line
		reading, _, _ := strings.Cut(b.self, "/IntervalBlock")
		t, known := r.types[r.readings[reading]]
		if !known && len(r.types) == 1 {
			for _, t = range r.types { // there is no other that it could be
				known = true
			}
		}
		_, usage, found := strings.Cut(reading, "/UsagePoint/")
		point, _, _ := strings.Cut(usage, "/")
		if !found || point == "" || !known {
			r.wrong(line, "link", "the interval block %q leads to no usage point and reading type of this feed", b.self)
			continue
		}
		r.block(row{point: point, code: Total, field: "IntervalReading"}, t, b)
	}
}

func (r *espiFeed) block(of row, t espiType, b espiBlock) {
	const wh, delta, forward, reverse = "72", "4", "1", "19"
	multiplier, err := strconv.Atoi(t.multiplier.text)
	switch {
	case t.uom.text != wh:
		r.wrong(max(t.uom.line, t.line), "uom", "%q is not 72, which is Wh", t.uom.text)
		return
	case t.behave.text != "" && t.behave.text != delta:
		r.wrong(t.behave.line, "accumulationBehaviour", "%q is not 4, the energy of an interval", t.behave.text)
		return
	case t.multiplier.text != "" && err != nil:
		r.wrong(t.multiplier.line, "powerOfTenMultiplier", "%q is no whole number", t.multiplier.text)
		return
	case t.flow.text == forward:
		of.direction = Import
	case t.flow.text == reverse:
		of.direction = Export
	default:
		r.wrong(max(t.flow.line, t.line), "flowDirection", "%q is neither 1 (delivered) nor 19 (given)", t.flow.text)
		return
	}
	for _, one := range b.readings {
		if one.quality.text == "" {
			one.quality = t.quality
		}
		r.one(of, one, wattHours+multiplier)
	}
}

// one takes an interval reading.
func (r *espiFeed) one(of row, one espiReading, power int) {
	const second = 60
	of.line = max(one.value.line, one.line)
	start, err1 := strconv.ParseInt(one.start.text, 10, 64)
	if err1 != nil {
		r.wrong(max(one.start.line, one.line), "start", "%q are no unix seconds", one.start.text)
	}
	length, err2 := strconv.Atoi(one.duration.text)
	if err2 != nil || length%second != 0 {
		r.wrong(max(one.duration.line, one.line), "duration", "%q are no seconds of whole minutes", one.duration.text)
		return
	}
	var err3 error
	if of.exact, err3 = decimal(one.value.text, '.', power); err3 != nil {
		r.wrong(of.line, "value", "%v", err3)
	}
	quality, err4 := espiQuality(one.quality.text)
	if err4 != nil {
		r.wrong(max(one.quality.line, one.line), "quality", "%q is no code of quality", one.quality.text)
	}
	if err1 != nil || err3 != nil || err4 != nil {
		return
	}
	of.start, of.minutes, of.quality = time.Unix(start, 0).UTC(), length/second, quality
	r.add(of)
}

func espiQuality(text string) (Quality, error) {
	if text == "" {
		return Measured, nil
	}
	code, err := strconv.Atoi(text)
	switch code {
	case 0, 17, 18, 19:
		return Measured, err
	case 7, 11, 13:
		return Replaced, err
	default:
		return Estimated, err
	}
}
