package accounts

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"errors"
	"time"

	"github.com/commonwatt/commonwatt/web/auth"
)

// Sessions keeps the sessions of who has signed in, so that they survive a restart. It
// implements the stores of scs (Store, CtxStore) and what auth.People wants of sessions.
type Sessions struct {
	db    *sql.DB
	clock func() time.Time
}

// Session is one that is open.
type Session struct {
	ID            string
	Begun, Seen   time.Time
	Browser, From string
	This          bool // it is that of who asks
}

func digested(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}

// FindCtx implements scs.CtxStore. What was idle too long is not found.
func (s *Sessions) FindCtx(ctx context.Context, token string) (data []byte, found bool, err error) {
	now := s.clock().Unix()
	err = s.db.QueryRowContext(ctx, `SELECT data FROM session WHERE token = ? AND expiry > ? AND seen + idle > ?`, digested(token), now, now).Scan(&data)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, false, nil
	}
	return data, err == nil, err
}

// usualIdle in seconds holds for a session until it is owned.
const usualIdle = 60

// CommitCtx implements scs.CtxStore. It also forgets what is over.
func (s *Sessions) CommitCtx(ctx context.Context, token string, data []byte, expiry time.Time) error {
	now := s.clock().Unix()
	if _, err := s.db.ExecContext(ctx, `DELETE FROM session WHERE expiry <= ? OR seen + idle <= ?`, now, now); err != nil {
		return err
	}
	_, err := s.db.ExecContext(ctx, `INSERT INTO session (token, account, id, data, expiry, begun, seen, idle, browser, address) VALUES (?, '', ?, ?, ?, ?, ?, ?, '', '')
		ON CONFLICT (token) DO UPDATE SET data = excluded.data, expiry = excluded.expiry`, digested(token), rand.Text(), data, expiry.Unix(), now, now, usualIdle)
	return err
}

// DeleteCtx implements scs.CtxStore.
func (s *Sessions) DeleteCtx(ctx context.Context, token string) error {
	_, err := s.db.ExecContext(ctx, `DELETE FROM session WHERE token = ?`, digested(token))
	return err
}

// Find implements scs.Store.
func (s *Sessions) Find(token string) ([]byte, bool, error) {
	return s.FindCtx(context.Background(), token)
}

// Commit implements scs.Store.
func (s *Sessions) Commit(token string, data []byte, expiry time.Time) error {
	return s.CommitCtx(context.Background(), token, data, expiry)
}

// Delete implements scs.Store.
func (s *Sessions) Delete(token string) error { return s.DeleteCtx(context.Background(), token) }

// Own implements auth.People: it notes whose a session is.
func (s *Sessions) Own(ctx context.Context, token string, o auth.Owner) error {
	_, err := s.db.ExecContext(ctx, `UPDATE session SET account = ?, idle = ?, browser = ?, address = ? WHERE token = ?`,
		o.Account, int64(o.Idle.Seconds()), o.Browser, o.From, digested(token))
	return err
}

// touchEvery is how exactly it is known when a session was seen.
const touchEvery = time.Minute

// Touch implements auth.People: the session is in use. It opens none that is closed.
func (s *Sessions) Touch(ctx context.Context, token string) error {
	now := s.clock()
	var stale bool
	err := s.db.QueryRowContext(ctx, `SELECT seen <= ? FROM session WHERE token = ?`, now.Add(-touchEvery).Unix(), digested(token)).Scan(&stale)
	if errors.Is(err, sql.ErrNoRows) || err == nil && !stale {
		return nil
	}
	if err == nil {
		_, err = s.db.ExecContext(ctx, `UPDATE session SET seen = ? WHERE token = ?`, now.Unix(), digested(token))
	}
	return err
}

// OpenOf returns the sessions of an account that are open, the last that was seen first. token is
// that of who asks.
func (s *Sessions) OpenOf(ctx context.Context, account, token string) (all []Session, err error) {
	now := s.clock().Unix()
	rows, err := s.db.QueryContext(ctx, `SELECT id, begun, seen, browser, address, token = ? FROM session WHERE account = ? AND expiry > ? AND seen + idle > ? ORDER BY seen DESC, id`, digested(token), account, now, now)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var one Session
		var begun, seen int64
		if err := rows.Scan(&one.ID, &begun, &seen, &one.Browser, &one.From, &one.This); err != nil {
			return nil, err
		}
		one.Begun, one.Seen = time.Unix(begun, 0).UTC(), time.Unix(seen, 0).UTC()
		all = append(all, one)
	}
	return all, rows.Err()
}

// Begun returns when the session of a token was begun. ErrNone: there is none.
func (s *Sessions) Begun(ctx context.Context, token string) (time.Time, error) {
	var begun int64
	err := s.db.QueryRowContext(ctx, `SELECT begun FROM session WHERE token = ?`, digested(token)).Scan(&begun)
	if errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, ErrNone
	}
	return time.Unix(begun, 0).UTC(), err
}

// EndOthers ends the sessions of an account but the one of a token.
func (s *Sessions) EndOthers(ctx context.Context, account, token string) error {
	_, err := s.db.ExecContext(ctx, `DELETE FROM session WHERE account = ? AND token <> ?`, account, digested(token))
	return err
}

// EndOne ends a session of an account by its id. ErrNone: it has none of that id.
func (s *Sessions) EndOne(ctx context.Context, account, id string) error {
	return some(s.db.ExecContext(ctx, `DELETE FROM session WHERE account = ? AND id = ?`, account, id))
}

// some is ErrNone when a change was of nothing.
func some(done sql.Result, err error) error {
	if err != nil {
		return err
	}
	if n, err := done.RowsAffected(); err != nil || n > 0 {
		return err
	}
	return ErrNone
}
