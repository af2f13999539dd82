package monthly

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/commonwatt/commonwatt/disk"
)

// SinceFile is where a data directory keeps the first month that the fund guarantees: that in
// which it was switched on.
const SinceFile = "guarantee.since"

// From returns the first month that is guaranteed, which the file keeps as long as
// the guarantee is on; empty when it is off.
func From(file string, on bool, now time.Time) (month string, err error) {
	if !on {
		if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
			return "", fmt.Errorf("guarantee: %w", err)
		}
		return "", nil
	}
	text, err := os.ReadFile(file) //nolint:gosec // in the data directory
	if errors.Is(err, os.ErrNotExist) {
		month = now.Format(monthLayout)
		return month, disk.Replace(file, []byte(month+"\n"), disk.Private)
	}
	if err != nil {
		return "", fmt.Errorf("guarantee: %w", err)
	}
	month = strings.TrimSpace(string(text))
	if _, err := time.Parse(monthLayout, month); err != nil {
		return "", disk.Mismatch(file, fmt.Sprintf("says no month (%v)", err))
	}
	return month, nil
}
