package shown

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/commonwatt/commonwatt/meters/official"
	"github.com/commonwatt/commonwatt/settlement/corrections"
	"github.com/commonwatt/commonwatt/settlement/reconcile"
	"github.com/commonwatt/commonwatt/web"
	"github.com/commonwatt/commonwatt/web/api"
)

// Values shows the grid operator's values. It implements web.Values.
type Values struct {
	Desk     *corrections.Desk
	Currency string
}

// billsBy names the values that bill.
func (v Values) billsBy() api.ReconciliationBillsBy {
	if v.Desk.Runner.Bills {
		return api.ReconciliationBillsByOfficial
	}
	return api.ReconciliationBillsBySigned
}

// Files implements web.Values.
func (v Values) Files(ctx context.Context) (f api.ValuesFiles, err error) {
	all, waiting, err := v.Desk.Files(ctx)
	f.BillsBy, f.Waiting = api.ValuesFilesBillsBy(v.billsBy()), waiting
	for _, one := range all {
		f.Files = append(f.Files, api.ValuesFile{
			Name: one.Name, Format: string(one.Format), Content: one.Content, Mapping: one.Mapping, Salt: one.Salt, Digest: one.Digest,
			Imported: one.Imported, From: one.From, Until: one.Until, Values: one.Values, Changed: one.Changed, Recorded: one.Recorded,
		})
	}
	return f, err
}

// Import implements web.Values.
func (v Values) Import(ctx context.Context, u web.ValuesUpload) (api.ValuesImport, error) {
	done, err := v.Desk.Import(ctx, corrections.Upload(u))
	i := api.ValuesImport{Corrects: v.Desk.Runner.Bills, Format: done.Format, Already: done.Already, Applied: done.Applied}
	if err != nil {
		return i, err
	}
	i.Problems = problemsShown(done.Unread)
	if done.Preview != nil {
		show(&i, *done.Preview)
	}
	if done.Digest != "" {
		i.Digest = &done.Digest
	}
	if done.Waits {
		i.Notes = append(i.Notes, api.ValuesNote{Text: "the file is kept, and counts once the ledger, which does not take it now, has it: nothing has to be done"})
	}
	return i, nil
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

// Reconcile implements web.Values.
func (v Values) Reconcile(ctx context.Context, month string, all bool) (r api.Reconciliation, err error) {
	m, err := v.Desk.Reconcile(ctx, month)
	if err != nil {
		return r, err
	}
	r.Month, r.Zone, r.Currency, r.BillsBy = m.Month, v.Desk.Zone.String(), v.Currency, v.billsBy()
	r.Waiting, r.Intervals = m.Waiting, m.Intervals
	tell(&r, m.Table, all)
	return r, nil
}

// tell puts a table into the API's terms.
func tell(r *api.Reconciliation, t reconcile.Table, all bool) {
	for _, row := range t.Rows {
		if !all && !row.Differs() {
			continue
		}
		r.Energy = append(r.Energy, api.ReconciledEnergy{
			Point: row.Point, Interval: row.Interval.String(), SignedImport: int64(row.Signed.Import), OfficialImport: int64(row.Official.Import),
			SignedExport: int64(row.Signed.Export), OfficialExport: int64(row.Official.Export), SignedQuality: string(row.Quality), Quality: string(row.Billed), Reason: string(row.Reason),
		})
	}
	for _, m := range t.Months {
		r.Months = append(r.Months, api.ReconciledMonth{
			Point: m.Point, SignedImport: int64(m.Signed.Import), OfficialImport: int64(m.Official.Import), SignedExport: int64(m.Signed.Export), OfficialExport: int64(m.Official.Export),
			Intervals: m.Intervals, Differing: m.Differing, Missing: m.Missing,
		})
	}
	for _, m := range t.Money {
		r.Money = append(r.Money, api.ReconciledMoney{Member: m.Member, Signed: int64(m.Signed), Official: int64(m.Official), Difference: int64(m.Difference)})
	}
}
