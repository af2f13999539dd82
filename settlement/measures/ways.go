package measures

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/settlement/sharing"
	"github.com/commonwatt/commonwatt/settlement/statements"
)

// ByDynamicKey are the rules that a market is held against: in each interval what all gave goes to
// all who took, in proportion to what they took, at the middle between what it saves and what the
// utility pays for it. Nothing is traded and there is no pool.
func ByDynamicKey() settlement.Rules {
	rules := settlement.DefaultRules()
	rules.Pool = settlement.Off
	rules.Key = &settlement.Key{Scheme: sharing.Scheme{Key: sharing.Key{Kind: sharing.Dynamic}}, Price: settlement.KeyPrice{By: settlement.ByMidpoint}}
	return rules
}

// Otherwise is what all members would have received by simpler ways, + receives, without fees of lines.
type Otherwise struct {
	Key grid.Money // for what was metered, by ByDynamicKey
	// Rules is for what would have been metered with batteries by their own logic and cars at once, what is
	// over shared by the pool at its middle price. Intervals in Unknown are left out.
	Rules   grid.Money
	Unknown int // intervals of which it was not noted what would have been metered
}

// Ways reckons the simpler ways. It remembers what it reckoned of an interval, and reckons it anew where a later run
// changed it. The zero Ways is ready. It is not safe for concurrent use.
type Ways struct {
	of map[grid.Interval]way
}

// way is what an interval comes to.
type way struct {
	place int64 // of the run in the book
	Otherwise
}

// Of reckons the intervals that begin in [from, to), and forgets all others.
func (w *Ways) Of(ctx context.Context, book Book, from, to time.Time) (sum Otherwise, err error) {
	now := map[grid.Interval]way{}
	err = book.Each(ctx, from, to, func(i *statements.Interval) error {
		x, reckoned := w.of[i.Interval]
		if !reckoned || x.place != i.Place {
			one, err := otherwise(i)
			if err != nil {
				return fmt.Errorf("measures: %s by simpler ways: %w", i.Interval, err)
			}
			x = way{i.Place, one}
		}
		now[i.Interval] = x
		return sum.add(x.Otherwise)
	})
	w.of = now
	return sum, err
}

func (o *Otherwise) add(x Otherwise) (err error) {
	o.Unknown += x.Unknown
	if o.Key, err = o.Key.Add(x.Key); err == nil {
		o.Rules, err = o.Rules.Add(x.Rules)
	}
	return err
}

// otherwise reckons one interval.
func otherwise(i *statements.Interval) (o Otherwise, err error) {
	if o.Key, err = netUnder(i, ByDynamicKey()); err != nil {
		return o, err
	}
	apart := *i
	apart.Points = slices.Clone(i.Points)
	for k := range apart.Points {
		flow, known := apart.Points[k].Apart()
		if !known {
			o.Unknown = 1
			return o, nil
		}
		apart.Points[k].Metered = flow
	}
	o.Rules, err = netUnder(&apart, settlement.DefaultRules())
	return o, err
}

// netUnder is what all members would have received together by other rules.
func netUnder(i *statements.Interval, rules settlement.Rules) (net grid.Money, err error) {
	all, err := i.Under(rules)
	for _, s := range all {
		if net, err = net.Add(s.Net); err != nil {
			return 0, err
		}
	}
	return net, err
}
