package evidence

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/proof"
)

// Bounds of what a batch may say. They are far beyond what any gateway of this program
// sends, and well within what the database, a duration and the arithmetic can hold.
const (
	mostBytes    = 1 << 20 // of a signed batch
	mostReadings = 4096
	longestName  = 256
	lastSequence = 1 << 62
	mostOff      = 100 * 365 * 24 * time.Hour // of a gateway's clock
	mostTook     = 24 * time.Hour
	mostPower    = grid.Power(1e9)   // W
	mostEnergy   = grid.Energy(1e13) // Wh
	fullCharge   = grid.PerMille(1000)
	mostVoltage  = 1_000_000_000 // mV
	mostHertz    = 1_000_000     // mHz
	hexDigest    = 64            // characters
)

// beyond tells what of a batch is out of bounds, empty when nothing is. It looks at the
// batch alone, before anything else is done with it. Numbers that were measured are judged
// one by one (believed).
func beyond(b proof.Batch) string {
	switch {
	case b.Sequence == 0 || b.Sequence > lastSequence:
		return fmt.Sprintf("its number is not between 1 and %d", uint64(lastSequence))
	case !isName(b.Community):
		return "its community has no proper name"
	case !isName(b.Gateway):
		return "its gateway has no proper name"
	case b.Member != "" && !isName(b.Member):
		return "its member has no proper name"
	case b.Previous != "" && !isDigest(b.Previous):
		return "what it calls the digest of the batch before is none"
	case (time.Duration(b.SkewMS)*time.Millisecond).Milliseconds() != b.SkewMS || (time.Duration(b.SkewMS)*time.Millisecond).Abs() > mostOff:
		return "its gateway's clock is off by more than a hundred years"
	case len(b.NextKey) > longestName:
		return "the key that it announces is too long"
	case len(b.Readings) > mostReadings:
		return fmt.Sprintf("it has %d readings, and a batch may have %d", len(b.Readings), mostReadings)
	}
	for _, r := range b.Readings {
		switch {
		case !isName(r.Device):
			return "one of its devices has no proper name"
		case r.Took < 0 || r.Took > mostTook:
			return fmt.Sprintf("the answer of device %q took no time that can be", r.Device)
		}
	}
	return ""
}

func isName(text string) bool {
	return text != "" && len(text) <= longestName && !strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) || r == unicode.ReplacementChar })
}

func isDigest(d proof.Digest) bool {
	return len(d) <= hexDigest && strings.Trim(string(d), "0123456789abcdefghijklmnopqrstuvwxyz") == ""
}

// believed leaves out of readings the numbers that nothing can have measured, and marks what
// is left as suspect. The signed bytes keep what was said.
func believed(readings []grid.Reading) {
	for k := range readings {
		r := &readings[k]
		doubted := leaveOut(&r.Power, -mostPower, mostPower)
		doubted = leaveOut(&r.Import, 0, mostEnergy) || doubted
		doubted = leaveOut(&r.Export, 0, mostEnergy) || doubted
		doubted = leaveOut(&r.Charge, 0, fullCharge) || doubted
		doubted = leaveOut(&r.Voltage, 0, mostVoltage) || doubted
		doubted = leaveOut(&r.Hertz, 0, mostHertz) || doubted
		switch r.Quality {
		case grid.Good, grid.Suspect, grid.Estimated:
		default:
			doubted = true
		}
		if doubted {
			r.Quality = grid.Suspect
		}
	}
}

// leaveOut sets a number that is out of bounds to nothing, and tells whether it was.
func leaveOut[N ~int64 | ~int](number **N, least, most N) bool {
	if *number == nil || **number >= least && **number <= most {
		return false
	}
	*number = nil
	return true
}
