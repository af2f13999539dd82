package bench

import (
	"io"
	"os"
	"time"

	"github.com/commonwatt/commonwatt/scenarios/world"
	"github.com/commonwatt/commonwatt/scenarios/world/likeness"
	"github.com/commonwatt/commonwatt/usage"
)

// AboutWorld says what World measures.
const AboutWorld = `Compare a simulated year of homes with a recorded one, by what matters to whoever
forecasts and plans: how even loads are, how much tomorrow is like today, and when in
the day they come. --dir is the folder of the CityLearn Challenge 2022 (17 homes,
hourly; not part of the project), of which two homes are left out. Cars and batteries
are left out of the simulated homes. docs/world.md explains the figures.`

// WorldOptions say what World measures.
type WorldOptions struct {
	Dir    string
	Street string
	Homes  int
	Seed   uint64
}

// WorldResult is what World measures.
type WorldResult struct {
	Rows   []likeness.Row   `json:"statistics"`
	Shapes []likeness.Shape `json:"profiles"`
}

// World compares simulated homes with recorded ones.
func World(o WorldOptions) (r WorldResult, err error) {
	street, err := world.ParseStreet(o.Street)
	if err != nil {
		return r, usage.Errorf("--street: %w", err)
	}
	if o.Homes < 1 || o.Homes > 1000 {
		return r, usage.Errorf("--homes: %d: must be 1 to 1000", o.Homes)
	}
	recorded, err := likeness.Recorded(os.DirFS(o.Dir))
	if err != nil {
		return r, usage.Errorf("--dir: %w", err)
	}
	simulated := likeness.Simulate(street, o.Seed, o.Homes, time.Date(2026, 8, 3, 0, 0, 0, 0, time.UTC))
	return WorldResult{likeness.Compare(recorded, simulated), likeness.Shapes(recorded, simulated)}, nil
}

// Print writes the result as a table of Markdown.
func (r WorldResult) Print(w io.Writer) error { return likeness.Print(w, r.Rows, r.Shapes) }
