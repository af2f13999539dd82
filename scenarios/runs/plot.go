package runs

import (
	"bytes"
	"fmt"
	"image/color"
	"slices"
	"strings"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"

	"github.com/commonwatt/commonwatt/scenarios"
)

// What of a run can be drawn.
const (
	OfPrice  = "price"
	OfTraded = "traded"
	OfImport = "import"
	OfExport = "export"
)

// Plots are what can be drawn.
func Plots() []string { return []string{OfTraded, OfPrice, OfImport, OfExport} }

// Plot draws something of runs that are done over each other, as PNG. What it is of, with seeds
// and versions, stands in it.
func (m *Manager) Plot(ids []string, of string) ([]byte, error) {
	const most = 6
	if len(ids) == 0 || len(ids) > most {
		return nil, wrong("runs: name one to %d, with commas between them", most)
	}
	if !slices.Contains(Plots(), of) {
		return nil, wrong("of: %q is none of %s", of, strings.Join(Plots(), ", "))
	}
	p := plot.New()
	p.Title.Text, p.Y.Label.Text = of+" over time, UTC", "kWh in an interval"
	if of == OfPrice {
		p.Y.Label.Text = "price per kWh"
	}
	p.X.Tick.Marker = plot.TimeTicks{Format: "2 Jan\n15:04", Time: func(t float64) time.Time { return time.Unix(int64(t), 0).UTC() }}
	p.Legend.Top = true
	p.Add(plotter.NewGrid())
	for k, id := range ids {
		if err := m.draw(p, k, id, of); err != nil {
			return nil, err
		}
	}
	const width, height = 11 * vg.Inch, 5 * vg.Inch
	to, err := p.WriterTo(width, height, "png")
	if err != nil {
		return nil, fmt.Errorf("draw: %w", err)
	}
	var out bytes.Buffer
	_, err = to.WriteTo(&out)
	return out.Bytes(), err
}

// draw adds a run to a plot.
func (m *Manager) draw(p *plot.Plot, k int, id, of string) error {
	_, dir, err := m.Result(id)
	if err != nil {
		return err
	}
	s, err := scenarios.ReadSummary(dir)
	if err != nil {
		return err
	}
	points, err := scenarios.Points(dir)
	if err != nil {
		return err
	}
	line, err := plotter.NewLine(drawn(points, of))
	if err != nil {
		return fmt.Errorf("draw run %s: %w", id, err)
	}
	line.StepStyle = plotter.PostStep
	line.Color, line.Width = colours()[k], vg.Points(1.2)                               //nolint:mnd // thin
	line.Dashes = [][]vg.Length{nil, {vg.Points(6), vg.Points(3)}, {vg.Points(2)}}[k%3] //nolint:mnd // told apart without colours
	p.Add(line)
	p.Legend.Add(fmt.Sprintf("%s, seed %d, %s (commonwatt %s)", s.Scenario, s.Seed, s.Mechanism, s.Version), line)
	return nil
}

func drawn(points []scenarios.Point, of string) (all plotter.XYs) {
	const kilo, millionth = 1e3, 1e6
	for _, p := range points {
		at := plotter.XY{X: float64(p.Start.Unix())}
		switch {
		case of == OfTraded:
			at.Y = float64(p.Traded) / kilo
		case of == OfImport:
			at.Y = float64(p.Import) / kilo
		case of == OfExport:
			at.Y = float64(p.Export) / kilo
		case p.Price != nil:
			at.Y = float64(*p.Price) / millionth
		default:
			continue // nothing crossed
		}
		all = append(all, at)
	}
	return all
}

// colours are told apart by those who do not see all of them.
func colours() []color.RGBA {
	return []color.RGBA{
		{0x1f, 0x5f, 0x9f, 0xff},
		{0xc0, 0x5a, 0x00, 0xff},
		{0x1d, 0x7a, 0x6c, 0xff},
		{0x6f, 0x3f, 0xb5, 0xff},
		{0x8f, 0x1f, 0x3f, 0xff},
		{0x55, 0x55, 0x55, 0xff},
	}
}
