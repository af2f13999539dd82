package network

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

// TestANodeThatEndsIsNamed starts a node that cannot listen: whoever waits for another
// learns at once which one it is and what it said.
func TestANodeThatEndsIsNamed(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("SKIPPED: a node's process is looked for in /proc, which Linux alone has")
	}
	dir := t.TempDir()
	n := newNetwork(&description{Dir: dir, Nodes: []Node{{Name: "orderer-1", Kind: orderer}}})
	program := filepath.Join(dir, "program")
	if err := os.WriteFile(program, []byte("#!/bin/sh\necho begins\necho panic: address in use >&2\nexit 2\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	n.binaries = map[string]string{orderer: program}
	if err := os.Mkdir(n.file("orderer-1"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := n.startAll(orderer); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	err := n.retry(t.Context(), func(context.Context) error { return errors.New("connection refused") })
	var ended *EndedError
	if !errors.As(err, &ended) || ended.Node != "orderer-1" || ended.Last != "panic: address in use" || time.Since(begun) > patience/2 {
		t.Errorf("after %s: %v", time.Since(begun), err)
	}
}

// TestPortsAreNotThoseOfOutgoingConnections chooses the ports of a network.
func TestPortsAreNotThoseOfOutgoingConnections(t *testing.T) {
	n := &description{Nodes: make([]Node, 20)}
	if err := (layout{description: n}).choosePorts(t.Context()); err != nil {
		t.Fatal(err)
	}
	seen := map[int]bool{}
	for _, node := range n.Nodes {
		for _, port := range []int{node.Port, node.Admin, node.Operations} {
			if port < firstPort || port >= outgoing() || seen[port] {
				t.Errorf("port %d is chosen, of those from %d and below %d, twice: %t", port, firstPort, outgoing(), seen[port])
			}
			seen[port] = true
		}
	}
}
