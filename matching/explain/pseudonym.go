package explain

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
)

// Pseudonym returns what an order is called in a record that others read, by a secret of the community. Nobody without the
// secret can tell which orders of different intervals are of one member.
func Pseudonym(secret []byte, number uint64) string {
	const bytes = 8
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(strconv.FormatUint(number, 10))) // never fails
	return hex.EncodeToString(mac.Sum(nil)[:bytes])
}
