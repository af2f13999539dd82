package evaluate

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func TestRead(t *testing.T) {
	const file = "time,a,weather:ghi,b\n2026-06-01T00:00:00Z,1,10,100\n2026-06-01T00:15:00Z,,,200\n2026-06-01T02:45:00+02:00,3,NaN,\n2026-06-01T01:15:00Z,5,50,500\n"
	all, err := Read(strings.NewReader(file), "f.csv", nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 2 || all[0].Name != "a" || all[1].Name != "b" || len(all[0].Weather) != 1 || all[0].Weather[0].Name != "ghi" {
		t.Fatalf("series %+v", all)
	}
	nan := math.NaN()
	for k, want := range [][]float64{{1, nan, nan, 3, nan, 5}, {100, 200, nan, nan, nan, 500}, {10, nan, nan, nan, nan, 50}} {
		got := all[0].Weather[0].Values
		if k < 2 {
			got = all[k].Values
		}
		if len(got) != len(want) {
			t.Fatalf("column %d: %v, want %v", k, got, want)
		}
		for i := range want {
			if got[i] != want[i] && !(math.IsNaN(got[i]) && math.IsNaN(want[i])) {
				t.Errorf("column %d: %v, want %v", k, got, want)
			}
		}
	}
	if f := all[0].First; f.Minutes != 15 || f.Begin().Format(time.RFC3339) != "2026-06-01T00:00:00Z" {
		t.Errorf("first %s", f)
	}
}

// TestReadLocalTime reads the hour that comes twice: the second in the file is the second.
func TestReadLocalTime(t *testing.T) {
	for name, c := range map[string]struct {
		rows []string
		n    int
	}{
		"Europe/Berlin":       {[]string{"2026-10-25 01:00", "2026-10-25 02:00", "2026-10-25 02:00", "2026-10-25 03:00"}, 4},
		"Australia/Lord_Howe": {[]string{"2026-04-05 01:00", "2026-04-05 01:30", "2026-04-05 01:30", "2026-04-05 02:00"}, 4},
		"America/New_York":    {[]string{"2026-03-08 00:00", "2026-03-08 01:00", "2026-03-08 03:00", "2026-03-08 04:00"}, 4},
	} {
		file := "time,load\n"
		for k, row := range c.rows {
			file += row + "," + string(rune('1'+k)) + "\n"
		}
		all, err := Read(strings.NewReader(file), "f.csv", zone(t, name))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(all[0].Values) != c.n || all[0].Values[2] != 3 {
			t.Errorf("%s: %v, want the rows one after the other", name, all[0].Values)
		}
	}
}

func TestReadErrorsNameThePlaceAndTheMend(t *testing.T) {
	const good = "time,load\n2026-06-01 00:00,1\n2026-06-01 01:00,2\n"
	for _, c := range []struct{ file, want string }{
		{"", "f.csv: the file is empty: the first line names the columns, such as time,load"},
		{"time;load\n", `f.csv:1:1: the columns are not separated by commas: write "time,load"`},
		{"date,load\n", `f.csv:1:1: the first column is "date": it must be time`},
		{"time,load,load\n", `f.csv:1:11: there are two columns "load": name each once`},
		{"time,,x\n", "f.csv:1:6: this column has no name: name the series that it holds"},
		{"time,weather:t\n", "f.csv:1: there is no column with a series: add one beside time and weather"},
		{good + "2026-06-01 02:00,3,4\n", "f.csv:4: this row has another number of fields than the header: give each column a value, empty where it is missing"},
		{good + "2026-06-01 02:00,\"3,5\"\n", `f.csv:4:18: "3,5" is no number: write it with a decimal point, and leave it empty where it is missing`},
		{good + "1.6.2026 02:00,3\n", `f.csv:4:1: "1.6.2026 02:00" is no time: write 2026-06-01T12:00:00Z, or the local time 2026-06-01 12:00`},
		{good + "2026-06-01 01:00,3\n", "f.csv:4:1: 2026-06-01 01:00 in Europe/Berlin is not later than the row before: order the rows by time, each once, or say with --zone by which clock the file was written"},
		{good + "2026-05-31T00:00:00Z,3\n", "f.csv:4:1: 2026-05-31T00:00:00Z is not later than the row before: order the rows by time, each once"},
		{good + "2027-03-28 02:30,3\n", "f.csv:4:1: 2027-03-28 02:30 does not exist in Europe/Berlin, where the clock went forward: say with --zone by which clock the file was written"},
		{good + "2026-06-01 02:10,3\n", "f.csv: rows are 1h0m0s apart"},
		{good + "2126-06-01 02:00,3\n", "f.csv:4:1: this is more than 50 years after the first row: check the times"},
		{"time,load\n2026-06-01 00:00,1\n", "f.csv: there are 1 rows: a series needs days of them"},
		{"time,load\n2026-06-01 00:00,1\n2026-06-01 00:10,1\n2026-06-01 00:20,1\n", "f.csv: rows are 10m0s apart: they must be [5 15 30 60] minutes apart; make means of them, or leave the hours that are missing empty"},
	} {
		_, err := Read(strings.NewReader(c.file), "f.csv", zone(t, "Europe/Berlin"))
		var e *ReadError
		if c.want == "f.csv: rows are 1h0m0s apart" { // the odd row is told apart from the usual ones
			if err == nil {
				t.Errorf("%q: no error", c.file)
			}
			continue
		}
		if !errors.As(err, &e) || err.Error() != c.want {
			t.Errorf("%q:\n got %v\nwant %s", c.file, err, c.want)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add("time,a,weather:ghi,b\n2026-06-01T00:00:00Z,1,10,100\n2026-06-01T00:15:00Z,,,200\n")
	f.Add("time,load\n2026-10-25 02:00,1\n2026-10-25 02:00,2\n2026-10-25 03:00,3\n")
	f.Add("\ufefftime,load\n2026-10-25 02:00,NaN\n2026-10-25 02:30,2\n")
	berlin := zone(f, "Europe/Berlin")
	f.Fuzz(func(t *testing.T, file string) {
		all, err := Read(strings.NewReader(file), "f.csv", berlin)
		if err != nil {
			return
		}
		for _, s := range all {
			if len(s.Values) < 2 || len(s.Values) != len(all[0].Values) || s.First.Validate() != nil {
				t.Errorf("series %q of %d values from %v", s.Name, len(s.Values), s.First)
			}
		}
	})
}
