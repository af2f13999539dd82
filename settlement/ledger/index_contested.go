package ledger

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/record"
)

// ContestedRun is the last closed run of an interval, where it corrects an earlier one or settles
// by values that were not read.
type ContestedRun struct {
	Community string
	Interval  string
	Run       int  // from 1; more: it corrects those before
	Estimated bool // some of its values were put in the place of readings
}

// name is what the run is called in the index.
func (r ContestedRun) name() string { return fmt.Sprintf("%s/%s/%d", r.Community, r.Interval, r.Run) }

// Contested returns the contested runs, the last interval first.
func (x *Index) Contested(ctx context.Context) ([]ContestedRun, error) {
	last, err := x.lastRuns()
	if err != nil {
		return nil, err
	}
	estimated, err := x.estimated(ctx)
	if err != nil {
		return nil, err
	}
	var all []ContestedRun
	for _, r := range last {
		if r.Estimated = estimated[r.name()]; r.Estimated || r.Run > 1 {
			all = append(all, r)
		}
	}
	slices.SortFunc(all, func(a, b ContestedRun) int { return strings.Compare(b.Interval, a.Interval) }) // which begin with their time
	return all, nil
}

// lastRuns returns the last closed run of each interval.
func (c *closedRuns) lastRuns() (map[string]ContestedRun, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	last := map[string]ContestedRun{}
	for name := range c.runs {
		front, run, _ := strings.Cut(name, "/")
		at := strings.LastIndex(run, "/")
		if at < 0 {
			return nil, &DamagedError{Reason: fmt.Sprintf("run %q has no number", name), Index: true}
		}
		n, err := strconv.Atoi(run[at+1:])
		if err != nil {
			return nil, &DamagedError{Reason: fmt.Sprintf("run %q has no number", name), Index: true}
		}
		if r := (ContestedRun{Community: front, Interval: run[:at], Run: n}); n > last[r.Interval].Run {
			last[r.Interval] = r
		}
	}
	return last, nil
}

// estimated returns the runs, by name, that settle by values that were not read.
func (f finder) estimated(ctx context.Context) (map[string]bool, error) {
	found, err := f.q.QueryContext(ctx, `SELECT record FROM records WHERE instr(record, '"estimated":true') > 0`)
	if err != nil {
		return nil, fmt.Errorf("estimated runs: %w", err)
	}
	defer found.Close()
	runs := map[string]bool{}
	for found.Next() {
		var text []byte
		if err := found.Scan(&text); err != nil {
			return nil, fmt.Errorf("estimated runs: %w", err)
		}
		m, err := manifestOf(text)
		if err != nil {
			return nil, fmt.Errorf("estimated runs: %w", err)
		}
		if m.Estimated {
			runs[ContestedRun{Community: m.Community, Interval: m.Interval, Run: m.Run}.name()] = true
		}
	}
	return runs, found.Err()
}

// manifestOf reads a manifest among the records, an empty one where a record is something else.
func manifestOf(text []byte) (m record.Manifest, err error) {
	var r Record
	if err := json.Unmarshal(text, &r); err != nil || r.Kind != chaincode.KindManifest {
		return m, err
	}
	return m, json.Unmarshal(r.Value, &m)
}

// Moved returns how many postings a run has, and what they move.
func (f finder) Moved(ctx context.Context, r ContestedRun) (postings int64, amount grid.Money, err error) {
	begin := r.name() + "/"
	err = f.q.QueryRowContext(ctx, `SELECT count(*), coalesce(sum(json_extract(posting, '$.amount')), 0) FROM postings WHERE interval = ? AND substr(json_extract(posting, '$.id'), 1, length(?)) = ?`,
		r.Interval, begin, begin).Scan(&postings, &amount)
	if err != nil {
		return 0, 0, fmt.Errorf("postings of run %s: %w", r.name(), err)
	}
	return postings, amount, nil
}

// isDispute tells whether values of a kind are parts of disputes.
func isDispute(kind string) bool {
	return slices.Contains([]string{chaincode.KindDispute, chaincode.KindResponse, chaincode.KindResolution}, kind)
}

// Disputes returns the disputes on the ledger and how far each came, by id. An index that was begun
// by an earlier version has those alone that came since.
func (f finder) Disputes(ctx context.Context) (all []DisputeFile, err error) {
	found, err := f.q.QueryContext(ctx, `SELECT id, part, value FROM disputes ORDER BY id, part`) // the dispute stands before what answers it
	if err != nil {
		return nil, fmt.Errorf("disputes: %w", err)
	}
	defer found.Close()
	for found.Next() {
		var id, part string
		var value []byte
		if err := found.Scan(&id, &part, &value); err != nil {
			return nil, fmt.Errorf("disputes: %w", err)
		}
		if part == chaincode.KindDispute {
			all = append(all, DisputeFile{})
		}
		if len(all) == 0 {
			continue
		}
		if err := all[len(all)-1].add(part, id, value); err != nil {
			return nil, fmt.Errorf("dispute %s: %w", id, err)
		}
	}
	return all, found.Err()
}

// add adds a part of a dispute, unless it is another one's.
func (d *DisputeFile) add(part, id string, value []byte) error {
	if part != chaincode.KindDispute && d.Dispute.ID != id {
		return nil
	}
	into := map[string]any{chaincode.KindDispute: &d.Dispute, chaincode.KindResponse: &d.Response, chaincode.KindResolution: &d.Resolution}
	return json.Unmarshal(value, into[part])
}
