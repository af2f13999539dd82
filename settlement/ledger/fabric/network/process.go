package network

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// processes are those of a network's nodes.
type processes struct {
	of       *description
	binaries map[string]string // found when the first is started
	started  []string          // the nodes that this process has started
}

// Start starts a node that does not run, apart from this process: it goes on
// when this one ends.
func (p *processes) Start(name string) (err error) {
	node, err := p.of.node(name)
	if err != nil {
		return err
	}
	if _, running := p.pid(node); running {
		return nil
	}
	if p.binaries == nil {
		if p.binaries, err = Binaries(); err != nil {
			return err
		}
	}
	log, err := os.OpenFile(p.of.file(name, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("start %s: %w", name, err)
	}
	defer log.Close() //nolint:errcheck // the process has it
	var cmd *exec.Cmd
	switch node.Kind {
	case orderer:
		cmd = exec.Command(p.binaries[orderer]) //nolint:noctx,gosec // it outlives this process
	case peer:
		cmd = exec.Command(p.binaries[peer], "node", "start") //nolint:noctx,gosec // it outlives this process
	default:
		id, err := os.ReadFile(p.of.file(name, "package.id"))
		if err != nil {
			return fmt.Errorf("start %s: %w", name, err)
		}
		cmd = exec.Command(p.binaries[contracts]) //nolint:noctx,gosec // it outlives this process
		cmd.Env = []string{
			"CHAINCODE_SERVER_ADDRESS=" + node.address(), "CORE_CHAINCODE_ID=" + strings.TrimSpace(string(id)),
			"CHAINCODE_TLS_KEY=" + p.of.tlsFile(node, ".key"), "CHAINCODE_TLS_CERT=" + p.of.tlsFile(node, ".pem"),
		}
	}
	cmd.Env = append(cmd.Env, "FABRIC_CFG_PATH="+p.of.file(name), "PATH="+os.Getenv("PATH"), "FABRIC_LOGGING_SPEC=warning")
	cmd.Dir, cmd.Stdout, cmd.Stderr = p.of.file(name), log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", name, err)
	}
	go func() { _ = cmd.Wait() }() // while this process lives, it does not leave a zombie
	p.started = append(p.started, name)
	return os.WriteFile(p.of.file(name, "pid"), []byte(strconv.Itoa(cmd.Process.Pid)), 0o600)
}

// startAll starts the nodes of a kind.
func (p *processes) startAll(kind string) error {
	for _, node := range p.of.kind(kind) {
		if err := p.Start(node.Name); err != nil {
			return err
		}
	}
	return nil
}

// patience is how long a node may take to answer.
const patience = 60 * time.Second

// retry calls f until it succeeds, a node has ended or patience ends, and then says why
// it did not.
func (p *processes) retry(ctx context.Context, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		err := f(ctx)
		if err == nil {
			return nil
		}
		if ended := p.ended(); ended != nil {
			return ended
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// IsUp tells whether a peer of the network runs.
func (p *processes) IsUp() bool {
	up := p.Running()
	return slices.ContainsFunc(p.of.Nodes, func(node Node) bool {
		_, peer := p.of.PeerOf(node)
		return peer && up[node.Name]
	})
}

// EndedError says that a node ended by itself, and what it wrote last.
type EndedError struct{ Node, Last, Log string }

func (e *EndedError) Error() string {
	return fmt.Sprintf("%s has ended; the last line of %s is: %s", e.Node, e.Log, e.Last)
}

// ended returns an *EndedError for each node that this process has started and that does
// not run any more, nil when all run.
func (p *processes) ended() error {
	var all []error
	for _, name := range p.started {
		node, err := p.of.node(name)
		if err != nil {
			continue
		}
		if _, running := p.pid(node); !running {
			all = append(all, &EndedError{Node: name, Last: lastLine(p.of.file(name, "log")), Log: p.of.file(name, "log")})
		}
	}
	return errors.Join(all...)
}

func lastLine(path string) string {
	text, err := os.ReadFile(path) //nolint:gosec // in the network's directory
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return lines[len(lines)-1]
}

// pid returns the process of a node. A process that has the number by now but
// is another one does not count.
func (p *processes) pid(node Node) (pid int, running bool) {
	text, err := os.ReadFile(p.of.file(node.Name, "pid"))
	if err != nil {
		return 0, false
	}
	if pid, err = strconv.Atoi(string(text)); err != nil {
		return 0, false
	}
	cwd, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", pid))
	if err != nil || cwd != p.of.file(node.Name) {
		return pid, false
	}
	state, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return pid, false
	}
	_, after, _ := strings.Cut(string(state), ") ")
	return pid, !strings.HasPrefix(after, "Z")
}

// Signal sends a node's process a signal.
func (p *processes) Signal(name string, s syscall.Signal) error {
	node, err := p.of.node(name)
	if err != nil {
		return err
	}
	pid, running := p.pid(node)
	if !running {
		return fmt.Errorf("%s does not run", name)
	}
	if err := syscall.Kill(pid, s); err != nil {
		return fmt.Errorf("signal %s: %w", name, err)
	}
	return nil
}

// stopWithin is how long a node may take to stop by itself.
const stopWithin = 10 * time.Second

// Down stops the nodes that Up has started, and nothing else.
func (p *processes) Down() (stopped []string, err error) {
	var waiting []Node
	for _, node := range p.of.Nodes {
		if _, running := p.pid(node); running {
			err = errors.Join(err, p.Signal(node.Name, syscall.SIGTERM))
			waiting = append(waiting, node)
			stopped = append(stopped, node.Name)
		}
	}
	deadline := time.Now().Add(stopWithin)
	for _, node := range waiting {
		for {
			if _, running := p.pid(node); !running {
				_ = os.Remove(filepath.Join(p.of.file(node.Name), "pid"))
				break
			}
			if time.Now().After(deadline) {
				_ = p.Signal(node.Name, syscall.SIGKILL) // it may have stopped by now
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
	return stopped, err
}

// Running tells which nodes run.
func (p *processes) Running() map[string]bool {
	all := map[string]bool{}
	for _, node := range p.of.Nodes {
		_, all[node.Name] = p.pid(node)
	}
	return all
}
