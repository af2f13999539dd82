package forecast

import (
	"math"
	"slices"
	"sync"
)

// said remembers what a model said of days at their midnights. Whoever looks again within the day asks for the same
// forecasts of yesterday and of today: they follow from the days before, which are the same then. The zero value
// remembers nothing. It is safe for concurrent use.
type said struct {
	mu   sync.Mutex
	days []saidOf // the latest last
}

// saidOf is what was said of a day by the values of the days before it.
type saidOf struct {
	day    Day
	before []float64
	said   *dayAhead
}

// saidDays is how many days are remembered: yesterday, by which today's errors are known, and today.
const saidDays = 2

// of returns what was said of a day by the same values; nil where nothing was.
func (s *said) of(d Day, before []float64) *dayAhead {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, x := range s.days {
		if x.day == d && slices.EqualFunc(x.before, before, same) {
			return x.said
		}
	}
	return nil
}

func (s *said) keep(d Day, before []float64, f *dayAhead) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.days = slices.DeleteFunc(s.days, func(x saidOf) bool { return x.day == d })
	s.days = append(s.days, saidOf{d, before, f})
	if len(s.days) > saidDays {
		s.days = slices.Clone(s.days[1:])
	}
}

// same tells whether two values are the same to the bit; what is not known is the same as what is not known.
func same(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) }
