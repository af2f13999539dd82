package clock

import (
	"time"

	"golang.org/x/sys/unix"
)

// passing returns a source of the time that has passed, which nobody sets and which goes on
// while this machine sleeps.
func passing() func() time.Duration {
	return func() time.Duration {
		var t unix.Timespec
		if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &t); err != nil {
			panic(err) // every Linux that Go runs on has it
		}
		return time.Duration(t.Nano())
	}
}
