package journal

import (
	"os"
	"syscall"
)

// datasync makes the file's data durable; its times may lag.
func datasync(f *os.File) error { return syscall.Fdatasync(int(f.Fd())) }
