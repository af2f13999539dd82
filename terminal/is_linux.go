package terminal

import (
	"os"

	"golang.org/x/sys/unix"
)

// Is tells whether somebody can answer at a file.
func Is(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}
