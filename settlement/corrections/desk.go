package corrections

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/commonwatt/commonwatt/community/drive"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/official"
	"github.com/commonwatt/commonwatt/meters/official/archive"
)

// Desk is where the operator imports the grid operator's values and compares them.
type Desk struct {
	Runner   *Runner
	Compare  Comparer
	Minutes  int // of a delivery interval
	Zone     *time.Location
	Points   func() []string           // metering points that are read now
	Owner    func(point string) string // the member whose it is; empty: nobody's
	Replaced func(point string, i grid.Interval) bool
	Blind    func(what string) (string, error) // the community's secret of it
	Held     Held

	importing sync.Mutex // one import at a time: what is news depends on those before
}

// Comparer tells what was metered here. A *drive.Settler is one.
type Comparer interface {
	// Signed returns what was metered in an interval by metering point, nil when it is not
	// settled.
	Signed(ctx context.Context, i grid.Interval) (map[string]grid.Flow, error)
	// Compare settles an interval both ways, nil when it is not settled.
	Compare(ctx context.Context, i grid.Interval, values map[string]drive.OfficialValue) (*drive.Compared, error)
}

// Files returns what was imported, and how many intervals wait to be corrected.
func (d *Desk) Files(ctx context.Context) (all []archive.File, waiting int, err error) {
	if waiting, err = d.Runner.Archive.Waiting(ctx); err != nil {
		return nil, 0, err
	}
	all, err = d.Runner.Archive.Files(ctx)
	return all, waiting, err
}

// Upload is a file of official values as it was sent.
type Upload struct {
	Name    string
	Format  string // empty: to be found out
	File    []byte
	Mapping []byte // nil: none was sent
	Apply   bool   // import it when nothing is wrong with it; else look at it alone
}

// Import is what became of an Upload.
type Import struct {
	Format  string
	Unread  official.FileError // why it could not be read, and what else does not fit
	Preview *official.Preview  // nil where it could not be read
	Already bool               // the same was imported before, and nothing changes
	Applied bool               // the values count from now on
	Waits   bool               // it is kept, and counts once the ledger has it
	Digest  string             // as it stands on the ledger; empty: it was not imported
}

// Import looks at a file, and imports it when that is wanted and nothing is wrong with it. What
// is wrong with the file is part of the answer and no error.
func (d *Desk) Import(ctx context.Context, u Upload) (Import, error) {
	d.importing.Lock()
	defer d.importing.Unlock()
	done := Import{Format: u.Format}
	parsed, problems := d.parse(u)
	if problems != nil {
		if len(parsed.Values) > 0 { // what could be read may not fit either
			preview, err := d.look(ctx, parsed)
			if err != nil {
				return done, err
			}
			problems = slices.Concat(problems, preview.Problems).Sorted()
		}
		done.Unread = problems
		return done, nil
	}
	done.Format = string(parsed.Format)
	content, mapping := hexDigest(u.File), ""
	if u.Mapping != nil {
		mapping = hexDigest(u.Mapping)
	}
	before, err := d.Runner.Archive.Find(ctx, content, mapping)
	if err != nil {
		return done, err
	}
	preview, err := d.look(ctx, parsed)
	if err != nil {
		return done, err
	}
	done.Preview = &preview
	switch {
	case before != nil && before.Recorded:
		done.Already, done.Digest = true, before.Digest
		return done, nil
	case !u.Apply || len(preview.Problems) > 0:
		return done, nil
	case before != nil: // the program ended before the ledger had it
		return d.count(ctx, done, *before), nil
	case len(preview.News) == 0:
		done.Already = true
		return done, nil
	}
	f, err := d.file(u, parsed.Format, time.Unix(preview.From, 0), time.Unix(preview.Until, 0), preview.Values)
	if err != nil {
		return done, err
	}
	if err := d.Runner.Archive.Stage(ctx, f, archive.News{Values: preview.News, Minutes: d.Minutes, Owner: d.Owner}); err != nil {
		return done, err
	}
	return d.count(ctx, done, f), nil
}

// count has the ledger record a file that was staged, from when on its values count.
func (d *Desk) count(ctx context.Context, done Import, f archive.File) Import {
	defer d.Runner.imported()
	done.Digest = f.Digest
	if err := d.Runner.put(ctx, f); err != nil {
		d.Runner.Log.ErrorContext(ctx, "official values do not count yet", slog.String("file", f.Name), slog.String("error", err.Error()))
		done.Waits = true
		return done
	}
	done.Applied = true
	return done
}

func hexDigest(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// parse reads a file by its mapping.
func (d *Desk) parse(u Upload) (official.File, official.FileError) {
	o := official.Options{Format: official.Format(u.Format), Zone: d.Zone}
	if u.Mapping != nil {
		m, err := official.ReadMapping(u.Mapping)
		if err != nil {
			return official.File{}, official.FileError{{Field: "mapping", Text: err.Error()}}
		}
		if m.TimeZone != "" {
			if o.Zone, err = time.LoadLocation(m.TimeZone); err != nil {
				return official.File{}, official.FileError{{Field: "mapping", Text: fmt.Sprintf("time_zone: %q is not known: write it as in Europe/Vienna", m.TimeZone)}}
			}
		}
		o.Mapping = m
	}
	f, err := official.Parse(u.File, o)
	if problems, wrong := err.(official.FileError); wrong { //nolint:errorlint // Parse returns no other error
		return f, problems
	}
	return f, nil
}

// look compares a file with what is known, and with what was metered here.
func (d *Desk) look(ctx context.Context, f official.File) (official.Preview, error) {
	c := official.Community{Minutes: d.Minutes, Points: map[string]bool{}, Known: map[official.Key]official.Told{}}
	for _, point := range d.Points() {
		c.Points[point] = true
	}
	signed := map[grid.Interval]map[string]grid.Flow{}
	from, until := f.Values[0].Start, int64(0)
	for _, v := range f.Values {
		from, until = min(from, v.Start), max(until, v.End())
		i := grid.IntervalAt(time.Unix(v.Start, 0), c.Minutes)
		if _, done := signed[i]; done {
			continue
		}
		flows, err := d.Compare.Signed(ctx, i)
		if err != nil {
			return official.Preview{}, err
		}
		signed[i] = flows
		for point := range flows {
			c.Points[point] = true
		}
	}
	c.Signed = func(i grid.Interval) map[string]grid.Flow { return signed[i] }
	known, err := d.Runner.Archive.Known(ctx, from, until)
	for _, k := range known {
		c.Known[k.Key] = k
	}
	return official.Look(f, c), err
}
