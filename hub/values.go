package hub

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/commonwatt/commonwatt/config"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/official"
	"github.com/commonwatt/commonwatt/meters/official/archive"
	"github.com/commonwatt/commonwatt/web"
	"github.com/commonwatt/commonwatt/web/api"
)

// valuesDesk is where the operator imports the grid operator's values. It implements
// web.Values.
type valuesDesk struct {
	market      *market
	corrections *corrections
	zone        *time.Location
	importing   sync.Mutex // one import at a time: what is news depends on those before
}

func (d *valuesDesk) billsBy() string {
	if d.corrections.bills {
		return config.ByOfficial
	}
	return config.BySigned
}

// Files implements web.Values.
func (d *valuesDesk) Files(ctx context.Context) (f api.ValuesFiles, err error) {
	f.BillsBy = api.ValuesFilesBillsBy(d.billsBy())
	if f.Waiting, err = d.corrections.archive.Waiting(ctx); err != nil {
		return f, err
	}
	all, err := d.corrections.archive.Files(ctx)
	for _, one := range all {
		f.Files = append(f.Files, api.ValuesFile{
			Name: one.Name, Format: string(one.Format), Content: one.Content, Mapping: one.Mapping, Salt: one.Salt, Digest: one.Digest,
			Imported: one.Imported, From: one.From, Until: one.Until, Values: one.Values, Changed: one.Changed, Recorded: one.Recorded,
		})
	}
	return f, err
}

// Import implements web.Values.
func (d *valuesDesk) Import(ctx context.Context, u web.ValuesUpload) (api.ValuesImport, error) {
	d.importing.Lock()
	defer d.importing.Unlock()
	done := api.ValuesImport{Corrects: d.corrections.bills, Format: u.Format}
	parsed, problems := d.parse(u)
	if problems != nil {
		done.Problems = problemsShown(problems)
		return done, nil
	}
	done.Format = string(parsed.Format)
	content, mapping := hexDigest(u.File), ""
	if u.Mapping != nil {
		mapping = hexDigest(u.Mapping)
	}
	before, err := d.corrections.archive.Find(ctx, content, mapping)
	if err != nil {
		return done, err
	}
	preview, err := d.look(ctx, parsed)
	if err != nil {
		return done, err
	}
	show(&done, preview)
	switch {
	case before != nil && before.Recorded:
		done.Already, done.Digest = true, &before.Digest
		return done, nil
	case !u.Apply || len(preview.Problems) > 0:
		return done, nil
	case before != nil: // the program ended before the ledger had it
		return d.count(ctx, done, *before)
	case len(preview.News) == 0:
		done.Already = true
		return done, nil
	}
	salt, err := d.market.records.ledger.Names.Blind(communitysSecret, "official/"+content+mapping)
	if err != nil {
		return done, err
	}
	f := archive.File{
		Content: content, Mapping: mapping, Salt: salt, Digest: hexDigest([]byte(salt + content + mapping)), Name: u.Name, Format: parsed.Format,
		Imported: d.market.site.clock().UTC(), From: time.Unix(preview.From, 0).UTC(), Until: time.Unix(preview.Until, 0).UTC(), Values: preview.Values,
	}
	if err := d.corrections.archive.Stage(ctx, f, archive.News{Values: preview.News, Minutes: d.market.site.plan.Market.Minutes, Owner: d.market.host.Owner}); err != nil {
		return done, err
	}
	return d.count(ctx, done, f)
}

// communitysSecret is the member whose secret blinds what is the community's own.
const communitysSecret = "/community"

// count has the ledger record a file that was staged, from when on its values count.
func (d *valuesDesk) count(ctx context.Context, done api.ValuesImport, f archive.File) (api.ValuesImport, error) {
	defer d.corrections.imported()
	done.Digest = &f.Digest
	if err := d.corrections.put(ctx, f); err != nil {
		d.market.log.ErrorContext(ctx, "official values do not count yet", slog.String("file", f.Name), slog.String("error", err.Error()))
		done.Notes = append(done.Notes, api.ValuesNote{Text: "the file is kept, and counts once the ledger, which does not take it now, has it: nothing has to be done"})
		return done, nil
	}
	done.Applied = true
	return done, nil
}

func hexDigest(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// parse reads a file by its mapping.
func (d *valuesDesk) parse(u web.ValuesUpload) (official.File, official.FileError) {
	o := official.Options{Format: official.Format(u.Format), Zone: d.zone}
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
func (d *valuesDesk) look(ctx context.Context, f official.File) (official.Preview, error) {
	c := official.Community{Minutes: d.market.site.plan.Market.Minutes, Points: map[string]bool{}, Known: map[official.Key]official.Told{}}
	for _, m := range d.market.records.metering.All() {
		c.Points[m.MeteringPoint] = true
	}
	signed := map[grid.Interval]map[string]grid.Flow{}
	from, until := f.Values[0].Start, int64(0)
	for _, v := range f.Values {
		from, until = min(from, v.Start), max(until, v.End())
		i := grid.IntervalAt(time.Unix(v.Start, 0), c.Minutes)
		if _, done := signed[i]; done {
			continue
		}
		flows, err := d.market.settle.Signed(ctx, i)
		if err != nil {
			return official.Preview{}, err
		}
		signed[i] = flows
		for point := range flows {
			c.Points[point] = true
		}
	}
	c.Signed = func(i grid.Interval) map[string]grid.Flow { return signed[i] }
	known, err := d.corrections.archive.Known(ctx, from, until)
	for _, k := range known {
		c.Known[k.Key] = k
	}
	return official.Look(f, c), err
}

// mostNotes is how many notes are told.
const mostNotes = 500

// show puts a preview into the API's terms.
func show(into *api.ValuesImport, p official.Preview) {
	into.Values, into.New, into.Changed, into.Same = p.Values, p.New, p.Changed, p.Same
	into.From, into.Until = new(time.Unix(p.From, 0).UTC()), new(time.Unix(p.Until, 0).UTC())
	into.Problems = problemsShown(p.Problems)
	for _, one := range p.Points {
		into.Points = append(into.Points, api.ValuesPoint{
			Point: one.Point, Source: one.Source, Values: one.Values, SignedImport: int64(one.Signed.Import), SignedExport: int64(one.Signed.Export),
			OfficialImport: int64(one.Official.Import), OfficialExport: int64(one.Official.Export),
		})
	}
	for _, c := range p.Changes {
		into.Changes = append(into.Changes, api.ValuesChange{
			Point: c.After.Point, Time: time.Unix(c.After.Start, 0).UTC(), Code: string(c.After.Code), Direction: string(c.After.Direction),
			Before: int64(c.Before.Energy), After: int64(c.After.Energy), BeforeQuality: int(c.Before.Quality), AfterQuality: int(c.After.Quality),
		})
	}
	for k, n := range p.Notes {
		if k == mostNotes {
			into.Notes = append(into.Notes, api.ValuesNote{Text: fmt.Sprintf("and %d notes more", len(p.Notes)-mostNotes)})
			break
		}
		into.Notes = append(into.Notes, api.ValuesNote{Line: n.Line, Text: n.Text})
	}
}

func problemsShown(all official.FileError) (shown []api.ValuesProblem) {
	for _, p := range all {
		shown = append(shown, api.ValuesProblem{Line: p.Line, Field: cmp.Or(p.Field, ""), Text: p.Text})
	}
	return shown
}
