//go:build !linux

package bench

import (
	"time"
)

// threadTime returns wall time: only Linux tells a thread's CPU time alike.
func threadTime() time.Duration { return time.Since(processStart) }

var processStart = time.Now() //nolint:gochecknoglobals // there is no other fixed point

// processTime is wall time for the same reason.
func processTime() (time.Duration, error) { return time.Since(processStart), nil }

// sharpen and nap do nothing: who waits with them watches the clock.
func sharpen() {}

func nap(time.Duration) {}
