package shown

import (
	"context"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/official"
	"github.com/commonwatt/commonwatt/meters/official/archive"
	"github.com/commonwatt/commonwatt/settlement/corrections"
	"github.com/commonwatt/commonwatt/web/api"
)

// Objections shows what members say against metered values. It implements web.Objections.
type Objections struct{ Desk *corrections.Desk }

// Values implements web.Objections.
func (o Objections) Values(ctx context.Context, home string, i grid.Interval) (shown []api.HomeValue, err error) {
	all, err := o.Desk.Known(ctx, home, i)
	for _, p := range all {
		shown = append(shown, api.HomeValue{
			MeteringPoint: p.Name, MeteredImport: int64(p.Metered.Import), MeteredExport: int64(p.Metered.Export),
			Import: int64(p.Flow.Import), Export: int64(p.Flow.Export), Quality: string(p.Quality),
		})
	}
	return shown, err
}

// List implements web.Objections.
func (o Objections) List(ctx context.Context, home, state string) (shown []api.Objection, err error) {
	all, err := o.Desk.Objections(ctx, home, archive.ObjectionState(state))
	for _, one := range all {
		shown = append(shown, objectionOf(one))
	}
	return shown, err
}

// Object implements web.Objections.
func (o Objections) Object(ctx context.Context, home string, i grid.Interval, r api.ObjectionRequest) (api.Objection, error) {
	made, err := o.Desk.Object(ctx, home, corrections.Claim{
		Point: r.MeteringPoint, Interval: i, Flow: grid.Flow{Import: grid.Energy(r.Import), Export: grid.Energy(r.Export)}, Reason: r.Reason,
	})
	return objectionOf(made), err
}

// Withdraw implements web.Objections.
func (o Objections) Withdraw(ctx context.Context, home string, id int64) error {
	return o.Desk.Withdraw(ctx, home, id)
}

// Decide implements web.Objections.
func (o Objections) Decide(ctx context.Context, id int64, d api.ObjectionDecision, role string) (api.Objection, error) {
	q := official.Replaced
	if d.Quality != nil && *d.Quality == api.ObjectionDecisionQualityEstimated {
		q = official.Estimated
	}
	made, err := o.Desk.Decide(ctx, id, corrections.Verdict{Accept: d.Accept, Quality: q, Answer: d.Reason, Role: role})
	return objectionOf(made), err
}

// ObjectionsIn returns the objections in the archive of official values at path, which nobody has to
// have open, in one state where one is named.
func ObjectionsIn(ctx context.Context, path, state string) (shown []api.Objection, err error) {
	all, err := archive.ReadObjections(ctx, path, archive.ObjectionState(state))
	for _, one := range all {
		shown = append(shown, objectionOf(one))
	}
	return shown, err
}

// objectionOf puts an objection into the API's terms.
func objectionOf(o archive.Objection) api.Objection {
	shown := api.Objection{
		Id: o.ID, Home: o.Member, MeteringPoint: o.Point, Interval: o.Interval.String(), Import: int64(o.Claimed.Import), Export: int64(o.Claimed.Export),
		MeteredImport: int64(o.Metered.Import), MeteredExport: int64(o.Metered.Export), Reason: o.Reason, Filed: o.Filed, State: api.ObjectionState(o.State),
	}
	d := o.Decision
	if o.State == archive.StateOpen {
		return shown
	}
	shown.Decided = &d.Time
	if d.Role != "" {
		shown.By, shown.Answer = &d.Role, &d.Answer
	}
	if o.State == archive.StateAccepted {
		shown.Quality, shown.Digest = new(string(d.Quality.Grid())), &d.Digest
		shown.Recorded, shown.Settled = &o.Recorded, &o.Corrected
	}
	return shown
}
