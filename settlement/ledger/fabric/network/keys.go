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

// keyMaker makes the keys and certificates of a network's organisations and nodes.
type keyMaker struct{ *description }

// makeKeys makes the organisations' authorities, an administrator each, and
// identity and TLS certificate of every node.
func (m keyMaker) makeKeys() error {
	if _, err := ledger.OpenPeople(m.Dir, m.Community); err != nil {
		return err
	}
	for _, msp := range organisations() {
		authority, err := identity.OpenAuthority(m.authorityDir(msp), msp)
		if err != nil {
			return err
		}
		tls, err := identity.OpenAuthority(filepath.Dir(m.tlsCA(msp)), msp+" TLS")
		if err != nil {
			return err
		}
		admin, err := authority.Open("admin", nil, unit("admin"))
		if err != nil {
			return err
		}
		if err := m.writeMSP(strings.ToLower(msp), msp, nil); err != nil {
			return err
		}
		if err := m.writeMSP("admin-"+strings.ToLower(msp), msp, admin); err != nil {
			return err
		}
		for _, node := range m.Nodes {
			if node.MSP != msp {
				continue
			}
			if err := m.nodeKeys(node, authority, tls); err != nil {
				return fmt.Errorf("keys of %s: %w", node.Name, err)
			}
		}
	}
	return nil
}

func (m keyMaker) nodeKeys(node Node, authority, tls *identity.Authority) error {
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
	return m.writeMSP(node.Name, node.MSP, id)
}

func unit(name string) func(*x509.Certificate) {
	return func(c *x509.Certificate) { c.Subject.OrganizationalUnit = []string{name} }
}

// writeMSP lays out what Fabric calls a membership service provider; a nil
// identity lays out an organisation's, which verifies only.
func (m keyMaker) writeMSP(owner, msp string, id *identity.Identity) error {
	dir := m.mspDir(owner)
	ca, err := os.ReadFile(filepath.Join(m.authorityDir(msp), identity.CAFile+".pem"))
	if err != nil {
		return err
	}
	tls, err := os.ReadFile(m.tlsCA(msp))
	if err != nil {
		return err
	}
	files := map[string][]byte{"cacerts/ca.pem": ca, "tlscacerts/ca.pem": tls, "config.yaml": []byte(nodeUnits)}
	if id != nil {
		files["signcerts/cert.pem"] = id.Certificate
		key, err := os.ReadFile(filepath.Join(m.authorityDir(msp), nameOf(owner)+".key"))
		if err != nil {
			return err
		}
		files["keystore/key.pem"] = key
	}
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := errors.Join(disk.MakeFolder(filepath.Dir(path)), disk.Replace(path, content, disk.Private)); err != nil {
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
