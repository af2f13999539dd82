package official

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Of SDAT-CH, the Swiss exchange of energy data by ebIX, this reads the metered values of
// points (E66, ValidatedMeteredData) and of whole communities (E31, AggregatedMeteredData,
// whose point is the community's id):
//
//	ValidatedMeteredData_16
//	  …_HeaderInformation: InstanceDocument/DocumentType/ebIXCode E66
//	  MeteringData
//	    Interval: StartDateTime, EndDateTime
//	    Resolution: Resolution, Unit
//	    ConsumptionMeteringPoint or ProductionMeteringPoint: VSENationalID
//	    Product: ID (8716867000030 all energy, 2404050010124 that of the grid,
//	             2404050010123 that of the local community), MeasureUnit
//	    Observation: Position/Sequence from 1, Volume, Condition
//
// An observation without a condition is validated; 21 is measured and not final (temporary),
// 56 an estimate.

// The products, with what they are here.
const (
	sdatAll       = "8716867000030"
	sdatGrid      = "2404050010124"
	sdatCommunity = "2404050010123"
)

// sdat reads SDAT-CH.
func (c *collector) sdat(text []byte) {
	r := sdatFile{collector: c}
	if err := (walker{begin: r.begin, end: r.end}).walk(text); err != nil {
		c.wrong(0, "", "%v", err)
	}
}

type sdatFile struct {
	*collector

	block sdatBlock
	now   sdatObservation
}

// sdatBlock is a MeteringData as texts.
type sdatBlock struct {
	line                         int
	start, end, resolution, unit texted
	point, community, flow       texted
	direction                    Direction
	product, measure             texted
	observations                 []sdatObservation
}

type sdatObservation struct {
	line                        int
	sequence, volume, condition texted
}

func (r *sdatFile) begin(path []*element) {
	e := path[len(path)-1]
	switch e.name {
	case "MeteringData":
		r.block = sdatBlock{line: e.line}
	case "ConsumptionMeteringPoint":
		r.block.direction = Import
	case "ProductionMeteringPoint":
		r.block.direction = Export
	case "Observation":
		r.now = sdatObservation{line: e.line}
	}
	if len(path) == 1 && !strings.HasPrefix(e.name, "ValidatedMeteredData_") && !strings.HasPrefix(e.name, "AggregatedMeteredData_") {
		r.wrong(e.line, e.name, "is neither ValidatedMeteredData nor AggregatedMeteredData")
	}
}

func (r *sdatFile) end(path []*element, text string) {
	e := path[len(path)-1]
	t := texted{text, e.line}
	in := func(name string) bool { return within(path[:len(path)-1], name) != nil }
	switch {
	case e.name == "ebIXCode" && in("DocumentType"):
		if text != "E66" && text != "E31" {
			r.wrong(e.line, "DocumentType", "%q is neither E66 nor E31", text)
		}
	case e.name == "MeteringData":
		r.take()
	case !in("MeteringData"):
	case e.name == "Observation":
		r.block.observations = append(r.block.observations, r.now)
	case in("Observation"):
		r.observed(e.name, t)
	case in("Product"):
		r.product(e.name, t)
	default:
		r.header(e.name, t, path)
	}
}

func (r *sdatFile) observed(name string, t texted) {
	switch name {
	case "Sequence":
		r.now.sequence = t
	case "Volume":
		r.now.volume = t
	case "Condition":
		r.now.condition = t
	}
}

func (r *sdatFile) product(name string, t texted) {
	switch name {
	case "ID", "ebIXCode", "VSENationalCode":
		if t.text != "" {
			r.block.product = t
		}
	case "MeasureUnit":
		r.block.measure = t
	}
}

func (r *sdatFile) header(name string, t texted, path []*element) {
	switch name {
	case "StartDateTime":
		r.block.start = t
	case "EndDateTime":
		r.block.end = t
	case "Resolution":
		if path[len(path)-2].name == "Resolution" {
			r.block.resolution = t
		}
	case "Unit":
		r.block.unit = t
	case "VSENationalID":
		r.block.point = t
	case "CommunityID":
		r.block.community = t
	case "FlowCharacteristic":
		r.block.flow = t
	}
}

// take takes a block.
func (r *sdatFile) take() {
	b := r.block
	of := row{point: b.point.text, direction: b.direction, field: "Observation"}
	if b.direction == "" { // E31
		of.point = b.community.text
		of.direction = map[string]Direction{"E17": Import, "E18": Export}[b.flow.text]
	}
	if of.point == "" || of.direction == "" {
		r.wrong(b.line, "MeteringData", "names neither a metering point nor a community with its direction (E17 or E18)")
		return
	}
	var known bool
	if of.code, known = sdatCode(b.product.text); !known {
		r.wrong(max(b.product.line, b.line), "Product", "%q is none of %s (all energy), %s (the grid's) and %s (the local community's)", b.product.text, sdatAll, sdatGrid, sdatCommunity)
		return
	}
	power, known := unit(b.measure.text)
	if !known {
		r.wrong(max(b.measure.line, b.line), "MeasureUnit", "%q is not KWH, WH or MWH", b.measure.text)
		return
	}
	start, err := time.Parse(time.RFC3339, b.start.text)
	if err != nil {
		r.wrong(max(b.start.line, b.line), "StartDateTime", "%q is no time with an offset", b.start.text)
		return
	}
	if of.minutes, err = sdatMinutes(b); err != nil {
		r.wrong(max(b.resolution.line, b.line), "Resolution", "%v", err)
		return
	}
	for _, o := range b.observations {
		r.observe(of, o, start, power)
	}
	r.complete(of, start)
}

func sdatCode(product string) (Code, bool) {
	code, known := map[string]Code{sdatAll: Total, sdatGrid: Rest, sdatCommunity: Covered}[product]
	return code, known
}

func sdatMinutes(b sdatBlock) (int, error) {
	n, err := strconv.Atoi(b.resolution.text)
	factor := map[string]int{"": 1, "MIN": 1, "HOUR": 60, "HUR": 60}[strings.ToUpper(b.unit.text)]
	if err != nil || factor == 0 || n < 1 || n > 60 {
		return 0, fmt.Errorf("%q %s is no length of an interval in MIN or HOUR", b.resolution.text, b.unit.text)
	}
	return n * factor, nil
}

// observe takes an observation.
func (r *sdatFile) observe(of row, o sdatObservation, start time.Time, power int) {
	n, err := strconv.Atoi(o.sequence.text)
	const most = 1_000_000
	if err != nil || n < 1 || n > most {
		r.wrong(max(o.sequence.line, o.line), "Sequence", "%q is no position, from 1", o.sequence.text)
		return
	}
	of.line = max(o.volume.line, o.line)
	of.start = start.Add(time.Duration(n-1) * time.Duration(of.minutes) * time.Minute)
	if of.exact, err = decimal(o.volume.text, '.', power); err != nil {
		r.wrong(of.line, "Volume", "%v", err)
	}
	var known bool
	if of.quality, known = map[string]Quality{"": Measured, "21": Measured, "56": Estimated}[o.condition.text]; !known {
		r.wrong(max(o.condition.line, o.line), "Condition", "%q is neither 21 (temporary) nor 56 (estimated)", o.condition.text)
	}
	if end, e := time.Parse(time.RFC3339, r.block.end.text); e == nil && of.start.Add(time.Duration(of.minutes)*time.Minute).After(end) {
		r.wrong(max(o.sequence.line, o.line), "Sequence", "%d lies after the end of the interval, %s", n, r.block.end.text)
		return
	}
	if err == nil && known {
		r.add(of)
	}
}

// complete notes how many observations a block lacks.
func (r *sdatFile) complete(of row, start time.Time) {
	end, err := time.Parse(time.RFC3339, r.block.end.text)
	if err != nil {
		r.wrong(max(r.block.end.line, r.block.line), "EndDateTime", "%q is no time with an offset", r.block.end.text)
		return
	}
	if want := int(end.Sub(start) / (time.Duration(of.minutes) * time.Minute)); want != len(r.block.observations) {
		r.note(r.block.line, "%s %s of %s: %d observations, and the interval has %d", of.code, of.direction, of.point, len(r.block.observations), want)
	}
}
