package web_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/web"
	"github.com/commonwatt/commonwatt/web/api"
)

// TestReadyTellsOfADatabaseThatIsAway: the program is ready all the same, since it reads
// devices and trades without one.
func TestReadyTellsOfADatabaseThatIsAway(t *testing.T) {
	since, problem := now.Add(-time.Hour), "it does not answer"
	for _, of := range []api.StoreStatus{{Kind: "influxdb"}, {Kind: "influxdb", AwaySince: &since, Problem: &problem}} {
		l := newLiveWith(func() time.Time { return now }, func(context.Context) api.Status { return api.Status{Store: of} })
		entry, err := web.NewOrderEntry("demo", nil, func() time.Time { return now }, nil, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		h, err := web.NewServer(l, noBooks{}, entry, &web.Installer{}, func() bool { return true }, http.NotFoundHandler(), slog.New(slog.DiscardHandler)).Handler()
		if err != nil {
			t.Fatal(err)
		}
		s := httptest.NewServer(h)
		defer s.Close()
		r, err := http.Get(s.URL + "/readyz")
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		text, err := io.ReadAll(r.Body)
		if away := strings.Contains(string(text), "away since"); err != nil || r.StatusCode != http.StatusOK || away != (of.AwaySince != nil) {
			t.Errorf("%+v: %s, %q, %v", of, r.Status, text, err)
		}
	}
}
