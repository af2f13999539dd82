package grid_test

import (
	"encoding/json"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/commonwatt/commonwatt/grid"
)

// exactMean is the oracle: math/big, half away from zero.
func exactMean(sum *big.Int, energy int64) int64 {
	quotient, remainder := new(big.Int).QuoRem(sum, big.NewInt(energy), new(big.Int))
	if new(big.Int).Abs(remainder.Lsh(remainder, 1)).Cmp(big.NewInt(energy)) >= 0 {
		quotient.Add(quotient, big.NewInt(int64(sum.Sign())))
	}
	return quotient.Int64()
}

// TestAMeanDoesNotDrift adds trades of every size, and small ones again and again, which is
// where a mean that is rounded after each of them drifts away.
func TestAMeanDoesNotDrift(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 9))
	for n := range 300 {
		var m grid.Mean
		if _, some := m.Price(); some {
			t.Fatal("nothing has a mean")
		}
		sum, energy := new(big.Int), int64(0)
		for range 1 + r.IntN(300) {
			p, e := r.Int64()>>r.IntN(63)*int64(1-2*r.IntN(2)), 1+r.Int64()>>(10+r.IntN(52))
			if n%3 == 0 {
				p, e = int64(100_000+r.IntN(2)), 1
			}
			m = m.Add(grid.Price(p), grid.Energy(e))
			energy += e
			sum.Add(sum, new(big.Int).Mul(big.NewInt(p), big.NewInt(e)))
		}
		if got, some := m.Price(); !some || int64(got) != exactMean(sum, energy) || int64(m.Energy) != energy {
			t.Fatalf("mean %d over %d Wh, want %d over %d", got, m.Energy, exactMean(sum, energy), energy)
		}
		b, err := json.Marshal(m)
		var again grid.Mean
		if err != nil || json.Unmarshal(b, &again) != nil || again != m {
			t.Fatalf("%s was read as %+v (%v)", b, again, err)
		}
	}
}
