package web_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/commonwatt/commonwatt/web"
	"github.com/commonwatt/commonwatt/web/api"
	"github.com/commonwatt/commonwatt/web/auth"
	"github.com/commonwatt/commonwatt/web/auth/accounts"
)

// cutWithin is how long a test waits for a socket to end: it fails by it, and passes as soon as it does.
// It is less than what passes until a socket is looked at in any case.
const cutWithin = 40 * time.Second

// socketOf opens the WebSocket of the pages with a cookie, and reads the state.
func socketOf(t *testing.T, s *httptest.Server, cookie string) *websocket.Conn {
	t.Helper()
	c, answer, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(s.URL, "http")+"/api/v1/ws", http.Header{"Cookie": {strings.TrimPrefix(cookie, "Cookie: ")}})
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	t.Cleanup(func() { _ = c.Close() })
	if m := heard(t, c); m.Type != api.LiveMessageTypeState {
		t.Fatalf("the first message is %+v", m)
	}
	return c
}

func heard(t *testing.T, c *websocket.Conn) (m api.LiveMessage) {
	t.Helper()
	if err := errors.Join(c.SetReadDeadline(time.Now().Add(cutWithin)), c.ReadJSON(&m)); err != nil {
		t.Fatal(err)
	}
	return m
}

// isCut tells whether the server ends a socket because its reader may not look any more.
func isCut(t *testing.T, c *websocket.Conn) bool {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(cutWithin)); err != nil {
		t.Fatal(err)
	}
	for {
		if _, _, err := c.ReadMessage(); err != nil {
			return websocket.IsCloseError(err, websocket.ClosePolicyViolation)
		}
	}
}

// TestASocketEndsWithItsRights changes what somebody may see while a page of theirs watches: the socket
// ends at once, in whichever way the rights went, and those of others go on.
func TestASocketEndsWithItsRights(t *testing.T) {
	for name, change := range map[string]func(t *testing.T, h http.Handler, id, operator, cookie string) int{
		"another home": func(t *testing.T, h http.Handler, id, operator, _ string) int {
			return knock(t, h, http.MethodPut, "/api/v1/accounts/"+id, `{"role":"homeowner","member":"b"}`, operator, asJSON).Code
		},
		"another role": func(t *testing.T, h http.Handler, id, operator, _ string) int {
			return knock(t, h, http.MethodPut, "/api/v1/accounts/"+id, `{"role":"researcher"}`, operator, asJSON).Code
		},
		"removed": func(t *testing.T, h http.Handler, id, operator, _ string) int {
			return knock(t, h, http.MethodDelete, "/api/v1/accounts/"+id, "", operator).Code
		},
		"signed out": func(t *testing.T, h http.Handler, _, _, cookie string) int {
			return knock(t, h, http.MethodDelete, "/api/v1/session", "", cookie).Code
		},
		"another password": func(t *testing.T, h http.Handler, _, _, cookie string) int {
			return knock(t, h, http.MethodPost, "/api/v1/account/password", `{"before":"`+password+`","password":"four rather small words"}`, cookie, asJSON).Code
		},
		"signed out from elsewhere": func(t *testing.T, h http.Handler, _, _, _ string) int {
			return knock(t, h, http.MethodDelete, "/api/v1/account/sessions", "", signIn(t, h, annSigns)).Code
		},
	} {
		t.Run(name, func(t *testing.T) {
			book := newBook(t)
			h := peopled(t, book, web.People{})
			s := httptest.NewServer(h)
			defer s.Close()
			a, err := book.People.ByEMail(t.Context(), annSigns)
			if err != nil {
				t.Fatal(err)
			}
			operator, cookie := signIn(t, h, operatorSigns), signIn(t, h, annSigns)
			cut, stays := socketOf(t, s, cookie), socketOf(t, s, signIn(t, h, "homeownerb@x.example"))
			if code := change(t, h, a.ID, operator, cookie); code/100 != 2 {
				t.Fatal(code)
			}
			if !isCut(t, cut) {
				t.Error("the socket goes on, or ends otherwise")
			}
			if err := stays.WriteJSON(api.PageMessage{Type: api.Resync}); err != nil {
				t.Fatal(err)
			}
			if m := heard(t, stays); m.Type != api.LiveMessageTypeState || m.State.Homes[0].Id != "b" {
				t.Errorf("another's is sent %+v", m)
			}
		})
	}
}

// TestASocketEndsWithItsKey takes the key of a program away that watches.
func TestASocketEndsWithItsKey(t *testing.T) {
	book := newBook(t)
	h := peopled(t, book, web.People{})
	s := httptest.NewServer(h)
	defer s.Close()
	secret, key, err := book.Keys.Make(t.Context(), accounts.Key{Name: "k", Member: "a", Scopes: []accounts.Scope{accounts.Read}}, accounts.By{})
	if err != nil {
		t.Fatal(err)
	}
	c, answer, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(s.URL, "http")+"/api/v1/ws", http.Header{"Authorization": {"Bearer " + secret}})
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	defer c.Close()
	heard(t, c)
	if w := knock(t, h, http.MethodDelete, "/api/v1/account/keys/"+key.ID, "", signIn(t, h, annSigns)); w.Code != http.StatusNoContent {
		t.Fatal(w.Code, w.Body)
	}
	if !isCut(t, c) {
		t.Error("it watches on")
	}
}

// TestASocketEndsWithItsMaker has somebody lose the home for which a program of theirs watches by a key.
func TestASocketEndsWithItsMaker(t *testing.T) {
	book := newBook(t)
	h := peopled(t, book, web.People{})
	s := httptest.NewServer(h)
	defer s.Close()
	a, err := book.People.ByEMail(t.Context(), annSigns)
	if err != nil {
		t.Fatal(err)
	}
	made := answer[struct {
		Key string `json:"key"`
	}](t, knock(t, h, http.MethodPost, "/api/v1/account/keys", `{"name":"k","scopes":["read"]}`, signIn(t, h, annSigns), asJSON), http.StatusOK)
	c, reply, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(s.URL, "http")+"/api/v1/ws", http.Header{"Authorization": {"Bearer " + made.Key}})
	if err != nil {
		t.Fatal(err)
	}
	_ = reply.Body.Close()
	defer c.Close()
	heard(t, c)
	if err := book.People.Entitle(t.Context(), a.ID, auth.Homeowner, "b", accounts.By{}); err != nil {
		t.Fatal(err)
	}
	if !isCut(t, c) {
		t.Error("it watches on")
	}
}
