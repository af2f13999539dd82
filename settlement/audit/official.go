package audit

import (
	"errors"
	"fmt"
	"slices"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/proof"
	"github.com/commonwatt/commonwatt/record"
)

// officially checks what was metered by the grid operator: the files that say so are on the
// ledger and reach over the interval. What they say stands with the grid operator; that the
// leaf is the one which the run was settled by is held by its reading root.
func (j *Judge) officially(i grid.Interval, l record.Leaf) error {
	switch {
	case l.Batches != [4]proof.Digest{} || l.Only != "":
		return errors.New("counts as the grid operator's value, and names readings")
	case len(l.Official) == 0:
		return errors.New("counts as the grid operator's value, but names no file of such values")
	case !slices.IsSorted(l.Official) || len(slices.Compact(slices.Clone(l.Official))) != len(l.Official):
		return errors.New("names its files of official values in another order, or one twice")
	}
	for _, digest := range l.Official {
		f, recorded := j.files[digest]
		if !recorded {
			return fmt.Errorf("was settled by the file of official values %s, which is not on the ledger", digest)
		}
		if !f.Covers(i) {
			return fmt.Errorf("was settled by the file of official values %s, which reaches from %s to %s", digest, f.From, f.Until)
		}
	}
	j.Checked.Official++
	return nil
}
