package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/web/api"
	"github.com/commonwatt/commonwatt/web/auth"
)

// Own is what homeowners are shown of their own homes, and what they decide there. What is nil
// is not there.
type Own struct {
	Past     Past
	Bills    Bills
	Told     Told
	Consents Consents
	Notices  Notices

	Objections Objections
}

// Owned has a server show homeowners what is their own.
func (s *Server) Owned(o Own) *Server {
	s.operations.owners = owners{o}
	return s
}

// owners answers homeowners about their own home. The door lets nobody else's homeowner come so
// far; the key of an agent is about one member as well.
type owners struct{ own Own }

// may tells whether who sent a request may be told of a home: an agent of its own member alone.
func (owners) may(ctx context.Context, home string) error {
	if p, known := auth.From(ctx); known && p.Role == auth.Trader && p.Member != home {
		return refuse(http.StatusForbidden, "this key is about the home of %q alone: use its own key, or the operator's", p.Member)
	}
	return nil
}

// bill returns a home's bill or credit note. Of a draft, and of another's, it says what it says
// of one that there is not.
func (o owners) bill(ctx context.Context, home, id string) (api.Bill, error) {
	missing := refuse(http.StatusNotFound, "there is no bill %q of this home: GET /api/v1/homes/%s/bills lists them", id, home)
	if o.own.Bills == nil {
		return api.Bill{}, missing
	}
	b, err := o.own.Bills.Get(ctx, id)
	var refused interface {
		Refused() (missing, conflict bool)
	}
	if errors.As(err, &refused) || err == nil && !isOf(b.Summary, home) {
		return api.Bill{}, missing
	}
	return b, err
}

// isOf tells whether a bill is a home's, and no draft.
func isOf(b api.BillSummary, home string) bool {
	return b.Member == home && slices.Contains([]string{"approved", "sent", "paid", "cancelling", "cancelled"}, b.State)
}

// ListHomeBills implements the API.
func (o owners) ListHomeBills(ctx context.Context, r api.ListHomeBillsRequestObject) (api.ListHomeBillsResponseObject, error) {
	if o.own.Bills == nil {
		return api.ListHomeBills200JSONResponse{Bills: []api.BillSummary{}}, nil
	}
	all, err := o.own.Bills.List(ctx, "", r.Home, "")
	all = slices.DeleteFunc(all, func(b api.BillSummary) bool { return !isOf(b, r.Home) })
	slices.Reverse(all)
	return api.ListHomeBills200JSONResponse{Bills: listed(all)}, billing(err)
}

// GetHomeBill implements the API.
func (o owners) GetHomeBill(ctx context.Context, r api.GetHomeBillRequestObject) (api.GetHomeBillResponseObject, error) {
	b, err := o.bill(ctx, r.Home, r.Id)
	return api.GetHomeBill200JSONResponse(b), err
}

// PrintHomeBill implements the API.
func (o owners) PrintHomeBill(ctx context.Context, r api.PrintHomeBillRequestObject) (api.PrintHomeBillResponseObject, error) {
	if _, err := o.bill(ctx, r.Home, r.Id); err != nil {
		return nil, err
	}
	pdf, err := o.own.Bills.Print(ctx, r.Id)
	return api.PrintHomeBill200ApplicationpdfResponse{
		Body: bytes.NewReader(pdf), ContentLength: int64(len(pdf)), Headers: api.PrintHomeBill200ResponseHeaders{ContentDisposition: attached(r.Id + ".pdf")},
	}, billing(err)
}

// attached is the header of an answer that is kept as a file.
func attached(name string) *string { return new(fmt.Sprintf("attachment; filename=%q", name)) }

// OpenHomeBillLine implements the API.
func (o owners) OpenHomeBillLine(ctx context.Context, r api.OpenHomeBillLineRequestObject) (api.OpenHomeBillLineResponseObject, error) {
	if _, err := o.bill(ctx, r.Home, r.Id); err != nil {
		return nil, err
	}
	all, err := o.own.Bills.Line(ctx, r.Id, r.Params.Point, r.Params.Kind, r.Params.Correction != nil && *r.Params.Correction)
	return api.OpenHomeBillLine200JSONResponse{Intervals: listed(all)}, billing(err)
}

// OpenHomeBillInterval implements the API.
func (o owners) OpenHomeBillInterval(ctx context.Context, r api.OpenHomeBillIntervalRequestObject) (api.OpenHomeBillIntervalResponseObject, error) {
	i, err := grid.ParseInterval(r.Params.Interval)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "interval: %v", err)
	}
	if _, err := o.bill(ctx, r.Home, r.Id); err != nil {
		return nil, err
	}
	all, err := o.own.Bills.Postings(ctx, r.Id, r.Params.Point, i)
	return api.OpenHomeBillInterval200JSONResponse{Postings: listed(all)}, billing(err)
}
