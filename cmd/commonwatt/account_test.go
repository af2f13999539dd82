package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/web/api"
)

// TestAccountsFromTheCommandLine runs a community of no devices yet, and has the operator come in by
// the first link, invite, let somebody in again, and forget tries, all by the program's commands. It
// says what to mend where something is asked for that cannot be.
func TestAccountsFromTheCommandLine(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("SKIPPED by -short: boots the program; make test runs it")
	}
	dir, config := t.TempDir(), filepath.Join(t.TempDir(), "oak.yaml")
	write(t, config, `community: oak
tariff: {version: "2026", currency: EUR, retail: 0.30 EUR/kWh, feed_in: 0.08 EUR/kWh}
devices: []
`)
	if code, _, errs := execute(t, "account", "first", "--data", dir); code != exitUsage || !strings.Contains(errs, "start it (commonwatt run --data") {
		t.Errorf("where none runs: %d: %s", code, errs)
	}
	p := launch(t, dir, "--config", config)
	p.wait("the pages", func() bool { return p.base() != "" })
	account := func(args ...string) string {
		t.Helper()
		code, out, errs := execute(t, append([]string{"account"}, append(args, "--data", dir)...)...)
		if code != 0 {
			t.Fatalf("account %v: %d: %s", args, code, errs)
		}
		return strings.TrimSpace(out)
	}
	secret := func(link, kind string) string {
		t.Helper()
		u, err := url.Parse(link)
		of, secret, _ := strings.Cut(u.Fragment, "=")
		if err != nil || !strings.HasPrefix(link, p.base()+"/signin.html#") || of != kind || len(secret) < 20 {
			t.Fatalf("%q is no link to a %s", link, kind)
		}
		return secret
	}
	first := secret(account("first"), "first")
	enter(t, p, http.StatusNoContent, "/api/v1/session/first", api.FirstRequest{Token: first, Email: "olga@oak.example", Name: "Olga", Password: "three small words"})
	if code, _, errs := execute(t, "account", "first", "--data", dir); code != exitUsage || !strings.Contains(errs, "no first link waits") {
		t.Errorf("a first link after the first: %d: %s", code, errs)
	}
	invitation := secret(account("invite", "utility", "--email", "ute@oak.example", "--name", "Ute"), "invitation")
	if out := account("list"); !strings.Contains(out, "operator                     olga@oak.example") || !strings.Contains(out, "ute@oak.example                  invited until ") {
		t.Errorf("it lists\n%s", out)
	}
	enter(t, p, http.StatusNoContent, "/api/v1/invitations/"+invitation, map[string]string{"password": "four rather small words"})
	enter(t, p, http.StatusUnauthorized, "/api/v1/invitations/"+invitation, map[string]string{"password": "four rather small words"})
	recovery := secret(account("link", "UTE@oak.example"), "recovery")
	enter(t, p, http.StatusNoContent, "/api/v1/recovery/"+recovery, map[string]string{"password": "five other words than before"})
	signs := func(password string) map[string]string {
		return map[string]string{"email": "ute@oak.example", "password": password}
	}
	enter(t, p, http.StatusUnauthorized, "/api/v1/session", signs("four rather small words"))
	enter(t, p, http.StatusNoContent, "/api/v1/session", signs("five other words than before"))
	account("unlock")
	var log api.Audit
	if d, err := (operator{data: dir}).dial(); err != nil || d.get(t.Context(), "/api/v1/audit", &log) != nil || log.Entries[0].What != "tries forgotten" || log.Entries[0].Who != "operator" {
		t.Errorf("%+v, %v", log, err)
	}
	keys(t, dir, account)
	for want, args := range map[string][]string{
		"nobody signs in with eve@oak.example": {"link", "eve@oak.example"},
		`"ann" has no home here`:               {"invite", "homeowner", "--member", "ann"},
		"give the member":                      {"invite", "homeowner"},
		"role":                                 {"invite", "king"},
		"ROLE":                                 {"invite"},
		"EMAIL":                                {"link"},
		"somebody signs in with ute":           {"invite", "utility", "--email", "ute@oak.example"},
	} {
		if code, out, errs := execute(t, append([]string{"account"}, append(args, "--data", dir)...)...); code != exitUsage || !strings.Contains(errs, want) || out != "" {
			t.Errorf("account %v: %d: %s%s, want %q", args, code, out, errs, want)
		}
	}
	p.stop()
}

// keys asks for keys of programs where there is no home to make one for.
func keys(t *testing.T, dir string, account func(args ...string) string) {
	t.Helper()
	if out := account("keys"); out != "" {
		t.Errorf("keys of nobody: %s", out)
	}
	for want, args := range map[string][]string{
		`"ann" has no home here`:  {"--member", "ann", "--name", "display", "--scope", "read"},
		"member: give the member": {"--name", "display", "--scope", "read"},
		"--scope":                 {"--member", "ann", "--name", "display"},
		"days":                    {"--member", "ann", "--name", "display", "--scope", "read", "--days", "9999"},
	} {
		if code, out, errs := execute(t, append([]string{"account", "key", "--data", dir}, args...)...); code != exitUsage || !strings.Contains(errs, want) || out != "" {
			t.Errorf("account key %v: %d: %s%s, want %q", args, code, out, errs, want)
		}
	}
}

// TestAKeyFromTheCommandLine makes two keys for a program, of a few days and of a year: each opens what it is for, and
// they are listed with their ends, of which one is soon.
func TestAKeyFromTheCommandLine(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("SKIPPED by -short: boots the program; make test runs it")
	}
	dir := t.TempDir()
	p := launch(t, dir, "--homes", "2")
	p.wait("the pages", func() bool { return p.base() != "" })
	for name, days := range map[string][]string{"display": {"--days", "9"}, "heating": nil} {
		key := strings.TrimSpace(succeeds(t, append([]string{"account", "key", "--data", dir, "--member", "home-01", "--name", name, "--scope", "read,trade"}, days...)...))
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.base()+"/api/v1/trader", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+key)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if !strings.HasPrefix(key, "cw_") || answer.StatusCode != http.StatusOK {
			t.Errorf("%s: the key %q: %d", name, key, answer.StatusCode)
		}
	}
	out, now := succeeds(t, "account", "keys", "--data", dir), time.Now().UTC()
	for name, want := range map[string]string{
		"display": "read,trade         display until " + now.AddDate(0, 0, 9).Format(time.DateOnly) + ", ends soon\n",
		"heating": "read,trade         heating until " + now.AddDate(0, 0, 365).Format(time.DateOnly) + "\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%s is listed as\n%s", name, out)
		}
	}
	p.stop()
}

// enter sends what somebody comes in by.
func enter(t *testing.T, p *process, code int, path string, body any) {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.Post(p.base()+path, "application/json", bytes.NewReader(text)) //nolint:noctx // patience is the client's
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != code {
		t.Errorf("%s: %d, want %d", path, answer.StatusCode, code)
	}
}
