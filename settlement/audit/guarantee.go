package audit

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/proof"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/settlement/guarantee"
)

// Guarantees has the workings of months that the fund guaranteed.
type Guarantees interface {
	// Guarantee returns the working of a month by its root, nil when it is not here.
	Guarantee(month, root string) ([]byte, error)
}

// GuaranteeDir is where a data directory keeps the workings of guaranteed months, and
// guaranteeFile where a bundle has them.
const (
	GuaranteeDir  = "guarantee"
	guaranteeFile = "guarantee.jsonl"
)

// KeptGuarantees keeps the workings of months in a folder, a file each. It implements
// Guarantees.
type KeptGuarantees struct{ Dir string }

func (k KeptGuarantees) file(month, root string) string {
	return filepath.Join(k.Dir, month+"-"+root[:min(len(root), 16)]+".json") //nolint:mnd // enough to tell tries apart
}

// Keep keeps a working durably, whatever was kept under its root before.
func (k KeptGuarantees) Keep(month, root string, w guarantee.Working) error {
	text, err := json.Marshal(w)
	if err != nil {
		return fmt.Errorf("keep guarantee of %s: %w", month, err)
	}
	if err := disk.MakeFolder(k.Dir); err != nil {
		return fmt.Errorf("keep guarantee of %s: %w", month, err)
	}
	return disk.Replace(k.file(month, root), append(text, '\n'), disk.Private)
}

// Guarantee implements Guarantees.
func (k KeptGuarantees) Guarantee(month, root string) ([]byte, error) {
	text, err := os.ReadFile(k.file(month, root))
	if os.IsNotExist(err) {
		return nil, nil
	}
	return bytes.TrimSpace(text), err
}

// Resettle makes a run anew from a kept working, its metering points named by their accounts.
func Resettle(text []byte) (settlement.Run, error) {
	var w Working
	if err := json.Unmarshal(text, &w); err != nil {
		return settlement.Run{}, fmt.Errorf("working: %w", err)
	}
	i, err := grid.ParseInterval(w.Interval)
	if err != nil {
		return settlement.Run{}, fmt.Errorf("working: %w", err)
	}
	in := settlement.Input{Community: w.Community, Interval: i, Run: w.Run, Tariff: w.Tariff, First: &w.Basis, Metered: make([]record.Metered, len(w.Leaves))}
	for k, leaf := range w.Leaves {
		var l record.Leaf
		if err := json.Unmarshal(leaf, &l); err != nil {
			return settlement.Run{}, fmt.Errorf("working of %s: leaf %d: %w", w.Interval, k, err)
		}
		in.Metered[k] = l.Metered
	}
	return settlement.Settle(in)
}

// guaranteed is what a judge knows of the months that the fund guaranteed.
type guaranteed struct {
	recorded map[string]chaincode.GuaranteedMonth // on the ledger, by month
	told     map[string]guarantee.Month           // whose working is here
	uses     map[string][]use                     // in which months a run counts, by its name
	sums     map[string]guarantee.Tally           // of the runs that were computed anew, by month
	seen     map[string]int                       // how many of them
	all      map[string]int                       // and of how many
}

type use struct {
	month string
	sign  int
}

func newGuaranteed() guaranteed {
	return guaranteed{
		recorded: map[string]chaincode.GuaranteedMonth{}, told: map[string]guarantee.Month{}, uses: map[string][]use{},
		sums: map[string]guarantee.Tally{}, seen: map[string]int{}, all: map[string]int{},
	}
}

// learn notes a record of the ledger.
func (g *guaranteed) learn(value json.RawMessage) error {
	var m chaincode.GuaranteedMonth
	err := json.Unmarshal(value, &m)
	g.recorded[m.Month] = m
	return err
}

// Guarantees judges the guaranteed months: each record against its working, the working
// against itself, and the payments on the ledger against what the working says. It comes before
// the runs, from which the months are reckoned anew. paid are all postings of the guarantee.
func (j *Judge) Guarantees(from Guarantees, paid []record.Posting) error {
	payments := map[string]map[string]grid.Money{}
	for _, p := range paid {
		month, account, _ := strings.Cut(p.Reference, "/")
		if _, known := j.months.recorded[month]; !known || p.Debit != record.Fund || p.Credit != account {
			if err := j.Note(&TamperedError{What: "is a guarantee of no month that was recorded, or to another account", Postings: []string{p.ID}}); err != nil {
				return err
			}
			continue
		}
		if payments[month] == nil {
			payments[month] = map[string]grid.Money{}
		}
		payments[month][account] = p.Amount
	}
	for _, month := range slices.Sorted(maps.Keys(j.months.recorded)) {
		text, err := from.Guarantee(month, j.months.recorded[month].Root)
		if err != nil {
			return err
		}
		if text == nil {
			continue
		}
		if err := j.guarantee(month, text, payments[month]); err != nil {
			if err := j.Note(&TamperedError{What: "guarantee of " + month + ": " + err.Error()}); err != nil {
				return err
			}
		}
	}
	return nil
}

func (j *Judge) guarantee(month string, text []byte, paid map[string]grid.Money) error {
	var w guarantee.Working
	if err := json.Unmarshal(text, &w); err != nil {
		return err
	}
	root, err := w.Root()
	if err != nil {
		return err
	}
	on := j.months.recorded[month]
	if root != on.Root {
		return fmt.Errorf("its working is not the one that the ledger's record commits to")
	}
	m, err := w.Read()
	if m.Head.Month != month || m.Community != on.Community {
		return fmt.Errorf("its working is of %q in %q", m.Head.Month, m.Community)
	}
	if err != nil {
		return err
	}
	for _, l := range m.Leaves {
		if member := j.points[l.Account].Value.Member; member != l.Member {
			return fmt.Errorf("account %s: counts as one of the member %s, the registry says otherwise", l.Account, l.Member)
		}
		if paid[l.Account] != l.Paid {
			return fmt.Errorf("account %s: got %d, its working says %d", l.Account, paid[l.Account], l.Paid)
		}
		delete(paid, l.Account)
	}
	for _, account := range slices.Sorted(maps.Keys(paid)) {
		return fmt.Errorf("account %s: got %d, its working says nothing of it", account, paid[account])
	}
	uses, err := m.Uses()
	if err != nil {
		return err
	}
	for _, u := range uses {
		name := fmt.Sprintf("%s/%s/%d", m.Community, u.Interval, u.Run)
		j.months.uses[name] = append(j.months.uses[name], use{month, u.Sign})
	}
	j.months.told[month], j.months.all[month], j.months.sums[month] = m, len(uses), guarantee.Tally{}
	return nil
}

// take counts a run that was computed anew in the months of which it is part.
func (g *guaranteed) take(name string, run settlement.Run) error {
	uses := g.uses[name]
	if len(uses) == 0 {
		return nil
	}
	of, err := guarantee.Of(run)
	if err != nil {
		return err
	}
	for _, u := range uses {
		if err := g.sums[u.month].Take(of, u.sign); err != nil {
			return err
		}
		g.seen[u.month]++
	}
	return nil
}

// finish compares what was reckoned anew with the workings, and counts.
func (g *guaranteed) finish(c *Checked) error {
	for _, month := range slices.Sorted(maps.Keys(g.recorded)) {
		m, told := g.told[month]
		if !told || g.seen[month] < g.all[month] {
			c.MonthsWithout++
			continue
		}
		sums := g.sums[month]
		for _, l := range m.Leaves {
			if sums[l.Member] != l.Sums {
				return &TamperedError{What: fmt.Sprintf("guarantee of %s: account %s was reckoned with %+v, its runs come to %+v", month, l.Account, l.Sums, sums[l.Member])}
			}
			delete(sums, l.Member)
		}
		for _, who := range slices.Sorted(maps.Keys(sums)) {
			if need, err := sums[who].Need(); err != nil || need > 0 {
				return &TamperedError{What: fmt.Sprintf("guarantee of %s: the member %s was left out", month, who)}
			}
		}
		c.Months++
	}
	return nil
}

// guarantees writes the workings of the months that the records have.
func (b *bundleWriter) guarantees(from Guarantees) error {
	if from == nil || len(b.months) == 0 {
		return nil
	}
	return b.file(guaranteeFile, func(w io.Writer) error {
		for _, month := range slices.Sorted(maps.Keys(b.months)) {
			text, err := from.Guarantee(month, b.months[month])
			if err != nil || text == nil {
				return err
			}
			if err := writeLine(w, text); err != nil {
				return err
			}
		}
		return nil
	})
}

// bundledGuarantees are the workings in a bundle, by month and root.
type bundledGuarantees map[[2]string][]byte

// Guarantee implements Guarantees.
func (b bundledGuarantees) Guarantee(month, root string) ([]byte, error) {
	return b[[2]string{month, root}], nil
}

// openBundledGuarantees reads the workings of a bundle, which may have none.
func openBundledGuarantees(b *proof.Bundle) (bundledGuarantees, error) {
	all := bundledGuarantees{}
	if _, has := b.Contents.Files[guaranteeFile]; !has {
		return all, nil
	}
	err := b.Lines(guaranteeFile, func(line int, text []byte) error {
		var w guarantee.Working
		var h guarantee.Head
		err := json.Unmarshal(text, &w)
		if err == nil {
			err = json.Unmarshal(w.Head, &h)
		}
		if err != nil {
			return &proof.BundleError{File: guaranteeFile, Line: line, What: err.Error()}
		}
		root, err := w.Root()
		if err != nil {
			return err
		}
		if _, twice := all[[2]string{h.Month, root}]; twice {
			return &proof.BundleError{File: guaranteeFile, Line: line, What: "is told twice"}
		}
		all[[2]string{h.Month, root}] = bytes.Clone(text)
		return nil
	})
	return all, err
}

// tellGuarantees has a judge judge the guaranteed months of a ledger.
func (j *Judge) tellGuarantees(ctx context.Context, x Verified, from Guarantees) error {
	if from == nil || len(j.months.recorded) == 0 {
		return nil
	}
	paid, err := x.PostingsBy(ctx, chaincode.ReasonGuarantee)
	if err != nil {
		return err
	}
	return j.Guarantees(from, paid)
}

// bundledMonths has a judge judge the guaranteed months of a bundle, outside being its
// postings outside of the runs.
func (j *Judge) bundledMonths(b *proof.Bundle, outside []record.Posting) error {
	from, err := openBundledGuarantees(b)
	if err != nil {
		return err
	}
	paid := slices.DeleteFunc(slices.Clone(outside), func(p record.Posting) bool { return p.Reason != chaincode.ReasonGuarantee })
	return j.Guarantees(from, paid)
}
