package evidence

import (
	"context"
	"fmt"

	"github.com/commonwatt/commonwatt/proof"
)

// Verdict tells what became of a batch that a gateway says it sent, as far as the evidence
// knows.
func (e *Log) Verdict(ctx context.Context, gateway string, m proof.Mark) (v proof.Verdict, err error) {
	if m.Sequence == 0 || m.Sequence > lastSequence || !isDigest(m.Digest) || !isName(gateway) {
		return proof.Verdict{Outcome: proof.Refused, Reason: "there is no such batch"}, nil
	}
	var kept string
	var forgotten, aside bool
	const known = `SELECT COALESCE((SELECT digest FROM batches WHERE gateway = ?1 AND sequence = ?2), ''),
	COALESCE((SELECT last >= ?2 FROM forgotten WHERE gateway = ?1 AND first <= ?2 ORDER BY first DESC LIMIT 1), FALSE),
	EXISTS (SELECT 1 FROM set_aside WHERE gateway = ?1 AND sequence = ?2)`
	if err := e.db.QueryRowContext(ctx, known, gateway, m.Sequence).Scan(&kept, &forgotten, &aside); err != nil {
		return v, fmt.Errorf("verdict on batch %d of %s: %w", m.Sequence, gateway, err)
	}
	switch {
	case kept == string(m.Digest), kept == "" && forgotten:
		v.Outcome = proof.Accepted
	case kept != "":
		v = proof.Verdict{Outcome: proof.Refused, Reason: usedTwice}
	case aside:
		v = proof.Verdict{Outcome: proof.Aside, Reason: "its readings cannot be taken as things are"}
	default:
		v.Outcome = proof.Unknown
	}
	return v, nil
}
