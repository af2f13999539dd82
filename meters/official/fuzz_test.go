package official_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/commonwatt/commonwatt/meters/official"
)

// read parses whatever comes: values and problems never come together, each value is one that
// can be settled, in the order of its key, and none is there twice.
func read(t *testing.T, text []byte, o official.Options) {
	f, err := official.Parse(text, o)
	var wrong official.FileError
	if err != nil && (!errors.As(err, &wrong) || len(wrong) == 0 || len(f.Values) > 0) {
		t.Fatalf("%v, %d values", err, len(f.Values))
	}
	for k, v := range f.Values {
		if v.Energy < 0 || v.Point == "" || v.Code == "" || v.Quality < official.Measured || v.Quality > official.Estimated || v.Start%(int64(v.Minutes)*60) != 0 {
			t.Fatalf("%+v", v)
		}
		if k > 0 && f.Values[k-1].Key.Compare(v.Key) >= 0 {
			t.Fatalf("%+v before %+v", f.Values[k-1], v)
		}
	}
}

func fuzz(f *testing.F, format official.Format, names ...string) {
	for _, name := range names {
		f.Add(sample(f, name))
	}
	f.Fuzz(func(t *testing.T, text []byte) { read(t, text, official.Options{Format: format}) })
}

func FuzzEbUtilities(f *testing.F) { fuzz(f, official.EbUtilities, "consumption-0141.xml") }

func FuzzSDAT(f *testing.F) { fuzz(f, official.SDAT, "sdat-e66.xml", "sdat-e31.xml") }

func FuzzMSCONS(f *testing.F) { fuzz(f, official.MSCONS, "mscons.edi") }

func FuzzESPI(f *testing.F) { fuzz(f, official.ESPI, "espi.xml") }

// FuzzCSV reads tables by mappings, both whatever they are.
func FuzzCSV(f *testing.F) {
	for _, name := range []string{"wide", "long"} {
		f.Add(sample(f, name+".csv"), sample(f, name+".yaml"))
	}
	f.Add([]byte("time,kwh\n2024-10-27 02:15,0.1\n2024-10-27 02:15,0.1\n"), []byte(plain))
	zone := vienna(f)
	f.Fuzz(func(t *testing.T, text, mapping []byte) {
		m, err := official.ReadMapping(mapping)
		if err != nil {
			return
		}
		read(t, text, official.Options{Format: official.CSV, Mapping: m, Zone: zone})
	})
}

// FuzzDetect reads files of which nothing is known.
func FuzzDetect(f *testing.F) {
	for _, name := range []string{"consumption-0141.xml", "sdat-e66.xml", "mscons.edi", "espi.xml", "long.csv"} {
		f.Add(sample(f, name))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if found := official.Detect(text); found != "" && !slices.Contains(official.Formats(), found) {
			t.Fatal(found)
		}
		read(t, text, official.Options{})
	})
}
