//go:build !linux

package main

import (
	"os"
)

// isTerminal tells whether somebody can answer at a file.
func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && f.Name() != os.DevNull
}
