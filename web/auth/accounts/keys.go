package accounts

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/commonwatt/commonwatt/web/auth"
)

// Scope is what the key of a program is good for.
type Scope string

// The scopes.
const (
	Read   Scope = "read"   // looks
	Trade  Scope = "trade"  // trades, and looks
	Limits Scope = "limits" // sets the limits of the home
)

// scheme is that of a scope in openapi.yaml.
func (s Scope) scheme() (auth.Role, bool) {
	r, known := map[Scope]auth.Role{Read: auth.TraderLooks, Trade: auth.Trader, Limits: auth.TraderLimits}[s]
	return r, known
}

// Key is that of a program that acts for one member.
type Key struct {
	ID     string
	Name   string
	Member string
	Scopes []Scope
	Made   time.Time
	Ends   time.Time // it is good for nothing from then on
	Maker  string    // account
}

// Keys keeps the keys of programs.
type Keys struct {
	db    *sql.DB
	clock func() time.Time
	log   *Log
}

const (
	keyPrefix = "cw_"
	mostKeys  = 20 // of a member

	day = 24 * time.Hour

	// UsualKeyDays is for how many days a key is good where nothing is said.
	UsualKeyDays = 365

	// MostKeyDays is for how many days a key is good at most.
	MostKeyDays = 5 * UsualKeyDays

	// KeyWarning is how long before its end somebody is told that a key ends.
	KeyWarning = 14 * day
)

// checkKey tells what is wrong with a key that somebody wants.
func checkKey(k Key) error {
	switch {
	case k.Name == "" || len(k.Name) > mostName || strings.ContainsFunc(k.Name, unicode.IsControl):
		return wrong("name", "say what the key is for, in at most %d bytes", mostName)
	case k.Member == "":
		return wrong("member", "give the member for whom the program acts")
	case len(k.Scopes) == 0:
		return wrong("scopes", "give one at least of read, trade and limits")
	case !k.Ends.After(k.Made) || k.Ends.After(k.Made.Add(MostKeyDays*day)):
		return wrong("days", "a key is good for 1 to %d days", MostKeyDays)
	}
	for _, s := range k.Scopes {
		if _, known := s.scheme(); !known {
			return wrong("scopes", "%q is none: read, trade and limits are", s)
		}
	}
	return nil
}

// Make makes a key and returns it: it is not told again. Ends zero: it is good for UsualKeyDays.
func (all *Keys) Make(ctx context.Context, k Key, by By) (secret string, made Key, err error) {
	k.Name, k.Maker, k.Made = strings.TrimSpace(k.Name), by.Account, all.clock().UTC().Truncate(time.Second)
	if k.Ends = k.Ends.UTC().Truncate(time.Second); k.Ends.IsZero() {
		k.Ends = k.Made.Add(UsualKeyDays * day)
	}
	slices.Sort(k.Scopes)
	k.Scopes = slices.Compact(k.Scopes)
	if err := checkKey(k); err != nil {
		return "", k, err
	}
	secret = keyPrefix + rand.Text() + rand.Text()
	k.ID = rand.Text()
	err = within(ctx, all.db, func(tx *sql.Tx) error {
		var held int
		if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM key WHERE member = ?`, k.Member).Scan(&held); err != nil {
			return err
		}
		if held >= mostKeys {
			return wrong("member", "has %d keys already: remove one first", held)
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO key (digest, id, name, member, scopes, made, expires, maker) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`, digested(secret), k.ID, k.Name, k.Member, joined(k.Scopes), k.Made.Unix(), k.Ends.Unix(), k.Maker)
		return errors.Join(err, all.log.add(ctx, tx, by, KeyMade, k.Name+" for "+k.Member+": "+joined(k.Scopes)+", until "+k.Ends.Format(time.DateOnly)))
	})
	return secret, k, err
}

func joined(scopes []Scope) string {
	texts := make([]string, len(scopes))
	for i, s := range scopes {
		texts[i] = string(s)
	}
	return strings.Join(texts, " ")
}

// Remove removes a key of a member; an empty member is any. ErrNone: there is none.
func (all *Keys) Remove(ctx context.Context, id, member string, by By) error {
	return within(ctx, all.db, func(tx *sql.Tx) error {
		if err := some(tx.ExecContext(ctx, `DELETE FROM key WHERE id = ? AND (member = ? OR ? = '')`, id, member, member)); err != nil {
			return err
		}
		return all.log.add(ctx, tx, by, KeyRemoved, id)
	})
}

// Of returns the keys of a member, of all where none is given; also those that have ended, until
// somebody removes them, so that who wonders why a program is refused sees why.
func (all *Keys) Of(ctx context.Context, member string) (found []Key, err error) {
	rows, err := all.db.QueryContext(ctx, `SELECT id, name, member, scopes, made, expires, maker FROM key WHERE member = ? OR ? = '' ORDER BY made, id`, member, member)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var one Key
		var scopes string
		var made, ends int64
		if err := rows.Scan(&one.ID, &one.Name, &one.Member, &scopes, &made, &ends, &one.Maker); err != nil {
			return nil, err
		}
		one.Made, one.Ends = time.Unix(made, 0).UTC(), time.Unix(ends, 0).UTC()
		for text := range strings.FieldsSeq(scopes) {
			one.Scopes = append(one.Scopes, Scope(text))
		}
		found = append(found, one)
	}
	return found, rows.Err()
}

// Find implements auth.MoreKeys: who holds a key that meets one of the schemes and has not ended. Of what a
// homeowner may look at and set the key's program sees what the homeowner sees, and of what
// viewers alone look at nothing.
func (all *Keys) Find(ctx context.Context, key string, schemes []auth.Role) (p auth.Principal, known bool, err error) {
	if !strings.HasPrefix(key, keyPrefix) {
		return p, false, nil
	}
	var scopes string
	err = all.db.QueryRowContext(ctx, `SELECT id, member, scopes FROM key WHERE digest = ? AND expires > ?`, digested(key), all.clock().Unix()).Scan(&p.Name, &p.Member, &scopes)
	if errors.Is(err, sql.ErrNoRows) {
		return p, false, nil
	}
	switch {
	case err != nil:
		return p, false, err
	case slices.Contains(schemes, auth.Homeowner):
		p.Role = auth.Homeowner
	case slices.Contains(schemes, auth.Viewer):
		return p, false, nil
	default:
		p.Role = auth.Trader
	}
	for text := range strings.FieldsSeq(scopes) {
		if scheme, _ := Scope(text).scheme(); slices.Contains(schemes, scheme) {
			return p, true, nil
		}
	}
	return auth.Principal{}, false, nil
}
