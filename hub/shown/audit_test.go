package shown

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/proof"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/settlement/audit"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/settlement/ledger/embedded"
	"github.com/commonwatt/commonwatt/tariff"
	"github.com/commonwatt/commonwatt/web"
	"github.com/commonwatt/commonwatt/web/api"
)

// lateEvening is on 1 June in UTC, and on 2 June where the audited community is.
var lateEvening = grid.IntervalAt(time.Date(2026, 6, 1, 22, 0, 0, 0, time.UTC), 15)

// audited is a ledger with two settled quarters of an hour, before and after a local midnight, of
// ann and ben, who each draw 100 Wh at 0.30 from the utility in the first and 200 Wh in the second.
func audited(t *testing.T) Audit {
	t.Helper()
	l, err := embedded.OpenLedger(t.Context(), t.TempDir(), "test", "EUR", ledger.SeededNames(1))
	must(t, err)
	t.Cleanup(func() { _ = l.Close() })
	must(t, l.Register(t.Context(),
		grid.Device{ID: "ann/meter", Kind: grid.Meter, Member: "ann", MeteringPoint: "mp-ann"}, grid.Device{ID: "ben/meter", Kind: grid.Meter, Member: "ben", MeteringPoint: "mp-ben"}))
	for k, i := range []grid.Interval{lateEvening.Shift(-1), lateEvening} {
		must(t, l.SubmitRun(t.Context(), drawn(t, l, i, grid.Energy(100*(k+1)))))
	}
	zone, err := time.LoadLocation("Europe/Vienna")
	must(t, err)
	return Audit{Chain: l, Zone: zone, Currency: "EUR", Export: audit.Export{Program: "test", Signer: l.People.Signer}}
}

// drawn settles an interval in which both members draw energy from the utility.
func drawn(t *testing.T, l *ledger.Ledger, i grid.Interval, e grid.Energy) record.Run {
	t.Helper()
	in := settlement.Input{
		Community: "test", Interval: i, Run: 1, Tariff: tariff.Tariff{Version: "t", Currency: "EUR", Retail: 300_000},
		Points: map[string]settlement.Point{}, ReadingRoot: strings.Repeat("0", 64),
	}
	for _, member := range []string{"ann", "ben"} {
		account, err := l.Account(member, "mp-"+member)
		must(t, err)
		in.Points["mp-"+member] = settlement.Point{Account: account, Member: member}
		in.Metered = append(in.Metered, record.Metered{MeteringPoint: "mp-" + member, Flow: grid.Flow{Import: e}, Quality: grid.Good})
	}
	run, err := settlement.Settle(in)
	must(t, err)
	return run.Record()
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (a Audit) search(t *testing.T, text string) api.LedgerSearch {
	t.Helper()
	s, err := a.Search(t.Context(), web.LedgerWords{Text: text, Named: true}, web.LedgerPage{Limit: 100})
	must(t, err)
	return s
}

func TestSearchTakesEachWordForWhatItIs(t *testing.T) {
	a := audited(t)
	account, err := a.Chain.Account("ann", "mp-ann")
	must(t, err)
	member, err := a.Chain.Names.Member("ann")
	must(t, err)
	all := a.search(t, "")
	if all.Total != 4 || len(all.Rows) != 4 || all.Rows[0].Leaf != 3 {
		t.Fatalf("all: %+v, want 4 postings, the last first", all)
	}
	id := all.Rows[0].Posting.Id
	hash := func(leaf int64) tlog.Hash {
		p, err := a.Proof(t.Context(), leaf)
		must(t, err)
		return tlog.RecordHash([]byte(p.Text))
	}
	h := hash(2)
	for text, want := range map[string]struct {
		total int64
		kind  api.LedgerWordKind
		state api.LedgerSearchState
	}{
		"ann":                           {2, api.LedgerWordKindMember, api.LedgerSearchStateFound},
		member:                          {2, api.LedgerWordKindMember, api.LedgerSearchStateFound},
		account:                         {2, api.LedgerWordKindAccount, api.LedgerSearchStateFound},
		"utility":                       {4, api.LedgerWordKindAccount, api.LedgerSearchStateFound},
		"fund":                          {0, api.LedgerWordKindAccount, api.LedgerSearchStateNone},
		lateEvening.String():            {2, api.LedgerWordKindInterval, api.LedgerSearchStateFound},
		lateEvening.Shift(1).String():   {0, api.LedgerWordKindInterval, api.LedgerSearchStateUnsettled},
		lateEvening.Shift(-9).String():  {0, api.LedgerWordKindInterval, api.LedgerSearchStateNone},
		"2026-06-01":                    {2, api.LedgerWordKindDay, api.LedgerSearchStateFound},
		"2026-06-02":                    {2, api.LedgerWordKindDay, api.LedgerSearchStateFound},
		"2026-06-03":                    {0, api.LedgerWordKindDay, api.LedgerSearchStateUnsettled},
		"2026-05-31":                    {0, api.LedgerWordKindDay, api.LedgerSearchStateNone},
		"2026-06":                       {4, api.LedgerWordKindMonth, api.LedgerSearchStateFound},
		"imbalance-retail":              {4, api.LedgerWordKindReason, api.LedgerSearchStateFound},
		"trade":                         {0, api.LedgerWordKindReason, api.LedgerSearchStateNone},
		id:                              {1, api.LedgerWordKindPosting, api.LedgerSearchStateFound},
		h.String():                      {1, api.LedgerWordKindHash, api.LedgerSearchStateFound},
		fmt.Sprintf("%x", h[:]):         {1, api.LedgerWordKindHash, api.LedgerSearchStateFound},
		strings.Repeat("0", 64):         {0, api.LedgerWordKindHash, api.LedgerSearchStateNone},
		"nobody":                        {0, api.LedgerWordKindUnknown, api.LedgerSearchStateUnknown},
		"ann 2026-06-02":                {1, api.LedgerWordKindMember, api.LedgerSearchStateFound},
		"ann ben":                       {0, api.LedgerWordKindMember, api.LedgerSearchStateNone},
		"utility 2026-06-01 2026-06-02": {0, api.LedgerWordKindAccount, api.LedgerSearchStateNone},
	} {
		s := a.search(t, text)
		if s.Total != want.total || s.State != want.state || s.Words[0].Kind != want.kind || int64(len(s.Rows)) != want.total {
			t.Errorf("%q: %d %s, taken for %+v, want %+v", text, s.Total, s.State, s.Words, want)
		}
	}
}

func TestSearchTellsNoNameToWhoMayNotKnow(t *testing.T) {
	s, err := audited(t).Search(t.Context(), web.LedgerWords{Text: "ann"}, web.LedgerPage{Limit: 1})
	if err != nil || s.State != api.LedgerSearchStateUnknown || s.Total != 0 {
		t.Errorf("%+v, %v: want the name unknown", s, err)
	}
}

func TestSearchPagesFitTogether(t *testing.T) {
	a := audited(t)
	size := a.search(t, "").Size
	must(t, a.Chain.SubmitRun(t.Context(), drawn(t, a.Chain, lateEvening.Shift(1), 300)))
	for _, text := range []string{"", "utility"} {
		var leaves []int64
		for skip := int64(0); skip < 5; skip += 3 {
			s, err := a.Search(t.Context(), web.LedgerWords{Text: text}, web.LedgerPage{Size: size, Skip: skip, Limit: 3})
			must(t, err)
			if s.Total != 4 || s.Size != 4 {
				t.Errorf("%q: %d of %d, want 4 of 4 although more came", text, s.Total, s.Size)
			}
			for _, r := range s.Rows {
				leaves = append(leaves, r.Leaf)
			}
		}
		if !slices.Equal(leaves, []int64{3, 2, 1, 0}) {
			t.Errorf("%q: leaves %v", text, leaves)
		}
	}
}

func TestTotalsAreByTheDaysOfTheSite(t *testing.T) {
	a := audited(t)
	for _, one := range []struct {
		text  string
		month bool
		want  []api.LedgerTotal
	}{
		{"ann", false, []api.LedgerTotal{
			{Period: "2026-06-01", Reason: "imbalance-retail", Postings: 1, Amount: 30_000, Energy: 100, Paid: 30_000},
			{Period: "2026-06-02", Reason: "imbalance-retail", Postings: 1, Amount: 60_000, Energy: 200, Paid: 60_000},
		}},
		{"", true, []api.LedgerTotal{{Period: "2026-06", Reason: "imbalance-retail", Postings: 4, Amount: 180_000, Energy: 600}}},
		{"utility 2026-06-02", true, []api.LedgerTotal{{Period: "2026-06", Reason: "imbalance-retail", Postings: 2, Amount: 120_000, Energy: 400, Received: 120_000}}},
		{"nobody", true, nil},
	} {
		got, err := a.Totals(t.Context(), web.LedgerWords{Text: one.text, Named: true}, one.month)
		if err != nil || !slices.Equal(got.Rows, one.want) {
			t.Errorf("%q: %+v, %v, want %+v", one.text, got.Rows, err, one.want)
		}
	}
}

// TestProofs checks what is proved by the library that makes it, as the pages do by their own.
func TestProofs(t *testing.T) {
	a := audited(t)
	p, err := a.Proof(t.Context(), 1)
	must(t, err)
	key, err := note.NewVerifier(p.Key)
	must(t, err)
	c, err := proof.OpenCheckpoint([]byte(p.Checkpoint), key)
	must(t, err)
	must(t, tlog.CheckRecord(parsed[tlog.RecordProof](t, p.Path), c.Size, c.Root, p.Leaf, tlog.RecordHash([]byte(p.Text))))

	must(t, a.Chain.SubmitRun(t.Context(), drawn(t, a.Chain, lateEvening.Shift(1), 300)))
	more, err := a.Consistency(t.Context(), c.Size, c.Records)
	must(t, err)
	newer, err := proof.OpenCheckpoint([]byte(more.Checkpoint), key)
	must(t, err)
	must(t, tlog.CheckTree(parsed[tlog.TreeProof](t, more.Postings), newer.Size, newer.Root, c.Size, c.Root))
	must(t, tlog.CheckTree(parsed[tlog.TreeProof](t, more.Records), newer.Records, newer.RecordsRoot, c.Records, c.RecordsRoot))
	for what, err := range map[string]error{"a posting that is not there": errorOf(a.Proof(t.Context(), 6)), "a checkpoint of more": errorOf(a.Consistency(t.Context(), 7, 0))} {
		if refused := (*web.RefusedError)(nil); !errors.As(err, &refused) || refused.Code != http.StatusNotFound && refused.Code != http.StatusConflict {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func errorOf[T any](_ T, err error) error { return err }

func parsed[P ~[]tlog.Hash](t *testing.T, texts []string) P {
	t.Helper()
	p := make(P, len(texts))
	for k, text := range texts {
		var err error
		p[k], err = tlog.ParseHash(text)
		must(t, err)
	}
	return p
}

func TestDownloads(t *testing.T) {
	a := audited(t)
	d, err := a.Download(t.Context(), web.LedgerWords{Text: "ann", Named: true})
	must(t, err)
	var text bytes.Buffer
	must(t, d.Write(t.Context(), &text))
	rows, err := csv.NewReader(&text).ReadAll()
	if err != nil || len(rows) != 3 || rows[1][6] != "30000" || rows[2][6] != "60000" {
		t.Errorf("rows %v, %v", rows, err)
	}
	if _, err := a.Download(t.Context(), web.LedgerWords{Text: "nobody"}); err == nil {
		t.Error("a word that means nothing is downloaded as if there were nothing")
	}
	bundle, err := a.Bundle(t.Context())
	must(t, err)
	var file bytes.Buffer
	must(t, bundle.Write(t.Context(), &file))
	must(t, bundle.Close())
	files, err := zip.NewReader(bytes.NewReader(file.Bytes()), int64(file.Len()))
	must(t, err)
	key, err := a.Chain.People.Key()
	must(t, err)
	verifier, err := note.NewVerifier(key)
	must(t, err)
	inside, err := fs.Sub(files, bundleName)
	must(t, err)
	whole, err := proof.OpenBundle(inside, verifier, nil)
	if err != nil || !whole.Whole() || len(whole.Leaves) != 4 {
		t.Errorf("the bundle: %+v, %v, want one of the whole log", whole, err)
	}
}
