package planning

import "math"

const (
	day       = 24
	horizon   = 48
	scenarios = 14
)

// outlook is what is expected of a series at each hour for the hours that follow it, made of
// what was known by then alone.
type outlook struct {
	actual []float64
	sun    bool
	said   [][]float64 // by hour of issue, horizon values
}

func newOutlook(actual []float64, sun bool, from int) *outlook {
	o := &outlook{actual: actual, sun: sun, said: make([][]float64, len(actual)+1)}
	for t := from; t <= len(actual); t++ {
		o.said[t] = o.expect(t)
	}
	return o
}

// usual is the mean of the hour's last days before an issue.
func (o *outlook) usual(issue, at int) float64 {
	days := 7
	if o.sun {
		days = 4
	}
	for at >= issue {
		at -= day
	}
	var sum float64
	for k := range days {
		sum += o.actual[at-k*day]
	}
	return sum / float64(days)
}

func (o *outlook) expect(issue int) []float64 {
	x := make([]float64, horizon)
	if o.sun {
		var got, usual float64
		for k := 1; k <= 3; k++ {
			got += o.actual[issue-k]
			usual += o.usual(issue-k, issue-k)
		}
		clear := 1.0
		if usual > 300 {
			clear = math.Min(math.Max(got/usual, .1), 1.6)
		}
		for k := range x {
			x[k] = o.usual(issue, issue+k) * (1 + (clear-1)*math.Exp(-float64(k)/6))
		}
		return x
	}
	last := o.actual[issue-1] - o.usual(issue-1, issue-1)
	for k := range x {
		x[k] = math.Max(o.usual(issue, issue+k)+last*.5*math.Exp(-float64(k)/2), 0)
	}
	return x
}

// course returns how the hours may go if the errors are those of a past day.
func (o *outlook) course(issue, daysAgo int, dst []float64) {
	then := issue - daysAgo*day
	for k := range dst {
		dst[k] = math.Max(o.said[issue][k]+o.actual[then+k]-o.said[then][k], 0)
	}
}
