package shown

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/official/archive"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/web"
	"github.com/commonwatt/commonwatt/web/api"
)

// objected are the objections of a test.
type objected []archive.Objection

func (o objected) Contested(context.Context) ([]archive.Objection, error) { return o, nil }

// contests are what a ledger knows in a test.
type contests struct {
	runs  []ledger.ContestedRun
	files []ledger.DisputeFile
}

func (c contests) Contested(context.Context) ([]ledger.ContestedRun, error) { return c.runs, nil }
func (c contests) Disputes(context.Context) ([]ledger.DisputeFile, error)   { return c.files, nil }

func (contests) Moved(_ context.Context, r ledger.ContestedRun) (int64, grid.Money, error) {
	return int64(r.Run), grid.Money(1000 * r.Run), nil
}

// paidOut are closed epochs by day.
type paidOut map[string]chaincode.EpochClosing

func (p paidOut) Epoch(_ context.Context, day string) (chaincode.EpochClosing, error) {
	if c, closed := p[day]; closed {
		return c, nil
	}
	return chaincode.EpochClosing{}, &ledger.ContractError{Code: chaincode.CodeMissing}
}

// contested has one of everything: on 1 June objections 1 (accepted) and 2 (open), an interval that
// was corrected by it, one with an estimate, a battery that met one of two challenges beside one
// that met all, and three disputes on the ledger.
func contested(t *testing.T) Disputes {
	t.Helper()
	at := time.Date(2026, 6, 1, 10, 0, 0, 0, time.UTC)
	i := grid.IntervalAt(at, 15)
	dispute := func(id string) ledger.DisputeFile {
		return ledger.DisputeFile{Dispute: chaincode.Dispute{ID: id, Member: "p-" + id, Subject: "epoch 2026-05-31", Evidence: "ab", Time: "2026-06-02T08:00:00Z"}}
	}
	answered, upheld := dispute("answered"), dispute("upheld")
	answered.Response = &chaincode.Response{Evidence: "cd"}
	upheld.Response, upheld.Resolution = answered.Response, &chaincode.Resolution{Upheld: true, Amount: 70, Reason: "meter", Time: "2026-06-02T09:00:00Z"}
	index := contests{
		runs:  []ledger.ContestedRun{{Interval: i.String(), Run: 2}, {Interval: i.Shift(-1).String(), Run: 1, Estimated: true}},
		files: []ledger.DisputeFile{dispute("new"), answered, upheld},
	}
	return Disputes{
		Objected: objected{
			{ID: 2, Member: "ben", Point: "mp-ben", Interval: i, Reason: "the Oven was off", Filed: at.Add(3 * time.Hour), State: archive.StateOpen},
			{ID: 1, Member: "ann", Point: "mp-ann", Interval: i, Reason: "a jump", Filed: at.Add(2 * time.Hour), State: archive.StateAccepted, Decision: archive.Decision{Answer: "seen", Role: "utility"}},
		},
		Index: func(context.Context) (Contests, error) { return index, nil },
		Rewards: paidOut{
			"2026-05-31": {Epoch: "2026-05-31", Rewards: []chaincode.Reward{{Battery: "ann/battery", Challenged: 2, Met: 1, Slashed: 3}, {Battery: "ben/battery", Challenged: 2, Met: 2}}},
			"2026-04-01": {Epoch: "2026-04-01", Rewards: []chaincode.Reward{{Battery: "long ago", Challenged: 1}}},
		},
		Clock: func() time.Time { return at.Add(48 * time.Hour) },
	}
}

func ids(all []api.Dispute) (names []string) {
	for _, d := range all {
		names = append(names, string(d.Kind)+" "+d.Id+" "+string(d.State))
	}
	return names
}

// TestAllThatIsContested lists one of everything, the last first, and finds it by words, kind, state and time.
func TestAllThatIsContested(t *testing.T) {
	d := contested(t)
	all, err := d.List(t.Context(), web.DisputesOf{}, web.Listing{})
	must(t, err)
	want := []string{
		"ledger answered answered", "ledger new open", "ledger upheld accepted", "objection 2 open", "objection 1 accepted",
		"run 2026-06-01T10:00:00Z/15/2 corrected", "run 2026-06-01T09:45:00Z/15/1 substituted", "challenge 2026-05-31 ann/battery missed",
	}
	if got := ids(all.Rows); !slices.Equal(got, want) || all.Total != len(want) {
		t.Fatalf("%q, want %q", got, want)
	}
	upheld, run, challenge := all.Rows[2].Ledger, all.Rows[5].Run, all.Rows[7].Challenge
	if *upheld.Amount != 70 || *upheld.Reason != "meter" || *upheld.Answer != "cd" || !upheld.Resolved.Equal(time.Date(2026, 6, 2, 9, 0, 0, 0, time.UTC)) {
		t.Errorf("%+v", upheld)
	}
	if run.Postings != 2 || run.Amount != 2000 || !slices.Equal(run.Objections, []int64{1}) || challenge.Met != 1 || challenge.Slashed != 3 {
		t.Errorf("%+v, %+v", run, challenge)
	}
	june := time.Date(2026, 6, 1, 11, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		of   web.DisputesOf
		l    web.Listing
		want []string
	}{
		{web.DisputesOf{Text: "oven BEN"}, web.Listing{}, want[3:4]},
		{web.DisputesOf{Text: "oven ann"}, web.Listing{}, nil},
		{web.DisputesOf{Text: "ann/battery"}, web.Listing{}, want[7:]},
		{web.DisputesOf{Text: "2026-06-01T10:00:00Z/15"}, web.Listing{}, want[3:6]},
		{web.DisputesOf{Kind: "run"}, web.Listing{}, want[5:7]},
		{web.DisputesOf{State: "open"}, web.Listing{}, []string{want[1], want[3]}},
		{web.DisputesOf{State: "accepted", Kind: "objection"}, web.Listing{}, want[4:5]},
		{web.DisputesOf{}, web.Listing{Until: &june}, want[5:]},
		{web.DisputesOf{Kind: "objection"}, web.Listing{From: &june, Skip: 1, Limit: 5}, want[4:5]},
	} {
		if found, err := d.List(t.Context(), c.of, c.l); err != nil || !slices.Equal(ids(found.Rows), c.want) {
			t.Errorf("%+v: %q, %v, want %q", c.of, ids(found.Rows), err, c.want)
		}
	}
}

// TestDisputesOfALedgerThatIsAway says that it does not answer, and never that nothing is contested.
func TestDisputesOfALedgerThatIsAway(t *testing.T) {
	d := contested(t)
	d.Index = func(context.Context) (Contests, error) { return nil, errors.New("no peer") }
	refused := (*web.RefusedError)(nil)
	if _, err := d.List(t.Context(), web.DisputesOf{}, web.Listing{}); !errors.As(err, &refused) || refused.Code != http.StatusServiceUnavailable {
		t.Errorf("%v", err)
	}
}
