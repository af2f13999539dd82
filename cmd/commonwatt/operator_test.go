package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/commonwatt/commonwatt/hub"
	"github.com/commonwatt/commonwatt/usage"
	"github.com/commonwatt/commonwatt/web/api"
)

// TestTheOperatorsWayIn asks a running community by its data directory, and by its address,
// and is told what to do when it runs no more, also after it was killed.
func TestTheOperatorsWayIn(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	if _, err := (operator{data: dir}).dial(); !usage.Is(err) || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("no directory: %v", err)
	}
	p := launch(t, dir, "--homes", "2", "--speed", "60")
	p.wait("the pages", func() bool { return p.base() != "" })
	ask := func(o operator) (c api.Community, err error) {
		d, err := o.dial()
		if err != nil {
			return c, err
		}
		return c, d.get(t.Context(), "/api/v1/operator", &c)
	}
	key := filepath.Join(dir, hub.OperatorKeyFile)
	for _, o := range []operator{{data: dir}, {url: p.base() + "/", key: key}} {
		if c, err := ask(o); err != nil || c.Community != "demo" || c.Currency != "EUR" || c.Minutes != 15 || c.WorldTime.IsZero() {
			t.Errorf("%+v: %+v %v", o, c, err)
		}
	}
	if _, err := ask(operator{data: dir, key: filepath.Join(dir, hub.ViewerKeyFile)}); !usage.Is(err) || !strings.Contains(err.Error(), "not the operator's key") {
		t.Errorf("the viewer's key: %v", err)
	}
	p.kill()
	if _, err := os.Stat(filepath.Join(dir, hub.DoorFile)); err != nil {
		t.Errorf("it was not killed: %v", err)
	}
	if _, err := ask(operator{data: dir}); !usage.Is(err) || !strings.Contains(err.Error(), "start it (commonwatt run --data "+dir) {
		t.Errorf("killed: %v", err)
	}
	p = launch(t, dir, "--homes", "2", "--speed", "60")
	p.wait("the pages", func() bool { return p.base() != "" })
	if _, err := ask(operator{data: dir}); err != nil {
		t.Error(err)
	}
	p.stop()
	if _, err := os.Stat(filepath.Join(dir, hub.DoorFile)); err == nil {
		t.Error("the address is still there")
	}
}

// TestWhatAnAddressIsRefusedFor names the flag.
func TestWhatAnAddressIsRefusedFor(t *testing.T) {
	t.Parallel()
	for want, o := range map[string]operator{
		"--url":     {url: "hub.example", key: "k"},
		"--key":     {url: "https://hub.example"},
		"no such f": {url: "https://hub.example", key: filepath.Join(t.TempDir(), "k")},
	} {
		if _, err := o.dial(); !usage.Is(err) || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %s", o, err, want)
		}
	}
}

// TestWhatTheCommunityRefuses keeps its words, and tells what the caller can mend from what
// it cannot.
func TestWhatTheCommunityRefuses(t *testing.T) {
	t.Parallel()
	key := filepath.Join(t.TempDir(), "k")
	if err := os.WriteFile(key, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for code, mendable := range map[int]bool{http.StatusBadRequest: true, http.StatusConflict: true, http.StatusNotFound: true, http.StatusInternalServerError: false} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "Bearer secret" {
				t.Error("without the key")
			}
			api.WriteProblem(w, code, "row 7: no such point")
		}))
		d, err := operator{url: s.URL, key: key}.dial()
		if err != nil {
			t.Fatal(err)
		}
		if err := d.post(t.Context(), "/api/v1/x", nil, nil); err == nil || !strings.HasSuffix(err.Error(), "row 7: no such point") || usage.Is(err) != mendable {
			t.Errorf("%d: %v", code, err)
		}
		s.Close()
		if err := d.get(t.Context(), "/api/v1/x", nil); err == nil || usage.Is(err) || !strings.Contains(err.Error(), "does not answer") {
			t.Errorf("nobody there: %v", err)
		}
	}
}
