package accounts

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/netip"
	"time"
)

// WaitError says that too much was tried, and for how long to wait.
type WaitError struct{ Wait time.Duration }

func (e *WaitError) Error() string {
	return fmt.Sprintf("too many tries: try again in %d s", int((e.Wait + time.Second - 1).Seconds()))
}

// Tries bounds what is tried. It is counted by account and address together, so that who
// guesses from elsewhere does not lock the owner out; by address, over all accounts; and by
// account, over all addresses, where the wait stays short enough for its owner. Whether
// there is such an account makes no difference. What was tried survives a restart, and is
// forgotten after a day.
type Tries struct {
	db    *sql.DB
	clock func() time.Time
}

// bound is how much may be tried: after free tries each makes the wait twice as long, from a
// second to most.
type bound struct {
	what string
	free int
	most time.Duration
}

const (
	freeOfPair, freeOfAddress, freeOfAccount, freeLetters = 5, 30, 100, 3

	mostOfPair    = 15 * time.Minute
	mostOfAddress = time.Hour
	mostOfAccount = 20 * time.Second
	mostOfLetters = time.Hour

	forgottenAfter = 24 * time.Hour
	mostTries      = 100_000 // that are kept
)

// Begin counts a try to sign in before it is made, so that many at once are counted as well.
// *WaitError: it may not be made.
func (t *Tries) Begin(ctx context.Context, email string, from netip.Addr) error {
	return t.begin(ctx, signingIn(email, from))
}

// Right forgets what was tried for an account before it went right.
func (t *Tries) Right(ctx context.Context, email string, from netip.Addr) error {
	for _, b := range signingIn(email, from) {
		if b.what[0] == 'd' { // an address may try others
			continue
		}
		if _, err := t.db.ExecContext(ctx, `DELETE FROM try WHERE what = ?`, digested(b.what)); err != nil {
			return err
		}
	}
	return t.Came(ctx, from)
}

// Knock counts a try to come in by something that cannot be guessed, as links and passkeys: by
// address alone, so that nobody keeps others out.
func (t *Tries) Knock(ctx context.Context, from netip.Addr) error {
	return t.begin(ctx, []bound{{"d" + network(from), freeOfAddress, mostOfAddress}})
}

// Came takes back the last try of an address: it went right.
func (t *Tries) Came(ctx context.Context, from netip.Addr) error {
	_, err := t.db.ExecContext(ctx, `UPDATE try SET count = max(count - 1, 0), until = 0 WHERE what = ?`, digested("d"+network(from)))
	return err
}

// Letter counts that somebody has a letter sent to an address, or asks something else that
// nobody does often.
func (t *Tries) Letter(ctx context.Context, email string, from netip.Addr) error {
	return t.begin(ctx, []bound{{"l" + plain(email), freeLetters, mostOfLetters}, {"f" + network(from), freeOfAddress, mostOfLetters}})
}

// Unlock forgets what was tried for an account from everywhere.
func (t *Tries) Unlock(ctx context.Context) error {
	_, err := t.db.ExecContext(ctx, `DELETE FROM try`)
	return err
}

func signingIn(email string, from netip.Addr) []bound {
	return []bound{
		{"p" + plain(email) + " " + network(from), freeOfPair, mostOfPair},
		{"d" + network(from), freeOfAddress, mostOfAddress},
		{"a" + plain(email), freeOfAccount, mostOfAccount},
	}
}

// network is what of an address one machine cannot choose: of IPv6 the first half.
func network(from netip.Addr) string {
	if from.Is6() && !from.Is4In6() {
		if prefix, err := from.Prefix(64); err == nil { //nolint:mnd // what a customer gets
			return prefix.String()
		}
	}
	return from.Unmap().String()
}

// begin counts a try against all bounds, or against none when one of them is reached.
func (t *Tries) begin(ctx context.Context, all []bound) error {
	now := t.clock()
	tx, err := t.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	err = t.forget(ctx, tx, now)
	for _, b := range all {
		if err == nil {
			err = t.count(ctx, tx, b, now)
		}
	}
	if err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

func (t *Tries) forget(ctx context.Context, tx *sql.Tx, now time.Time) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM try WHERE last < ?`, now.Add(-forgottenAfter).UnixMilli()); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `DELETE FROM try WHERE what IN (SELECT what FROM try ORDER BY last DESC LIMIT -1 OFFSET ?)`, mostTries)
	return err
}

func (t *Tries) count(ctx context.Context, tx *sql.Tx, b bound, now time.Time) error {
	var count int
	var until int64
	err := tx.QueryRowContext(ctx, `SELECT count, until FROM try WHERE what = ?`, digested(b.what)).Scan(&count, &until)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if wait := time.UnixMilli(until).Sub(now); wait > 0 {
		return &WaitError{wait}
	}
	count++
	wait := time.Duration(0)
	if over := count - b.free; over >= 0 {
		wait = min(b.most, time.Second<<min(over, 20)) //nolint:mnd // twelve days, beyond every bound
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO try (what, count, last, until) VALUES (?, ?, ?, ?) ON CONFLICT (what) DO UPDATE SET count = excluded.count, last = excluded.last, until = excluded.until`,
		digested(b.what), count, now.UnixMilli(), now.Add(wait).UnixMilli())
	return err
}
