//go:build unix

package main

import (
	"os/exec"
	"syscall"
)

// ownGroup lets a command be killed together with what it starts.
func ownGroup(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

func killGroup(c *exec.Cmd) {
	_ = syscall.Kill(-c.Process.Pid, syscall.SIGKILL) // it may be gone already
}
