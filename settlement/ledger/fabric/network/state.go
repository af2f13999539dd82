package network

import (
	"context"
	"fmt"

	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/settlement/ledger/fabric"
)

// State is a node as it is now.
type State struct {
	Node

	Up     bool
	Height string // of the ledger at a peer that is up, in words; empty for other nodes
}

// States returns how each node is.
func (n *Network) States(ctx context.Context) ([]State, error) {
	people, err := ledger.OpenPeople(n.Dir, n.Community)
	if err != nil {
		return nil, err
	}
	running := n.Running()
	all := make([]State, len(n.Nodes))
	for k, node := range n.Nodes {
		all[k] = State{Node: node, Up: running[node.Name]}
		p, is := n.PeerOf(node)
		if !is || !all[k].Up {
			continue
		}
		all[k].Height = "does not answer"
		if h, err := fabric.HeightAt(ctx, p, Channel, people.Operator); err == nil {
			all[k].Height = fmt.Sprintf("%d blocks", h)
		}
	}
	return all, nil
}
