package network

import (
	"context"
	"errors"
	"log/slog"

	"github.com/commonwatt/commonwatt/settlement/audit"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/settlement/ledger/fabric"
)

// Verify verifies the chain on the network, whole, as the utility reads it and with
// the authorities in the network's directory.
func (n *Network) Verify(ctx context.Context, progress func(done, all int64)) (*audit.Auditor, error) {
	trust, err := ledger.TrustOf(n.Dir)
	if err != nil {
		return nil, err
	}
	people, err := ledger.OpenPeople(n.Dir, n.Community)
	if err != nil {
		return nil, err
	}
	return fabric.VerifyNetwork(ctx, n.Profile(), people.Utility, trust, organisations(), progress)
}

// OpenLedger opens the community's ledger on the network, with its keys; dir
// holds the index and what is on its way, names the members' salts.
func (n *Network) OpenLedger(ctx context.Context, dir, currency string, names *ledger.Names, log *slog.Logger) (*ledger.Ledger, *fabric.Chain, error) {
	people, err := ledger.OpenPeople(n.Dir, n.Community)
	if err != nil {
		return nil, nil, err
	}
	chain, err := fabric.Open(ctx, n.Profile(), people.Operator, dir+"/"+fabric.OutboxFile, log)
	if err != nil {
		return nil, nil, err
	}
	index, err := ledger.OpenIndex(ctx, dir, people.Signer)
	if err != nil {
		return nil, nil, errors.Join(err, chain.Close())
	}
	l, err := ledger.Open(ctx, chain, index, people, names, n.Community, currency)
	return l, chain, err
}
