package network

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Start starts a node that does not run, apart from this process: it goes on
// when this one ends.
func (n *Network) Start(name string) (err error) {
	node, err := n.node(name)
	if err != nil {
		return err
	}
	if _, running := n.pid(node); running {
		return nil
	}
	if n.binaries == nil {
		if n.binaries, err = Binaries(); err != nil {
			return err
		}
	}
	log, err := os.OpenFile(n.file(name, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("start %s: %w", name, err)
	}
	defer log.Close() //nolint:errcheck // the process has it
	var cmd *exec.Cmd
	switch node.Kind {
	case orderer:
		cmd = exec.Command(n.binaries[orderer]) //nolint:noctx,gosec // it outlives this process
	case peer:
		cmd = exec.Command(n.binaries[peer], "node", "start") //nolint:noctx,gosec // it outlives this process
	default:
		id, err := os.ReadFile(n.file(name, "package.id"))
		if err != nil {
			return fmt.Errorf("start %s: %w", name, err)
		}
		cmd = exec.Command(n.binaries[contracts]) //nolint:noctx,gosec // it outlives this process
		cmd.Env = []string{
			"CHAINCODE_SERVER_ADDRESS=" + node.address(), "CORE_CHAINCODE_ID=" + strings.TrimSpace(string(id)),
			"CHAINCODE_TLS_KEY=" + n.tlsFile(node, ".key"), "CHAINCODE_TLS_CERT=" + n.tlsFile(node, ".pem"),
		}
	}
	cmd.Env = append(cmd.Env, "FABRIC_CFG_PATH="+n.file(name), "PATH="+os.Getenv("PATH"), "FABRIC_LOGGING_SPEC=warning")
	cmd.Dir, cmd.Stdout, cmd.Stderr = n.file(name), log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", name, err)
	}
	go func() { _ = cmd.Wait() }() // while this process lives, it does not leave a zombie
	n.started = append(n.started, name)
	return os.WriteFile(n.file(name, "pid"), []byte(strconv.Itoa(cmd.Process.Pid)), 0o600)
}

// EndedError says that a node ended by itself, and what it wrote last.
type EndedError struct{ Node, Last, Log string }

func (e *EndedError) Error() string {
	return fmt.Sprintf("%s has ended; the last line of %s is: %s", e.Node, e.Log, e.Last)
}

// ended returns an *EndedError for each node that this process has started and that does
// not run any more, nil when all run.
func (n *Network) ended() error {
	var all []error
	for _, name := range n.started {
		node, err := n.node(name)
		if err != nil {
			continue
		}
		if _, running := n.pid(node); !running {
			all = append(all, &EndedError{Node: name, Last: lastLine(n.file(name, "log")), Log: n.file(name, "log")})
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
func (n *Network) pid(node Node) (pid int, running bool) {
	text, err := os.ReadFile(n.file(node.Name, "pid"))
	if err != nil {
		return 0, false
	}
	if pid, err = strconv.Atoi(string(text)); err != nil {
		return 0, false
	}
	cwd, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", pid))
	if err != nil || cwd != n.file(node.Name) {
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
func (n *Network) Signal(name string, s syscall.Signal) error {
	node, err := n.node(name)
	if err != nil {
		return err
	}
	pid, running := n.pid(node)
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
func (n *Network) Down() (stopped []string, err error) {
	var waiting []Node
	for _, node := range n.Nodes {
		if _, running := n.pid(node); running {
			err = errors.Join(err, n.Signal(node.Name, syscall.SIGTERM))
			waiting = append(waiting, node)
			stopped = append(stopped, node.Name)
		}
	}
	deadline := time.Now().Add(stopWithin)
	for _, node := range waiting {
		for {
			if _, running := n.pid(node); !running {
				_ = os.Remove(filepath.Join(n.file(node.Name), "pid"))
				break
			}
			if time.Now().After(deadline) {
				_ = n.Signal(node.Name, syscall.SIGKILL) // it may have stopped by now
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
	return stopped, err
}

// Running tells which nodes run.
func (n *Network) Running() map[string]bool {
	all := map[string]bool{}
	for _, node := range n.Nodes {
		_, all[node.Name] = n.pid(node)
	}
	return all
}
