package bench

import "slices"

// Latency says how long single commands took, in ns of wall time.
type Latency struct {
	P50   int64 `json:"p50"`
	P99   int64 `json:"p99"`
	P999  int64 `json:"p999"`
	Max   int64 `json:"max"`
	Timer int64 `json:"timer"` // what is measured of nothing; 0: not measured
}

// latencyOf sorts took and returns its quantiles.
func latencyOf(took []int64) Latency {
	slices.Sort(took)
	return Latency{P50: quantile(took, 500), P99: quantile(took, 990), P999: quantile(took, 999), Max: quantile(took, 1000)}
}

// quantile returns the value below which perMille of the others lie, rounded down to one
// that was measured; the zero value when there is none.
func quantile[T any](sorted []T, perMille int) (q T) {
	if len(sorted) == 0 {
		return q
	}
	return sorted[(len(sorted)-1)*perMille/1000]
}
