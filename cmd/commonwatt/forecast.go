package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/forecast"
	"github.com/commonwatt/commonwatt/forecast/evaluate"
	"github.com/commonwatt/commonwatt/terminal"
	"github.com/commonwatt/commonwatt/usage"
)

func forecastCommand() *cobra.Command {
	c := &cobra.Command{Use: "forecast", Short: "Try the forecasts on series of the past"}
	c.AddCommand(forecastEvaluateCommand())
	return c
}

// evaluation is what the command line says of one.
type evaluation struct {
	kind, zone, out string
	days            int
	peak            float64
	json, sum       bool
}

func forecastEvaluateCommand() *cobra.Command {
	var e evaluation
	c := &cobra.Command{
		Use:   "evaluate FILE…",
		Short: "Forecast the last days of a series from those before, and tell how well",
		Long: `Forecast each of the last days of every series at its local midnight, from the days before
alone, by all methods, and tell how well each did.

FILE is a CSV file with a header. Its first column is time, the begin of the interval as
2026-06-01T12:00:00Z or as local time 2026-06-01 12:00 (of --zone). Each further column is a
series of loads, or of plants (positive numbers), in any unit; a missing value is empty. A column
weather:NAME is weather that is known when a day is forecast, such as weather:temperature,
weather:ghi or weather:wind. Rows are 5, 15, 30 or 60 minutes apart. FILE may also be a folder
of the CityLearn Challenge 2022.

The columns of the table, over the values of the test:

  r_mae       mean absolute error of the median, against that of yesterday's value (snaive24)
  r_rmse      root of the mean squared error of the mean, against the same
  r_pinball   mean pinball loss of the quantiles .1 to .9, against yesterday's value with the
              quantiles of the last 56 differences between days
  cov80       share of values between the quantiles .1 and .9: it should be .8; of plants only
              times of day count at which they had given more than a fiftieth of their peak
  nmae        mean absolute error over the mean of the values without their signs
  mase        mean absolute error over that of yesterday's value before the test
  rcrps       twice the pinball loss over the mean of the values without their signs
  mae, rmse, pinball   the same in the unit of the file
  fit s       seconds to learn the whole series, with a new fit every week
  predict ms  milliseconds to forecast a day

The rows are the methods: persistence (the last value), snaive24 and snaive168 (a day and a week
ago), mean7 (the last seven days), recent (the last days of the same kind, the latest counting
most), ets (exponential smoothing with a daily season), ridge (a regression for each time of day),
analog (the days that began alike), blend (the default: the last three together, weighed by how
they did), and best (what a home would have had that chooses among them by its own past). With
several series the last table is the mean of their scores.

--out DIR gets scores.csv, forecasts of each series as CSV, and pictures as PNG and SVG.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return e.run(cmd.OutOrStdout(), cmd.ErrOrStderr(), args)
		},
	}
	f := c.Flags()
	f.StringVar(&e.kind, "kind", "load", "what the series are: load, of which what is produced may be taken off, or pv")
	f.StringVar(&e.zone, "zone", "UTC", "local time that days begin by, such as Europe/Berlin")
	f.IntVar(&e.days, "test-days", 91, "last days of each series that are forecast")
	f.Float64Var(&e.peak, "peak", 0, "rated power of the plants in the unit of the file; 0: not known")
	f.BoolVar(&e.json, "json", false, "print JSON")
	f.BoolVar(&e.sum, "sum", false, "evaluate the sum of all series of a file too")
	f.StringVar(&e.out, "out", "", "directory for CSV files and pictures")
	return c
}

// options returns what is asked for.
func (e *evaluation) options() (evaluate.Options, error) {
	o := evaluate.Options{TestDays: e.days, Peak: e.peak}
	switch e.kind {
	case "load":
	case "pv":
		o.Kind = forecast.PV
	default:
		return o, usage.Errorf("--kind %s: it must be load or pv", e.kind)
	}
	if e.days < 1 {
		return o, usage.Errorf("--test-days %d: it must be at least 1", e.days)
	}
	zone, err := time.LoadLocation(e.zone)
	if err != nil {
		return o, usage.Errorf("--zone %s: it must be a name such as Europe/Berlin: %w", e.zone, err)
	}
	o.Zone = zone
	began := time.Now()
	o.Now = func() time.Duration { return time.Since(began) }
	return o, nil
}

func (e *evaluation) run(out, progress io.Writer, files []string) error {
	o, err := e.options()
	if err != nil {
		return err
	}
	var all []evaluate.Series
	var sums []string
	for _, file := range files {
		series, err := readSeries(file, o)
		if err != nil {
			return err
		}
		if e.sum && len(series) > 1 {
			sum, err := evaluate.Sum("sum of "+filepath.Base(file), series)
			if err != nil {
				return usage.Mark(err)
			}
			sums = append(sums, sum.Name)
			series = append(series, sum)
		}
		all = append(all, series...)
	}
	bar := terminal.NewBar(progress, "series evaluated", len(all))
	defer bar.End()
	var results, single []*evaluate.Result
	for k, s := range all {
		var rows []evaluate.Row
		if e.out != "" {
			o.Row = func(r evaluate.Row) { rows = append(rows, r) }
		}
		r, err := evaluate.Evaluate(s, o)
		if err != nil {
			return usage.Mark(err)
		}
		results = append(results, r)
		if isSum := len(sums) > 0 && s.Name == sums[0]; isSum {
			sums = sums[1:]
		} else {
			single = append(single, r)
		}
		if e.out != "" {
			if err := e.writeSeries(k, s.Name, rows, o); err != nil {
				return err
			}
		}
		bar.Step()
	}
	if e.out != "" {
		if err := e.writeAll(results, single); err != nil {
			return err
		}
	}
	return e.print(out, o, results, single)
}

// print writes the tables, or all as JSON.
func (e *evaluation) print(out io.Writer, o evaluate.Options, results, single []*evaluate.Result) error {
	if e.json {
		report := evaluate.NewReport(o, results)
		report.Mean = evaluate.Means(single)
		enc := json.NewEncoder(out)
		enc.SetIndent("", "  ")
		return enc.Encode(report)
	}
	for _, r := range results {
		title := fmt.Sprintf("%s: %d days of %d minutes, the last %d forecast", r.Series, r.Days, r.Minutes, o.TestDays)
		if err := evaluate.Print(out, title, r.Methods, false); err != nil {
			return err
		}
		fmt.Fprintln(out)
	}
	if len(single) < 2 {
		return nil
	}
	return evaluate.Print(out, fmt.Sprintf("mean of %d series", len(single)), evaluate.Means(single), true)
}

// readSeries reads those of a file or of a folder of CityLearn.
func readSeries(file string, o evaluate.Options) ([]evaluate.Series, error) {
	if folder := os.DirFS(file); evaluate.CityLearn(folder) {
		all, err := evaluate.ReadCityLearn(folder, o.Kind)
		return all, usage.Mark(err)
	}
	info, err := os.Stat(file)
	if err != nil {
		return nil, usage.Mark(err)
	}
	if info.IsDir() {
		return nil, usage.Errorf("%s is a folder, but none of the CityLearn Challenge 2022: name a CSV file", file)
	}
	text, err := os.ReadFile(filepath.Clean(file))
	if err != nil {
		return nil, usage.Mark(err)
	}
	all, err := evaluate.Read(bytes.NewReader(text), file, o.Zone)
	if e := (*evaluate.ReadError)(nil); errors.As(err, &e) {
		return nil, usage.Mark(err)
	}
	return all, err
}

// readableFile is the mode of what anybody may read.
const readableFile = 0o644

func (e *evaluation) write(name string, data []byte) error {
	return disk.Replace(filepath.Join(e.out, name), data, readableFile)
}

// writeSeries writes a series' forecasts and its picture.
func (e *evaluation) writeSeries(k int, series string, rows []evaluate.Row, o evaluate.Options) error {
	if err := disk.MakeFolder(e.out); err != nil {
		return err
	}
	name := fmt.Sprintf("%02d-%s", k+1, fileName(series))
	var text bytes.Buffer
	if err := evaluate.WriteForecasts(&text, evaluate.Default(), rows); err != nil {
		return err
	}
	if err := e.write("forecast-"+name+".csv", text.Bytes()); err != nil {
		return err
	}
	pictures, err := evaluate.DrawForecast(name, series, rows, o.Zone)
	if err != nil {
		return err
	}
	return e.writePictures(pictures)
}

func (e *evaluation) writePictures(all []evaluate.Picture) error {
	for _, p := range all {
		if err := e.write(p.Name, p.Data); err != nil {
			return err
		}
	}
	return nil
}

// writeAll writes what is of all series.
func (e *evaluation) writeAll(results, single []*evaluate.Result) error {
	var text bytes.Buffer
	if err := evaluate.WriteScores(&text, results); err != nil {
		return err
	}
	if err := e.write("scores.csv", text.Bytes()); err != nil {
		return err
	}
	skill, err := evaluate.DrawSkill(evaluate.Means(single))
	if err != nil {
		return err
	}
	reliability, err := evaluate.DrawReliability(results)
	if err != nil {
		return err
	}
	return e.writePictures(append(skill, reliability...))
}

// fileName makes a name of a file out of that of a series.
func fileName(series string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.' {
			return r
		}
		return '-'
	}, series)
}
