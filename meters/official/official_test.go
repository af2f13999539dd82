package official_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/official"
)

func vienna(t testing.TB) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Vienna")
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

func sample(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func mapped(t testing.TB, name string) *official.Mapping {
	t.Helper()
	if name == "" {
		return nil
	}
	m, err := official.ReadMapping(sample(t, name))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// said writes values as a table.
func said(f official.File) string {
	var b strings.Builder
	for _, v := range f.Values {
		fmt.Fprintf(&b, "%s %s %s %s/%d %d %d\n", v.Point, v.Code, v.Direction, time.Unix(v.Start, 0).UTC().Format("2006-01-02T15:04"), v.Minutes, v.Energy, v.Quality)
	}
	return b.String()
}

// TestWhatAFileSays reads one of each format. The expected values were read off the files by
// hand: their times turned to UTC, their kWh times 1000, and what is left over of a Wh given
// by the largest remainder within the local day.
func TestWhatAFileSays(t *testing.T) {
	const at, ch = "AT0030000000000000000000000000001", "CH101110123450000000000000000000"
	for name, c := range map[string]struct {
		mapping string
		format  official.Format
		want    string
		notes   []string
	}{
		"consumption-0141.xml": {"", official.EbUtilities, strings.ReplaceAll(`P G.02 export 2024-03-01T11:00/15 300 1
P G.02 export 2024-03-01T11:15/15 201 3
P G.03 export 2024-03-01T11:00/15 300 1
P G.03 export 2024-03-01T11:15/15 201 3
P G.01 import 2024-03-01T11:00/15 425 1
P G.01 import 2024-03-01T11:15/15 500 2
`, "P", at), nil},
		"sdat-e66.xml": {"", official.SDAT, strings.ReplaceAll(`P1 G.01 import 2026-05-31T22:00/15 120 1
P1 G.01 import 2026-05-31T22:15/15 100 3
P2 G.03 export 2026-05-31T22:00/15 50 1
`, "P", ch), []string{"1 observations, and the interval has 2"}},
		"sdat-e31.xml": {"", official.SDAT, "101110-002726 G.03 import 2026-05-31T22:00/15 1500 1\n", nil},
		"mscons.edi": {"", official.MSCONS, strings.ReplaceAll(`P G.01 import 2026-05-31T22:00/15 125 1
P G.01 import 2026-05-31T22:15/15 250 2
P G.01 import 2026-05-31T22:30/15 251 3
`, "P", "DE0003576846670000000000000000001"), nil},
		// 2026-06-01T00:00Z is 1780272000; 99.5 Wh beside 120.0 are 220 together.
		"espi.xml": {"", official.ESPI, "4711 G.01 import 2026-06-01T00:00/15 120 1\n4711 G.01 import 2026-06-01T00:15/15 100 3\n", nil},
		// 130.5 + 100.5 = 231 in the day: the first of the equal halves is rounded up; 0.4 + 0.4 is 1.
		"wide.csv": {"wide.yaml", official.CSV, `mp-ann G.01 export 2026-05-31T22:00/15 0 1
mp-ann G.01 export 2026-05-31T22:15/15 1 2
mp-ann G.01 export 2026-05-31T22:30/15 0 3
mp-ann G.01 import 2026-05-31T22:00/15 120 1
mp-ann G.01 import 2026-05-31T22:15/15 131 2
mp-ann G.01 import 2026-05-31T22:30/15 100 3
`, nil},
		"long.csv": {"long.yaml", official.CSV, "mp-bob P.01 export 2026-05-31T22:00/15 3 1\nmp-bob G.01 import 2026-05-31T22:00/15 120 1\n", nil},
	} {
		f, err := official.Parse(sample(t, name), official.Options{Mapping: mapped(t, c.mapping), Zone: vienna(t)})
		if err != nil || f.Format != c.format || said(f) != c.want {
			t.Errorf("%s: %s %v\n%s\nwant\n%s", name, f.Format, err, said(f), c.want)
		}
		if len(f.Notes) != len(c.notes) {
			t.Errorf("%s: %v", name, f.Notes)
		}
		for k, want := range c.notes {
			if !strings.Contains(f.Notes[k].Text, want) {
				t.Errorf("%s: %v, want %s", name, f.Notes, want)
			}
		}
	}
}

// TestEveryBadRowIsNamed changes the samples: each change is named with its line and field,
// all of them together, and no value comes out.
func TestEveryBadRowIsNamed(t *testing.T) {
	for name, c := range map[string]struct {
		mapping string
		change  []string // old and new by turns
		want    []string
	}{
		"consumption-0141.xml": {"", []string{
			`"1-1:2.9.0 G.02"`, `"1-1:2.8.0"`, ">0.425<", ">0,425<", "<cr:MM>L2<", "<cr:MM>L9<", "<cr:DTF>2024-03-01T12:15:00+01:00</cr:DTF><cr:DTT>2024-03-01T12:30:00+01:00</cr:DTT><cr:MM>L3</cr:MM><cr:BQ>0.200500</cr:BQ></cr:EP>\n      </cr:EnergyData>\n    </cr:Energy>",
			"<cr:DTF>2024-03-01 12:15</cr:DTF><cr:DTT>2024-03-01T12:30:00+01:00</cr:DTT><cr:MM>L3</cr:MM><cr:BQ>-0.200500</cr:BQ></cr:EP>\n      </cr:EnergyData>\n    </cr:Energy>",
			`"01.41"`, `"01.21"`,
		}, []string{
			`line 3: SchemaVersion: "01.21" is none of`, `line 25: BQ: "0,425" is no number`, `line 26: MM: "L9" is none of L1`,
			`line 28: MeterCode: "1-1:2.8.0" is no code of the energy of an interval`, `line 34: DTF: "2024-03-01 12:15" is no time`, `line 34: BQ: "-0.200500" is negative`,
		}},
		"sdat-e66.xml": {"", []string{">E66<", ">E65<", "<rsm:Volume>0.1<", "<rsm:Volume><", "<rsm:Condition>21<", "<rsm:Condition>22<", "KWH</rsm:MeasureUnit></rsm:Product>\n    <rsm:Observation><rsm:Position><rsm:Sequence>1<", "KWH</rsm:MeasureUnit></rsm:Product>\n    <rsm:Observation><rsm:Position><rsm:Sequence>9<"}, []string{
			`line 7: DocumentType: "E65" is neither`, `line 15: Sequence: 9 lies after the end`, `line 16: Volume: is missing`, `line 24: Condition: "22" is neither 21`,
		}},
		"mscons.edi": {"", []string{"QTY+220:", "QTY+221:", "0.25:KWH", "0.25:KWT", "DTM+164:202606010045?+02:303", "DTM+164:202606010046?+02:303"}, []string{
			`line 16: QTY: the qualifier "221"`, `line 19: QTY: the unit "KWT"`, `line 22: QTY: interval length 16 min`,
		}},
		"espi.xml": {"", []string{">8<", ">good<", "<espi:duration>900</espi:duration><espi:start>1780272000</espi:start></espi:timePeriod>", "<espi:duration>899</espi:duration><espi:start>1780272000</espi:start></espi:timePeriod>"}, []string{
			`duration: "899"`, `quality: "good"`,
		}},
		"wide.csv": {"wide.yaml", []string{"00:00;W;0,120;0", "24:00;W;0.120;0", "00:15;E", "00:15;X", "00:30;S;0,1005;0,0004", "00:30;S;0,1005", "000009;01", "000001;01", "7;7", "7"}, []string{
			`line 3: Zeit: "01.06.2026 24:00" is no time as in DD.MM.YYYY HH:mm`, `line 3: Bezug kWh: "0.120" is no number with the decimal sign ","`,
			`line 4: Status: "X" is not in the mapping's quality.values`, `line 5: has 4 fields, and the header has 5`, `line 6: has 4 fields`,
		}},
		"long.csv": {"long.yaml", []string{"1-1:2.9.0 P.01,3", "in,4"}, []string{"line 3: wh: G.01 import of mp-bob at 2026-05-31T22:00Z is there twice: line 2 has it too"}},
	} {
		text := string(sample(t, name))
		for k := 0; k < len(c.change); k += 2 {
			if !strings.Contains(text, c.change[k]) {
				t.Fatalf("%s: has no %q", name, c.change[k])
			}
			text = strings.Replace(text, c.change[k], c.change[k+1], 1)
		}
		_, err := official.Parse([]byte(text), official.Options{Mapping: mapped(t, c.mapping), Zone: vienna(t)})
		var all official.FileError
		if !errors.As(err, &all) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(all) != len(c.want) {
			t.Errorf("%s: %d problems, want %d:\n%v", name, len(all), len(c.want), err)
		}
		for _, want := range c.want {
			if !slices.ContainsFunc(all, func(p official.Problem) bool { return strings.Contains(p.String(), want) }) {
				t.Errorf("%s: lacks %q:\n%v", name, want, err)
			}
		}
	}
}

// TestADocumentTypeIsRefused keeps entities out, which could stand for anything.
func TestADocumentTypeIsRefused(t *testing.T) {
	for _, name := range []string{"consumption-0141.xml", "sdat-e66.xml", "espi.xml"} {
		text := strings.Replace(string(sample(t, name)), "?>", "?>\n<!DOCTYPE x [<!ENTITY e \"1\">]>", 1)
		if _, err := official.Parse([]byte(text), official.Options{}); err == nil || !strings.Contains(err.Error(), "document type") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// table is a CSV file of one point in Vienna's time, with a row for each local quarter-hour
// of a month, as clocks show them, and the energies that it is given.
func table(zone *time.Location, year int, month time.Month, energy func(k int) string) (text string, rows int) {
	var b strings.Builder
	b.WriteString("time,kwh\n")
	for at := time.Date(year, month, 1, 0, 0, 0, 0, zone); at.Before(time.Date(year, month+1, 1, 0, 0, 0, 0, zone)); at = at.Add(15 * time.Minute) {
		fmt.Fprintf(&b, "%s,%s\n", at.Format("2006-01-02 15:04"), energy(rows))
		rows++
	}
	return b.String(), rows
}

const plain = `{unit: kWh, minutes: 15, time: {column: time, format: "YYYY-MM-DD HH:mm"}, point: {value: mp}, values: [{column: kwh, code: "1-1:1.9.0 G.01"}]}`

// TestTheClockIsPutForwardAndBack reads whole months: March 2024 has 2,972 local
// quarter-hours (31 × 96 − 4) and October 2,980 (31 × 96 + 4), without a gap and none twice.
func TestTheClockIsPutForwardAndBack(t *testing.T) {
	zone := vienna(t)
	m, err := official.ReadMapping([]byte(plain))
	if err != nil {
		t.Fatal(err)
	}
	for month, want := range map[time.Month]int{time.March: 2972, time.October: 2980, time.June: 2880} {
		text, rows := table(zone, 2024, month, func(int) string { return "0.1" })
		f, err := official.Parse([]byte(text), official.Options{Mapping: m, Zone: zone})
		if err != nil || rows != want || len(f.Values) != want || len(f.Notes) != 0 {
			t.Errorf("%s: %d rows, %d values, want %d; %v %v", month, rows, len(f.Values), want, f.Notes, err)
		}
	}
	// 02:15 was not there on 31 March 2024.
	_, err = official.Parse([]byte("time,kwh\n2024-03-31 02:15,0.1\n"), official.Options{Mapping: m, Zone: zone})
	if err == nil || !strings.Contains(err.Error(), "line 2: time: \"2024-03-31 02:15\" does not exist in Europe/Vienna") {
		t.Error(err)
	}
	f, err := official.Parse([]byte("time,kwh\n2024-03-01 00:00,1\n2024-03-01 00:30,1\n"), official.Options{Mapping: m, Zone: zone})
	if err != nil || len(f.Notes) != 1 || !strings.Contains(f.Notes[0].Text, "nothing from 2024-02-29T23:15Z to 2024-02-29T23:30Z") {
		t.Errorf("a gap: %v %v", f.Notes, err)
	}
}

// TestFractionsOfADayAreRoundedTogether reads a month of 0.3334 kWh: 96 × 333.4 = 32,006.4 Wh
// are 32,006 on every day of 24 hours, and 92 × 333.4 = 30,672.8 are 30,673 on that of 23.
func TestFractionsOfADayAreRoundedTogether(t *testing.T) {
	zone := vienna(t)
	m, err := official.ReadMapping([]byte(plain))
	if err != nil {
		t.Fatal(err)
	}
	text, _ := table(zone, 2024, time.March, func(int) string { return "0.3334" })
	f, err := official.Parse([]byte(text), official.Options{Mapping: m, Zone: zone})
	if err != nil {
		t.Fatal(err)
	}
	days := map[string]grid.Energy{}
	for _, v := range f.Values {
		days[time.Unix(v.Start, 0).In(zone).Format(time.DateOnly)] += v.Energy
		if v.Energy != 333 && v.Energy != 334 {
			t.Fatalf("%v", v)
		}
	}
	for day, sum := range days {
		want := grid.Energy(32_006)
		if day == "2024-03-31" {
			want = 30_673
		}
		if sum != want {
			t.Errorf("%s: %d Wh, want %d", day, sum, want)
		}
	}
	for text, want := range map[string]string{"0.3334567891": "finer than a millionth", "99999999999": "more than an interval", "1e3": "is no number", "+1": "is no number", "1.": "is no number", ".5": "is no number", "": "is missing"} {
		_, err := official.Parse([]byte("time,kwh\n2024-03-01 00:00,"+text+"\n"), official.Options{Mapping: m, Zone: zone})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

// TestSharesThatCannotBe are noted: G.03 is at most G.02 and at most G.01.
func TestSharesThatCannotBe(t *testing.T) {
	text := strings.Replace(string(sample(t, "consumption-0141.xml")), "G.03\" UOM=\"KWH\">\n        <cr:EP><cr:DTF>2024-03-01T12:00:00+01:00</cr:DTF><cr:DTT>2024-03-01T12:15:00+01:00</cr:DTT><cr:MM>L1</cr:MM><cr:BQ>0.3<", "G.03\" UOM=\"KWH\">\n        <cr:EP><cr:DTF>2024-03-01T12:00:00+01:00</cr:DTF><cr:DTT>2024-03-01T12:15:00+01:00</cr:DTT><cr:MM>L1</cr:MM><cr:BQ>0.426<", 1)
	f, err := official.Parse([]byte(text), official.Options{})
	if err != nil || len(f.Notes) != 2 || !strings.Contains(f.Notes[0].Text, "426 Wh are more than the 300 Wh that were allotted") || !strings.Contains(f.Notes[1].Text, "426 Wh are more than the 425 Wh in all") {
		t.Errorf("%v %v", f.Notes, err)
	}
}

// TestAMappingIsReadStrictly refuses what nobody would read.
func TestAMappingIsReadStrictly(t *testing.T) {
	for text, want := range map[string]string{
		"colour: red": "field colour not found", "a: b\n---\nc: d": "not found", "{}\n---\n{}": "second document", "delimiter: ab": "delimiter", "time: {marks: middle}": "neither start nor end",
		"quality: {column: q, values: {A: 4}}": "quality.values.A: 4 is none of", "points: {a: b}\nignore: [a]": "points.a", "points: {a: b, a: c}": "already defined", "skip: -1": "negative", "point: {column: a, value: b}": "not both",
	} {
		if _, err := official.ReadMapping([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
	for text, want := range map[string]string{
		"{}": "time:", "{time: {column: t, format: unix}, minutes: 15}": "unit:", "{time: {column: t, format: unix}, unit: kg, minutes: 15, values: [{column: a, code: \"1-1:1.9.0\"}], point: {value: p}}": "kg",
		"{time: {column: t, format: unix}, unit: Wh, minutes: 15, values: [{column: a, code: \"1-1:1.8.0\"}], point: {value: p}}": "values[0].code",
		"{time: {column: t, format: unix}, unit: Wh, minutes: 15, values: [{column: a, code: \"1-1:1.9.0\"}]}":                    "point:",
		"{delimiter: \",\", decimal: \",\"}": "both",
		"{time: {column: t, format: unix}, unit: Wh, minutes: 15, values: [{column: b, code: \"1-1:1.9.0\"}], point: {value: p}}": "line 1: b: the header has no such column",
	} {
		m, err := official.ReadMapping([]byte(text))
		if err == nil {
			_, err = official.Parse([]byte("t,a\n0,1\n"), official.Options{Format: official.CSV, Mapping: m})
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
	if _, err := official.Parse([]byte("t,a\n0,1\n"), official.Options{}); err == nil || !strings.Contains(err.Error(), "needs a mapping") {
		t.Error(err)
	}
}

// TestFilesThatAreNoTable names what a file is in place of saying that it has no columns.
func TestFilesThatAreNoTable(t *testing.T) {
	wide := string(sample(t, "wide.csv"))
	for want, text := range map[string]string{
		"is UTF-16":                    "\xff\xfeZ\x00e\x00i\x00t\x00",
		"line 2: has letters that are": strings.Replace(wide, "\n", "\nZ\xe4hlpunkt;", 1),
		"is empty":                     "",
		"is in no format that":         "<?xml version=\"1.0\"?><Invoice/>",
	} {
		_, err := official.Parse([]byte(text), official.Options{Mapping: mapped(t, "wide.yaml"), Zone: vienna(t)})
		var all official.FileError
		if !errors.As(err, &all) || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q: %v", want, err)
		}
	}
}
