package web

import (
	"bytes"
	"context"
	"errors"
	"net/http"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/web/api"
)

// Bills are those of a community. An error that has a method Refused() (missing, conflict
// bool) says why something cannot be done.
type Bills interface {
	List(ctx context.Context, period, member, state string) ([]api.BillSummary, error)
	Draft(ctx context.Context, month, member string) (api.BillsDrafted, error)
	Get(ctx context.Context, id string) (api.Bill, error)
	Approve(ctx context.Context, id string) (api.BillSummary, error)
	Cancel(ctx context.Context, id string) (api.BillSummary, error)
	Pay(ctx context.Context, id, reference string) (api.BillSummary, error)
	Print(ctx context.Context, id string) ([]byte, error)
	Line(ctx context.Context, id, point, kind string, correction bool) ([]api.BillInterval, error)
	Postings(ctx context.Context, id, point string, i grid.Interval) ([]api.BillPosting, error)
	Export(ctx context.Context, format, period string) (api.BillFile, error)
	Send(ctx context.Context, ids []string) (api.BillsSent, error)
}

// billing says in the API's terms why something cannot be done with bills.
func billing(err error) error {
	var refused interface {
		error
		Refused() (missing, conflict bool)
	}
	if !errors.As(err, &refused) {
		return err
	}
	code := http.StatusBadRequest
	switch missing, conflict := refused.Refused(); {
	case missing:
		code = http.StatusNotFound
	case conflict:
		code = http.StatusConflict
	}
	return refuse(code, "%s", refused.Error())
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// ListBills implements the API.
func (s operators) ListBills(ctx context.Context, r api.ListBillsRequestObject) (api.ListBillsResponseObject, error) {
	all, err := s.operator.Bills.List(ctx, text(r.Params.Period), text(r.Params.Member), text(r.Params.State))
	return api.ListBills200JSONResponse{Bills: listed(all)}, billing(err)
}

// DraftBills implements the API.
func (s operators) DraftBills(ctx context.Context, r api.DraftBillsRequestObject) (api.DraftBillsResponseObject, error) {
	d, err := s.operator.Bills.Draft(ctx, r.Body.Month, text(r.Body.Member))
	return api.DraftBills200JSONResponse{Bills: listed(d.Bills), Left: listed(d.Left)}, billing(err)
}

// GetBill implements the API.
func (s operators) GetBill(ctx context.Context, r api.GetBillRequestObject) (api.GetBillResponseObject, error) {
	b, err := s.operator.Bills.Get(ctx, r.Id)
	return api.GetBill200JSONResponse(b), billing(err)
}

// ApproveBill implements the API.
func (s operators) ApproveBill(ctx context.Context, r api.ApproveBillRequestObject) (api.ApproveBillResponseObject, error) {
	b, err := s.operator.Bills.Approve(ctx, r.Id)
	return api.ApproveBill200JSONResponse(b), billing(err)
}

// CancelBill implements the API.
func (s operators) CancelBill(ctx context.Context, r api.CancelBillRequestObject) (api.CancelBillResponseObject, error) {
	b, err := s.operator.Bills.Cancel(ctx, r.Id)
	return api.CancelBill200JSONResponse(b), billing(err)
}

// PayBill implements the API.
func (s operators) PayBill(ctx context.Context, r api.PayBillRequestObject) (api.PayBillResponseObject, error) {
	b, err := s.operator.Bills.Pay(ctx, r.Id, text(r.Body.Reference))
	return api.PayBill200JSONResponse(b), billing(err)
}

// PrintBill implements the API.
func (s operators) PrintBill(ctx context.Context, r api.PrintBillRequestObject) (api.PrintBillResponseObject, error) {
	pdf, err := s.operator.Bills.Print(ctx, r.Id)
	return api.PrintBill200ApplicationpdfResponse{Body: bytes.NewReader(pdf), ContentLength: int64(len(pdf))}, billing(err)
}

// OpenBillLine implements the API.
func (s operators) OpenBillLine(ctx context.Context, r api.OpenBillLineRequestObject) (api.OpenBillLineResponseObject, error) {
	all, err := s.operator.Bills.Line(ctx, r.Id, r.Params.Point, r.Params.Kind, r.Params.Correction != nil && *r.Params.Correction)
	return api.OpenBillLine200JSONResponse{Intervals: listed(all)}, billing(err)
}

// OpenBillInterval implements the API.
func (s operators) OpenBillInterval(ctx context.Context, r api.OpenBillIntervalRequestObject) (api.OpenBillIntervalResponseObject, error) {
	i, err := grid.ParseInterval(r.Params.Interval)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "%v", err)
	}
	all, err := s.operator.Bills.Postings(ctx, r.Id, r.Params.Point, i)
	return api.OpenBillInterval200JSONResponse{Postings: listed(all)}, billing(err)
}

// ExportBills implements the API.
func (s operators) ExportBills(ctx context.Context, r api.ExportBillsRequestObject) (api.ExportBillsResponseObject, error) {
	f, err := s.operator.Bills.Export(ctx, r.Params.Format, r.Params.Period)
	f.Left = listed(f.Left)
	return api.ExportBills200JSONResponse(f), billing(err)
}

// SendBills implements the API.
func (s operators) SendBills(ctx context.Context, r api.SendBillsRequestObject) (api.SendBillsResponseObject, error) {
	sent, err := s.operator.Bills.Send(ctx, r.Body.Ids)
	sent.Sent, sent.Left = listed(sent.Sent), listed(sent.Left)
	return api.SendBills200JSONResponse(sent), billing(err)
}
