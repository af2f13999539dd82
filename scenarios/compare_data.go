package scenarios

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/settlement/statements"
	"github.com/commonwatt/commonwatt/usage"
)

// CompareData holds what the members of a community had in the intervals that begin in
// [from, to), by its data directory, against what they would have had under other rules, of
// the same metered energy (see statements.Interval.Under). What cannot be compared is the
// caller's to mend.
func CompareData(ctx context.Context, dir, currency string, from, to time.Time, rules settlement.Rules) (c Comparison, err error) {
	path := filepath.Join(dir, statements.File)
	if _, err := os.Stat(path); err != nil {
		return c, usage.Errorf("--data: %s has no book of statements yet: it begins with the first settled interval of this version: %w", dir, err)
	}
	book, err := statements.Open(ctx, path)
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, book.Close()) }()
	members, intervals, err := book.Under(ctx, from, to, rules)
	if err != nil {
		return c, err
	}
	if intervals == 0 {
		return c, usage.Errorf("--data: %s has no settled interval in that time: give other days with --from and --to", dir)
	}
	c.Currency, c.Together = currency, make([]grid.Money, 2) //nolint:mnd // as it was, and as it would have been
	was, would := Compared{Dir: dir, Sharing: "as it was settled"}, Compared{Dir: dir}
	would.Sharing = (Summary{Currency: currency, Replayed: Replayed{SharingRules: SharingRules{Sharing: rules.Key}}}).sharing()
	if rules.Key == nil {
		would.Sharing += ", without trades"
	}
	for _, m := range members {
		c.Members = append(c.Members, ComparedHome{
			Member: m.Name, Net: []grid.Money{m.Net, m.Would}, Without: []grid.Money{m.Without, m.Without}, Shared: []grid.Energy{m.Shared, m.Shares},
		})
		for k, net := range []grid.Money{m.Net, m.Would} {
			if c.Together[k], err = c.Together[k].Add(net); err != nil {
				return c, err
			}
		}
		if settlement.WorseOff(m.Net, m.Without, m.Worth) {
			was.WorseOff++
		}
		if settlement.WorseOff(m.Would, m.Without, m.Worth) {
			would.WorseOff++
		}
	}
	c.Replays = []Compared{was, would}
	c.Notes = []string{"the same metered energy, without trades and without the fees of lines: what homes would have done otherwise is not known"}
	return c, nil
}
