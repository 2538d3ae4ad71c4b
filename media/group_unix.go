//go:build unix

package media

import (
	"os/exec"
	"syscall"
)

// killGroup has a command killed with all that it has started.
func killGroup(c *exec.Cmd) {
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }
}
