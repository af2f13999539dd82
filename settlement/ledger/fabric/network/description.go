package network

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/settlement/ledger/fabric"
)

// descriptionFile is where a network's description is in its directory.
const descriptionFile = "network.json"

// description is where a network is and what it consists of: what network.json keeps.
type description struct {
	Dir       string // absolute
	Community string
	Nodes     []Node
}

// Node is a process of the network.
type Node struct {
	Name string `json:"name"` // orderer1, peer-community, contracts-community, …
	Kind string `json:"kind"` // orderer, peer or contracts
	MSP  string `json:"msp"`
	Port int    `json:"port"`
	// Admin is where an orderer is administered, and where a peer's contracts
	// could dial back to.
	Admin      int `json:"admin"`
	Operations int `json:"operations"`
}

func (n Node) address() string { return fmt.Sprintf("127.0.0.1:%d", n.Port) }

// byzantine is how many orderers tolerate one that lies.
const byzantine = 4

// Kinds of nodes.
const (
	orderer   = "orderer"
	peer      = "peer"
	contracts = "contracts"
)

func (d *description) file(parts ...string) string {
	return filepath.Join(append([]string{d.Dir}, parts...)...)
}

func organisations() []string { return []string{ledger.MSPCommunity, ledger.MSPUtility} }

// node returns the node of a name.
func (d *description) node(name string) (Node, error) {
	at := slices.IndexFunc(d.Nodes, func(o Node) bool { return o.Name == name })
	if at < 0 {
		return Node{}, fmt.Errorf("the network has no node %q", name)
	}
	return d.Nodes[at], nil
}

func (d *description) kind(kind string) (some []Node) {
	for _, o := range d.Nodes {
		if o.Kind == kind {
			some = append(some, o)
		}
	}
	return some
}

// PeerOf returns how a node is reached as a peer, if it is one.
func (d *description) PeerOf(node Node) (p fabric.Peer, is bool) {
	return fabric.Peer{Address: node.address(), TLS: d.tlsCA(node.MSP)}, node.Kind == peer
}

// Profile is how the driver reaches the network.
func (d *description) Profile() fabric.Profile {
	p := fabric.Profile{Channel: Channel, Chaincode: Chaincode}
	for _, o := range d.kind(peer) {
		p.Peers = append(p.Peers, fabric.Peer{Address: o.address(), TLS: d.tlsCA(o.MSP)})
	}
	return p
}

// bft tells whether the orderers tolerate one that lies: four do.
func (d *description) bft() bool { return len(d.kind(orderer)) == byzantine }

// authorityDir is where an organisation's authority is. Keys lie where the embedded ledger
// keeps its own: the authorities, and with them the operator and the utility, are the same.
func (d *description) authorityDir(msp string) string {
	if msp == ledger.MSPUtility {
		return d.file(ledger.UtilityDir)
	}
	return d.file(ledger.CommunityDir)
}

func (d *description) tlsCA(msp string) string { return d.file("tls", strings.ToLower(msp), "ca.pem") }

func (d *description) mspDir(owner string) string { return d.file("msp", owner) }

func (d *description) tlsFile(node Node, ending string) string {
	return d.file("tls", strings.ToLower(node.MSP), node.Name+ending)
}
