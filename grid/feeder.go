package grid

import (
	"fmt"
)

// Node is a connection point of the feeder with the line to its parent.
type Node struct {
	ID     string `json:"id"`
	Parent string `json:"parent,omitempty"` // empty at the root
	// Limits of the line to the parent in Wh per interval; nil is unlimited.
	ExportLimit *Energy `json:"export_limit,omitempty"`
	ImportLimit *Energy `json:"import_limit,omitempty"`
	// Fee is paid on energy over the line, in either direction; ≥ 0.
	Fee Price `json:"fee,omitempty"`
}

// Feeder is a radial network: a tree of nodes with one root, where the
// utility connects.
type Feeder struct {
	Nodes []Node `json:"nodes"`
}

// RootNode names the one node of a feeder that is not described.
const RootNode = "root"

// SingleNode returns the feeder of one node named RootNode: no lines, no
// limits.
func SingleNode() Feeder { return Feeder{Nodes: []Node{{ID: RootNode}}} }

// Validate checks that the nodes form one tree and that limits and fees are
// not negative. The error begins with the path of the field.
func (f Feeder) Validate() error {
	index := make(map[string]int, len(f.Nodes))
	roots := 0
	for i, n := range f.Nodes {
		path := fmt.Sprintf("feeder.nodes[%d]", i)
		if n.ID == "" {
			return fmt.Errorf("%s.id: missing", path)
		}
		if _, twice := index[n.ID]; twice {
			return fmt.Errorf("%s.id: duplicate %q", path, n.ID)
		}
		index[n.ID] = i
		if n.Parent == "" {
			roots++
		}
		if err := n.validateLine(path); err != nil {
			return err
		}
	}
	if roots != 1 {
		return fmt.Errorf("feeder.nodes: %d nodes have no parent, want exactly one root", roots)
	}
	return f.validateTree(index)
}

func (n Node) validateLine(path string) error {
	switch {
	case n.Fee < 0:
		return fmt.Errorf("%s.fee: %d is negative", path, n.Fee)
	case n.ExportLimit != nil && *n.ExportLimit < 0:
		return fmt.Errorf("%s.export_limit: %d is negative", path, *n.ExportLimit)
	case n.ImportLimit != nil && *n.ImportLimit < 0:
		return fmt.Errorf("%s.import_limit: %d is negative", path, *n.ImportLimit)
	default:
		return nil
	}
}

func (f Feeder) validateTree(index map[string]int) error {
	for i, n := range f.Nodes {
		steps := 0
		for parent := n.Parent; parent != ""; steps++ {
			at, known := index[parent]
			if !known {
				return fmt.Errorf("feeder.nodes[%d].parent: unknown node %q", i, parent)
			}
			if steps > len(f.Nodes) {
				return fmt.Errorf("feeder.nodes[%d].parent: cycle through %q", i, n.ID)
			}
			parent = f.Nodes[at].Parent
		}
	}
	return nil
}

// Root returns the id of the node without a parent.
func (f Feeder) Root() string {
	for _, n := range f.Nodes {
		if n.Parent == "" {
			return n.ID
		}
	}
	return ""
}

// Zones maps every node to its zone: the maximal set of nodes joined by lines
// without fee or limit, named after its topmost node. Inside a zone energy
// has one price. The feeder must be valid.
func (f Feeder) Zones() map[string]string {
	byID := make(map[string]Node, len(f.Nodes))
	for _, n := range f.Nodes {
		byID[n.ID] = n
	}
	zones := make(map[string]string, len(f.Nodes))
	for _, n := range f.Nodes {
		top := n
		for top.Parent != "" && top.Fee == 0 && top.ExportLimit == nil && top.ImportLimit == nil {
			top = byID[top.Parent]
		}
		zones[n.ID] = top.ID
	}
	return zones
}
