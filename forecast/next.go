package forecast

import (
	"errors"

	"github.com/commonwatt/commonwatt/grid"
)

// Next returns the mean of what the interval after a history is forecast to be, in Wh net,
// + import. The history begins with first, and unknown values are NaN; known is false where
// it is too short.
func Next(first grid.Interval, history []float64) (net float64, known bool, err error) {
	points, err := Blend{}.Forecast(Series{First: first, Values: history}, 1)
	if errors.Is(err, ErrNoHistory) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, err
	}
	return points[0].Mean, true, nil
}
