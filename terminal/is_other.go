//go:build !linux

package terminal

import (
	"errors"
	"os"
)

// Is tells whether somebody can answer at a file.
func Is(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && f.Name() != os.DevNull
}

// Hide cannot hide what is typed here.
func Hide(*os.File) (show func(), err error) {
	return nil, errors.New("this system cannot hide what is typed")
}
