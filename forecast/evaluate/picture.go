package evaluate

import (
	"bytes"
	"fmt"
	"image/color"
	"math"
	"slices"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
)

// Picture is a drawing in one of its formats.
type Picture struct {
	Name string // of the file, with its ending
	Data []byte
}

const (
	pictureWidth  = 10 * vg.Inch
	pictureHeight = 4 * vg.Inch
	drawnDays     = 7
)

// draw renders a plot as PNG and SVG.
func draw(name string, p *plot.Plot) (all []Picture, err error) {
	for _, format := range []string{"png", "svg"} {
		to, err := p.WriterTo(pictureWidth, pictureHeight, format)
		if err != nil {
			return nil, fmt.Errorf("draw %s: %w", name, err)
		}
		var out bytes.Buffer
		if _, err := to.WriteTo(&out); err != nil {
			return nil, fmt.Errorf("draw %s: %w", name, err)
		}
		all = append(all, Picture{name + "." + format, out.Bytes()})
	}
	return all, nil
}

// DrawForecast draws the last week of the test: what came, the median, and the bands within
// which eight, six, four and two of ten values should fall.
func DrawForecast(name, series string, rows []Row, zone *time.Location) ([]Picture, error) {
	if len(rows) == 0 {
		return nil, nil
	}
	p := plot.New()
	p.Title.Text = series + ": forecast at midnight, and what came"
	p.Y.Label.Text = "in the unit of the file"
	p.X.Tick.Marker = plot.TimeTicks{Format: "2 Jan", Time: func(t float64) time.Time { return time.Unix(int64(t), 0).In(zone) }}
	from := rows[len(rows)-1].Interval.Start - drawnDays*24*60*60
	for len(rows) > 1 && rows[0].Interval.Start <= from {
		rows = rows[1:]
	}
	var came, median plotter.XYs
	bands := make([]plotter.XYs, 4)
	for _, r := range rows {
		said, ok := r.Said[Default()]
		if !ok {
			continue
		}
		x := float64(r.Interval.Start)
		came = append(came, plotter.XY{X: x, Y: r.Value})
		median = append(median, plotter.XY{X: x, Y: said.Quantiles[4]})
		for k := range bands {
			bands[k] = append(bands[k], plotter.XY{X: x, Y: said.Quantiles[8-k]})
		}
	}
	for k := range bands {
		for _, r := range slices.Backward(rows) {
			if said, ok := r.Said[Default()]; ok {
				bands[k] = append(bands[k], plotter.XY{X: float64(r.Interval.Start), Y: said.Quantiles[k]})
			}
		}
		if len(bands[k]) == 0 {
			return nil, nil
		}
		area, err := plotter.NewPolygon(bands[k])
		if err != nil {
			return nil, fmt.Errorf("draw %s: %w", series, err)
		}
		shade := uint8(225 - 25*k)
		area.Color = color.RGBA{shade - 40, shade - 10, 255, 255}
		area.LineStyle.Width = 0
		p.Add(area)
	}
	said, err := line(median, color.RGBA{20, 60, 160, 255})
	if err != nil {
		return nil, err
	}
	got, err := line(came, color.RGBA{190, 60, 20, 255})
	if err != nil {
		return nil, err
	}
	p.Add(said, got)
	p.Legend.Add("median", said)
	p.Legend.Add("came", got)
	p.Legend.Top = true
	return draw("forecast-"+name, p)
}

func line(xys plotter.XYs, c color.Color) (*plotter.Line, error) {
	l, err := plotter.NewLine(xys)
	if err != nil {
		return nil, fmt.Errorf("draw: %w", err)
	}
	l.Color = c
	l.Width = vg.Points(1.2)
	return l, nil
}

// DrawSkill draws the mean errors of the methods against yesterday's value.
func DrawSkill(means []Score) ([]Picture, error) {
	p := plot.New()
	p.Title.Text = "Errors against yesterday's value, mean of the series"
	p.Y.Label.Text = "r_mae, r_pinball"
	p.Y.Min = 0
	var mae, pin plotter.Values
	var names []string
	for _, s := range means {
		mae, pin, names = append(mae, s.RMAE), append(pin, s.RPinball), append(names, s.Method)
	}
	const width = 14
	for k, values := range []plotter.Values{mae, pin} {
		bars, err := plotter.NewBarChart(values, vg.Points(width))
		if err != nil {
			return nil, fmt.Errorf("draw skill: %w", err)
		}
		bars.LineStyle.Width = 0
		bars.Offset = vg.Points(width * (float64(k) - .5))
		bars.Color = []color.Color{color.RGBA{190, 60, 20, 255}, color.RGBA{20, 60, 160, 255}}[k]
		p.Add(bars)
		p.Legend.Add([]string{"r_mae", "r_pinball"}[k], bars)
	}
	p.NominalX(names...)
	p.Legend.Top = true
	p.Y.Max = math.Max(p.Y.Max, 1) * 1.2
	return draw("skill", p)
}

// DrawReliability draws how often values fell below each quantile of the default method, for each
// series, against how often they should.
func DrawReliability(results []*Result) ([]Picture, error) {
	p := plot.New()
	p.Title.Text = "Share of values up to each quantile, one line a series"
	p.X.Label.Text, p.Y.Label.Text = "should be", "was"
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 0, 1, 0, 1
	ideal, err := line(plotter.XYs{{X: 0, Y: 0}, {X: 1, Y: 1}}, color.Gray{160})
	if err != nil {
		return nil, err
	}
	p.Add(ideal)
	for _, r := range results {
		var xys plotter.XYs
		for k, share := range r.Reliability {
			xys = append(xys, plotter.XY{X: float64(k+1) / 10, Y: share})
		}
		l, err := line(xys, color.RGBA{20, 60, 160, 255})
		if err != nil {
			return nil, err
		}
		p.Add(l)
	}
	return draw("reliability", p)
}
