package likeness

import (
	"fmt"
	"io"
	"math"
	"text/tabwriter"
	"time"

	"github.com/commonwatt/commonwatt/scenarios/world"
)

// Simulate returns what the homes of a street take over a year of whole weeks from a time on, cars and
// batteries left out: what people use, and what heats their homes and their water. The home without
// either is left out of an all-electric street, for no recorded one is like it.
func Simulate(street world.Street, seed uint64, homes int, start time.Time) []Series {
	const weeks = 52
	spec := street.Of(world.Spec{Seed: seed, Start: start.AddDate(0, 0, 7*weeks), Latitude: 50, Holidays: []string{world.Germany}}, homes)
	var kept []int
	for i := range spec.Homes {
		spec.Homes[i].Battery = world.Storage{}
		if street != world.AllElectric || spec.Homes[i].House.Pump > 0 {
			kept = append(kept, i)
		}
	}
	all := make([]Series, len(kept))
	last := make([]int64, len(kept))
	world.Before(spec, start, time.Minute, time.Hour, func(s world.State) {
		for k, i := range kept {
			h := &s.Homes[i]
			used := h.Imported - h.Exported + h.Produced - h.Delivered // W·s
			if s.Time == start.Unix() {
				all[k].First = start
			} else {
				all[k].Values = append(all[k].Values, float64(used-last[k])/3600)
			}
			last[k] = used
		}
	})
	return all
}

// Row compares a statistic of simulated homes with that of recorded ones.
type Row struct {
	Name      string `json:"statistic"`
	Recorded  Range  `json:"recorded"`
	Simulated Range  `json:"simulated"`
	Held      bool   `json:"held"` // the climate of the recording does not decide on it
}

// Range is the mean over homes, how far they spread around it, and the lowest and the highest home.
type Range struct {
	Mean   float64 `json:"mean"`
	Spread float64 `json:"standard_deviation"`
	Low    float64 `json:"low"`
	High   float64 `json:"high"`
}

// Off is by how many standard deviations of the recorded homes the mean of the simulated ones is off.
func (r Row) Off() float64 { return (r.Simulated.Mean - r.Recorded.Mean) / r.Recorded.Spread }

// Inside tells whether the mean of the simulated homes is where most of the
// recorded homes are.
func (r Row) Inside() bool {
	const near = 1.5
	return math.Abs(r.Off()) <= near
}

// Compare compares simulated homes with recorded ones. How winter and summer differ is told, and
// not held: the recorded homes cool in California, the simulated ones heat at 50° north.
func Compare(recorded, simulated []Series) (rows []Row) {
	a, b := stats(recorded), stats(simulated)
	for _, s := range []struct {
		name string
		of   func(Stats) float64
		held bool
	}{
		{"mean, W", func(s Stats) float64 { return s.Mean }, false},
		{"coefficient of variation", func(s Stats) float64 { return s.CV }, true},
		{"peak / mean", func(s Stats) float64 { return s.Peak }, true},
		{"load factor of a day", func(s Stats) float64 { return s.LoadFactor }, true},
		{"autocorrelation, 1 h", func(s Stats) float64 { return s.Lag1 }, true},
		{"autocorrelation, 24 h", func(s Stats) float64 { return s.Lag24 }, true},
		{"autocorrelation, 168 h", func(s Stats) float64 { return s.Lag168 }, true},
		{"error of yesterday's values / mean", func(s Stats) float64 { return s.Yesterday }, true},
		{"weekend / other days", func(s Stats) float64 { return s.Weekend }, true},
		{"share of 17 to 22 o'clock", func(s Stats) float64 { return s.Evening }, true},
		{"share of 0 to 5 o'clock", func(s Stats) float64 { return s.Dark }, true},
		{"winter / year", func(s Stats) float64 { return s.Winter }, false},
		{"summer / year", func(s Stats) float64 { return s.Summer }, false},
	} {
		rows = append(rows, Row{s.name, rangeOf(a, s.of), rangeOf(b, s.of), s.held})
	}
	return rows
}

func stats(homes []Series) (all []Stats) {
	for _, s := range homes {
		all = append(all, Of(s))
	}
	return all
}

func rangeOf(all []Stats, of func(Stats) float64) Range {
	r := Range{Low: math.Inf(1), High: math.Inf(-1)}
	for _, s := range all {
		v := of(s)
		r.Mean += v / float64(len(all))
		r.Low, r.High = min(r.Low, v), max(r.High, v)
	}
	for _, s := range all {
		r.Spread += (of(s) - r.Mean) * (of(s) - r.Mean) / float64(len(all))
	}
	r.Spread = math.Sqrt(r.Spread)
	return r
}

// Shape is the mean profile of homes on the days of a season.
type Shape struct {
	Season    string         `json:"season"`
	Weekend   bool           `json:"weekend"`
	Recorded  [hours]float64 `json:"recorded"`
	Simulated [hours]float64 `json:"simulated"`
}

// Alike is the correlation of the two profiles.
func (s Shape) Alike() float64 {
	const m = 1.0 // the mean of a profile
	var ab, aa, bb float64
	for h := range s.Recorded {
		a, b := s.Recorded[h]-m, s.Simulated[h]-m
		ab, aa, bb = ab+a*b, aa+a*a, bb+b*b
	}
	return ab / math.Sqrt(aa*bb)
}

// Shapes compares the daily profiles.
func Shapes(recorded, simulated []Series) (all []Shape) {
	for season, name := range []string{"winter", "spring", "summer", "autumn"} {
		for _, weekends := range []bool{false, true} {
			all = append(all, Shape{name, weekends, shape(recorded, season, weekends), shape(simulated, season, weekends)})
		}
	}
	return all
}

func shape(homes []Series, season int, weekends bool) (mean [hours]float64) {
	for _, s := range homes {
		for h, v := range s.Profile(season, weekends) {
			mean[h] += v / float64(len(homes))
		}
	}
	return mean
}

// Print writes the comparison as a table of Markdown.
func Print(w io.Writer, rows []Row, shapes []Shape) error {
	t := tabwriter.NewWriter(w, 0, 0, 1, ' ', 0)
	fmt.Fprintln(t, "| statistic\t| recorded: mean\t| lowest to highest\t| simulated: mean\t| lowest to highest\t| off by\t| held\t|")
	fmt.Fprintln(t, "|---\t|---\t|---\t|---\t|---\t|---\t|---\t|")
	for _, r := range rows {
		held := map[bool]string{true: "yes", false: "no"}[r.Held]
		digits := 2
		if r.Recorded.Mean > 100 { //nolint:mnd // W
			digits = 0
		}
		fmt.Fprintf(t, "| %s\t| %.*f\t| %.*f to %.*f\t| %.*f\t| %.*f to %.*f\t| %+.1f sd\t| %s\t|\n", r.Name, digits, r.Recorded.Mean, digits, r.Recorded.Low, digits, r.Recorded.High,
			digits, r.Simulated.Mean, digits, r.Simulated.Low, digits, r.Simulated.High, r.Off(), held)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w, "\nThe mean of each hour of the day, the mean of all being 100:")
	fmt.Fprintln(w)
	t = tabwriter.NewWriter(w, 0, 0, 1, ' ', 0)
	fmt.Fprintf(t, "| season\t| days\t| \t")
	for h := range hours {
		fmt.Fprintf(t, "| %d\t", h)
	}
	fmt.Fprintln(t, "| alike\t|")
	fmt.Fprintf(t, "|---\t|---\t|---\t")
	for range hours {
		fmt.Fprintf(t, "|---\t")
	}
	fmt.Fprintln(t, "|---\t|")
	for _, s := range shapes {
		days := map[bool]string{true: "weekend", false: "other"}[s.Weekend]
		for _, side := range []struct {
			name  string
			of    [hours]float64
			alike string
		}{{"recorded", s.Recorded, ""}, {"simulated", s.Simulated, fmt.Sprintf("%.2f", s.Alike())}} {
			fmt.Fprintf(t, "| %s\t| %s\t| %s\t", s.Season, days, side.name)
			for _, v := range side.of {
				fmt.Fprintf(t, "| %.0f\t", 100*v) //nolint:mnd // per cent
			}
			fmt.Fprintf(t, "| %s\t|\n", side.alike)
		}
	}
	return t.Flush()
}
