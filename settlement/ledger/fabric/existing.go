package fabric

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/settlement/audit"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/settlement/ledger/identity"
)

// Existing is a network that somebody else runs, and who a community is there.
type Existing struct {
	Profile    Profile
	Utility    string                        // the utility's MSP
	Identities map[string]*identity.Identity // by role: operator, installer, governor
	Dir        string                        // of the community
	Community  string
	Currency   string
}

// OpenLedger opens a community's ledger on an existing network.
func OpenLedger(ctx context.Context, e Existing, names *ledger.Names, log *slog.Logger) (*ledger.Ledger, error) {
	people, err := ledger.Elsewhere(e.Dir, e.Community, e.Utility, e.Identities[chaincode.RoleOperator], e.Identities[chaincode.RoleInstaller], e.Identities[chaincode.RoleGovernor])
	if err != nil {
		return nil, err
	}
	chain, err := Open(ctx, e.Profile, people.Operator, filepath.Join(e.Dir, OutboxFile), log)
	if err != nil {
		return nil, err
	}
	index, err := ledger.OpenIndex(ctx, e.Dir, people.Signer)
	if err != nil {
		return nil, errors.Join(err, chain.Close())
	}
	return ledger.Open(ctx, chain, index, people, names, e.Community, e.Currency)
}

// Outside is what an auditor brings along to verify an existing network: whom to trust
// does not come from the network.
type Outside struct {
	Profile      Profile
	Organisation string            // the community's MSP
	Utility      string            // the utility's MSP
	Authorities  map[string]string // files with the CA certificates, by organisation
	Certificate  string            // file, of the operator, who reads
	Key          string            // file
}

// Reader reads an existing network, and verifies it.
type Reader struct {
	profile   Profile
	endorsers []string
	identity  *identity.Identity
	trust     *identity.Trust
}

// Open reads the files. An error begins with the name of the field that is wrong.
func (o Outside) Open() (*Reader, error) {
	endorsers := []string{o.Organisation, o.Utility}
	if o.Authorities[o.Organisation] == "" || o.Authorities[o.Utility] == "" {
		return nil, fmt.Errorf("authorities: the CA certificates of %q and %q must be given: whom to trust does not come from the network", o.Organisation, o.Utility)
	}
	authorities := map[string][]byte{}
	for organisation, path := range o.Authorities {
		certificate, err := os.ReadFile(path) //nolint:gosec // the path is the operator's
		if err != nil {
			return nil, fmt.Errorf("authorities.%s: %w", organisation, err)
		}
		authorities[organisation] = certificate
	}
	trust, err := identity.NewTrust(authorities)
	if err != nil {
		return nil, fmt.Errorf("authorities: %w", err)
	}
	reader, err := identity.Load(o.Organisation, o.Certificate, o.Key)
	if err != nil {
		return nil, fmt.Errorf("identities.%s: %w", chaincode.RoleOperator, err)
	}
	return &Reader{profile: o.Profile, endorsers: endorsers, identity: reader, trust: trust}, nil
}

// Verify verifies the chain of the network. Errors: *audit.TamperedError.
func (r *Reader) Verify(ctx context.Context, progress func(done, all int64)) (*audit.Auditor, error) {
	return VerifyNetwork(ctx, r.profile, r.identity, r.trust, r.endorsers, progress)
}
