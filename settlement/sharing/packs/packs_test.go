package packs_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/settlement/sharing"
	"github.com/commonwatt/commonwatt/settlement/sharing/packs"
)

func embedded(t *testing.T) *packs.Set {
	t.Helper()
	s, err := packs.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestWorkedExamples computes every example of every pack, to the Wh, whichever way ties go: the
// oracle is named in each.
func TestWorkedExamples(t *testing.T) {
	all := embedded(t)
	if got := strings.Join(all.IDs(), " "); got != "at-eeg ch-leg de-42c es-rd244 fr-acc it-cer lu pt" {
		t.Errorf("packs %s", got)
	}
	for _, id := range all.IDs() {
		p, err := all.Find(id)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range p.Examples {
			if x.Source == "" || x.Title == "" {
				t.Errorf("%s: an example without title or source", id)
			}
			scheme, err := x.Key.Scheme(p)
			if err != nil {
				t.Errorf("%s, %s: %v", id, x.Title, err)
				continue
			}
			var points []sharing.Point
			for _, y := range x.Points {
				points = append(points, sharing.Point{ID: y.Point, Import: grid.Energy(y.Import), Export: grid.Energy(y.Export)})
			}
			got, err := scheme.Allocate(points, func(id string) string { return id })
			if err != nil {
				t.Errorf("%s, %s: %v", id, x.Title, err)
				continue
			}
			for k, y := range x.Points {
				part := got.Parts[k]
				if part != (sharing.Part{Bought: grid.Energy(y.Want.Bought), Sold: grid.Energy(y.Want.Sold), Surplus: grid.Energy(y.Want.Surplus), Given: grid.Energy(y.Want.Given)}) {
					t.Errorf("%s, %s: %s has %+v, want %+v", id, x.Title, y.Point, part, y.Want)
				}
			}
		}
	}
}

// TestSourcesAreNamed: each pack says where it comes from, when that was read, and what it leaves out.
func TestSourcesAreNamed(t *testing.T) {
	all := embedded(t)
	for _, id := range all.IDs() {
		p, _ := all.Find(id)
		for _, s := range p.Sources {
			if s.Title == "" || s.Part == "" || !strings.HasPrefix(s.URL, "http") || !strings.HasPrefix(s.Read, "20") {
				t.Errorf("%s: source %+v", id, s)
			}
		}
	}
}

// TestTheNextDay: in Austria a change of the factor counts from the day after, by local time.
func TestTheNextDay(t *testing.T) {
	at, err := embedded(t).Find("at-eeg")
	if err != nil {
		t.Fatal(err)
	}
	text := packs.SchemeText{Participation: []packs.FactorText{{Point: "a", Factor: "60 %"}, {Point: "a", Factor: "40 %", Changed: "2026-06-30"}}}
	s, err := text.Scheme(at)
	if err != nil {
		t.Fatal(err)
	}
	const midnight = 1_782_856_800 // 2026-07-01 00:00 in Vienna, 2026-06-30T22:00:00Z
	if s.Factors[1].Since != midnight {
		t.Errorf("counts from %d", s.Factors[1].Since)
	}
	text.Key = "dynamic"
	if s, err = text.Scheme(nil); err != nil || s.Factors[1].Since != midnight-22*3600 { // 2026-06-30 00:00 UTC
		t.Errorf("without a pack it counts from %d, %v", s.Factors[1].Since, err)
	}
}

func TestBadTexts(t *testing.T) {
	all := embedded(t)
	for text, want := range map[string]string{
		"{key: fair}":                                                               `key: "fair": must be`,
		"{key: static}":                                                             "shares: missing",
		"{key: static, shares: {a: 120 %}}":                                         "shares.a: ",
		"{key: static, shares: {a: 60 %, b: 50 %}}":                                 "shares: sum to 11/10",
		"{key: dynamic, shares: {a: 1}}":                                            "shares: a dynamic key has none",
		"{key: priority, order: [a, [b, a]]}":                                       `order[1][1]: "a" is there twice`,
		"{key: dynamic, groups: {g: {key: dynamic}}}":                               "groups.g: nothing names it",
		"{key: dynamic, points: [g], groups: {g: {key: dynamic}}}":                  "groups.g.points: missing",
		"{key: dynamic, zone: Vienna}":                                              `zone: "Vienna"`,
		"{key: dynamic, participation: [{point: a, factor: 60 %, changed: 30.6.}]}": "participation[0].changed",
		"{pack: at-eeg, key: priority, order: [a]}":                                 "key: \"priority\": the pack at-eeg permits dynamic, static",
		"{pack: at-eeg, participation: [{point: a, factor: 1/3}]}":                  "participation[0].factor: 1/3: the pack at-eeg takes whole percents",
		"{pack: ch-leg, participation: [{point: a, factor: 50 %}]}":                 "participation: the pack ch-leg has none",
		"{pack: at-eeg, key: static, shares: {a: 60 %}, unused: own}":               `unused: "own": the pack at-eeg permits plant`,
		"{pack: ch-leg, key: static, shares: {a: 60 %}, rounds: 2}":                 "rounds: 2: the pack ch-leg has one round",
		"{pack: es-rd244, shares: {a: 60 %}}":                                       "shares: sum to 3/5",
	} {
		var x struct {
			Pack             string `yaml:"pack"`
			packs.SchemeText `yaml:",inline"`
		}
		if err := yaml.Unmarshal([]byte(text), &x); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		var p *packs.Pack
		if x.Pack != "" {
			var err error
			if p, err = all.Find(x.Pack); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := x.Scheme(p); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	if _, err := all.Find("xx"); err == nil || !strings.Contains(err.Error(), "at-eeg") {
		t.Errorf("%v", err)
	}
}

// FuzzParse: what is no pack is refused, and never brings the reader down.
func FuzzParse(f *testing.F) {
	names, err := filepath.Glob("*.yaml")
	if err != nil || len(names) == 0 {
		f.Fatal("no packs", err)
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := packs.Parse(text)
		if err != nil {
			return
		}
		for _, x := range p.Examples {
			if s, err := x.Key.Scheme(p); err == nil {
				if err := s.Validate(); err != nil {
					t.Errorf("%s: %v", x.Title, err)
				}
			}
		}
	})
}
