package statements

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement"
)

// adding is a transaction that adds rows.
type adding struct {
	book  *Book
	tx    *sql.Tx
	owner Owner
	known int // names that are kept
}

func (a *adding) add(ctx context.Context, run settlement.Run) error {
	i, err := grid.ParseInterval(run.Manifest.Interval)
	if err != nil {
		return err
	}
	var there bool
	err = a.tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM runs WHERE start = ? AND minutes = ? AND run = ?)`, i.Start, i.Minutes, run.Manifest.Run).Scan(&there)
	if err != nil || there {
		return err
	}
	owner, err := a.ownerOf(ctx, i, run.Manifest.Run)
	if err != nil {
		return err
	}
	row, err := rowOf(i, run, owner)
	if err != nil {
		return err
	}
	packed := a.book.pack(row)
	if err := a.keepNames(ctx); err != nil {
		return err
	}
	if run.Manifest.Run == 1 {
		for k := range row.Points {
			p := &row.Points[k]
			if p.Account == "" {
				continue
			}
			if _, err := a.tx.ExecContext(ctx, `INSERT INTO owners (account, member, point) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`, p.Account, p.Member, p.MeteringPoint); err != nil {
				return err
			}
		}
	}
	_, err = a.tx.ExecContext(ctx, `INSERT INTO runs (start, minutes, run, place, row) SELECT ?, ?, ?, coalesce(max(place), 0) + 1, ? FROM runs`, i.Start, i.Minutes, run.Manifest.Run, packed)
	return err
}

// ownerOf returns the owners as the first run of an interval knew them.
func (a *adding) ownerOf(ctx context.Context, i grid.Interval, run int) (Owner, error) {
	if run == 1 {
		return a.owner, nil
	}
	var packed []byte
	err := a.tx.QueryRowContext(ctx, `SELECT row FROM runs WHERE start = ? AND minutes = ? AND run = 1`, i.Start, i.Minutes).Scan(&packed)
	if errors.Is(err, sql.ErrNoRows) {
		return a.owner, nil
	}
	if err != nil {
		return nil, err
	}
	first := Interval{Interval: i}
	if err := a.book.unpack(packed, &first, ""); err != nil {
		return nil, err
	}
	return func(point string) (member, account string, err error) {
		k := slices.IndexFunc(first.Points, func(p Point) bool { return p.MeteringPoint == point })
		if k < 0 {
			return a.owner(point)
		}
		return first.Points[k].Member, first.Points[k].Account, nil
	}, nil
}

func (a *adding) keepNames(ctx context.Context) error {
	a.book.mu.RLock()
	fresh := slices.Clone(a.book.names[a.known:])
	a.book.mu.RUnlock()
	for _, name := range fresh {
		if _, err := a.tx.ExecContext(ctx, `INSERT INTO names (id, name) VALUES (?, ?)`, a.known, name); err != nil {
			return err
		}
		a.known++
	}
	return nil
}

// rowOf returns what one run says.
func rowOf(i grid.Interval, run settlement.Run, owner Owner) (*Interval, error) {
	row := &Interval{Interval: i, Run: run.Manifest.Run, Frozen: run.Frozen, Estimated: run.Manifest.Estimated, Points: make([]Point, len(run.Statements))}
	at := map[string]int{}
	for k, s := range run.Statements {
		member, account, err := owner(s.MeteringPoint)
		if err != nil {
			return nil, fmt.Errorf("metering point %s: %w", s.MeteringPoint, err)
		}
		row.Points[k] = Point{
			MeteringPoint: s.MeteringPoint, Member: member, Account: account, Quality: s.Quality, Metered: s.Metered, Cover: s.Cover,
			Deviation: s.Deviation, Rates: run.Counted(s), Components: s.Components, Net: s.Net, RetailOnly: s.RetailOnly, Without: s.Alone(), WithoutEstimated: s.WithoutEstimated, WithoutFlow: s.WithoutFlow,
		}
		if account != "" {
			at[account] = k
		}
	}
	for _, p := range run.Postings() {
		for _, side := range []struct {
			account, other string
			sign           int64
		}{{p.Debit, p.Credit, -1}, {p.Credit, p.Debit, 1}} {
			sums := row.sumsOf(side.account, at)
			s := Sum{Reason: p.Reason, Counterpart: counterpart(side.other), Money: p.Amount * grid.Money(side.sign), Energy: p.Energy * grid.Energy(-side.sign)}
			if err := add(sums, s); err != nil {
				return nil, fmt.Errorf("account %s: %w", side.account, err)
			}
		}
	}
	return row, nil
}

// sumsOf returns where an account's sums are.
func (i *Interval) sumsOf(account string, at map[string]int) *[]Sum {
	if k, found := at[account]; found {
		return &i.Points[k].Sums
	}
	return &i.other(account).Sums
}

func (i *Interval) other(account string) *Account {
	k := slices.IndexFunc(i.Others, func(a Account) bool { return a.Name == account })
	if k < 0 {
		i.Others = append(i.Others, Account{Name: account})
		k = len(i.Others) - 1
	}
	return &i.Others[k]
}

func counterpart(account string) string {
	if slices.Contains(record.SystemAccounts(), account) {
		return account
	}
	return Members
}

// add adds to the sum of the same reason, counterpart and direction of the energy: what an
// account bought stays apart from what it sold. Errors: grid.ErrOverflow.
func add(sums *[]Sum, s Sum) (err error) {
	for k := range *sums {
		t := &(*sums)[k]
		if t.Reason != s.Reason || t.Counterpart != s.Counterpart || (t.Energy < 0) != (s.Energy < 0) {
			continue
		}
		t.Energy += s.Energy // bounded by what a run may meter and trade
		t.Money, err = t.Money.Add(s.Money)
		return err
	}
	*sums = append(*sums, s)
	return nil
}
