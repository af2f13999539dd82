package network

import (
	"slices"
	"testing"
)

// TestStatesOfANetworkThatIsDown tells of every node, in its order, and asks none.
func TestStatesOfANetworkThatIsDown(t *testing.T) {
	n := newNetwork(&description{Dir: t.TempDir(), Community: "elm", Nodes: []Node{{Name: "orderer1", Kind: orderer}, {Name: "peer-community", Kind: peer, MSP: "Community", Port: 1}}})
	states, err := n.States(t.Context())
	if want := []State{{Node: n.Nodes[0]}, {Node: n.Nodes[1]}}; err != nil || !slices.Equal(states, want) {
		t.Errorf("%+v, %v, want %+v", states, err, want)
	}
}
