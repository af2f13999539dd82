package said_test

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/said"
)

func open(t *testing.T) *said.Catalogue {
	t.Helper()
	c, err := said.Open()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// example is a text of a sentence, with a value of each kind.
func example(english string) (text string, names []string) {
	values := map[string]string{
		"": "x", "q": `"x y"`, "n": "-7.25", "a": "7.25 kWh", "c": "07:00", "i": "2026-06-01T12:00:00Z/15", "t": "2026-06-01T12:00:00Z", "d": "Monday 1 June 07:00", "f": "cars.wall.ready_by", "s": "is missing", "w": "is missing",
	}
	return braces.ReplaceAllStringFunc(english, func(b string) string {
		name, kind, _ := strings.Cut(b[1:len(b)-1], ":")
		names = append(names, name)
		return values[kind]
	}), names
}

var braces = regexp.MustCompile(`\{[^}]*\}`)

// TestEveryCode walks all entries: each is read back by its code with its values, and said in
// both languages without a brace left over.
func TestEveryCode(t *testing.T) {
	t.Parallel()
	c := open(t)
	files, err := filepath.Glob("sentences/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	seen := 0
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		code := ""
		for l := range strings.SplitSeq(string(b), "\n") {
			english, is := strings.CutPrefix(l, "en ")
			if !is {
				code = l
				continue
			}
			seen++
			text, names := example(english)
			s, known := c.Read(text)
			if !known || s.Code() != code {
				t.Errorf("%s: %s: %q is read as %q", name, code, text, codeOf(s, known))
				continue
			}
			if got := slices.Sorted(maps.Keys(s.Values())); !slices.Equal(got, slices.Sorted(slices.Values(names))) {
				t.Errorf("%s: %s: values %v, want %v", name, code, got, names)
			}
			for _, l := range said.Languages() {
				if out := s.In(l, time.UTC); out == "" || strings.ContainsAny(out, "{}") {
					t.Errorf("%s: %s: in %s it is %q", name, code, l, out)
				}
			}
		}
	}
	if seen != len(c.Codes()) || seen < 500 {
		t.Errorf("%d sentences were tried, of %d", seen, len(c.Codes()))
	}
}

func codeOf(s said.Said, known bool) string {
	if !known {
		return ""
	}
	return s.Code()
}

func TestSay(t *testing.T) {
	t.Parallel()
	c := open(t)
	vienna, err := time.LoadLocation("Europe/Vienna")
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range []struct{ text, code, de, en string }{
		{
			"car will have 72 % by 07:00, not 80 %: 3.7 kW for 6.5 h is all there is.", "plan.unmet.car",
			"car hat um 07:00 nur 72 %, nicht 80 %: mehr als 3,7 kW für 6,5 h gibt es nicht.", "",
		},
		{
			"battery stores 4.2 kWh from 11:00 to 14:30 from the home's own surplus and gives it from 18:00, when a kWh would cost 31.20 ct.", "plan.battery.stores_gives",
			"battery speichert von 11:00 bis 14:30 4,2 kWh aus dem eigenen Überschuss und gibt ab 18:00 davon ab, wenn eine kWh 31,20 ct kosten würde.", "",
		},
		{
			"interval: its gate closed at 2026-06-01T12:00:00Z", "field",
			"interval: der Handel dafür schloss um 1.6.2026 14:00 CEST", "interval: its gate closed at 1 Jun 2026 14:00 CEST",
		},
		{
			"start: the gate of 2026-06-01T12:00:00Z/15 closes at 2026-06-01T11:55:00Z, and before that there is no record", "field",
			"start: der Handel für 1.6.2026 14:00–14:15 CEST schließt um 1.6.2026 13:55 CEST, und vorher gibt es keine Aufzeichnung",
			"start: the gate of 1 Jun 2026 14:00–14:15 CEST closes at 1 Jun 2026 13:55 CEST, and before that there is no record",
		},
		{
			"nothing was settled at 2026-06-01T12:00Z: it is not a time of this community, or not over", "values.unsettled",
			"um 1.6.2026 14:00 CEST wurde nichts abgerechnet: es ist keine Zeit dieser Gemeinschaft, oder nicht vorbei", "nothing was settled at 1 Jun 2026 14:00 CEST: it is not a time of this community, or not over",
		},
		{
			`orders[3].side: must be bid or offer`, "field", "orders[3].side: muss bid oder offer sein", "",
		},
		{
			`there is no bill "2026-06 \"x\"": commonwatt bill list shows them`, "bill.unknown",
			"es gibt keine Rechnung „2026-06 \"x\"“: commonwatt bill list zeigt sie", "there is no bill “2026-06 \"x\"”: commonwatt bill list shows them",
		},
		{
			"Until Monday 1 June 07:00 nobody is home: ready-by times rest, and heating keeps the lower end of its band.", "limit.away",
			"Bis Montag, 1. Juni, 07:00 ist niemand zu Hause: Fertig-Zeiten ruhen, und die Heizung hält das untere Ende ihres Bereichs.", "",
		},
		{"nobody ever wrote this", "", "nobody ever wrote this", "nobody ever wrote this"},
	} {
		if w.en == "" {
			w.en = w.text
		}
		got := c.Tell(w.text, vienna)
		if got.Code != w.code || got.De != w.de || got.En != w.en {
			t.Errorf("%q:\n got %+v\nwant %+v", w.text, got, w)
		}
		if de := c.Say(w.text, said.German, vienna); de != w.de {
			t.Errorf("said %q, want %q", de, w.de)
		}
	}
}

// TestDistance keeps texts that are nearly a sentence from being taken for it.
func TestDistance(t *testing.T) {
	t.Parallel()
	c := open(t)
	for _, text := range []string{"", "is missing.", "x: nobody ever wrote this", "car will have much % by 07:00, not 80 %: 3.7 kW for 6.5 h is all there is."} {
		if s, known := c.Read(text); known {
			t.Errorf("%q is taken for %s", text, s.Code())
		}
	}
}

func FuzzRead(f *testing.F) {
	c, err := said.Open()
	if err != nil {
		f.Fatal(err)
	}
	f.Add("interval: its gate closed at 2026-06-01T12:00:00Z")
	f.Add(`there is no bill "x": commonwatt bill list shows them`)
	f.Fuzz(func(t *testing.T, text string) {
		if got := c.Tell(text, time.UTC); got.Code == "" && got.De != text {
			t.Errorf("%q is said as %q and has no code", text, got.De)
		}
	})
}

func BenchmarkRead(b *testing.B) {
	c, err := said.Open()
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		c.Tell("interval: its gate closed at 2026-06-01T12:00:00Z", time.UTC)
	}
}
