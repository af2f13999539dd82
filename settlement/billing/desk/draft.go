package desk

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/commonwatt/commonwatt/settlement/billing"
)

// Left says why there is no bill, or nothing became of one.
type Left struct {
	ID  string `json:"id"` // of the bill, or the member's name
	Why string `json:"why"`
}

// Drafted is what drafting came to.
type Drafted struct {
	Drafts []Record
	Left   []Left
}

// Draft makes the drafts of a month, of all members or of one, in the place of those there
// are. A period that is billed is left alone, and a conflict where one member was asked for.
func (d *Desk) Draft(ctx context.Context, month, member string) (out Drafted, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	p, err := billing.Month(month, d.Zone)
	if err != nil {
		return out, invalid("%v", err)
	}
	if err := d.settled(ctx, p); err != nil {
		return out, err
	}
	priors, err := d.priors(ctx, "")
	if err != nil {
		return out, err
	}
	bills, err := d.make(ctx, p, priors)
	if err != nil {
		return out, err
	}
	earned := map[string][]billing.Reward{}
	if d.Rewards != nil {
		if earned, err = d.Rewards.Earned(ctx, p); err != nil {
			return out, err
		}
	}
	for _, b := range bills {
		if member == "" || b.Member == member {
			b.Rewards = earned[b.Member]
			d.draft(ctx, b, priors[b.Member], &out)
		}
	}
	if member != "" && len(out.Drafts) == 0 {
		if len(out.Left) > 0 {
			return out, conflict("%s %s", out.Left[0].ID, out.Left[0].Why)
		}
		return out, &RefusedError{Missing: true, Reason: fmt.Sprintf("member %q has nothing to bill in %s", member, month)}
	}
	return out, d.together(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM bills WHERE state = ? AND period = ? AND (? = '' OR member = ?)`, Draft, month, member, member); err != nil {
			return fmt.Errorf("bills: %w", err)
		}
		for _, r := range out.Drafts {
			if err := put(ctx, tx, r); err != nil {
				return err
			}
		}
		return nil
	})
}

// draft adds the draft of a bill to what was drafted, and what somebody should know of it; last
// is what the member was billed before.
func (d *Desk) draft(ctx context.Context, b billing.Bill, last billing.Prior, out *Drafted) {
	id := DraftID(b.Period.Name, b.Member)
	tell := func(whose, format string, args ...any) {
		out.Left = append(out.Left, Left{whose, fmt.Sprintf(format, args...)})
	}
	if last.Through.After(b.Period.From) {
		tell(b.Member, "is billed up to %s by bill %s, which is locked: cancel it to bill again", last.Through.In(d.Zone).Format("2006-01-02"), last.Number)
		return
	}
	to, err := d.party(ctx, b.Member)
	if err != nil {
		tell(b.Member, "has no bill: %v", err)
		return
	}
	if err := d.Font.Prints(to); err != nil { // a bill that is approved keeps the name
		tell(id, "is drafted, and %v, before it is approved", err)
	}
	if months := d.skipped(b, last); len(months) > 0 {
		tell(id, "is drafted, and has %s as corrections, for no bill of that time was approved: draft the earlier month first, else nobody bills its standing charges", strings.Join(months, ", "))
	}
	out.Drafts = append(out.Drafts, Record{ID: id, State: Draft, Changed: d.Clock(), Bill: b, Made: Made{From: d.Sender, To: to, Issued: d.Clock().UTC()}})
}

// skipped returns the months before the period that no bill of the member has.
func (d *Desk) skipped(b billing.Bill, last billing.Prior) (months []string) {
	billed := "" // until the beginning of this month
	if !last.Through.IsZero() {
		billed = last.Through.In(d.Zone).Format("2006-01")
	}
	for _, l := range b.Corrections {
		for _, m := range l.Months {
			if m >= billed && !slices.Contains(months, m) {
				months = append(months, m)
			}
		}
	}
	slices.Sort(months)
	return months
}

// settled refuses a period that is not over, whose last intervals are still to be settled, or
// that ended before anything was.
func (d *Desk) settled(ctx context.Context, p billing.Period) error {
	const shown, patience = time.RFC3339, 24 * time.Hour
	now := d.Clock()
	if now.Before(p.To) {
		return invalid("%s is not over: its last interval ends at %s", p.Name, p.To.Format(shown))
	}
	begin, end, err := d.Book.Span(ctx)
	switch {
	case err != nil:
		return err
	case begin.IsZero() || !begin.Before(p.To):
		return invalid("in %s nothing was settled: %s", p.Name, map[bool]string{true: "no interval is yet", false: "the first interval began at " + begin.In(d.Zone).Format(shown)}[begin.IsZero()])
	case end.Before(p.To) && now.Before(p.To.Add(patience)): // later, no more will come of a community that stood still
		return conflict("the last intervals of %s are not settled yet, those up to %s are: draft it again in a while", p.Name, end.In(d.Zone).Format(shown))
	}
	return nil
}

// make drafts the bills of a period up to now.
func (d *Desk) make(ctx context.Context, p billing.Period, priors map[string]billing.Prior) ([]billing.Bill, error) {
	var cut billing.Cut
	var err error
	if cut.Place, err = d.Book.Last(ctx); err != nil {
		return nil, err
	}
	if cut.Leaf, err = d.Ledger.Size(ctx); err != nil {
		return nil, err
	}
	return d.upTo(ctx, p, cut, priors)
}

// upTo drafts the bills of a period up to a cut.
func (d *Desk) upTo(ctx context.Context, p billing.Period, cut billing.Cut, priors map[string]billing.Prior) ([]billing.Bill, error) {
	drafter, err := billing.NewDrafter(billing.Options{
		Community: d.Community, Currency: d.Currency, Digits: d.Digits, Zone: d.Zone, Period: p, Cut: cut, Tariffs: d.Tariffs, Prior: priors,
	})
	if err != nil {
		return nil, err
	}
	accounts, err := d.Book.Accounts(ctx)
	if err != nil {
		return nil, err
	}
	members, owner, leaf := []string{}, map[string]string{}, cut.Leaf
	for _, a := range accounts {
		owner[a.Account] = a.Member
		if !slices.Contains(members, a.Member) {
			members = append(members, a.Member)
			leaf = min(leaf, priors[a.Member].Cut.Leaf)
		}
	}
	if err := d.Book.EachAt(ctx, p.From, p.To, cut.Place, drafter.Interval); err != nil {
		return nil, err
	}
	if err := d.Book.Before(ctx, p.From, drafter.Since(members), cut.Place, drafter.Earlier); err != nil {
		return nil, err
	}
	err = d.Ledger.Outside(ctx, leaf, func(post billing.Posted) error {
		if member, known := owner[post.Account]; known {
			drafter.Post(member, post)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return drafter.Bills()
}
