package web_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/commonwatt/commonwatt/meters/pairing"
	"github.com/commonwatt/commonwatt/meters/profile"
	"github.com/commonwatt/commonwatt/web"
	"github.com/commonwatt/commonwatt/web/api"
)

// behind is a server with an agent's key, the installer's and the viewer's, that is reached
// as the access says.
func behind(t *testing.T, a web.Access) http.Handler {
	t.Helper()
	return behindWith(t, a, newWishes().planning())
}

// behindWith is such a server of what is planned.
func behindWith(t *testing.T, a web.Access, planning web.Planning) http.Handler {
	t.Helper()
	return behindPeopled(t, a, planning, web.People{})
}

// behindPeopled is such a server to which people sign in.
func behindPeopled(t *testing.T, a web.Access, planning web.Planning, people web.People) http.Handler {
	t.Helper()
	return serverBehind(t, a, planning, people, newOwn())
}

// behindOwn is such a server of what is a homeowner's own.
func behindOwn(t *testing.T, a web.Access, people web.People, own web.Own) http.Handler {
	t.Helper()
	return serverBehind(t, a, newWishes().planning(), people, own)
}

func serverBehind(t *testing.T, a web.Access, planning web.Planning, people web.People, own web.Own) http.Handler {
	t.Helper()
	profiles, err := profile.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	var market counted
	traders := map[string]web.Trader{"ann's key": {Name: "a1", Member: "ann", Points: func() []string { return []string{"mp-ann"} }, Rate: 2}}
	entry, err := web.NewOrderEntry("demo", &market, func() time.Time { return now }, traders, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	installer := &web.Installer{Desk: pairing.Open(t.TempDir(), profiles, nil), Key: "installer's key"}
	a.ViewerKey = "viewer's key"
	s := web.NewServer(newLive(), noBooks{}, entry, installer, func() bool { return true }, http.NotFoundHandler(), slog.New(slog.DiscardHandler))
	s = s.Operated(web.Operator{
		Key: "operator's key", Members: purses{}, Fund: purses{}, Community: func() api.Community { return api.Community{} }, Tariffs: takesAll{}, Values: &noValues{}, Bills: oneBill{},
		Operation: func(context.Context) api.Operation { return api.Operation{Checks: []api.Check{}} },
		Backup:    func(context.Context) (web.Backup, error) { return newBackedUp(nil), nil },
	}).Planned(planning).Researched(oneRun{}).Owned(own)
	h, err := s.Behind(a).Peopled(people).Handler()
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// knock sends a request with headers, as NAME: VALUE.
func knock(t *testing.T, h http.Handler, method, path, body string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	r.Host = "127.0.0.1:8080"
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		switch name {
		case "Host":
			r.Host = value
		case "From":
			r.RemoteAddr = value
		default:
			r.Header.Set(name, value)
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// notForLooking are the operations that whoever comes may call in a demonstration, and that keys
// do not open which are for looking at the pages: what changes something, and a home's bills.
func notForLooking() []string {
	return append(ownNotForLooking(), "setLimits", "resetLimits")
}

// forAuditors are the operations that look into the ledger: an agent's key does not open them.
func forAuditors() []string {
	return []string{"listIntervals", "searchLedger", "getLedgerTotals", "provePosting", "proveConsistency", "downloadPostings"}
}

// TestBehindAClosedDoorNothingIsShown asks for everything that is open in a demonstration,
// without a key, with a wrong one, and with each that opens it.
func TestBehindAClosedDoorNothingIsShown(t *testing.T) {
	h := behind(t, web.Access{Closed: true})
	for name, a := range operations() {
		if a.wanted == "" && !slices.Contains(inDemonstrations(), name) {
			continue
		}
		for _, header := range []string{"X: y", "Authorization: Bearer wrong", "Authorization: Bearer ", "Cookie: commonwatt=wrong"} {
			if w := knock(t, h, a.method, a.path, a.body, header); w.Code != http.StatusUnauthorized || w.Header().Get("WWW-Authenticate") != "Bearer" {
				t.Errorf("%s with %q: %d %.100s", name, header, w.Code, w.Body)
			}
		}
		if a.wanted != "" || slices.Contains(notForLooking(), name) {
			continue
		}
		if forPeople()[name] == "researcher operator" { // their work is for nobody's eyes
			if w := knock(t, h, a.method, a.path, a.body, "Authorization: Bearer viewer's key"); w.Code != http.StatusUnauthorized {
				t.Errorf("%s with the viewer's key: %d", name, w.Code)
			}
			continue
		}
		for _, key := range []string{"ann's key", "installer's key", "viewer's key"} {
			want := a.code
			if key == "ann's key" && slices.Contains(forAuditors(), name) {
				want = http.StatusUnauthorized
			}
			if w := knock(t, h, a.method, a.path, a.body, "Authorization: Bearer "+key); w.Code != want {
				t.Errorf("%s with %q: %d %.100s", name, key, w.Code, w.Body)
			}
		}
	}
	for _, path := range []string{"/metrics", "/api/v1/nothing", "/api/", "/api/v1/state/", "/api/v1/x/../state"} {
		if w := knock(t, h, http.MethodGet, path, ""); w.Code != http.StatusUnauthorized && w.Code/100 != 3 {
			t.Errorf("%s: %d %.100s", path, w.Code, w.Body)
		}
	}
	for _, path := range []string{"/healthz", "/readyz"} {
		if w := knock(t, h, http.MethodGet, path, ""); w.Code != http.StatusOK {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	if w := knock(t, h, http.MethodPost, "/api/v1/orders", "[]", "Authorization: Bearer viewer's key"); w.Code != http.StatusUnauthorized {
		t.Errorf("who may look trades: %d", w.Code)
	}
}

// TestASessionLooksAndDoesNothing shows a key once: the cookie opens what the pages show and
// no more, until the session is closed.
func TestASessionLooksAndDoesNothing(t *testing.T) {
	h := behind(t, web.Access{Closed: true, Secure: true})
	if w := knock(t, h, http.MethodPost, "/api/v1/session", `{"key":"wrong"}`, "Content-Type: application/json"); w.Code != http.StatusUnauthorized || len(w.Result().Cookies()) > 0 {
		t.Errorf("a wrong key: %d", w.Code)
	}
	w := knock(t, h, http.MethodPost, "/api/v1/session", `{"key":"installer's key"}`, "Content-Type: application/json")
	cookies := w.Result().Cookies()
	if w.Code != http.StatusNoContent || len(cookies) != 1 || !cookies[0].HttpOnly || !cookies[0].Secure || cookies[0].SameSite != http.SameSiteStrictMode {
		t.Fatalf("the installer's key: %d, cookies %v", w.Code, cookies)
	}
	cookie := "Cookie: commonwatt=" + cookies[0].Value
	for path, want := range map[string]int{"/api/v1/state": http.StatusOK, "/api/v1/ws": http.StatusBadRequest, "/api/v1/pairing/devices": http.StatusUnauthorized, "/api/v1/trader": http.StatusUnauthorized} {
		if w := knock(t, h, http.MethodGet, path, "", cookie); w.Code != want {
			t.Errorf("%s: %d, want %d", path, w.Code, want)
		}
	}
	if w := knock(t, h, http.MethodDelete, "/api/v1/session", "", cookie); w.Code != http.StatusNoContent {
		t.Errorf("closing: %d", w.Code)
	}
	if w := knock(t, h, http.MethodGet, "/api/v1/state", "", cookie); w.Code != http.StatusUnauthorized {
		t.Errorf("after it was closed: %d", w.Code)
	}
}

// TestStrangersAreNotToldWhoseAccountItIs shows in a demonstration who lives there, but
// joins no name with its account, unless a key was sent.
func TestStrangersAreNotToldWhoseAccountItIs(t *testing.T) {
	h := behind(t, web.Access{})
	for _, c := range []struct {
		header string
		joined bool
	}{{"X: y", false}, {"Authorization: Bearer wrong", false}, {"Authorization: Bearer viewer's key", true}} {
		var state api.State
		if err := json.Unmarshal(knock(t, h, http.MethodGet, "/api/v1/state", "", c.header).Body.Bytes(), &state); err != nil {
			t.Fatal(err)
		}
		if len(state.Homes) == 0 || (state.Homes[0].Account != "") != c.joined {
			t.Errorf("with %q: %+v", c.header, state.Homes)
		}
	}
}

// TestOtherSitesGetNothing refuses names that are not the community's own (rebinding), and
// what pages of other sites ask for; frames and caches are forbidden.
func TestOtherSitesGetNothing(t *testing.T) {
	h := behind(t, web.Access{Hosts: []string{"hub.example", "*.homes.example", "192.0.2.7", "2001:db8::1"}})
	for headers, want := range map[string]int{
		"Host: 127.0.0.1:8080":                               http.StatusOK,
		"Host: localhost":                                    http.StatusOK,
		"Host: [::1]:8080":                                   http.StatusOK,
		"Host: hub.example:443":                              http.StatusOK,
		"Host: HUB.example.":                                 http.StatusOK,
		"Host: ann.homes.example":                            http.StatusOK,
		"Host: 192.0.2.7:8080":                               http.StatusOK,
		"Host: [2001:db8::1]:8080":                           http.StatusOK,
		"Host: evil.example:8080":                            http.StatusMisdirectedRequest,
		"Host: hub.example.evil.net":                         http.StatusMisdirectedRequest,
		"Host: localhost.evil.net":                           http.StatusMisdirectedRequest,
		"Host: a.b.homes.example":                            http.StatusMisdirectedRequest,
		"Host: ":                                             http.StatusMisdirectedRequest,
		"Origin: http://evil.example":                        http.StatusForbidden,
		"Origin: null":                                       http.StatusForbidden,
		"Origin: http://127.0.0.1:80":                        http.StatusForbidden,
		"Origin: http://127.0.0.1:8080|Host: 127.0.0.1:8080": http.StatusOK,
		"Sec-Fetch-Site: cross-site":                         http.StatusForbidden,
		"Sec-Fetch-Site: same-site":                          http.StatusForbidden,
		"Sec-Fetch-Site: same-origin":                        http.StatusOK,
	} {
		w := knock(t, h, http.MethodGet, "/api/v1/state", "", strings.Split(headers, "|")...)
		if w.Code != want {
			t.Errorf("%s: %d, want %d: %.100s", headers, w.Code, want, w.Body)
		}
		head := w.Header()
		if head.Get("Cache-Control") != "no-store" || head.Get("X-Frame-Options") != "DENY" || !strings.Contains(head.Get("Content-Security-Policy"), "frame-ancestors 'none'") {
			t.Errorf("%s: headers %v", headers, head)
		}
	}
	proxied := behind(t, web.Access{Closed: true, Secure: true, Hosts: []string{"hub.example"}, Proxies: []netip.Addr{netip.MustParseAddr("192.0.2.1")}})
	for from, want := range map[string]int{"192.0.2.1:4711": http.StatusOK, "[::ffff:192.0.2.1]:4711": http.StatusOK, "192.0.2.2:4711": http.StatusForbidden, "127.0.0.1:4711": http.StatusForbidden} {
		w := knock(t, proxied, http.MethodGet, "/api/v1/state", "", "From: "+from, "Host: hub.example", "Authorization: Bearer viewer's key")
		if w.Code != want || w.Header().Get("Strict-Transport-Security") == "" {
			t.Errorf("from %s: %d, want %d: %.100s", from, w.Code, want, w.Body)
		}
	}
}

// serving has a server at work until the test ends.
func serving(t *testing.T, h http.Handler) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wait sync.WaitGroup
	wait.Go(func() {
		if err := web.Serve(ctx, l, nil, nil, h); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { cancel(); wait.Wait() })
	return l.Addr().String()
}

// TestDescriptorsComeBackAfterABurst opens many WebSockets at once, some of which close as
// they should and some that just go: all files are given back.
func TestDescriptorsComeBackAfterABurst(t *testing.T) {
	files := func() int {
		entries, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Skip("SKIPPED: this system does not tell which files are open")
		}
		return len(entries)
	}
	address := serving(t, behind(t, web.Access{}))
	const burst = 300
	before := files()
	var all []*websocket.Conn
	for range burst {
		c, answer, err := websocket.DefaultDialer.DialContext(t.Context(), "ws://"+address+"/api/v1/ws", nil)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		all = append(all, c)
	}
	if during := files(); during < before+2*burst {
		t.Errorf("%d files with %d WebSockets, %d before", during, burst, before)
	}
	for k, c := range all {
		if k%2 == 0 {
			_ = c.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), time.Now().Add(time.Second))
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
	again := time.NewTicker(20 * time.Millisecond) // the other side's files are closed by goroutines that tell nobody
	defer again.Stop()
	for deadline := time.Now().Add(time.Minute); files() > before+10; <-again.C {
		if time.Now().After(deadline) {
			t.Fatalf("%d files are open after the burst, %d before", files(), before)
		}
	}
}

// TestASlowSenderIsHungUpOn keeps no connection whose request does not come.
func TestASlowSenderIsHungUpOn(t *testing.T) {
	t.Parallel()
	c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", serving(t, behind(t, web.Access{})))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: x\r\n")
	if err := c.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if n, err := c.Read(make([]byte, 1)); n > 0 || err == nil || strings.Contains(err.Error(), "timeout") {
		t.Errorf("after a header that never ends: %d bytes, %v", n, err)
	}
}

// TestAFullDiskIsSaid takes no orders while nothing can be kept, though they can still be
// taken out of the market; the process is not ready then, and is again by itself.
func TestAFullDiskIsSaid(t *testing.T) {
	full := errors.New("the disk is full")
	h := behind(t, web.Access{Room: func() error { return full }, Trouble: func() string {
		if full != nil {
			return full.Error()
		}
		return ""
	}})
	json, key := "Content-Type: application/json", "Authorization: Bearer ann's key"
	for name, a := range map[string]asked{
		"orders": {http.MethodPost, "/api/v1/orders", orders(1, ""), "", http.StatusOK}, "a replacement": {http.MethodPut, "/api/v1/orders/o1", `{"energy":1,"price":100}`, "", http.StatusOK},
	} {
		if w := knock(t, h, a.method, a.path, a.body, json, key); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" || !strings.Contains(w.Body.String(), "the disk is full") {
			t.Errorf("%s on a full disk: %d %s", name, w.Code, w.Body)
		}
	}
	if w := knock(t, h, http.MethodDelete, "/api/v1/orders/o1", "", key); w.Code != http.StatusOK {
		t.Errorf("a cancellation on a full disk: %d %s", w.Code, w.Body)
	}
	if w := knock(t, h, http.MethodGet, "/readyz", ""); w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "the disk is full") {
		t.Errorf("ready on a full disk: %d %s", w.Code, w.Body)
	}
	full = nil
	if w := knock(t, h, http.MethodGet, "/readyz", ""); w.Code != http.StatusOK {
		t.Errorf("ready with room again: %d %s", w.Code, w.Body)
	}
	if w := knock(t, h, http.MethodPost, "/api/v1/orders", orders(1, ""), json, key); w.Code != http.StatusOK {
		t.Errorf("orders with room again: %d %s", w.Code, w.Body)
	}
}
