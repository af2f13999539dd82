// Package network runs a real Fabric network on this machine from Fabric's own
// binaries: two organisations, Community and Utility, with a peer and a contract
// service each, and orderers of both; TLS everywhere, all on loopback. It
// is what the demonstration and the tests use; a network that exists already is
// described to the driver by its profile alone.
package network

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/settlement/ledger/fabric"
)

// Channel and chaincode of the network.
const (
	Channel   = "commonwatt"
	Chaincode = "commonwatt"
)

// Network is a network in a directory.
type Network struct {
	Dir       string // absolute
	Community string
	Nodes     []Node

	binaries map[string]string
	started  []string // the nodes that this process has started
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

// A MissingError says which of the binaries were not found.
type MissingError struct{ Names []string }

func (e *MissingError) Error() string {
	return fmt.Sprintf("Fabric's %s not found in $FABRIC_BIN or on PATH: get them with Fabric's own installer (curl -sSLO https://raw.githubusercontent.com/hyperledger/fabric/main/scripts/install-fabric.sh && bash install-fabric.sh --fabric-version 3.1.5 binary) and set FABRIC_BIN to its bin directory",
		strings.Join(e.Names, ", "))
}

// Binaries finds Fabric's binaries, and the contracts' beside this program, in
// $COMMONWATT_CHAINCODE or on PATH. Errors: *MissingError.
func Binaries() (map[string]string, error) {
	found := map[string]string{}
	var missing []string
	for _, name := range []string{"peer", "orderer", "configtxgen"} {
		path, err := exec.LookPath(filepath.Join(os.Getenv("FABRIC_BIN"), name))
		if os.Getenv("FABRIC_BIN") == "" {
			path, err = exec.LookPath(name)
		}
		if err != nil {
			missing = append(missing, name)
			continue
		}
		if found[name], err = filepath.Abs(path); err != nil {
			return nil, fmt.Errorf("find %s: %w", name, err)
		}
	}
	if len(missing) > 0 {
		return nil, &MissingError{missing}
	}
	service := os.Getenv("COMMONWATT_CHAINCODE")
	if own, err := os.Executable(); service == "" && err == nil {
		service = filepath.Join(filepath.Dir(own), "chaincode")
	}
	path, err := exec.LookPath(service)
	if err != nil {
		return nil, fmt.Errorf("the contracts' service is not at %s: build it with make build, or set COMMONWATT_CHAINCODE", service)
	}
	found[contracts], err = filepath.Abs(path)
	return found, err
}

// file of the description.
const description = "network.json"

// ErrNoBFT says that the binaries do not know SmartBFT.
var ErrNoBFT = errors.New("SmartBFT needs the binaries of Fabric 3")

// Open reads the network of a directory, or lays one out there with a number
// of orderers: 1 or 3 by Raft, 4 by SmartBFT.
func Open(ctx context.Context, dir, community string, orderers int) (*Network, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("open network: %w", err)
	}
	n := &Network{Dir: dir, Community: community}
	text, err := os.ReadFile(n.file(description))
	if err == nil {
		if err := json.Unmarshal(text, n); err != nil {
			return nil, fmt.Errorf("open network: %s: %w", n.file(description), err)
		}
		if n.Dir != dir {
			return nil, fmt.Errorf("open network: %s was laid out in %s: its files name that directory; bring it up there, or begin a new one", dir, n.Dir)
		}
		if n.Community != community && community != "" {
			return nil, fmt.Errorf("open network: it is of community %q, not %q", n.Community, community)
		}
	} else if !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("open network: %w", err)
	}
	if len(n.Nodes) > 0 {
		return n, nil
	}
	if orderers == 0 {
		return nil, fmt.Errorf("no network in %s: bring one up with commonwatt fabric up", dir)
	}
	if n.binaries, err = Binaries(); err != nil {
		return nil, err
	}
	return n, n.layOut(ctx, orderers)
}

func (n *Network) file(parts ...string) string {
	return filepath.Join(append([]string{n.Dir}, parts...)...)
}

// layOut chooses ports, makes keys and writes every configuration.
func (n *Network) layOut(ctx context.Context, orderers int) error {
	for k := range orderers {
		msp := ledger.MSPCommunity
		if k%2 == 1 {
			msp = ledger.MSPUtility
		}
		n.Nodes = append(n.Nodes, Node{Name: fmt.Sprintf("orderer%d", k+1), Kind: orderer, MSP: msp})
	}
	for _, msp := range organisations() {
		n.Nodes = append(n.Nodes, Node{Name: "peer-" + strings.ToLower(msp), Kind: peer, MSP: msp},
			Node{Name: "contracts-" + strings.ToLower(msp), Kind: contracts, MSP: msp})
	}
	if err := n.choosePorts(ctx); err != nil {
		return err
	}
	if err := n.makeKeys(); err != nil {
		return err
	}
	for _, step := range []func() error{n.writeChannel, n.writeBuilder, n.writeNodes} {
		if err := step(); err != nil {
			return fmt.Errorf("lay out network: %w", err)
		}
	}
	genesis := exec.CommandContext(ctx, n.binaries["configtxgen"], "-profile", "Commonwatt", "-channelID", Channel, "-outputBlock", n.file("genesis.block")) //nolint:gosec // found above
	genesis.Env = append(os.Environ(), "FABRIC_CFG_PATH="+n.Dir)
	if out, err := genesis.CombinedOutput(); err != nil && n.bft() {
		return fmt.Errorf("lay out network: %w: configtxgen: %w", ErrNoBFT, err)
	} else if err != nil {
		return fmt.Errorf("lay out network: configtxgen: %w\n%s", err, out)
	}
	text, err := json.MarshalIndent(n, "", "\t")
	if err != nil {
		return fmt.Errorf("lay out network: %w", err)
	}
	return disk.Replace(n.file(description), append(text, '\n'), disk.Private) // written last: it says that all is there
}

func organisations() []string { return []string{ledger.MSPCommunity, ledger.MSPUtility} }

// choosePorts finds ports that are free now.
func (n *Network) choosePorts(ctx context.Context) error {
	var held []net.Listener
	defer func() {
		for _, l := range held {
			_ = l.Close()
		}
	}()
	for k := range n.Nodes {
		for _, port := range []*int{&n.Nodes[k].Port, &n.Nodes[k].Admin, &n.Nodes[k].Operations} {
			l, err := listenBelow(ctx, outgoing())
			if err != nil {
				return err
			}
			held = append(held, l)
			*port = l.Addr().(*net.TCPAddr).Port //nolint:forcetypeassert,errcheck // of a TCP listener
		}
	}
	return nil
}

// firstPort is below the ports that are chosen: lower ones are well known.
const firstPort = 15_000

// outgoing returns the first port that the system may give to an outgoing connection.
// A node that begins later than its port was chosen would find it taken.
func outgoing() int {
	const usual = 32_768
	text, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err != nil {
		return usual
	}
	fields := strings.Fields(string(text))
	if len(fields) == 0 {
		return usual
	}
	first, err := strconv.Atoi(fields[0])
	if err != nil || first <= firstPort {
		return usual
	}
	return first
}

// listenBelow listens at a free port between firstPort and another.
func listenBelow(ctx context.Context, end int) (l net.Listener, err error) {
	const tries = 100
	for range tries {
		port := firstPort + rand.IntN(end-firstPort) //nolint:gosec // no secret
		if l, err = (&net.ListenConfig{}).Listen(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			return l, nil
		}
	}
	return nil, fmt.Errorf("find a free port between %d and %d: %w", firstPort, end, err)
}

// node returns the node of a name.
func (n *Network) node(name string) (Node, error) {
	at := slices.IndexFunc(n.Nodes, func(o Node) bool { return o.Name == name })
	if at < 0 {
		return Node{}, fmt.Errorf("the network has no node %q", name)
	}
	return n.Nodes[at], nil
}

func (n *Network) kind(kind string) (some []Node) {
	for _, o := range n.Nodes {
		if o.Kind == kind {
			some = append(some, o)
		}
	}
	return some
}

// peerOf returns how a node is reached as a peer, if it is one.
func (n *Network) peerOf(node Node) (p fabric.Peer, is bool) {
	return fabric.Peer{Address: node.address(), TLS: n.tlsCA(node.MSP)}, node.Kind == peer
}

// Profile is how the driver reaches the network.
func (n *Network) Profile() fabric.Profile {
	p := fabric.Profile{Channel: Channel, Chaincode: Chaincode}
	for _, o := range n.kind(peer) {
		p.Peers = append(p.Peers, fabric.Peer{Address: o.address(), TLS: n.tlsCA(o.MSP)})
	}
	return p
}
