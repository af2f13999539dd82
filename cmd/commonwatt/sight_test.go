package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/commonwatt/commonwatt/web/api"
)

// TestAHomeownersSessionSeesNoNeighbour signs in to a demonstration as a homeowner and asks for all
// that the API has to give, before and after a gate, with the socket: nothing of it has the name of
// another member, its metering point, device or account on the ledger, or the size of an order that
// it alone has of that size.
func TestAHomeownersSessionSeesNoNeighbour(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("SKIPPED by -short: boots the program; make test runs it")
	}
	p := launch(t, t.TempDir(), "--homes", "6", "--speed", "120")
	p.until("an interval is settled", func(s api.Status) bool { return s.IntervalsSettled > 0 && s.DevicesOnline >= 12 })
	i := odd(t, p)
	s := signIn(t, p, "home-02")
	secrets := neighbours(t, p, "home-02")
	s.sweep(i, secrets) // before the gate
	p.wait("the gate closes", func() bool {
		var why api.WhyPrice
		return p.get("/api/v1/intervals/"+i+"/price", &why) == nil && why.Closed
	})
	s.sweep(i, secrets)
	s.listen(secrets)
	if s.asked < 20 || !strings.Contains(s.seen.String(), "home-02") {
		t.Errorf("%d answers were looked at", s.asked)
	}
	p.stop()
}

// oddSize is the energy of an order that nobody else has, Wh.
const oddSize = 1777

// odd lets the program that trades for home-01 order energy that nobody will sell so cheap, for the
// last interval that is open, and returns when that begins.
func odd(t *testing.T, p *process) (start string) {
	t.Helper()
	var rules api.MarketRules
	if err := p.get("/api/v1/market", &rules); err != nil {
		t.Fatal(err)
	}
	key, err := os.ReadFile(filepath.Join(p.dir, "agent.key"))
	if err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal([]api.OrderRequest{{ClientId: "odd", Interval: *rules.First, Side: "bid", Energy: oddSize, Price: rules.Floor + rules.Tick}})
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.base()+"/api/v1/orders", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(key)))
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(answer.Body)
	if answer.StatusCode != http.StatusOK || !strings.Contains(string(text), `"waiting"`) {
		t.Fatalf("the order: %s %s", answer.Status, text)
	}
	start, _, _ = strings.Cut(*rules.First, "/")
	return start
}

// neighbours returns what others are called, and what they alone know, as it would be written.
func neighbours(t *testing.T, p *process, own string) []string {
	t.Helper()
	var state api.State
	if err := p.get("/api/v1/state", &state); err != nil {
		t.Fatal(err)
	}
	secrets := []string{fmt.Sprint(oddSize), `"odd"`}
	for _, h := range state.Homes {
		if h.Id == own {
			continue
		}
		secrets = append(secrets, h.Id, h.MeteringPoint, h.Account)
		for _, d := range h.Devices {
			secrets = append(secrets, d.Id)
		}
	}
	if len(secrets) < 15 || slices.Contains(secrets, "") {
		t.Fatalf("the neighbours are %v", secrets)
	}
	return secrets
}

// session is a browser whose user has signed in.
type session struct {
	t      *testing.T
	base   string
	home   string
	cookie string
	asked  int
	seen   strings.Builder
}

func signIn(t *testing.T, p *process, home string) *session {
	t.Helper()
	answer, err := http.Post(p.base()+"/api/v1/session/demonstration", "application/json", strings.NewReader(fmt.Sprintf(`{"role":"homeowner","home":%q}`, home)))
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusNoContent || len(answer.Cookies()) != 1 {
		t.Fatalf("sign in: %s", answer.Status)
	}
	return &session{t: t, base: p.base(), home: home, cookie: answer.Cookies()[0].String()}
}

// sweep asks for everything that can be got, with the interval that begins at start where one is
// wanted, and another home's where a home is.
func (s *session) sweep(start string, secrets []string) {
	s.t.Helper()
	spec, err := api.GetSpec()
	if err != nil {
		s.t.Fatal(err)
	}
	for path, item := range spec.Paths.Map() {
		if item.Get == nil || strings.HasSuffix(path, "/ws") {
			continue
		}
		for _, home := range []string{s.home, "home-03"} {
			at := strings.NewReplacer("{home}", home, "{start}", start, "{", "", "}", "").Replace(path)
			query := "?interval=" + start + "/15&from=2026-01-01T00:00:00Z&to=2027-01-01T00:00:00Z&month=2026-06&period=2026-06&format=csv"
			text, code := s.get(at + query)
			if code == http.StatusOK {
				s.asked++
				s.look(at, text, secrets)
			} else {
				s.look(at, strings.ReplaceAll(text, "home-03", ""), secrets) // as it was asked for
			}
		}
	}
	for _, path := range []string{"/metrics", "/readyz", "/healthz"} {
		text, _ := s.get(path)
		s.look(path, text, secrets)
	}
}

func (s *session) get(path string) (text string, code int) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.base+path, http.NoBody)
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Cookie", s.cookie)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(b), answer.StatusCode
}

// look looks for secrets in what was said.
func (s *session) look(where, text string, secrets []string) {
	s.t.Helper()
	s.seen.WriteString(text)
	for _, secret := range secrets {
		if at := strings.Index(text, secret); at >= 0 {
			s.t.Errorf("%s tells %s: …%s…", where, secret, text[max(at-80, 0):min(at+80, len(text))])
		}
	}
}

// listen hears the socket until something of each kind has come.
func (s *session) listen(secrets []string) {
	s.t.Helper()
	c, answer, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(s.base, "http")+"/api/v1/ws", http.Header{"Cookie": {s.cookie}})
	if err != nil {
		s.t.Fatal(err)
	}
	_ = answer.Body.Close()
	defer c.Close()
	heard := map[string]bool{}
	for deadline := time.Now().Add(patience); len(heard) < 3 && time.Now().Before(deadline); {
		_, b, err := c.ReadMessage()
		if err != nil {
			s.t.Fatal(err)
		}
		var m api.LiveMessage
		if err := json.Unmarshal(b, &m); err != nil {
			s.t.Fatal(err)
		}
		heard[string(m.Type)] = true
		s.look("the socket", string(b), secrets)
	}
	if !heard["state"] || !heard["community"] || !heard["home"] {
		s.t.Errorf("heard %v", heard)
	}
}
