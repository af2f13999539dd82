package runs

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// replay carries out a run in a process of its own. The error of one that ended badly is what
// it said last.
func (m *Manager) replay(ctx context.Context, r Run) error {
	runtime.LockOSThread() // the process ends with the thread that has begun it
	defer runtime.UnlockOSThread()
	folder := m.folder(r.ID)
	args := []string{"replay", filepath.Join(folder, ScenarioFile), "--out", filepath.Join(folder, resultFolder), "--percents"}
	if r.Seed != nil {
		args = append(args, "--seed", strconv.FormatUint(*r.Seed, 10))
	}
	if r.Mechanism != "" {
		args = append(args, "--mechanism", r.Mechanism)
	}
	if r.Sharing != "" {
		args = append(args, "--sharing", r.Sharing)
	}
	if price := r.price(); price != "" {
		args = append(args, "--sharing-price", price)
	}
	c := exec.CommandContext(ctx, m.Program, args...) //nolint:gosec // this program; what was asked for was checked
	c.Env = append(os.Environ(), fmt.Sprintf("GOMEMLIMIT=%d", m.Memory), "GOMAXPROCS=1")
	alone(c)
	said, err := c.StderrPipe()
	if err != nil {
		return err
	}
	if err := c.Start(); err != nil {
		return err
	}
	if err := humble(c.Process.Pid, m.Memory); err != nil {
		m.Log.WarnContext(ctx, "a replay runs without its bounds: "+err.Error())
	}
	last := m.listen(r.ID, bufio.NewScanner(said))
	err = c.Wait()
	if ended := (*exec.ExitError)(nil); errors.As(err, &ended) {
		return m.failure(last, ended)
	}
	return err
}

// failure says why a process ended badly, that has said something last.
func (m *Manager) failure(last string, ended *exec.ExitError) error {
	const signalled = -1
	crashed := slices.ContainsFunc([]string{"fatal error", "SIGSEGV", "SIGABRT", "runtime/cgo", "allocate memory", "failed to map segment"}, func(sign string) bool { return strings.Contains(last, sign) })
	switch {
	case crashed || ended.ExitCode() == signalled: // a process for which there is no memory may end in any way
		return fmt.Errorf("it ended at once (%w), as one does that needs more memory than the %d MB that a run may have: replay it with commonwatt replay on a machine with more", ended, m.Memory>>20) //nolint:mnd // a MB
	case last == "":
		return ended
	default:
		return errors.New(last)
	}
}

// listen notes the progress that a process tells, and returns what else it said, as far as it is
// worth showing.
func (m *Manager) listen(id string, lines *bufio.Scanner) string {
	const most = 4096
	var text bytes.Buffer
	for lines.Scan() {
		line := lines.Text()
		percent := 0
		if _, err := fmt.Sscanf(line, "replayed: %d of 100", &percent); err == nil {
			m.progressed(id, percent)
			continue
		}
		if text.Len() < most {
			text.WriteString(line + "\n")
		}
	}
	return strings.TrimPrefix(strings.TrimSpace(text.String()), "commonwatt: ")
}
