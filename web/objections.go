package web

import (
	"context"
	"net/http"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/web/api"
	"github.com/commonwatt/commonwatt/web/auth"
)

// Objections are what members say against metered values. An error that has a method Refused()
// (missing, conflict bool) says why something cannot be done.
type Objections interface {
	// Values returns what was metered of an interval at a home's metering points, and what counts.
	Values(ctx context.Context, home string, i grid.Interval) ([]api.HomeValue, error)
	// List returns objections, the last first: of a home where one is named, in a state where one is.
	List(ctx context.Context, home, state string) ([]api.Objection, error)
	Object(ctx context.Context, home string, i grid.Interval, r api.ObjectionRequest) (api.Objection, error)
	Withdraw(ctx context.Context, home string, id int64) error
	// Decide decides as somebody of a role.
	Decide(ctx context.Context, id int64, d api.ObjectionDecision, role string) (api.Objection, error)
}

// GetHomeValues implements the API.
func (o owners) GetHomeValues(ctx context.Context, r api.GetHomeValuesRequestObject) (api.GetHomeValuesResponseObject, error) {
	i, err := grid.ParseInterval(r.Params.Interval)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "interval: %v", err)
	}
	if o.own.Objections == nil {
		return nil, noHome(r.Home)
	}
	all, err := o.own.Objections.Values(ctx, r.Home, i)
	return api.GetHomeValues200JSONResponse{Home: r.Home, Interval: i.String(), Points: listed(all)}, billing(err)
}

// ListHomeObjections implements the API.
func (o owners) ListHomeObjections(ctx context.Context, r api.ListHomeObjectionsRequestObject) (api.ListHomeObjectionsResponseObject, error) {
	if o.own.Objections == nil {
		return nil, noHome(r.Home)
	}
	all, err := o.own.Objections.List(ctx, r.Home, "")
	return api.ListHomeObjections200JSONResponse{Objections: listed(all)}, billing(err)
}

// ObjectToValue implements the API.
func (o owners) ObjectToValue(ctx context.Context, r api.ObjectToValueRequestObject) (api.ObjectToValueResponseObject, error) {
	i, err := grid.ParseInterval(r.Body.Interval)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "interval: %v", err)
	}
	if o.own.Objections == nil {
		return nil, noHome(r.Home)
	}
	made, err := o.own.Objections.Object(ctx, r.Home, i, *r.Body)
	return api.ObjectToValue200JSONResponse(made), billing(err)
}

// WithdrawObjection implements the API.
func (o owners) WithdrawObjection(ctx context.Context, r api.WithdrawObjectionRequestObject) (api.WithdrawObjectionResponseObject, error) {
	if o.own.Objections == nil {
		return nil, noHome(r.Home)
	}
	return api.WithdrawObjection204Response{}, billing(o.own.Objections.Withdraw(ctx, r.Home, r.Id))
}

// ListObjections implements the API.
func (o owners) ListObjections(ctx context.Context, r api.ListObjectionsRequestObject) (api.ListObjectionsResponseObject, error) {
	if o.own.Objections == nil {
		return api.ListObjections200JSONResponse{Objections: []api.Objection{}}, nil
	}
	all, err := o.own.Objections.List(ctx, "", text(r.Params.State))
	return api.ListObjections200JSONResponse{Objections: listed(all)}, billing(err)
}

// DecideObjection implements the API.
func (o owners) DecideObjection(ctx context.Context, r api.DecideObjectionRequestObject) (api.DecideObjectionResponseObject, error) {
	if o.own.Objections == nil {
		return nil, refuse(http.StatusNotFound, "there is no objection %d", r.Id)
	}
	p, _ := auth.From(ctx) // the door lets nobody else come so far
	made, err := o.own.Objections.Decide(ctx, r.Id, *r.Body, string(p.Role))
	return api.DecideObjection200JSONResponse(made), billing(err)
}
