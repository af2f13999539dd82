package accounts

import (
	"context"
	"database/sql"
	"errors"
	"strings"

	"github.com/commonwatt/commonwatt/web/auth"
)

// Entitle gives an account another role or member, ends its sessions, and takes away what it gave out. A community's last
// operator stays one.
func (p *People) Entitle(ctx context.Context, account string, role auth.Role, member string, by By) error {
	member = strings.TrimSpace(member)
	if err := fits(role, member); err != nil {
		return err
	}
	a, err := p.Account(ctx, account)
	if err != nil || a.Role == role && a.Member == member {
		return err
	}
	err = within(ctx, p.db, func(tx *sql.Tx) error {
		if err := some(tx.ExecContext(ctx, `UPDATE account SET role = ?, member = ? WHERE id = ?`, string(role), member, account)); err != nil {
			return err
		}
		return errors.Join(p.end(ctx, tx, account), p.operated(ctx, tx, a), p.void(ctx, tx, account), p.log.add(ctx, tx, by, RoleChanged, a.EMail+" is "+string(role)+" "+member))
	})
	if err == nil {
		p.tell(account)
	}
	return err
}

// void takes away what somebody gave out by rights that are gone: invitations and links to passwords
// that wait, and keys of programs. Else who was an operator comes in again by a link, and who had a
// home looks into it by a key.
func (p *People) void(ctx context.Context, tx *sql.Tx, account string) error {
	if _, err := tx.ExecContext(ctx, `UPDATE link SET used = ? WHERE maker = ? AND used = 0`, p.clock().Unix(), account); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `DELETE FROM key WHERE maker = ?`, account)
	return err
}

// operated refuses a change that leaves a community without an operator.
func (p *People) operated(ctx context.Context, tx *sql.Tx, was Account) error {
	var operators int
	if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM account WHERE role = 'operator'`).Scan(&operators); err != nil {
		return err
	}
	if was.Role == auth.Operator && operators == 0 {
		return wrong("role", "%s is the last operator: invite another first", was.EMail)
	}
	return nil
}

// forget takes away all by which an account is come into beside its password, and what it gave out.
func (p *People) forget(ctx context.Context, tx *sql.Tx, account string, by By) error {
	for _, query := range []string{`DELETE FROM passkey WHERE account = ?`, `DELETE FROM identity WHERE account = ?`} {
		if _, err := tx.ExecContext(ctx, query, account); err != nil {
			return err
		}
	}
	return errors.Join(p.void(ctx, tx, account), p.log.add(ctx, tx, by, OthersForgotten, ""))
}

// Remove removes an account with its sessions, links, passkeys and accounts of other services, and what
// it gave out: links that wait, and the keys of its programs.
func (p *People) Remove(ctx context.Context, account string, by By) error {
	a, err := p.Account(ctx, account)
	if err != nil {
		return err
	}
	err = within(ctx, p.db, func(tx *sql.Tx) error {
		for _, query := range []string{
			`DELETE FROM account WHERE id = ?`, `DELETE FROM session WHERE account = ?`, `DELETE FROM link WHERE account = ?`, `DELETE FROM passkey WHERE account = ?`, `DELETE FROM identity WHERE account = ?`,
		} {
			if _, err := tx.ExecContext(ctx, query, account); err != nil {
				return err
			}
		}
		return errors.Join(p.void(ctx, tx, account), p.operated(ctx, tx, a), p.log.add(ctx, tx, by, Removed, a.EMail))
	})
	if err == nil {
		p.tell(account)
	}
	return err
}

// Rename sets what somebody is called and in which language they read.
func (p *People) Rename(ctx context.Context, account, name, language string, by By) error {
	a, err := p.Account(ctx, account)
	if err != nil {
		return err
	}
	a.Name = name
	if a, err = checked(a); err != nil {
		return err
	}
	return within(ctx, p.db, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `UPDATE account SET name = ?, language = ? WHERE id = ?`, a.Name, language, account); err != nil {
			return err
		}
		return p.log.add(ctx, tx, by, Renamed, a.Name)
	})
}
