package web

import (
	"context"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"regexp"

	"github.com/commonwatt/commonwatt/web/api"
)

// Values are the grid operator's meter values.
type Values interface {
	// Files says what was imported.
	Files(ctx context.Context) (api.ValuesFiles, error)
	// Import looks at a file, and imports it when that is wanted and nothing is wrong with it.
	// What is wrong with the file is part of the answer and no error.
	Import(ctx context.Context, u ValuesUpload) (api.ValuesImport, error)
	// Reconcile compares a local month, as in 2026-06, with what was metered here; an empty one
	// is the last that is over. all has it tell of intervals in which both are the same as well.
	Reconcile(ctx context.Context, month string, all bool) (api.Reconciliation, error)
}

// ValuesUpload is a file of the grid operator's values as it was sent.
type ValuesUpload struct {
	Name    string
	Format  string // empty: to be found out
	File    []byte
	Mapping []byte // nil: none was sent
	Apply   bool
}

// ListValues implements the API.
func (s operators) ListValues(ctx context.Context, _ api.ListValuesRequestObject) (api.ListValuesResponseObject, error) {
	files, err := s.operator.Values.Files(ctx)
	files.Files = listed(files.Files)
	return api.ListValues200JSONResponse(files), err
}

// ImportValues implements the API.
func (s operators) ImportValues(ctx context.Context, r api.ImportValuesRequestObject) (api.ImportValuesResponseObject, error) {
	u, err := upload(r.Body)
	if err != nil {
		return nil, err
	}
	if r.Params.Format != nil {
		u.Format = *r.Params.Format
	}
	u.Apply = r.Params.Apply != nil && *r.Params.Apply
	done, err := s.operator.Values.Import(ctx, u)
	done.Points, done.Changes = listed(done.Points), listed(done.Changes)
	done.Problems, done.Notes = listed(done.Problems), listed(done.Notes)
	return api.ImportValues200JSONResponse(done), err
}

// upload reads what was sent.
func upload(parts *multipart.Reader) (u ValuesUpload, err error) {
	sent := false
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return u, refuse(http.StatusBadRequest, "the form cannot be read: %v", err)
		}
		text, err := io.ReadAll(part)
		if large := (*http.MaxBytesError)(nil); errors.As(err, &large) {
			return u, refuse(http.StatusBadRequest, "the file has more than %d MB: send it in parts, a month each", mostFile>>20) //nolint:mnd // bytes of a MB
		}
		if err != nil {
			return u, refuse(http.StatusBadRequest, "the form cannot be read: %v", err)
		}
		switch part.FormName() {
		case "file":
			u.Name, u.File, sent = part.FileName(), text, true
		case "mapping":
			u.Mapping = text
		default:
			return u, refuse(http.StatusBadRequest, "%q is no part of this form: it has file and mapping", part.FormName())
		}
	}
	if !sent {
		return u, refuse(http.StatusBadRequest, "file: is missing")
	}
	return u, nil
}

// ReconcileValues implements the API.
func (s operators) ReconcileValues(ctx context.Context, r api.ReconcileValuesRequestObject) (api.ReconcileValuesResponseObject, error) {
	month := ""
	if r.Params.Month != nil {
		month = *r.Params.Month
	}
	if month != "" && !regexp.MustCompile(`^2\d{3}-(0[1-9]|1[0-2])$`).MatchString(month) {
		return nil, refuse(http.StatusBadRequest, "month: %q is no month, as in 2026-06", month)
	}
	t, err := s.operator.Values.Reconcile(ctx, month, r.Params.All != nil && *r.Params.All)
	t.Energy, t.Months, t.Money = listed(t.Energy), listed(t.Months), listed(t.Money)
	return api.ReconcileValues200JSONResponse(t), err
}
