package web

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/commonwatt/commonwatt/web/api"
)

// Auditing looks into the ledger for those who audit it. What cannot be answered is a
// *RefusedError.
type Auditing interface {
	Search(ctx context.Context, words LedgerWords, page LedgerPage) (api.LedgerSearch, error)
	Totals(ctx context.Context, words LedgerWords, byMonth bool) (api.LedgerTotals, error)
	Proof(ctx context.Context, leaf int64) (api.PostingProof, error)
	Consistency(ctx context.Context, size, records int64) (api.ConsistencyProof, error)
	Download(ctx context.Context, words LedgerWords) (Download, error)
	Bundle(ctx context.Context) (Download, error)
}

// LedgerWords are what somebody looks for in the ledger.
type LedgerWords struct {
	Text  string
	Named bool // members are also found by their names
}

// LedgerPage is a part of what is found, the last posting first.
type LedgerPage struct {
	Size  int64 // of the log that is looked through; 0: as it is now
	Skip  int64
	Limit int
}

// Download is a file that is made while it is sent. Who took it closes it.
type Download interface {
	Name() string // of the file, without a folder
	Write(ctx context.Context, w io.Writer) error
	Close() error
}

// Audited has a server answer those who audit the ledger.
func (s *Server) Audited(a Auditing) *Server {
	s.operations.auditors.audit = a
	return s
}

// lookedFor returns what somebody looks for: who may not know which home has which account finds
// nothing by a member's name.
func lookedFor(ctx context.Context, text *string) (w LedgerWords, err error) {
	const most = 500
	if text != nil {
		w.Text = *text
	}
	if len(w.Text) > most {
		return w, refuse(http.StatusBadRequest, "q: it has %d bytes, and may have %d: look for fewer words", len(w.Text), most)
	}
	w.Named = sees(ctx).joined
	return w, nil
}

// pageOf returns which part of what is found somebody wants.
func pageOf(p api.SearchLedgerParams) (LedgerPage, error) {
	const usual, most = 100, 500
	page := LedgerPage{Limit: usual}
	if p.Size != nil {
		page.Size = *p.Size
	}
	if p.Skip != nil {
		page.Skip = *p.Skip
	}
	if p.Limit != nil {
		page.Limit = *p.Limit
	}
	if page.Size < 0 || page.Skip < 0 {
		return page, refuse(http.StatusBadRequest, "size, skip: must not be negative")
	}
	if page.Limit < 1 || page.Limit > most {
		return page, refuse(http.StatusBadRequest, "limit: %d: must be 1 to %d", page.Limit, most)
	}
	return page, nil
}

// SearchLedger implements the API.
func (a auditors) SearchLedger(ctx context.Context, r api.SearchLedgerRequestObject) (api.SearchLedgerResponseObject, error) {
	words, err := lookedFor(ctx, r.Params.Q)
	if err != nil {
		return nil, err
	}
	page, err := pageOf(r.Params)
	if err != nil {
		return nil, err
	}
	found, err := a.audit.Search(ctx, words, page)
	found.Words, found.Rows = listed(found.Words), listed(found.Rows)
	return api.SearchLedger200JSONResponse(found), inTerms(err)
}

// GetLedgerTotals implements the API.
func (a auditors) GetLedgerTotals(ctx context.Context, r api.GetLedgerTotalsRequestObject) (api.GetLedgerTotalsResponseObject, error) {
	words, err := lookedFor(ctx, r.Params.Q)
	if err != nil {
		return nil, err
	}
	by := api.GetLedgerTotalsParamsByDay
	if r.Params.By != nil {
		by = *r.Params.By
	}
	if !by.Valid() {
		return nil, refuse(http.StatusBadRequest, "by: %q: must be day or month", by)
	}
	totals, err := a.audit.Totals(ctx, words, by == api.GetLedgerTotalsParamsByMonth)
	totals.By, totals.Words, totals.Rows = api.LedgerTotalsBy(by), listed(totals.Words), listed(totals.Rows)
	return api.GetLedgerTotals200JSONResponse(totals), inTerms(err)
}

// ProvePosting implements the API.
func (a auditors) ProvePosting(ctx context.Context, r api.ProvePostingRequestObject) (api.ProvePostingResponseObject, error) {
	proof, err := a.audit.Proof(ctx, r.Leaf)
	proof.Path = listed(proof.Path)
	return api.ProvePosting200JSONResponse(proof), inTerms(err)
}

// ProveConsistency implements the API.
func (a auditors) ProveConsistency(ctx context.Context, r api.ProveConsistencyRequestObject) (api.ProveConsistencyResponseObject, error) {
	if r.Params.Size < 0 || r.Params.Records < 0 {
		return nil, refuse(http.StatusBadRequest, "size, records: must not be negative")
	}
	proof, err := a.audit.Consistency(ctx, r.Params.Size, r.Params.Records)
	proof.Postings, proof.Records = listed(proof.Postings), listed(proof.Records)
	return api.ProveConsistency200JSONResponse(proof), inTerms(err)
}

// DownloadPostings implements the API.
func (a auditors) DownloadPostings(ctx context.Context, r api.DownloadPostingsRequestObject) (api.DownloadPostingsResponseObject, error) {
	words, err := lookedFor(ctx, r.Params.Q)
	if err != nil {
		return nil, err
	}
	d, err := a.audit.Download(ctx, words)
	if err != nil {
		return nil, inTerms(err)
	}
	return downloaded{ctx, d, "text/csv; charset=utf-8"}, nil
}

// DownloadBundle implements the API.
func (a auditors) DownloadBundle(ctx context.Context, _ api.DownloadBundleRequestObject) (api.DownloadBundleResponseObject, error) {
	d, err := a.audit.Bundle(ctx)
	if err != nil {
		return nil, inTerms(err)
	}
	return downloaded{ctx, d, "application/zip"}, nil
}

// downloaded is the answer with a file, which is made while it is sent.
type downloaded struct {
	ctx  context.Context
	of   Download
	kind string
}

// VisitDownloadPostingsResponse implements the API.
func (d downloaded) VisitDownloadPostingsResponse(w http.ResponseWriter) error { return d.send(w) }

// VisitDownloadBundleResponse implements the API.
func (d downloaded) VisitDownloadBundleResponse(w http.ResponseWriter) error { return d.send(w) }

func (d downloaded) send(w http.ResponseWriter) (err error) {
	defer func() {
		if closing := d.of.Close(); err == nil && closing != nil {
			err = &brokenOffError{closing}
		}
	}()
	w.Header().Set("Content-Type", d.kind)
	w.Header().Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", d.of.Name()))
	w.WriteHeader(http.StatusOK)
	if err := d.of.Write(d.ctx, w); err != nil {
		return &brokenOffError{err}
	}
	return nil
}

// noLedger answers where there is no ledger to look into.
type noLedger struct{}

func (noLedger) refusal() error {
	return &RefusedError{Code: http.StatusServiceUnavailable, Text: "this process does not show a ledger"}
}

func (n noLedger) Search(context.Context, LedgerWords, LedgerPage) (api.LedgerSearch, error) {
	return api.LedgerSearch{}, n.refusal()
}

func (n noLedger) Totals(context.Context, LedgerWords, bool) (api.LedgerTotals, error) {
	return api.LedgerTotals{}, n.refusal()
}

func (n noLedger) Proof(context.Context, int64) (api.PostingProof, error) {
	return api.PostingProof{}, n.refusal()
}

func (n noLedger) Consistency(context.Context, int64, int64) (api.ConsistencyProof, error) {
	return api.ConsistencyProof{}, n.refusal()
}

func (n noLedger) Download(context.Context, LedgerWords) (Download, error) { return nil, n.refusal() }

func (n noLedger) Bundle(context.Context) (Download, error) { return nil, n.refusal() }
