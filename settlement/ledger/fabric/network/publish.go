package network

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/settlement/ledger"
)

// IsUp tells whether a peer of the network runs.
func (n *Network) IsUp() bool {
	up := n.Running()
	return slices.ContainsFunc(n.Nodes, func(node Node) bool {
		_, peer := n.peerOf(node)
		return peer && up[node.Name]
	})
}

// PublishKeys copies the network's verifier keys to a community's directory, where its
// auditors look for them.
func (n *Network) PublishKeys(to *disk.Dir) error {
	for _, name := range []string{ledger.PublicKey, ledger.WitnessKey} {
		key, err := os.ReadFile(n.file(name))
		if errors.Is(err, os.ErrNotExist) {
			continue // the first start makes them
		}
		if err != nil {
			return fmt.Errorf("ledger key: %w", err)
		}
		if err := to.Replace(name, key); err != nil {
			return err
		}
	}
	return nil
}
