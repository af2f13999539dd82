package fabric

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"

	"github.com/commonwatt/commonwatt/chaincode"
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
