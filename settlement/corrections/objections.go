package corrections

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/official"
	"github.com/commonwatt/commonwatt/meters/official/archive"
)

// Held returns what counts of an interval at the metering points that were a member's in it;
// nil where it had none, or the interval is not settled.
type Held func(ctx context.Context, member string, i grid.Interval) (map[string]Counted, error)

// Counted is what an interval is settled by at a metering point.
type Counted struct {
	Flow    grid.Flow
	Quality grid.Quality
}

// Point is what is known of an interval at a metering point.
type Point struct {
	Name    string
	Metered grid.Flow // here, or what was put in its place; it stays whatever else counts
	Counted
}

// Claim is what a member objects to, and what it says instead.
type Claim struct {
	Point    string
	Interval grid.Interval
	Flow     grid.Flow // Wh, ≥ 0
	Reason   string
}

// Verdict is what somebody decides about an objection.
type Verdict struct {
	Accept  bool
	Quality official.Quality // of an accepted one: Replaced or Estimated
	Answer  string           // why
	Role    string           // of who decides
}

// A RefusedError says why something cannot be done with an objection. Conflict: it is decided,
// or there is one already; Missing: there is none.
type RefusedError struct {
	Conflict, Missing bool
	Reason            string
}

func (e *RefusedError) Error() string { return e.Reason }

// Refused tells of which kind it is.
func (e *RefusedError) Refused() (missing, conflict bool) { return e.Missing, e.Conflict }

func invalid(format string, args ...any) error {
	return &RefusedError{Reason: fmt.Sprintf(format, args...)}
}

const (
	mostReason = 500        // characters
	mostOpen   = 100        // objections of a member
	mostEnergy = 10_000_000 // Wh in an interval; of a quarter-hour that is 40 MW
	mostListed = 1000       // objections that are listed at once
)

// Known returns what is known of an interval at the metering points that were a member's in it,
// by name. Errors: *RefusedError.
func (d *Desk) Known(ctx context.Context, member string, i grid.Interval) ([]Point, error) {
	if i != grid.IntervalAt(i.Begin(), d.Minutes) {
		return nil, invalid("interval: %s is none of this community: they have %d minutes, and begin at full ones", i, d.Minutes)
	}
	signed, err := d.Compare.Signed(ctx, i)
	if err != nil {
		return nil, err
	}
	held, err := d.Held(ctx, member, i)
	if err != nil {
		return nil, err
	}
	var all []Point
	for name, counted := range held {
		if metered, some := signed[name]; some {
			all = append(all, Point{Name: name, Metered: metered, Counted: counted})
		}
	}
	slices.SortFunc(all, func(a, b Point) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

// Object keeps a member's objection to what counts at one of its metering points. It is durable
// when the call returns, and changes nothing until somebody accepts it (Decide). Errors:
// *RefusedError.
func (d *Desk) Object(ctx context.Context, member string, c Claim) (archive.Objection, error) {
	c.Reason = strings.TrimSpace(c.Reason)
	if err := c.check(); err != nil {
		return archive.Objection{}, err
	}
	points, err := d.Known(ctx, member, c.Interval)
	if err != nil {
		return archive.Objection{}, err
	}
	at := slices.IndexFunc(points, func(p Point) bool { return p.Name == c.Point })
	switch {
	case at < 0:
		return archive.Objection{}, invalid("metering_point, interval: nothing was settled for %s at %q as a metering point of yours", c.Interval, c.Point)
	case points[at].Flow == c.Flow && points[at].Quality != grid.Estimated:
		return archive.Objection{}, invalid("import, export: these are the values that count already")
	}
	open, err := d.Runner.Archive.Objections(ctx, member, archive.StateOpen, mostOpen)
	if err != nil {
		return archive.Objection{}, err
	}
	if len(open) >= mostOpen {
		return archive.Objection{}, &RefusedError{Conflict: true, Reason: fmt.Sprintf("%d objections of yours are open: wait until some are decided, or withdraw one", mostOpen)}
	}
	o, err := d.Runner.Archive.Object(ctx, archive.Objection{
		Member: member, Point: c.Point, Interval: c.Interval, Claimed: c.Flow, Metered: points[at].Metered, Reason: c.Reason, Filed: d.Runner.Clock(),
	})
	return o, inTerms(err)
}

func (c Claim) check() error {
	for name, e := range map[string]grid.Energy{"import": c.Flow.Import, "export": c.Flow.Export} {
		if e < 0 || e > mostEnergy {
			return invalid("%s: %d Wh: must be from 0 to %d", name, e, mostEnergy)
		}
	}
	return checkText("reason", c.Reason)
}

func checkText(name, text string) error {
	switch n := utf8.RuneCountInString(text); {
	case n == 0:
		return invalid("%s: is missing: say why", name)
	case n > mostReason:
		return invalid("%s: has %d characters, and may have %d", name, n, mostReason)
	}
	return nil
}

// inTerms says what is wrong with an objection as a *RefusedError.
func inTerms(err error) error {
	switch {
	case errors.Is(err, archive.ErrNoObjection):
		return &RefusedError{Missing: true, Reason: archive.ErrNoObjection.Error()}
	case errors.Is(err, archive.ErrDecided):
		return &RefusedError{Conflict: true, Reason: archive.ErrDecided.Error()}
	case errors.Is(err, archive.ErrOpenAlready):
		return &RefusedError{Conflict: true, Reason: archive.ErrOpenAlready.Error()}
	}
	return err
}

// Objections returns objections, the last first: of one member where one is named, in one state
// where one is.
func (d *Desk) Objections(ctx context.Context, member string, state archive.ObjectionState) ([]archive.Objection, error) {
	if state != "" && !slices.Contains(archive.ObjectionStates(), state) {
		return nil, invalid("state: %q is none of %v", state, archive.ObjectionStates())
	}
	return d.Runner.Archive.Objections(ctx, member, state, mostListed)
}

// Contested returns all objections that there are, the last first.
func (d *Desk) Contested(ctx context.Context) ([]archive.Objection, error) {
	return d.Runner.Archive.Objections(ctx, "", "", -1)
}

// Withdraw takes an open objection of a member back. Errors: *RefusedError.
func (d *Desk) Withdraw(ctx context.Context, member string, id int64) error {
	o, err := d.Runner.Archive.Objection(ctx, id)
	if err != nil {
		return inTerms(err)
	}
	if o.Member != member {
		return inTerms(archive.ErrNoObjection)
	}
	return inTerms(d.Runner.Archive.Decide(ctx, id, archive.Decision{State: archive.StateWithdrawn, Time: d.Runner.Clock()}, nil, archive.News{}))
}

// Decide accepts or refuses an open objection, once and for all. An accepted one becomes a file
// of official values with one interval (claimFile), which is kept with the decision, counts from
// when on the ledger has its digest, and has the interval settled again. What had been metered
// stays. Errors: *RefusedError.
func (d *Desk) Decide(ctx context.Context, id int64, v Verdict) (archive.Objection, error) {
	v.Answer = strings.TrimSpace(v.Answer)
	if err := checkText("reason", v.Answer); err != nil {
		return archive.Objection{}, err
	}
	d.importing.Lock()
	defer d.importing.Unlock()
	o, err := d.Runner.Archive.Objection(ctx, id)
	if err != nil {
		return o, inTerms(err)
	}
	decided := archive.Decision{State: archive.StateRefused, Answer: v.Answer, Role: v.Role, Time: d.Runner.Clock()}
	if !v.Accept {
		err = d.Runner.Archive.Decide(ctx, id, decided, nil, archive.News{})
	} else {
		err = d.accept(ctx, o, v.Quality, decided)
	}
	if err != nil {
		return o, inTerms(err)
	}
	return d.Runner.Archive.Objection(ctx, id)
}

// accept keeps an accepted objection with the file that it becomes, and has the ledger record
// that. Where the ledger does not answer now, it is recorded later.
func (d *Desk) accept(ctx context.Context, o archive.Objection, q official.Quality, decided archive.Decision) error {
	if q != official.Replaced && q != official.Estimated {
		return invalid("quality: an accepted value is replaced or estimated: it was not measured")
	}
	upload := claimFile(o, q)
	known, err := d.Runner.Archive.Known(ctx, o.Interval.Start, o.Interval.End().Unix())
	if err != nil {
		return err
	}
	if slices.ContainsFunc(known, func(k official.Told) bool { return k.Point == o.Point && k.Minutes < o.Interval.Minutes }) {
		return &RefusedError{Conflict: true, Reason: fmt.Sprintf("the grid operator's values of %s at %s are finer than the interval: import a file in which they are right, and refuse this with that reason", o.Point, o.Interval)}
	}
	parsed, problems := d.parse(upload)
	if problems != nil {
		return fmt.Errorf("objection %d: the file that it becomes: %w", o.ID, problems)
	}
	f, err := d.file(upload, parsed.Format, o.Interval.Begin(), o.Interval.End(), len(parsed.Values))
	if err != nil {
		return err
	}
	decided.State, decided.Quality, decided.Digest = archive.StateAccepted, q, f.Digest
	owner := func(string) string { return o.Member }
	if err := d.Runner.Archive.Decide(ctx, o.ID, decided, &f, archive.News{Values: parsed.Values, Minutes: d.Minutes, Owner: owner}); err != nil {
		return err
	}
	d.count(ctx, Import{}, f)
	return nil
}

// claimMapping says what the columns of the file are that an accepted objection becomes.
const claimMapping = `unit: Wh
minutes: %d
time: {column: time, format: rfc3339}
point: {column: metering_point}
quality: {column: quality, values: {replaced: 2, estimated: 3}}
values:
  - {column: import, code: "1-1:1.9.0 G.01"}
  - {column: export, code: "1-1:2.9.0 G.01"}
`

// claimFile is the file that an accepted objection becomes, the same whenever it is made: who
// knows the objection can make it, and hold its digest against the ledger's.
func claimFile(o archive.Objection, q official.Quality) Upload {
	quality := map[official.Quality]string{official.Replaced: "replaced", official.Estimated: "estimated"}[q]
	text := fmt.Sprintf("objection,time,metering_point,import,export,quality\n%d,%s,%s,%d,%d,%s\n",
		o.ID, o.Interval.Begin().Format(time.RFC3339), quoted(o.Point), o.Claimed.Import, o.Claimed.Export, quality)
	return Upload{Name: fmt.Sprintf("objection-%d.csv", o.ID), File: []byte(text), Mapping: fmt.Appendf(nil, claimMapping, o.Interval.Minutes), Apply: true}
}

// quoted is a field of CSV.
func quoted(text string) string { return `"` + strings.ReplaceAll(text, `"`, `""`) + `"` }

// file is what is kept of a file that is imported now.
func (d *Desk) file(u Upload, format official.Format, from, until time.Time, values int) (archive.File, error) {
	content, mapping := hexDigest(u.File), ""
	if u.Mapping != nil {
		mapping = hexDigest(u.Mapping)
	}
	salt, err := d.Blind("official/" + content + mapping)
	if err != nil {
		return archive.File{}, err
	}
	return archive.File{
		Content: content, Mapping: mapping, Salt: salt, Digest: hexDigest([]byte(salt + content + mapping)), Name: u.Name, Format: format,
		Imported: d.Runner.Clock().UTC(), From: from.UTC(), Until: until.UTC(), Values: values,
	}, nil
}
