package network

import (
	"context"
	"errors"
	"log/slog"

	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/settlement/ledger/fabric"
)

// Verify verifies a ledger on the network, whole, with the authorities and keys
// in the network's directory.
func (n *Network) Verify(ctx context.Context, l *ledger.Ledger, progress func(done, all int64)) (ledger.Report, error) {
	trust, err := ledger.TrustOf(n.Dir)
	if err != nil {
		return ledger.Report{}, err
	}
	chain, is := l.Chain().(*fabric.Chain)
	if !is {
		return ledger.Report{}, errors.New("the ledger is not on a Fabric network")
	}
	x, err := l.Index(ctx)
	if err != nil {
		return ledger.Report{}, err
	}
	auditor, err := chain.Verify(ctx, trust, organisations(), progress)
	if err != nil {
		return ledger.Report{}, err
	}
	key, err := ledger.ReadVerifier(n.file(ledger.PublicKey))
	if err != nil {
		return ledger.Report{}, err
	}
	witness, err := ledger.ReadVerifier(n.file(ledger.WitnessKey))
	if err != nil {
		return ledger.Report{}, err
	}
	err = auditor.Checkpoints(ctx, x, key, witness)
	return auditor.Report, err
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
