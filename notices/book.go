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

// File is where a data directory keeps what recipients chose, what waits to be sent, and the keys.
const File = "notices.db"

// Book keeps what recipients chose and the outbox.
type Book struct {
	db     *sql.DB
	secret []byte // signs the links that turn a kind off
}

// Recipient is who is told of a home: each account of the member chooses for itself, has its own
// address, language and browsers, and is told each notice once. The two together: what an
// account chose for one home counts for no other.
type Recipient struct {
	Account string // of who has signed in
	Member  string // whose home it is
}

func (r Recipient) String() string { return r.Member + " (account " + r.Account + ")" }

// Browser is one that a recipient subscribed (Push API): where a push service takes messages for
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
		CREATE TABLE IF NOT EXISTS settings (account TEXT NOT NULL, member TEXT NOT NULL, chosen TEXT NOT NULL, PRIMARY KEY (account, member));
		CREATE TABLE IF NOT EXISTS browsers (endpoint TEXT PRIMARY KEY, account TEXT NOT NULL, member TEXT NOT NULL, p256dh TEXT NOT NULL, auth TEXT NOT NULL);
		CREATE TABLE IF NOT EXISTS outbox (
			id INTEGER PRIMARY KEY, account TEXT NOT NULL, member TEXT NOT NULL, kind TEXT NOT NULL, channel TEXT NOT NULL, key TEXT NOT NULL, notice TEXT NOT NULL, state TEXT NOT NULL,
			tries INTEGER NOT NULL DEFAULT 0, next INTEGER NOT NULL DEFAULT 0, sent INTEGER NOT NULL DEFAULT 0, -- unix s, wall time
			UNIQUE (account, member, kind, channel, key)
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

// Of returns what a recipient chose; nothing where the recipient chose nothing.
func (b *Book) Of(ctx context.Context, r Recipient) (s Settings, err error) {
	var text string
	err = b.db.QueryRowContext(ctx, `SELECT chosen FROM settings WHERE account = ? AND member = ?`, r.Account, r.Member).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return s, nil
	}
	if err == nil {
		err = json.Unmarshal([]byte(text), &s)
	}
	if err != nil {
		return s, fmt.Errorf("notices of %s: %w", r, err)
	}
	return s, nil
}

// Set keeps what a recipient chose, which is durable when it returns. Errors: *FieldError.
func (b *Book) Set(ctx context.Context, r Recipient, s Settings) error {
	if err := s.Check(); err != nil {
		return err
	}
	text, err := json.Marshal(s)
	if err == nil {
		_, err = b.db.ExecContext(ctx, `INSERT OR REPLACE INTO settings (account, member, chosen) VALUES (?, ?, ?)`, r.Account, r.Member, string(text))
	}
	if err != nil {
		return fmt.Errorf("notices of %s: %w", r, err)
	}
	return nil
}

// Recipients returns all who chose something, and be it to be told of nothing, or subscribed a browser.
func (b *Book) Recipients(ctx context.Context) (all []Recipient, err error) {
	rows, err := b.db.QueryContext(ctx, `SELECT account, member FROM settings UNION SELECT account, member FROM browsers ORDER BY member, account`)
	if err != nil {
		return nil, fmt.Errorf("notices: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var r Recipient
		if err := rows.Scan(&r.Account, &r.Member); err != nil {
			return nil, fmt.Errorf("notices: %w", err)
		}
		all = append(all, r)
	}
	return all, rows.Err()
}

// mostBrowsers is how many browsers a recipient may subscribe.
const mostBrowsers = 10

// Subscribe has a recipient told in one more browser, which tells nobody else from then on. Errors:
// *FieldError.
func (b *Book) Subscribe(ctx context.Context, r Recipient, at Browser) error {
	var n int
	if err := b.db.QueryRowContext(ctx, `SELECT count(*) FROM browsers WHERE account = ? AND member = ? AND endpoint <> ?`, r.Account, r.Member, at.Endpoint).Scan(&n); err != nil {
		return fmt.Errorf("notices of %s: %w", r, err)
	}
	if n >= mostBrowsers {
		return &FieldError{"endpoint", fmt.Sprintf("%d browsers are subscribed: take one of them away first", n)}
	}
	_, err := b.db.ExecContext(ctx, `INSERT OR REPLACE INTO browsers (endpoint, account, member, p256dh, auth) VALUES (?, ?, ?, ?, ?)`, at.Endpoint, r.Account, r.Member, at.P256dh, at.Auth)
	if err != nil {
		return fmt.Errorf("notices of %s: %w", r, err)
	}
	return nil
}

// Unsubscribe takes a browser of a recipient away; one that there is not is none to take away.
func (b *Book) Unsubscribe(ctx context.Context, r Recipient, endpoint string) error {
	if _, err := b.db.ExecContext(ctx, `DELETE FROM browsers WHERE account = ? AND member = ? AND endpoint = ?`, r.Account, r.Member, endpoint); err != nil {
		return fmt.Errorf("notices of %s: %w", r, err)
	}
	return nil
}

// Browsers returns the browsers that a recipient subscribed.
func (b *Book) Browsers(ctx context.Context, r Recipient) (all []Browser, err error) {
	rows, err := b.db.QueryContext(ctx, `SELECT endpoint, p256dh, auth FROM browsers WHERE account = ? AND member = ? ORDER BY endpoint`, r.Account, r.Member)
	if err != nil {
		return nil, fmt.Errorf("notices of %s: %w", r, err)
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
	Account string  `json:"a,omitempty"` // empty in links of before accounts chose for themselves: of all who read of the home
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
	all, err := b.Recipients(ctx)
	if err != nil {
		return o, err
	}
	for _, r := range all {
		if r.Member == o.Member && (r.Account == o.Account || o.Account == "") {
			if err := b.turnOff(ctx, r, o.Kind, o.Channel); err != nil {
				return o, err
			}
		}
	}
	return o, nil
}

func (b *Book) turnOff(ctx context.Context, r Recipient, k Kind, c Channel) error {
	s, err := b.Of(ctx, r)
	if err != nil || !s.Wants(k, c) {
		return err
	}
	s.On[k] = slices.DeleteFunc(s.On[k], func(one Channel) bool { return one == c })
	return b.Set(ctx, r, s)
}

// Leave forgets what a recipient chose and was told: the account is gone, or another home's.
func (b *Book) Leave(ctx context.Context, r Recipient) error {
	for _, forget := range []string{`DELETE FROM settings WHERE account = ? AND member = ?`, `DELETE FROM browsers WHERE account = ? AND member = ?`, `DELETE FROM outbox WHERE account = ? AND member = ?`} {
		if _, err := b.db.ExecContext(ctx, forget, r.Account, r.Member); err != nil {
			return fmt.Errorf("forget notices of %s: %w", r, err)
		}
	}
	return nil
}

// Forget forgets what all recipients of a member's home chose and were told.
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
func (b *Book) put(ctx context.Context, r Recipient, c Channel, n Notice) error {
	text, err := json.Marshal(n)
	if err == nil {
		_, err = b.db.ExecContext(ctx, `INSERT INTO outbox (account, member, kind, channel, key, notice, state) VALUES (?, ?, ?, ?, ?, ?, 'waiting') ON CONFLICT DO NOTHING`, r.Account, r.Member, n.Kind, c, n.Key, string(text))
	}
	if err != nil {
		return fmt.Errorf("notice of %s: %w", r, err)
	}
	return nil
}

// waiting is a notice in the outbox.
type waiting struct {
	id        int64
	recipient Recipient
	channel   Channel
	tries     int
	notice    Notice
}

// next returns what waits to be sent at a wall time.
func (b *Book) next(ctx context.Context, now time.Time) (all []waiting, err error) {
	rows, err := b.db.QueryContext(ctx, `SELECT id, account, member, channel, tries, notice FROM outbox WHERE state = 'waiting' AND next <= ? ORDER BY id LIMIT 200`, now.Unix())
	if err != nil {
		return nil, fmt.Errorf("notices: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var w waiting
		var text string
		if err := errors.Join(rows.Scan(&w.id, &w.recipient.Account, &w.recipient.Member, &w.channel, &w.tries, &text), json.Unmarshal([]byte(text), &w.notice)); err != nil {
			return nil, fmt.Errorf("notices: %w", err)
		}
		all = append(all, w)
	}
	return all, rows.Err()
}

// sentSince counts what a recipient was sent by a channel since a wall time.
func (b *Book) sentSince(ctx context.Context, r Recipient, c Channel, t time.Time) (n int, err error) {
	err = b.db.QueryRowContext(ctx, `SELECT count(*) FROM outbox WHERE account = ? AND member = ? AND channel = ? AND sent > ?`, r.Account, r.Member, c, t.Unix()).Scan(&n)
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
		return fmt.Errorf("notice of %s: %w", w.recipient, err)
	}
	return nil
}
