package grid

import (
	"crypto/sha256"
	"encoding/hex"
)

// Rank orders accounts by chance, anew in each interval: it is SHA-256(interval ‖ account) in
// hex, and the least is first. Of equal remainders nobody gets one more than another over a
// year.
func Rank(i Interval, account string) string {
	sum := sha256.Sum256([]byte(i.String() + account))
	return hex.EncodeToString(sum[:])
}
