package grid

import (
	"math"
	"math/bits"
	"time"
)

// MostTotal is the highest total that an energy register is taken to have: beyond it whole
// numbers are not exact in all that handles them.
const MostTotal Energy = 1 << 53

// Standstill is for how long a device may leave a register standing still before it shows
// what was counted meanwhile.
const Standstill = 30 * time.Second

// MostGain returns how far an energy register can have moved in a time through which no
// more than a power flows, with a margin for the moment of reading and for its resolution:
// step is what one count of it is. A clock that ran backwards in that time leaves the
// margin.
func MostGain(most Power, elapsed time.Duration, step Energy) Energy {
	const hour = uint64(time.Hour / time.Millisecond)
	passed := uint64(min(max(elapsed, 0), math.MaxInt64-Standstill)+Standstill) / uint64(time.Millisecond)
	flowed := MostTotal
	if high, low := bits.Mul64(uint64(max(most, 0)), passed); high < hour {
		whole, rest := bits.Div64(high, low, hour)
		if rest > 0 && whole < uint64(MostTotal) {
			whole++
		}
		flowed = Energy(min(whole, uint64(MostTotal)))
	}
	return flowed + min(max(step, 1), MostTotal)
}
