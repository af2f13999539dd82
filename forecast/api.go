package forecast

import (
	"time"

	"github.com/commonwatt/commonwatt/grid"
)

// Kind says what the values of a series are.
type Kind int

// The kinds.
const (
	Load Kind = iota // consumption: never below zero
	PV               // production as a positive number: never below zero
	Net              // + import, − export
)

// String returns the kind's name on the command line.
func (k Kind) String() string { return [...]string{"load", "pv", "net"}[k] }

// Weather is a column of weather, measured or forecast, known to whoever issues a forecast:
// it may reach beyond the history that it explains. Its intervals may be longer or shorter
// than the history's. The name says what it is, in any of the usual ways: temperature, temp,
// t2m; radiation, ghi, ssrd; cloud, tcc; wind, u10, v10. A column of another name is a plain
// feature.
type Weather struct {
	Name   string
	First  grid.Interval
	Values []float64 // NaN where missing
}

// Options say what a series is of.
type Options struct {
	Kind      Kind
	Zone      *time.Location // of the wall clock that people live by; nil is UTC
	Peak      float64        // rated power of a plant in W, 0 where unknown
	Latitude  float64        // of the place, in degrees; with Peak it predicts a plant
	Longitude float64        // that has no history yet
	Weather   []Weather
	Method    string // that forecasts: one of Methods(); "" is the best of the home's own past
	Before    string // the method that was chosen by the last fit: another must be clearly better
}

// Skill is how well a method did on the past of one series, a day ahead and issued at local
// midnight, by what was known then.
type Skill struct {
	Method   string  `json:"method"`
	Days     int     `json:"days"`      // that were forecast
	MAE      float64 `json:"mae"`       // mean absolute error of the median, Wh
	RMAE     float64 `json:"r_mae"`     // the same against yesterday's value (snaive24)
	Pinball  float64 `json:"pinball"`   // mean over the nine quantiles, Wh
	RPinball float64 `json:"r_pinball"` // the same against yesterday's with its differences
	Cov80    float64 `json:"cov80"`     // share of values within the outer quantiles
	RCRPS    float64 `json:"rcrps"`     // twice the pinball over the mean of |value|
}

// Day is a day of the past, as the number of local days since 1970-01-01, whose forecast
// errors make a scenario.
type Day int
