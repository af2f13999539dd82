package terminal

import (
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// TestIs tells a terminal from what else may stand there: a service's null
// device is no terminal.
func TestIs(t *testing.T) {
	control, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("SKIPPED: no pseudo terminals here: %v", err)
	}
	defer control.Close()
	n, err := unix.IoctlGetInt(int(control.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(control.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]bool{fmt.Sprintf("/dev/pts/%d", n): true, os.DevNull: false, "is_linux.go": false} {
		f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOCTTY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if Is(f) != want {
			t.Errorf("%s is a terminal: %t", path, !want)
		}
		_ = f.Close()
	}
}
