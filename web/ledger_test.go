package web_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/web"
	"github.com/commonwatt/commonwatt/web/api"
)

// noted is a ledger that notes what it is asked.
type noted struct {
	words  []web.LedgerWords
	pages  []web.LedgerPage
	closed int
}

func (n *noted) Search(_ context.Context, w web.LedgerWords, p web.LedgerPage) (api.LedgerSearch, error) {
	n.words, n.pages = append(n.words, w), append(n.pages, p)
	return api.LedgerSearch{State: api.LedgerSearchStateNone}, nil
}

func (n *noted) Totals(context.Context, web.LedgerWords, bool) (api.LedgerTotals, error) {
	return api.LedgerTotals{}, nil
}

func (*noted) Proof(context.Context, int64) (api.PostingProof, error) {
	return api.PostingProof{}, &web.RefusedError{Code: http.StatusNotFound, Text: "leaf: not there"}
}

func (*noted) Consistency(context.Context, int64, int64) (api.ConsistencyProof, error) {
	return api.ConsistencyProof{}, nil
}

func (n *noted) Download(context.Context, web.LedgerWords) (web.Download, error) { return file{n}, nil }

func (n *noted) Bundle(context.Context) (web.Download, error) { return file{n}, nil }

// file is what is downloaded from a noted ledger.
type file struct{ of *noted }

func (file) Name() string { return "postings.csv" }

func (file) Write(_ context.Context, w io.Writer) error {
	_, err := io.WriteString(w, "leaf\n7\n")
	return err
}

func (f file) Close() error {
	f.of.closed++
	return nil
}

// searched is a demonstration with such a ledger.
func searched(t *testing.T, n *noted) http.Handler {
	t.Helper()
	var market counted
	entry, err := web.NewOrderEntry("demo", &market, func() time.Time { return now }, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	h, err := web.NewServer(newLive(), noBooks{}, entry, &web.Installer{Key: "installer's key"}, func() bool { return true }, http.NotFoundHandler(), slog.New(slog.DiscardHandler)).
		Behind(web.Access{ViewerKey: "viewer's key"}).Audited(n).Handler()
	if err != nil {
		t.Fatal(err)
	}
	return contracted(t, h)
}

func TestNamesAreSearchedByWhoSeesThem(t *testing.T) {
	var n noted
	h := searched(t, &n)
	knock(t, h, http.MethodGet, "/api/v1/ledger/search?q=ann", "")
	knock(t, h, http.MethodGet, "/api/v1/ledger/search?q=ann&skip=200&limit=500&size=900", "", "Authorization: Bearer viewer's key")
	if !slices.Equal(n.words, []web.LedgerWords{{Text: "ann"}, {Text: "ann", Named: true}}) || !slices.Equal(n.pages, []web.LedgerPage{{Limit: 100}, {Size: 900, Skip: 200, Limit: 500}}) {
		t.Errorf("asked for %+v, %+v", n.words, n.pages)
	}
}

func TestTheLedgerIsAskedWithinBounds(t *testing.T) {
	var n noted
	h := searched(t, &n)
	for _, path := range []string{
		"search?limit=0", "search?limit=501", "search?skip=-1", "search?size=-1", "search?limit=x", "search?q=" + strings.Repeat("a", 501), "totals?by=week", "consistency?size=-1&records=0", "consistency?size=1", "postings/x/proof",
	} {
		if w := knock(t, h, http.MethodGet, "/api/v1/ledger/"+path, ""); w.Code != http.StatusBadRequest {
			t.Errorf("%.40s: %d %.100s, want it refused", path, w.Code, w.Body)
		}
	}
	if len(n.words) > 0 {
		t.Errorf("the ledger was asked all the same: %+v", n.words)
	}
	if w := knock(t, h, http.MethodGet, "/api/v1/ledger/postings/9/proof", ""); w.Code != http.StatusNotFound {
		t.Errorf("a posting that is not there: %d", w.Code)
	}
}

func TestADownloadIsAFile(t *testing.T) {
	var n noted
	w := knock(t, searched(t, &n), http.MethodGet, "/api/v1/ledger/postings.csv", "")
	if w.Code != http.StatusOK || w.Body.String() != "leaf\n7\n" || w.Header().Get("Content-Disposition") != `attachment; filename="postings.csv"` || n.closed != 1 {
		t.Errorf("%d %q %v, closed %d times", w.Code, w.Body, w.Header(), n.closed)
	}
}
