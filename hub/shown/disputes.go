package shown

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/official/archive"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/web"
	"github.com/commonwatt/commonwatt/web/api"
)

// Contests is what the ledger's index knows of what is contested. A *ledger.Index is one.
type Contests interface {
	Contested(ctx context.Context) ([]ledger.ContestedRun, error)
	Moved(ctx context.Context, r ledger.ContestedRun) (postings int64, amount grid.Money, err error)
	Disputes(ctx context.Context) ([]ledger.DisputeFile, error)
}

// Disputes shows all that is or was contested. It implements web.Disputes.
type Disputes struct {
	Objected interface {
		Contested(ctx context.Context) ([]archive.Objection, error)
	}
	Index   func(ctx context.Context) (Contests, error) // brought up to the chain
	Rewards interface {
		Epoch(ctx context.Context, day string) (chaincode.EpochClosing, error)
	} // nil: there is no programme
	Clock func() time.Time
}

// missedDays is of how many epochs before today challenges are looked up that were not met.
const missedDays = 31

// List implements web.Disputes.
func (d Disputes) List(ctx context.Context, of web.DisputesOf, l web.Listing) (shown api.Disputes, err error) {
	index, err := d.Index(ctx)
	if err != nil {
		return shown, &web.RefusedError{Code: http.StatusServiceUnavailable, Text: fmt.Sprintf("the ledger does not answer: %v: try again", err)}
	}
	all, err := d.all(ctx, index)
	if err != nil {
		return shown, err
	}
	words := strings.Fields(strings.ToLower(of.Text))
	all = slices.DeleteFunc(all, func(c contest) bool { return !c.found(of, words) || !l.Has(c.Time) })
	slices.SortStableFunc(all, func(a, b contest) int {
		return cmp.Or(b.Time.Compare(a.Time), strings.Compare(string(a.Kind), string(b.Kind)), strings.Compare(a.Id, b.Id))
	})
	shown.Total = len(all)
	for _, c := range web.PageOf(l, all) {
		if c.Run != nil {
			postings, amount, err := index.Moved(ctx, c.of)
			if err != nil {
				return shown, err
			}
			c.Run.Postings, c.Run.Amount = postings, int64(amount)
		}
		shown.Rows = append(shown.Rows, c.Dispute)
	}
	return shown, nil
}

// contest is a dispute, and of which run it is where it is one of a run.
type contest struct {
	api.Dispute

	of ledger.ContestedRun
}

// found tells whether somebody looks for a dispute; words are in lower case, and may stand in
// anything that is told of it.
func (c contest) found(of web.DisputesOf, words []string) bool {
	if of.Kind != "" && string(c.Kind) != of.Kind || of.State != "" && string(c.State) != of.State {
		return false
	}
	if len(words) == 0 {
		return true
	}
	text := strings.ToLower(c.told())
	return !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(text, word) })
}

// told is all that is told of a dispute in words.
func (c contest) told() string {
	parts := []string{string(c.Kind), c.Id, string(c.State)}
	switch {
	case c.Objection != nil:
		o := c.Objection
		parts = append(parts, o.Home, o.MeteringPoint, o.Interval, o.Reason)
		if o.Answer != nil {
			parts = append(parts, *o.Answer)
		}
	case c.Challenge != nil:
		parts = append(parts, c.Challenge.Device)
	case c.Ledger != nil:
		parts = append(parts, c.Ledger.Member, c.Ledger.Subject)
		if c.Ledger.Reason != nil {
			parts = append(parts, *c.Ledger.Reason)
		}
	}
	return strings.Join(parts, "\n")
}

// all returns everything that is contested.
func (d Disputes) all(ctx context.Context, index Contests) ([]contest, error) {
	objections, err := d.Objected.Contested(ctx)
	if err != nil {
		return nil, err
	}
	var all []contest
	accepted := map[string][]int64{}
	for _, o := range objections {
		shown := objectionOf(o)
		all = append(all, contest{Dispute: api.Dispute{Kind: api.DisputeObjection, Id: strconv.FormatInt(o.ID, 10), Time: o.Filed, State: api.DisputeState(o.State), Objection: &shown}})
		if o.State == archive.StateAccepted {
			accepted[shown.Interval] = append(accepted[shown.Interval], o.ID)
		}
	}
	runs, err := runsOf(ctx, index, accepted)
	if err != nil {
		return nil, err
	}
	missed, err := d.missed(ctx)
	if err != nil {
		return nil, err
	}
	opened, err := openedOn(ctx, index)
	return slices.Concat(all, runs, missed, opened), err
}

// runsOf returns the contested runs; accepted are the objections to values of each interval.
func runsOf(ctx context.Context, index Contests, accepted map[string][]int64) (all []contest, err error) {
	runs, err := index.Contested(ctx)
	for _, r := range runs {
		i, err := grid.ParseInterval(r.Interval)
		if err != nil {
			return nil, fmt.Errorf("run of %s: %w", r.Interval, err)
		}
		state := api.DisputeStateSubstituted
		if r.Run > 1 {
			state = api.DisputeStateCorrected
		}
		all = append(all, contest{of: r, Dispute: api.Dispute{
			Kind: api.DisputeRun, Id: fmt.Sprintf("%s/%d", r.Interval, r.Run), Time: i.Begin(), State: state,
			Run: &api.ContestedRun{Interval: r.Interval, Run: r.Run, Estimated: r.Estimated, Objections: append([]int64{}, accepted[r.Interval]...)},
		}})
	}
	return all, err
}

// missed returns the batteries that did not meet all challenges of an epoch.
func (d Disputes) missed(ctx context.Context) (all []contest, err error) {
	if d.Rewards == nil {
		return nil, nil
	}
	today := d.Clock().UTC().Truncate(24 * time.Hour)
	for k := 1; k <= missedDays; k++ {
		day := today.AddDate(0, 0, -k)
		c, err := d.Rewards.Epoch(ctx, day.Format(time.DateOnly))
		if ledger.Refused(err, chaincode.CodeMissing) {
			continue // it is not closed
		}
		if err != nil {
			return nil, err
		}
		for _, w := range epochShown(c).Rewards {
			if w.Met < w.Challenged {
				all = append(all, contest{Dispute: api.Dispute{Kind: api.DisputeChallenge, Id: c.Epoch + " " + w.Device, Time: day, State: api.DisputeStateMissed, Challenge: &w}})
			}
		}
	}
	return all, nil
}

// openedOn returns the disputes that somebody opened on the ledger.
func openedOn(ctx context.Context, index Contests) (all []contest, err error) {
	files, err := index.Disputes(ctx)
	for _, f := range files {
		one, err := onLedger(f)
		if err != nil {
			return nil, fmt.Errorf("dispute %s: %w", f.Dispute.ID, err)
		}
		all = append(all, contest{Dispute: one})
	}
	return all, err
}

// onLedger puts a dispute on the ledger into the API's terms.
func onLedger(f ledger.DisputeFile) (one api.Dispute, err error) {
	d := f.Dispute
	shown := &api.LedgerDispute{Member: d.Member, Subject: d.Subject, Evidence: d.Evidence}
	one = api.Dispute{Kind: api.DisputeLedger, Id: d.ID, State: api.DisputeStateOpen, Ledger: shown}
	if one.Time, err = time.Parse(time.RFC3339, d.Time); err != nil {
		return one, err
	}
	if f.Response != nil {
		one.State, shown.Answer = api.DisputeStateAnswered, &f.Response.Evidence
	}
	if end := f.Resolution; end != nil {
		one.State, shown.Reason, shown.Amount = api.DisputeStateRefused, &end.Reason, &end.Amount
		if end.Upheld {
			one.State = api.DisputeStateAccepted
		}
		at, err := time.Parse(time.RFC3339, end.Time)
		if err != nil {
			return one, err
		}
		shown.Resolved = &at
	}
	return one, nil
}
