package disk

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// byAccount is the step from version 5 to 6: links know who made them, and notices are the accounts'.
func byAccount(d *Dir) error { return errors.Join(makersOfLinks(d), noticesByAccount(d)) }

// makersOfLinks has links to sign in know who made them. Of those that wait it is not known.
func makersOfLinks(d *Dir) error {
	done := func(columns []string) bool { return slices.Contains(columns, "maker") }
	return alter(d.File("accounts.db"), "link", done, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `ALTER TABLE link ADD COLUMN maker TEXT NOT NULL DEFAULT ''`)
		return err
	})
}

// noticesByAccount: what homeowners are told was chosen by the
// member, and is by the account. Each account of a member begins with what the member had chosen and
// had been told. Browsers go to the member's oldest account, since it is not known who subscribed
// them, and none is told twice. What a demonstration's guests chose stays theirs.
func noticesByAccount(d *Dir) error {
	done := func(columns []string) bool { return columns[0] == "account" }
	return alter(d.File("notices.db"), "settings", done, func(ctx context.Context, tx *sql.Tx) error {
		recipients, err := homeowners(d.File("accounts.db"))
		if err != nil {
			return fmt.Errorf("accounts.db: %w", err)
		}
		return noticesAnew(ctx, tx, recipients)
	})
}

// alter has a step change the database at path in one transaction. It does nothing where the file or
// the table is not there, or where the table's columns say that the step was done.
func alter(path, table string, done func(columns []string) bool, change func(context.Context, *sql.Tx) error) (err error) {
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	db, err := OpenSQLite(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	ctx := context.Background()
	columns, err := Column[string](ctx, db, `SELECT name FROM pragma_table_info(?)`, table)
	if err != nil || len(columns) == 0 || done(columns) {
		return err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := change(ctx, tx); err != nil {
		return errors.Join(fmt.Errorf("%s: %w", filepath.Base(path), err), tx.Rollback())
	}
	return tx.Commit()
}

// homeowner is an account of a member's home.
type homeowner struct{ account, member string }

// homeowners are the accounts of homeowners in a book of accounts, the oldest first; none where
// there is no book.
func homeowners(path string) (all []homeowner, err error) {
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	db, err := OpenSQLite(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	rows, err := db.QueryContext(context.Background(), `SELECT id, member FROM account WHERE role = 'homeowner' ORDER BY created, id`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var one homeowner
		if err := rows.Scan(&one.account, &one.member); err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, rows.Err()
}

// guests is the account under which a demonstration's guests choose.
const guests = "guest"

func noticesAnew(ctx context.Context, tx *sql.Tx, recipients []homeowner) error {
	for _, query := range []string{
		`CREATE TEMP TABLE recipient (account TEXT NOT NULL, member TEXT NOT NULL, place INTEGER NOT NULL)`,
		`ALTER TABLE settings RENAME TO settings_before`, `ALTER TABLE browsers RENAME TO browsers_before`, `ALTER TABLE outbox RENAME TO outbox_before`, `DROP INDEX IF EXISTS outbox_waits`,
		`CREATE TABLE settings (account TEXT NOT NULL, member TEXT NOT NULL, chosen TEXT NOT NULL, PRIMARY KEY (account, member))`,
		`CREATE TABLE browsers (endpoint TEXT PRIMARY KEY, account TEXT NOT NULL, member TEXT NOT NULL, p256dh TEXT NOT NULL, auth TEXT NOT NULL)`,
		`CREATE TABLE outbox (
			id INTEGER PRIMARY KEY, account TEXT NOT NULL, member TEXT NOT NULL, kind TEXT NOT NULL, channel TEXT NOT NULL, key TEXT NOT NULL, notice TEXT NOT NULL, state TEXT NOT NULL,
			tries INTEGER NOT NULL DEFAULT 0, next INTEGER NOT NULL DEFAULT 0, sent INTEGER NOT NULL DEFAULT 0,
			UNIQUE (account, member, kind, channel, key)
		)`,
		`CREATE INDEX outbox_waits ON outbox (state, next)`,
	} {
		if _, err := tx.ExecContext(ctx, query); err != nil {
			return err
		}
	}
	for place, r := range recipients {
		if _, err := tx.ExecContext(ctx, `INSERT INTO temp.recipient (account, member, place) VALUES (?, ?, ?)`, r.account, r.member, place); err != nil {
			return err
		}
	}
	for _, query := range []string{
		`INSERT INTO temp.recipient SELECT '` + guests + `', member, 0 FROM (SELECT member FROM settings_before UNION SELECT member FROM browsers_before UNION SELECT member FROM outbox_before)
			WHERE member NOT IN (SELECT member FROM temp.recipient)`,
		`INSERT INTO settings (account, member, chosen) SELECT r.account, s.member, s.chosen FROM settings_before s JOIN temp.recipient r ON r.member = s.member`,
		`INSERT INTO browsers (endpoint, account, member, p256dh, auth) SELECT b.endpoint, r.account, b.member, b.p256dh, b.auth FROM browsers_before b JOIN temp.recipient r ON r.member = b.member
			WHERE r.place = (SELECT min(place) FROM temp.recipient WHERE member = b.member)`,
		`INSERT INTO outbox (account, member, kind, channel, key, notice, state, tries, next, sent)
			SELECT r.account, o.member, o.kind, o.channel, o.key, o.notice, o.state, o.tries, o.next, o.sent FROM outbox_before o JOIN temp.recipient r ON r.member = o.member ORDER BY o.id, r.place`,
		`DROP TABLE settings_before`, `DROP TABLE browsers_before`, `DROP TABLE outbox_before`, `DROP TABLE temp.recipient`,
	} {
		if _, err := tx.ExecContext(ctx, query); err != nil {
			return err
		}
	}
	return nil
}
