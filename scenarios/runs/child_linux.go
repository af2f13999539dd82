package runs

import (
	"errors"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// alone has a process be ended with this one, and be a group of its own.
func alone(c *exec.Cmd) {
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// humble has a process, with all its threads, wait for everybody else, and bounds its memory:
// it is told to keep within memory bytes, and cannot have half as many more.
func humble(pid int, memory int64) error {
	const lowest = 19
	bound := uint64(memory + memory/2) //nolint:mnd // half as many more
	return errors.Join(
		unix.Setpriority(unix.PRIO_PGRP, pid, lowest),
		unix.Prlimit(pid, unix.RLIMIT_DATA, &unix.Rlimit{Cur: bound, Max: bound}, nil),
	)
}
