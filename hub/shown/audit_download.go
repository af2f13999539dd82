package shown

import (
	"archive/zip"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"

	"github.com/commonwatt/commonwatt/settlement/audit"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/web"
)

// Download implements web.Auditing.
func (a Audit) Download(ctx context.Context, words web.LedgerWords) (web.Download, error) {
	x, read, err := a.open(ctx, words)
	if err != nil {
		return nil, err
	}
	if read.unknown {
		return nil, &web.RefusedError{Code: http.StatusBadRequest, Text: "q: a word means nothing in this ledger: search for it first"}
	}
	if read.selects.Size, err = x.Count(ctx, ledger.Selection{}); err != nil {
		return nil, err
	}
	return table{bySteps{x, read.selects}}, nil
}

// table is the selected postings as CSV. It implements web.Download.
type table struct{ of bySteps }

// Name implements web.Download.
func (table) Name() string { return "postings.csv" }

// Write implements web.Download.
func (t table) Write(ctx context.Context, w io.Writer) error {
	return audit.WriteCSV(ctx, t.of, ledger.Query{}, w)
}

// Close implements web.Download.
func (table) Close() error { return nil }

// bySteps shows the selected postings some at a time, so that who takes them slowly holds up
// nothing. It implements audit.Postings.
type bySteps struct {
	index   *ledger.Index
	selects ledger.Selection
}

// Find implements audit.Postings; what is selected is known already.
func (b bySteps) Find(ctx context.Context, _ ledger.Query, see func(ledger.Entry) error) error {
	const step = 1000
	for next := int64(0); ; {
		some, err := b.index.After(ctx, b.selects, next, step)
		if err != nil {
			return err
		}
		for _, e := range some {
			if err := see(e); err != nil {
				return err
			}
			next = e.Leaf + 1
		}
		if len(some) < step {
			return nil
		}
	}
}

// Bundle implements web.Auditing.
func (a Audit) Bundle(ctx context.Context) (web.Download, error) {
	x, err := a.index(ctx)
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "commonwatt-bundle-")
	if err != nil {
		return nil, err
	}
	b := bundled{folder}
	_, err = audit.Bundle(ctx, x, filepath.Join(folder, bundleName), a.Export)
	if errors.Is(err, audit.ErrNothing) {
		err = &web.RefusedError{Code: http.StatusConflict, Text: "there is nothing to prove yet: the first posting comes with the first settlement"}
	}
	if err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return b, nil
}

// bundleName is the folder of a bundle in its file.
const bundleName = "bundle"

// bundled is a bundle in a folder of its own. It implements web.Download.
type bundled struct{ folder string }

// Name implements web.Download.
func (bundled) Name() string { return bundleName + ".zip" }

// Write implements web.Download.
func (b bundled) Write(_ context.Context, w io.Writer) error {
	z := zip.NewWriter(w)
	return errors.Join(z.AddFS(os.DirFS(b.folder)), z.Close())
}

// Close implements web.Download: the folder is gone then.
func (b bundled) Close() error { return os.RemoveAll(b.folder) }
