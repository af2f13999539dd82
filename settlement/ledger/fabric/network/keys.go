package network

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/settlement/ledger/identity"
)

// Keys lie where the embedded ledger keeps its own: the organisations'
// authorities, and with them the operator and the utility, are the same.

func (n *Network) authorityDir(msp string) string {
	if msp == ledger.MSPUtility {
		return n.file(ledger.UtilityDir)
	}
	return n.file(ledger.CommunityDir)
}

func (n *Network) tlsCA(msp string) string { return n.file("tls", strings.ToLower(msp), "ca.pem") }

func (n *Network) mspDir(owner string) string { return n.file("msp", owner) }

func (n *Network) tlsFile(node Node, ending string) string {
	return n.file("tls", strings.ToLower(node.MSP), node.Name+ending)
}

// makeKeys makes the organisations' authorities, an administrator each, and
// identity and TLS certificate of every node.
func (n *Network) makeKeys() error {
	if _, err := ledger.OpenPeople(n.Dir, n.Community); err != nil {
		return err
	}
	for _, msp := range organisations() {
		authority, err := identity.OpenAuthority(n.authorityDir(msp), msp)
		if err != nil {
			return err
		}
		tls, err := identity.OpenAuthority(filepath.Dir(n.tlsCA(msp)), msp+" TLS")
		if err != nil {
			return err
		}
		admin, err := authority.Open("admin", nil, unit("admin"))
		if err != nil {
			return err
		}
		if err := n.writeMSP(strings.ToLower(msp), msp, nil); err != nil {
			return err
		}
		if err := n.writeMSP("admin-"+strings.ToLower(msp), msp, admin); err != nil {
			return err
		}
		for _, node := range n.Nodes {
			if node.MSP != msp {
				continue
			}
			if err := n.nodeKeys(node, authority, tls); err != nil {
				return fmt.Errorf("keys of %s: %w", node.Name, err)
			}
		}
	}
	return nil
}

func (n *Network) nodeKeys(node Node, authority, tls *identity.Authority) error {
	_, err := tls.Open(node.Name, nil, func(c *x509.Certificate) {
		c.Subject.OrganizationalUnit = nil
		c.IPAddresses, c.DNSNames = []net.IP{net.IPv4(127, 0, 0, 1)}, []string{"localhost", node.Name}
		c.KeyUsage |= x509.KeyUsageKeyEncipherment
		c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	})
	if err != nil || node.Kind == contracts {
		return err
	}
	id, err := authority.Open(node.Name, nil, unit(node.Kind))
	if err != nil {
		return err
	}
	return n.writeMSP(node.Name, node.MSP, id)
}

func unit(name string) func(*x509.Certificate) {
	return func(c *x509.Certificate) { c.Subject.OrganizationalUnit = []string{name} }
}

// writeMSP lays out what Fabric calls a membership service provider; a nil
// identity lays out an organisation's, which verifies only.
func (n *Network) writeMSP(owner, msp string, id *identity.Identity) error {
	dir := n.mspDir(owner)
	ca, err := os.ReadFile(filepath.Join(n.authorityDir(msp), identity.CAFile+".pem"))
	if err != nil {
		return err
	}
	tls, err := os.ReadFile(n.tlsCA(msp))
	if err != nil {
		return err
	}
	files := map[string][]byte{"cacerts/ca.pem": ca, "tlscacerts/ca.pem": tls, "config.yaml": []byte(nodeUnits)}
	if id != nil {
		files["signcerts/cert.pem"] = id.Certificate
		key, err := os.ReadFile(filepath.Join(n.authorityDir(msp), nameOf(owner)+".key"))
		if err != nil {
			return err
		}
		files["keystore/key.pem"] = key
	}
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), disk.Replace(path, content, disk.Private)); err != nil {
			return err
		}
	}
	return nil
}

// nameOf is the name of an owner's key at its authority.
func nameOf(owner string) string {
	if strings.HasPrefix(owner, "admin-") {
		return "admin"
	}
	return owner
}

const nodeUnits = `NodeOUs:
  Enable: true
  ClientOUIdentifier: {Certificate: cacerts/ca.pem, OrganizationalUnitIdentifier: client}
  PeerOUIdentifier: {Certificate: cacerts/ca.pem, OrganizationalUnitIdentifier: peer}
  AdminOUIdentifier: {Certificate: cacerts/ca.pem, OrganizationalUnitIdentifier: admin}
  OrdererOUIdentifier: {Certificate: cacerts/ca.pem, OrganizationalUnitIdentifier: orderer}
`
