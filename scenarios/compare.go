package scenarios

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/parquet-go/parquet-go"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/usage"
)

// Comparison holds several replays against each other, member by member.
type Comparison struct {
	Currency string         `json:"currency"`
	Replays  []Compared     `json:"replays"`
	Members  []ComparedHome `json:"members"` // by name
	Together []grid.Money   `json:"together"`
	Notes    []string       `json:"notes,omitempty"` // in what they differ beside their sharing
}

// Compared is a replay of a comparison.
type Compared struct {
	Dir      string `json:"dir"`
	Sharing  string `json:"sharing"` // by which rule
	WorseOff int    `json:"members_worse_off"`
	Replayed
}

// ComparedHome is what a member has by each of the replays, in their order. Money is in
// millionths of the currency unit, + receives.
type ComparedHome struct {
	Member  string        `json:"member"`
	Net     []grid.Money  `json:"net"`
	Without []grid.Money  `json:"without"` // without the community
	Shared  []grid.Energy `json:"shared"`  // Wh from neighbours: trades, pool and key
}

// Compare reads the results of replays. What cannot be compared is the caller's to mend.
func Compare(dirs []string) (Comparison, error) {
	var c Comparison
	homes := map[string]*ComparedHome{}
	for k, dir := range dirs {
		s, rows, err := readResult(dir)
		if err != nil {
			return c, err
		}
		if k == 0 {
			c.Currency = s.Currency
		}
		if s.Currency != c.Currency {
			return c, usage.Errorf("%s: is in %s, %s in %s: compare replays of one currency", dirs[0], c.Currency, dir, s.Currency)
		}
		c.Replays = append(c.Replays, Compared{Dir: dir, Sharing: s.sharing(), WorseOff: s.WorseOff, Replayed: s.Replayed})
		c.Together = append(c.Together, s.Net)
		for _, row := range rows {
			h := homes[row.Member]
			if h == nil {
				h = &ComparedHome{Member: row.Member, Net: make([]grid.Money, len(dirs)), Without: make([]grid.Money, len(dirs)), Shared: make([]grid.Energy, len(dirs))}
				homes[row.Member] = h
			}
			if h.Net[k], err = h.Net[k].Add(grid.Money(row.Net)); err == nil {
				h.Without[k], err = h.Without[k].Add(grid.Money(row.Without))
			}
			if err != nil {
				return c, fmt.Errorf("%s: member %s: %w", dir, row.Member, err)
			}
			h.Shared[k] += grid.Energy(min(row.Bought, row.Import) + row.PoolBought + row.KeyBought)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(homes)) {
		c.Members = append(c.Members, *homes[name])
	}
	c.Notes = c.differences()
	return c, nil
}

// readResult reads what a replay wrote.
func readResult(dir string) (s Summary, rows []statementRow, err error) {
	b, err := os.ReadFile(filepath.Join(dir, summaryFile)) //nolint:gosec // the directory is the user's
	if err != nil {
		return s, nil, usage.Errorf("%s: is no result of a replay: %w", dir, err)
	}
	if err := json.Unmarshal(b, &s); err != nil {
		return s, nil, usage.Errorf("%s: %s cannot be read: %w", dir, summaryFile, err)
	}
	path := filepath.Join(dir, "statements.parquet")
	if rows, err = parquet.ReadFile[statementRow](path); err != nil {
		return s, nil, usage.Errorf("%s cannot be read: %w: replay the scenario again", path, err)
	}
	return s, rows, nil
}

// sharing says in a few words by which rule it was shared.
func (s Summary) sharing() string {
	k := s.Sharing
	if k == nil {
		return "market, pool " + string(cmp.Or(s.SharingRules.Pool.Price, settlement.Midpoint))
	}
	return k.Words(s.Currency)
}

// differences says in what the replays differ beside their sharing: then the numbers tell of
// that too.
func (c Comparison) differences() (notes []string) {
	first := c.Replays[0]
	for _, r := range c.Replays[1:] {
		for what, differ := range map[string]bool{
			"another scenario": r.ScenarioDigest != first.ScenarioDigest, "another seed": r.Seed != first.Seed, "another version of the program": r.Version != first.Version,
			"other strategies": r.Strategy != first.Strategy || !maps.Equal(r.Strategies, first.Strategies),
		} {
			if differ {
				notes = append(notes, fmt.Sprintf("%s is of %s than %s", r.Dir, what, first.Dir))
			}
		}
	}
	slices.Sort(notes)
	return notes
}

// amount writes money with two decimals and its sign, none of nothing.
func amount(m grid.Money) string {
	text := fmt.Sprintf("%+.2f", float64(m)/millionth)
	if strings.Trim(text, "+-0.") == "" {
		return "0.00"
	}
	return text
}

// Print writes the comparison as people read it.
func (c Comparison) Print(out io.Writer) error {
	var b bytes.Buffer
	for k, r := range c.Replays {
		name := r.Sharing
		if r.Scenario != "" {
			name = r.Scenario + ": " + name
		}
		fmt.Fprintf(&b, "%d  %s (%s), %d of %d members worse off than without the community\n", k+1, name, r.Dir, r.WorseOff, len(c.Members))
	}
	fmt.Fprintln(&b)
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "MEMBER\t")
	for k := range c.Replays {
		fmt.Fprintf(w, "%d: %s\t", k+1, c.Currency)
		if k > 0 {
			fmt.Fprintf(w, "%d − 1\t", k+1)
		}
		fmt.Fprintf(w, "kWh SHARED\t")
	}
	fmt.Fprintln(w)
	line := func(name string, net []grid.Money, shared []grid.Energy) {
		fmt.Fprintf(w, "%s\t", name)
		for k := range net {
			fmt.Fprintf(w, "%s\t", amount(net[k]))
			if k > 0 {
				fmt.Fprintf(w, "%s\t", amount(net[k]-net[0]))
			}
			fmt.Fprintf(w, "%.2f\t", float64(shared[k])/kilo)
		}
		fmt.Fprintln(w)
	}
	all := make([]grid.Energy, len(c.Replays))
	for _, m := range c.Members {
		line(m.Member, m.Net, m.Shared)
		for k := range all {
			all[k] += m.Shared[k]
		}
	}
	line("together", c.Together, all)
	if err := w.Flush(); err != nil {
		return err
	}
	for _, note := range c.Notes {
		fmt.Fprintln(&b, "note:", note)
	}
	_, err := b.WriteTo(out)
	return err
}
