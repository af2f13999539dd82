package guarantee

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/proof"
)

// Working is how a month's payments came about: all that it takes to reckon them anew. The
// root on the ledger commits to its head and leaves, as they are kept.
type Working struct {
	Head   json.RawMessage   `json:"head"`   // a Head
	Leaves []json.RawMessage `json:"leaves"` // each a Leaf, by member
}

// Head says what was reckoned.
type Head struct {
	Community string         `json:"community"`
	Month     string         `json:"month"`   // local, as in 2026-06
	Begin     string         `json:"begin"`   // of its first interval, RFC 3339, UTC
	End       string         `json:"end"`     // of its last one
	Minutes   int            `json:"minutes"` // of an interval
	Time      string         `json:"time"`    // when it was reckoned, world time, RFC 3339, UTC
	Place     int64          `json:"place"`   // in the book of statements: what came later counts in a later month
	Available grid.Money     `json:"available"`
	Runs      map[string]int `json:"runs,omitempty"` // the last run of an interval, where that is not its first; 0: it has none
	// Corrections are what counts of earlier months.
	Corrections []Correction `json:"corrections,omitempty"`
	Salt        string       `json:"salt"` // without it the root tells nothing
}

// Correction is an interval of an earlier month whose later run changes it.
type Correction struct {
	Interval string `json:"interval"`
	From     int    `json:"from"` // the run that counted; 0: none did
	To       int    `json:"to"`
}

// Leaf is what was reckoned for a member.
type Leaf struct {
	Member  string `json:"member"`  // pseudonym
	Account string `json:"account"` // that is paid to: the member's least
	Salt    string `json:"salt"`

	Sums

	Need grid.Money `json:"need"`
	Paid grid.Money `json:"paid"`
}

// Salts makes what is committed to of a member unguessable; of the community's own the
// member is empty.
type Salts func(member string) (string, error)

// Inputs are what a month is reckoned from.
type Inputs struct {
	Sums     map[string]Sums   // by member, corrections included
	Accounts map[string]string // by member, that is paid to
}

// Reckon makes the working of a month, whose head lacks nothing but its salt. Errors:
// grid.ErrOverflow.
func Reckon(h Head, in Inputs, salts Salts) (Working, error) {
	needs := map[string]grid.Money{}
	for _, who := range slices.Sorted(maps.Keys(in.Sums)) {
		need, err := in.Sums[who].Need()
		if err != nil {
			return Working{}, fmt.Errorf("guarantee of %s: member %s: %w", h.Month, who, err)
		}
		needs[in.Accounts[who]] = need
	}
	paid, err := Allot(h.Month, h.Available, needs)
	if err != nil {
		return Working{}, err
	}
	if h.Salt, err = salts(""); err != nil {
		return Working{}, err
	}
	var w Working
	if w.Head, err = json.Marshal(h); err != nil {
		return w, fmt.Errorf("guarantee of %s: %w", h.Month, err)
	}
	for _, who := range slices.Sorted(maps.Keys(in.Sums)) {
		account := in.Accounts[who]
		l := Leaf{Member: who, Account: account, Sums: in.Sums[who], Need: needs[account], Paid: paid[account]}
		if l.Salt, err = salts(who); err != nil {
			return w, err
		}
		text, err := json.Marshal(l)
		if err != nil {
			return w, fmt.Errorf("guarantee of %s: %w", h.Month, err)
		}
		w.Leaves = append(w.Leaves, text)
	}
	return w, nil
}

// Root is what the ledger's record has of the working.
func (w Working) Root() (string, error) {
	records := [][]byte{w.Head}
	for _, l := range w.Leaves {
		records = append(records, l)
	}
	return proof.Root(records)
}

// Month is a working that was read.
type Month struct {
	Head

	Leaves []Leaf
}

// span returns when the month's first interval begins and its last one ends.
func (h Head) span() (begin, end time.Time, err error) {
	if begin, err = time.Parse(time.RFC3339, h.Begin); err != nil {
		return begin, end, fmt.Errorf("begin: %w", err)
	}
	if end, err = time.Parse(time.RFC3339, h.End); err != nil {
		return begin, end, fmt.Errorf("end: %w", err)
	}
	if h.Minutes <= 0 || end.Before(begin) || end.Sub(begin) > mostIntervals*time.Minute {
		return begin, end, errors.New("begin, end, minutes: are no month")
	}
	return begin, end, nil
}

// mostIntervals bounds a month, so that a bad head costs nothing.
const mostIntervals = 32 * 24 * 60

// Covers tells whether an interval lies between the month's first and last one.
func (h Head) Covers(i grid.Interval) bool {
	begin, end, err := h.span()
	return err == nil && !i.Begin().Before(begin) && i.Begin().Before(end)
}

// RunOf returns the run of one of the month's own intervals that counts, 0 where none does.
func (h Head) RunOf(i grid.Interval) int {
	if run, noted := h.Runs[i.String()]; noted {
		return run
	}
	return 1
}

// Read reads a working and reckons its payments anew from the sums of its leaves. Errors say
// what does not fit.
func (w Working) Read() (m Month, err error) {
	if err := json.Unmarshal(w.Head, &m.Head); err != nil {
		return m, fmt.Errorf("head: %w", err)
	}
	if _, _, err := m.span(); err != nil {
		return m, err
	}
	needs := map[string]grid.Money{}
	for k, text := range w.Leaves {
		var l Leaf
		if err := json.Unmarshal(text, &l); err != nil {
			return m, fmt.Errorf("leaf %d: %w", k, err)
		}
		if k > 0 && m.Leaves[k-1].Member >= l.Member {
			return m, fmt.Errorf("leaf %d: does not come after the one before", k)
		}
		if _, twice := needs[l.Account]; twice {
			return m, fmt.Errorf("account %s: is there twice", l.Account)
		}
		need, err := l.Sums.Need()
		if err != nil || need != l.Need {
			return m, fmt.Errorf("account %s: its sums come to a need of %d, not %d", l.Account, need, l.Need)
		}
		needs[l.Account] = need
		m.Leaves = append(m.Leaves, l)
	}
	paid, err := Allot(m.Month, m.Available, needs)
	if err != nil {
		return m, err
	}
	for _, l := range m.Leaves {
		if paid[l.Account] != l.Paid {
			return m, fmt.Errorf("account %s: is due %d of the fund's %d, not %d", l.Account, paid[l.Account], m.Available, l.Paid)
		}
	}
	return m, nil
}

// Use is a run that counts in a month, once more (1) or once less (-1).
type Use struct {
	Interval grid.Interval
	Run      int
	Sign     int
}

// Uses lists the runs from which the sums of the month come, in order of time, its own
// first.
func (h Head) Uses() ([]Use, error) {
	begin, end, err := h.span()
	if err != nil {
		return nil, err
	}
	var all []Use
	noted := 0
	for i := grid.IntervalAt(begin, h.Minutes); i.Begin().Before(end); i = i.Shift(1) {
		if _, is := h.Runs[i.String()]; is {
			noted++
		}
		if run := h.RunOf(i); run > 0 {
			all = append(all, Use{i, run, 1})
		}
	}
	if noted != len(h.Runs) {
		return nil, errors.New("runs: has intervals of another month")
	}
	for _, c := range h.Corrections {
		i, err := grid.ParseInterval(c.Interval)
		if err != nil {
			return nil, fmt.Errorf("corrections: %w", err)
		}
		if !i.Begin().Before(begin) || c.From < 0 || c.To <= c.From {
			return nil, fmt.Errorf("corrections: %s run %d after %d is none of an earlier month", c.Interval, c.To, c.From)
		}
		all = append(all, Use{i, c.To, 1})
		if c.From > 0 {
			all = append(all, Use{i, c.From, -1})
		}
	}
	return all, nil
}

// Tally adds up what runs came to.
type Tally map[string]Sums // by member

// Take adds what a run came to for each member, or takes it away.
func (t Tally) Take(of map[string]Sums, sign int) (err error) {
	for _, who := range slices.Sorted(maps.Keys(of)) {
		if sign > 0 {
			t[who], err = t[who].Plus(of[who])
		} else {
			t[who], err = t[who].Minus(of[who])
		}
		if err != nil {
			return fmt.Errorf("guarantee: sums of %s: %w", who, err)
		}
	}
	return nil
}
