package evaluate

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/commonwatt/commonwatt/forecast"
)

// Print writes a table of scores. Those in the series' own unit are left out of a mean's.
func Print(out io.Writer, title string, scores []Score, mean bool) error {
	fmt.Fprintf(out, "%s\n", title)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	own := "mae\trmse\tpinball\t"
	if mean {
		own = ""
	}
	fmt.Fprintf(w, "method\tr_mae\tr_rmse\tr_pinball\tcov80\tnmae\tmase\trcrps\t%sfit s\tpredict ms\t\n", own)
	for _, s := range scores {
		own = ""
		if !mean {
			own = fmt.Sprintf("%.4g\t%.4g\t%.4g\t", s.MAE, s.RMSE, s.Pinball)
		}
		fmt.Fprintf(w, "%s\t%.3f\t%.3f\t%.3f\t%.3f\t%.3f\t%.3f\t%.3f\t%s%.3f\t%.2f\t\n", s.Method, s.RMAE, s.RRMSE, s.RPinball, s.Cov80, s.NMAE, s.MASE, s.RCRPS, own, s.Fit, 1000*s.Predict)
	}
	return w.Flush()
}

// WriteScores writes the scores of all series as CSV.
func WriteScores(out io.Writer, results []*Result) error {
	w := csv.NewWriter(out)
	rows := [][]string{{"series", "method", "values", "mae", "rmse", "nmae", "mase", "pinball", "cov80", "rcrps", "r_mae", "r_rmse", "r_pinball", "fit_seconds", "predict_seconds"}}
	for _, r := range results {
		for _, s := range r.Methods {
			row := []string{r.Series, s.Method, strconv.Itoa(s.Values)}
			for _, v := range []float64{s.MAE, s.RMSE, s.NMAE, s.MASE, s.Pinball, s.Cov80, s.RCRPS, s.RMAE, s.RRMSE, s.RPinball, s.Fit, s.Predict} {
				row = append(row, number(v))
			}
			rows = append(rows, row)
		}
	}
	if err := w.WriteAll(rows); err != nil {
		return fmt.Errorf("write scores: %w", err)
	}
	return nil
}

// WriteForecasts writes what a method said of every value of the test as CSV.
func WriteForecasts(out io.Writer, method string, rows []Row) error {
	w := csv.NewWriter(out)
	head := []string{"time", "value", "mean"}
	for k := range 9 {
		head = append(head, fmt.Sprintf("q%d", 10*(k+1)))
	}
	all := [][]string{head}
	for _, r := range rows {
		said, ok := r.Said[method]
		if !ok {
			continue
		}
		row := []string{r.Interval.Begin().Format(time.RFC3339), number(r.Value), number(said.Mean)}
		for _, q := range said.Quantiles {
			row = append(row, number(q))
		}
		all = append(all, row)
	}
	if err := w.WriteAll(all); err != nil {
		return fmt.Errorf("write forecasts: %w", err)
	}
	return nil
}

func number(v float64) string { return strconv.FormatFloat(v, 'g', 7, 64) }

// Report is what the command prints as JSON.
type Report struct {
	Kind     string    `json:"kind"`
	Zone     string    `json:"zone"`
	TestDays int       `json:"test_days"`
	Series   []*Result `json:"series"`
	Mean     []Score   `json:"mean"` // over the series; scores in their own units are 0
}

// NewReport puts results together.
func NewReport(o Options, results []*Result) Report {
	zone := o.Zone
	if zone == nil {
		zone = time.UTC
	}
	return Report{Kind: o.Kind.String(), Zone: zone.String(), TestDays: o.TestDays, Series: results, Mean: Means(results)}
}

// Default is the method that forecasts where none is chosen.
func Default() string {
	all := forecast.Methods()
	return all[len(all)-1]
}
