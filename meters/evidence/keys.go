package evidence

import (
	"cmp"
	"context"
	"crypto/ecdsa"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"github.com/commonwatt/commonwatt/proof"
)

// keys are those by which gateways sign, each from a sequence on.
type keys struct{ db *sql.DB }

// Admit takes a gateway's key, for the batches after those that are kept. A key
// that is known already stays as it is: one that a gateway announced itself is
// not taken back by an old configuration.
func (k keys) Admit(ctx context.Context, gateway string, key *ecdsa.PublicKey) error {
	text, err := proof.EncodeKey(key)
	if err != nil {
		return err
	}
	_, err = k.db.ExecContext(ctx, `INSERT INTO keys (gateway, since, key)
SELECT ?1, (SELECT COALESCE(MAX(sequence), 0) + 1 FROM batches WHERE gateway = ?1), ?2
WHERE NOT EXISTS (SELECT 1 FROM keys WHERE gateway = ?1 AND key = ?2)
ON CONFLICT (gateway, since) DO UPDATE SET key = excluded.key`, gateway, text)
	if err != nil {
		return fmt.Errorf("admit gateway %s: %w", gateway, err)
	}
	return nil
}

// AdmitGateway admits what a gateway on another machine signs with a key (proof.EncodeKey),
// until it is revoked; a zero time says that it is not. The error begins with the name of
// the field.
func (k keys) AdmitGateway(ctx context.Context, gateway, key string, revoked time.Time) error {
	public, err := proof.DecodeKey(key)
	if err != nil {
		return fmt.Errorf("key: %w", err)
	}
	if err := k.Admit(ctx, gateway, public); err != nil {
		return err
	}
	if revoked.IsZero() {
		return nil
	}
	return k.Revoke(ctx, gateway, revoked)
}

// Key is a gateway's public key, as proof.EncodeKey writes it.
type Key struct{ Gateway, Key string }

// Keys returns the keys that sign, in the order in which each gateway has had them.
func (k keys) Keys(ctx context.Context) (all []Key, err error) {
	rows, err := k.db.QueryContext(ctx, `SELECT gateway, key FROM keys ORDER BY gateway, since`)
	if err != nil {
		return nil, fmt.Errorf("gateways' keys: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var one Key
		if err := rows.Scan(&one.Gateway, &one.Key); err != nil {
			return nil, fmt.Errorf("gateways' keys: %w", err)
		}
		all = append(all, one)
	}
	return all, rows.Err()
}

// Revoke ends a gateway's keys: readings from t on are refused, those before it
// stay what they are.
func (k keys) Revoke(ctx context.Context, gateway string, t time.Time) error {
	_, err := k.db.ExecContext(ctx, `UPDATE keys SET until = ? WHERE gateway = ? AND until IS NULL`, t.UnixMilli(), gateway)
	return err
}

// signing are the keys that sign, by gateway, each from a sequence on, ascending.
type signing map[string][]signingKey

// signingKey is a public key from a sequence on.
type signingKey struct {
	since uint64
	text  string // as proof.EncodeKey writes it
	until *int64 // unix ms after which its readings are refused; nil: it goes on
}

// signingKeys reads all keys. What is looked for among them is not asked of the database.
func signingKeys(ctx context.Context, tx *sql.Tx) (signing, error) {
	rows, err := tx.QueryContext(ctx, `SELECT gateway, since, key, until FROM keys ORDER BY gateway, since`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := signing{}
	for rows.Next() {
		var gateway string
		var k signingKey
		if err := rows.Scan(&gateway, &k.since, &k.text, &k.until); err != nil {
			return nil, err
		}
		all[gateway] = append(all[gateway], k)
	}
	return all, rows.Err()
}

// of returns the key that signs a batch; false when its gateway has none.
func (s signing) of(b proof.Batch) (k signingKey, known bool) {
	for _, k := range slices.Backward(s[b.Gateway]) {
		if k.since <= b.Sequence {
			return k, true
		}
	}
	return k, false
}

// rotate adds the key that a batch announces.
func (s signing) rotate(b proof.Batch) {
	since := b.Sequence + 1
	if b.NextKey == "" || slices.ContainsFunc(s[b.Gateway], func(k signingKey) bool { return k.since == since }) {
		return
	}
	s[b.Gateway] = append(s[b.Gateway], signingKey{since: since, text: b.NextKey})
	slices.SortFunc(s[b.Gateway], func(a, b signingKey) int { return cmp.Compare(a.since, b.since) })
}

// verify checks that the key signed the bytes.
func (k signingKey) verify(signed []byte) error {
	public, err := proof.DecodeKey(k.text)
	if err != nil {
		return err
	}
	return proof.VerifyBatch(signed, public)
}

// rotate takes the key with which the gateway signs after a batch, if that announces one.
func (keys) rotate(ctx context.Context, tx *sql.Tx, b proof.Batch) error {
	if b.NextKey == "" {
		return nil
	}
	const rotate = `INSERT INTO keys (gateway, since, key) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`
	_, err := tx.ExecContext(ctx, rotate, b.Gateway, b.Sequence+1, b.NextKey)
	return err
}
