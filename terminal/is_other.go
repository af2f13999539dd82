//go:build !linux

package terminal

import (
	"os"
)

// Is tells whether somebody can answer at a file.
func Is(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && f.Name() != os.DevNull
}
