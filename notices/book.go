package notices

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/commonwatt/commonwatt/disk"
)

// File is where a data directory keeps what members chose, what waits to be sent, and the keys.
const File = "notices.db"

// Book keeps what members chose and the outbox.
type Book struct {
	db     *sql.DB
	secret []byte // signs the links that turn a kind off
}

// Browser is one that a member subscribed (Push API): where a push service takes messages for
// it, and the keys that they are encrypted for.
type Browser struct {
	Endpoint string `json:"endpoint"`
	P256dh   string `json:"p256dh"`
	Auth     string `json:"auth"`
}

// Open opens a book, or begins it. What was being sent when the last program ended is not sent
// again.
func Open(ctx context.Context, path string) (*Book, error) {
	db, err := disk.OpenSQLite(path)
	if err != nil {
		return nil, err
	}
	b := &Book{db: db}
	if err := b.begin(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("notices %s: %w", path, err), db.Close())
	}
	return b, nil
}

func (b *Book) begin(ctx context.Context) error {
	_, err := b.db.ExecContext(ctx, `
		CREATE TABLE IF NOT EXISTS settings (member TEXT PRIMARY KEY, chosen TEXT NOT NULL);
		CREATE TABLE IF NOT EXISTS browsers (endpoint TEXT PRIMARY KEY, member TEXT NOT NULL, p256dh TEXT NOT NULL, auth TEXT NOT NULL);
		CREATE TABLE IF NOT EXISTS outbox (
			id INTEGER PRIMARY KEY, member TEXT NOT NULL, kind TEXT NOT NULL, channel TEXT NOT NULL, key TEXT NOT NULL, notice TEXT NOT NULL, state TEXT NOT NULL,
			tries INTEGER NOT NULL DEFAULT 0, next INTEGER NOT NULL DEFAULT 0, sent INTEGER NOT NULL DEFAULT 0, -- unix s, wall time
			UNIQUE (member, kind, channel, key)
		);
		CREATE INDEX IF NOT EXISTS outbox_waits ON outbox (state, next);
		CREATE TABLE IF NOT EXISTS keys (name TEXT PRIMARY KEY, key TEXT NOT NULL);
		UPDATE outbox SET state = 'unsure' WHERE state = 'sending';`)
	if err != nil {
		return err
	}
	text, err := b.Key(ctx, "off", func() (string, error) { return rand.Text() + rand.Text(), nil })
	b.secret = []byte(text)
	return err
}

// Close closes the book.
func (b *Book) Close() error { return b.db.Close() }

// Key returns a secret of a name, which is made when there is none.
func (b *Book) Key(ctx context.Context, name string, made func() (string, error)) (key string, err error) {
	err = b.db.QueryRowContext(ctx, `SELECT key FROM keys WHERE name = ?`, name).Scan(&key)
	if !errors.Is(err, sql.ErrNoRows) {
		return key, err
	}
	if key, err = made(); err != nil {
		return "", err
	}
	_, err = b.db.ExecContext(ctx, `INSERT INTO keys (name, key) VALUES (?, ?)`, name, key)
	return key, err
}

// Of returns what a member chose; nothing where the member chose nothing.
func (b *Book) Of(ctx context.Context, member string) (s Settings, err error) {
	var text string
	err = b.db.QueryRowContext(ctx, `SELECT chosen FROM settings WHERE member = ?`, member).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return s, nil
	}
	if err == nil {
		err = json.Unmarshal([]byte(text), &s)
	}
	if err != nil {
		return s, fmt.Errorf("notices of %s: %w", member, err)
	}
	return s, nil
}

// Set keeps what a member chose, which is durable when it returns. Errors: *FieldError.
func (b *Book) Set(ctx context.Context, member string, s Settings) error {
	if err := s.Check(); err != nil {
		return err
	}
	text, err := json.Marshal(s)
	if err == nil {
		_, err = b.db.ExecContext(ctx, `INSERT OR REPLACE INTO settings (member, chosen) VALUES (?, ?)`, member, string(text))
	}
	if err != nil {
		return fmt.Errorf("notices of %s: %w", member, err)
	}
	return nil
}

// Members returns who chose to be told of something.
func (b *Book) Members(ctx context.Context) (all []string, err error) {
	members, err := disk.Column[string](ctx, b.db, `SELECT member FROM settings ORDER BY member`)
	if err != nil {
		return nil, fmt.Errorf("notices: %w", err)
	}
	for _, m := range members {
		s, err := b.Of(ctx, m)
		if err != nil {
			return nil, err
		}
		if s.any() {
			all = append(all, m)
		}
	}
	return all, nil
}

// mostBrowsers is how many browsers a member may subscribe.
const mostBrowsers = 10

// Subscribe has a member told in one more browser. Errors: *FieldError.
func (b *Book) Subscribe(ctx context.Context, member string, at Browser) error {
	var n int
	if err := b.db.QueryRowContext(ctx, `SELECT count(*) FROM browsers WHERE member = ? AND endpoint <> ?`, member, at.Endpoint).Scan(&n); err != nil {
		return fmt.Errorf("notices of %s: %w", member, err)
	}
	if n >= mostBrowsers {
		return &FieldError{"endpoint", fmt.Sprintf("%d browsers are subscribed: take one of them away first", n)}
	}
	_, err := b.db.ExecContext(ctx, `INSERT OR REPLACE INTO browsers (endpoint, member, p256dh, auth) VALUES (?, ?, ?, ?)`, at.Endpoint, member, at.P256dh, at.Auth)
	if err != nil {
		return fmt.Errorf("notices of %s: %w", member, err)
	}
	return nil
}

// Unsubscribe takes a browser of a member away; one that there is not is none to take away.
func (b *Book) Unsubscribe(ctx context.Context, member, endpoint string) error {
	if _, err := b.db.ExecContext(ctx, `DELETE FROM browsers WHERE member = ? AND endpoint = ?`, member, endpoint); err != nil {
		return fmt.Errorf("notices of %s: %w", member, err)
	}
	return nil
}

// Browsers returns the browsers that a member subscribed.
func (b *Book) Browsers(ctx context.Context, member string) (all []Browser, err error) {
	rows, err := b.db.QueryContext(ctx, `SELECT endpoint, p256dh, auth FROM browsers WHERE member = ? ORDER BY endpoint`, member)
	if err != nil {
		return nil, fmt.Errorf("notices of %s: %w", member, err)
	}
	defer rows.Close()
	for rows.Next() {
		var one Browser
		if err := rows.Scan(&one.Endpoint, &one.P256dh, &one.Auth); err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, rows.Err()
}

// Off is what a link turns off.
type Off struct {
	Member  string  `json:"m"`
	Kind    Kind    `json:"k"`
	Channel Channel `json:"c"`
}

// Token returns what a link has that turns a kind off.
func (b *Book) Token(o Off) string {
	text, _ := json.Marshal(o) //nolint:errchkjson // texts alone
	body := base64.RawURLEncoding.EncodeToString(text)
	return body + "." + base64.RawURLEncoding.EncodeToString(b.sign(body))
}

func (b *Book) sign(body string) []byte {
	mac := hmac.New(sha256.New, b.secret)
	mac.Write([]byte("commonwatt notices off\n" + body))
	return mac.Sum(nil)
}

// ErrToken reports a link that this community did not make.
var ErrToken = errors.New("that is no link of this community: turn notices off on the page of your home")

// TurnOff does what a link asks for, which is durable when it returns. Doing it again changes
// nothing. Errors: ErrToken.
func (b *Book) TurnOff(ctx context.Context, token string) (o Off, err error) {
	body, mac, _ := strings.Cut(token, ".")
	signed, err := base64.RawURLEncoding.DecodeString(mac)
	if err != nil || !hmac.Equal(signed, b.sign(body)) {
		return o, ErrToken
	}
	text, err := base64.RawURLEncoding.DecodeString(body)
	if err == nil {
		err = json.Unmarshal(text, &o)
	}
	if err != nil {
		return o, ErrToken
	}
	s, err := b.Of(ctx, o.Member)
	if err != nil || !s.Wants(o.Kind, o.Channel) {
		return o, err
	}
	s.On[o.Kind] = slices.DeleteFunc(s.On[o.Kind], func(c Channel) bool { return c == o.Channel })
	return o, b.Set(ctx, o.Member, s)
}

// Forget forgets what a member chose and was told.
func (b *Book) Forget(ctx context.Context, member string) error {
	for _, forget := range []string{`DELETE FROM settings WHERE member = ?`, `DELETE FROM browsers WHERE member = ?`, `DELETE FROM outbox WHERE member = ?`} {
		if _, err := b.db.ExecContext(ctx, forget, member); err != nil {
			return fmt.Errorf("forget notices: %w", err)
		}
	}
	_, err := b.db.ExecContext(ctx, `VACUUM`)
	return err
}

// put puts a notice into the outbox, unless it was there before.
func (b *Book) put(ctx context.Context, member string, c Channel, n Notice) error {
	text, err := json.Marshal(n)
	if err == nil {
		_, err = b.db.ExecContext(ctx, `INSERT INTO outbox (member, kind, channel, key, notice, state) VALUES (?, ?, ?, ?, ?, 'waiting') ON CONFLICT DO NOTHING`, member, n.Kind, c, n.Key, string(text))
	}
	if err != nil {
		return fmt.Errorf("notice of %s: %w", member, err)
	}
	return nil
}

// waiting is a notice in the outbox.
type waiting struct {
	id      int64
	member  string
	channel Channel
	tries   int
	notice  Notice
}

// next returns what waits to be sent at a wall time.
func (b *Book) next(ctx context.Context, now time.Time) (all []waiting, err error) {
	rows, err := b.db.QueryContext(ctx, `SELECT id, member, channel, tries, notice FROM outbox WHERE state = 'waiting' AND next <= ? ORDER BY id LIMIT 200`, now.Unix())
	if err != nil {
		return nil, fmt.Errorf("notices: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var w waiting
		var text string
		if err := errors.Join(rows.Scan(&w.id, &w.member, &w.channel, &w.tries, &text), json.Unmarshal([]byte(text), &w.notice)); err != nil {
			return nil, fmt.Errorf("notices: %w", err)
		}
		all = append(all, w)
	}
	return all, rows.Err()
}

// sentSince counts what a member was sent by a channel since a wall time.
func (b *Book) sentSince(ctx context.Context, member string, c Channel, t time.Time) (n int, err error) {
	err = b.db.QueryRowContext(ctx, `SELECT count(*) FROM outbox WHERE member = ? AND channel = ? AND sent > ?`, member, c, t.Unix()).Scan(&n)
	return n, err
}

// mark notes what became of a notice; sent and next are wall times, zero: none.
func (b *Book) mark(ctx context.Context, w waiting, state string, sent, next time.Time) error {
	unix := func(t time.Time) int64 {
		if t.IsZero() {
			return 0
		}
		return t.Unix()
	}
	_, err := b.db.ExecContext(ctx, `UPDATE outbox SET state = ?, tries = ?, sent = ?, next = ? WHERE id = ?`, state, w.tries, unix(sent), unix(next), w.id)
	if err != nil {
		return fmt.Errorf("notice of %s: %w", w.member, err)
	}
	return nil
}
