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
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Channel and chaincode of the network.
const (
	Channel   = "commonwatt"
	Chaincode = "commonwatt"
)

// Network is a network in a directory.
type Network struct {
	*description
	*processes // of the nodes
}

func newNetwork(d *description) *Network { return &Network{d, &processes{of: d}} }

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

// ErrNoBFT says that the binaries do not know SmartBFT.
var ErrNoBFT = errors.New("SmartBFT needs the binaries of Fabric 3")

// Open reads the network of a directory, or lays one out there with a number
// of orderers: 1 or 3 by Raft, 4 by SmartBFT.
func Open(ctx context.Context, dir, community string, orderers int) (*Network, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("open network: %w", err)
	}
	n := newNetwork(&description{Dir: dir, Community: community})
	text, err := os.ReadFile(n.file(descriptionFile))
	if err == nil {
		if err := json.Unmarshal(text, n.description); err != nil {
			return nil, fmt.Errorf("open network: %s: %w", n.file(descriptionFile), err)
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
	return n, layout{n.description, n.binaries["configtxgen"]}.all(ctx, orderers)
}

// Up brings the network up, as far as it is not: processes, channel, contracts.
// say is told each step. It returns when both organisations have committed the
// contracts' definition.
func (n *Network) Up(ctx context.Context, say func(step string)) error {
	return deployment{n.description, n.processes}.up(ctx, say)
}
