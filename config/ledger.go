package config

import (
	"cmp"
	"errors"
	"fmt"
)

// Ledger says where settlements are recorded.
type Ledger struct {
	Kind    string `yaml:"kind" eg:"fabric" doc:"absent: embedded"`
	Network string `yaml:"network" eg:"data/fabric" doc:"directory of \"commonwatt fabric up\"; or, of an existing network, what follows"`

	Profile      *FabricProfile          `yaml:"profile"`
	Organisation string                  `yaml:"organisation" eg:"MSP" doc:"the community's"`
	Utility      string                  `yaml:"utility" eg:"MSP" doc:"the utility's"`
	Identities   map[string]IdentityFile `yaml:"identities" eg:"{operator: {certificate: F, key: F}}" doc:"PEM; of operator, installer and governor"`
	Authorities  map[string]string       `yaml:"authorities" eg:"{MSP: F}" doc:"CA certificates that \"commonwatt ledger verify\" trusts"`
}

// FabricProfile says how an existing Fabric network is reached.
type FabricProfile struct {
	Channel   string       `yaml:"channel" eg:"c"`
	Chaincode string       `yaml:"chaincode" eg:"c"`
	Peers     []FabricPeer `yaml:"peers" doc:"the first is preferred"`
}

// FabricPeer is a peer that serves as a gateway.
type FabricPeer struct {
	Address string `yaml:"address" eg:"\"h:7051\""`
	TLS     string `yaml:"tls" eg:"F" doc:"certificate of its TLS authority"`
	Name    string `yaml:"name" eg:"h" doc:"in its certificate, where that is not the host"`
}

// IdentityFile is a certificate with the contracts' attributes, and its key.
type IdentityFile struct {
	Certificate string `yaml:"certificate"` // PEM
	Key         string `yaml:"key"`         // PEM, PKCS #8
}

// The kinds of ledger.
const (
	EmbeddedLedger = "embedded"
	FabricLedger   = "fabric"
)

// IsEmbedded tells whether the ledger is this program's own.
func (l Ledger) IsEmbedded() bool { return cmp.Or(l.Kind, EmbeddedLedger) == EmbeddedLedger }

// LedgerRoles are the identities that an existing network must have for the community.
func LedgerRoles() []string { return []string{"operator", "installer", "governor"} }

// validate names the field that is wrong.
func (l Ledger) validate() error {
	existing := l.Organisation != "" || l.Utility != "" || len(l.Identities) > 0
	switch {
	case !l.IsEmbedded() && l.Kind != FabricLedger:
		return fmt.Errorf("ledger.kind: %q: must be embedded or fabric", l.Kind)
	case l.IsEmbedded() && (l.Network != "" || l.Profile != nil || existing):
		return errors.New("ledger.kind: embedded: the other fields are those of fabric")
	case l.IsEmbedded():
		return nil
	case l.Profile == nil && existing:
		return errors.New("ledger.profile: missing: organisation, utility and identities belong to an existing network")
	case l.Profile == nil:
		return nil
	case l.Network != "":
		return errors.New("ledger.network: give either the directory of commonwatt fabric up or the profile of an existing network")
	case l.Organisation == "" || l.Utility == "" || l.Organisation == l.Utility:
		return errors.New("ledger.organisation, ledger.utility: must be given, as the MSP ids of two organisations")
	}
	for _, role := range LedgerRoles() {
		if l.Identities[role].Certificate == "" || l.Identities[role].Key == "" {
			return fmt.Errorf("ledger.identities.%s: certificate and key must be given", role)
		}
	}
	return nil
}
