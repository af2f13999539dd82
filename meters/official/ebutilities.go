package official

import (
	"slices"
	"strings"
	"time"
)

// Of the ebUtilities schema ConsumptionRecord this reads the versions 01.30 to 01.41:
//
//	ConsumptionRecord
//	  MarketParticipantDirectory @SchemaVersion
//	  ProcessDirectory
//	    MeteringPoint           33 characters
//	    Energy
//	      MeteringIntervall     QH, H, D or V
//	      EnergyData @MeterCode @UOM
//	        EP: DTF from, DTT until, MM method (quality), BQ quantity
//
// A record of days or of the whole period (D, V) has no values by which an interval can be
// billed and is refused.

// ebutilities reads a ConsumptionRecord.
func (c *collector) ebutilities(text []byte) {
	r := ebRecord{collector: c}
	if err := (walker{begin: r.begin, end: r.end}).walk(text); err != nil {
		c.wrong(0, "", "%v", err)
	}
}

type ebRecord struct {
	*collector

	point     string
	interval  string
	code      Code
	direction Direction
	power     int
	skip      bool // the EnergyData cannot be read, which was told
	position  map[string]texted
}

// texted is the text of an element and where it stands.
type texted struct {
	text string
	line int
}

func ebVersions() []string { return []string{"01.30", "01.31", "01.40", "01.41"} }

func (r *ebRecord) begin(path []*element) {
	e := path[len(path)-1]
	switch {
	case len(path) == 1 && e.name != "ConsumptionRecord":
		r.wrong(e.line, e.name, "is no ConsumptionRecord")
	case e.name == "MarketParticipantDirectory":
		if v := e.attr("SchemaVersion"); !slices.Contains(ebVersions(), v) {
			r.wrong(e.line, "SchemaVersion", "%q is none of %v", v, ebVersions())
		}
	case e.name == "ProcessDirectory":
		r.point = ""
	case e.name == "Energy":
		r.interval = ""
	case e.name == "EnergyData":
		r.energyData(e)
	case e.name == "EP":
		r.position = map[string]texted{}
	}
}

func (r *ebRecord) energyData(e *element) {
	var err error
	r.skip = true
	if r.code, r.direction, err = obis(e.attr("MeterCode")); err != nil {
		r.wrong(e.line, "MeterCode", "%v", err)
		return
	}
	var known bool
	if r.power, known = unit(e.attr("UOM")); !known {
		r.wrong(e.line, "UOM", "%q is not KWH, WH or MWH", e.attr("UOM"))
		return
	}
	if minutesOf(r.interval) == 0 {
		r.wrong(e.line, "MeteringIntervall", "%q is not QH or H: ask for values by the quarter-hour", r.interval)
		return
	}
	r.skip = false
}

func minutesOf(interval string) int { return map[string]int{"QH": 15, "H": 60}[interval] }

func (r *ebRecord) end(path []*element, text string) {
	e := path[len(path)-1]
	switch e.name {
	case "MeteringPoint":
		if within(path, "ProcessDirectory") == nil {
			return
		}
		const length = 33
		if len(text) != length || strings.Trim(text, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
			r.wrong(e.line, "MeteringPoint", "%q is no metering point of 33 characters", text)
		}
		r.point = text
	case "MeteringIntervall":
		r.interval = text
	case "DTF", "DTT", "MM", "BQ":
		if r.position != nil {
			r.position[e.name] = texted{text, e.line}
		}
	case "EP":
		if !r.skip {
			r.take(e.line)
		}
		r.position = nil
	}
}

// take takes a position, whatever is wrong with it.
func (r *ebRecord) take(line int) {
	begin, ok1 := r.instant(line, "DTF")
	end, ok2 := r.instant(line, "DTT")
	exact, err := decimal(r.position["BQ"].text, '.', r.power)
	if err != nil {
		r.wrong(r.at(line, "BQ"), "BQ", "%v", err)
	}
	quality, known := ebQuality(r.position["MM"].text)
	if !known {
		r.wrong(r.at(line, "MM"), "MM", "%q is none of L1 (measured), L2 (replaced) and L3 (estimated)", r.position["MM"].text)
	}
	minutes := minutesOf(r.interval)
	if ok1 && ok2 && end.Sub(begin) != time.Duration(minutes)*time.Minute {
		r.wrong(r.at(line, "DTT"), "DTT", "is %s after DTF, and MeteringIntervall is %s", end.Sub(begin), r.interval)
		return
	}
	if !ok1 || !ok2 || err != nil || !known {
		return
	}
	r.add(row{line: r.at(line, "BQ"), point: r.point, start: begin, minutes: minutes, code: r.code, direction: r.direction, exact: exact, quality: quality, field: "BQ"})
}

func (r *ebRecord) at(line int, field string) int {
	if t, there := r.position[field]; there {
		return t.line
	}
	return line
}

// ebQuality reads a metering method. Without one a value counts as measured, as 01.30 has it.
func ebQuality(text string) (Quality, bool) {
	switch text {
	case "", "L1":
		return Measured, true
	case "L2":
		return Replaced, true
	case "L3":
		return Estimated, true
	default:
		return 0, false
	}
}

func (r *ebRecord) instant(line int, field string) (time.Time, bool) {
	t, err := time.Parse(time.RFC3339, r.position[field].text)
	if err != nil {
		r.wrong(r.at(line, field), field, "%q is no time with an offset, as in 2026-06-01T00:15:00+02:00", r.position[field].text)
	}
	return t, err == nil
}
