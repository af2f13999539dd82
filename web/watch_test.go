package web_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/web"
	"github.com/commonwatt/commonwatt/web/api"
)

// watched is a dashboard of the homes a and b that runs, in a time of its own.
type watched struct {
	*web.Live

	t        *testing.T
	handler  http.Handler
	listener *pipes
}

// watching calls f with such a dashboard.
func watching(t *testing.T, f func(t *testing.T, w watched)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := watched{Live: newLiveWith(time.Now, ready), t: t, listener: listen()}
		traders := map[string]web.Trader{"a's key": {Name: "agent", Member: "a"}}
		entry, err := web.NewOrderEntry("demo", nil, time.Now, traders, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		s := web.NewServer(w.Live, noBooks{}, entry, &web.Installer{}, func() bool { return true }, http.NotFoundHandler(), slog.New(slog.DiscardHandler))
		if w.handler, err = s.Behind(web.Access{ViewerKey: "viewer's key"}).Handler(); err != nil {
			t.Fatal(err)
		}
		server := http.Server{Handler: w.handler}
		go server.Serve(w.listener)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- w.Run(ctx) }()
		defer func() {
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
			_ = server.Close()
			synctest.Wait()
		}()
		f(t, w)
	})
}

// dial opens a socket with a header, as NAME: VALUE.
func (w watched) dial(header string) *websocket.Conn {
	w.t.Helper()
	name, value, _ := strings.Cut(header, ": ")
	dialer := websocket.Dialer{NetDialContext: w.listener.dial}
	c, answer, err := dialer.Dial("ws://commonwatt/api/v1/ws", http.Header{name: {value}})
	if err != nil {
		w.t.Fatal(err)
	}
	_ = answer.Body.Close()
	return c
}

// tells lets the meters of both homes say something.
func (w watched) tells(power int) {
	for _, home := range []string{"a", "b"} {
		w.ShowReadings(home, []grid.Reading{{Device: home + "/meter", Time: time.Now(), Power: new(grid.Power(power)), Quality: grid.Good}})
	}
}

// numbered holds messages to their numbers: each follows what came before.
type numbered struct{ state, community, home int64 }

func (n *numbered) follows(t *testing.T, m api.LiveMessage) {
	t.Helper()
	last := map[api.LiveMessageType]*int64{api.LiveMessageTypeState: &n.state, api.LiveMessageTypeCommunity: &n.community, api.LiveMessageTypeHome: &n.home}[m.Type]
	if last == nil {
		t.Fatalf("a homeowner is sent a %s", m.Type)
	}
	if m.After > max(*last, n.state) || m.Seq < *last {
		t.Errorf("%s %d follows %d, and the last one was %d after the state %d", m.Type, m.Seq, m.After, *last, n.state)
	}
	*last = m.Seq
}

// TestTheOwnHomeIsToldOnceASecond has the meters of two homes say something ten times a second:
// a homeowner hears of the own one, and of the community, once a second.
func TestTheOwnHomeIsToldOnceASecond(t *testing.T) {
	watching(t, func(t *testing.T, w watched) {
		c := w.dial("Authorization: Bearer a's key")
		defer c.Close()
		counts, n := map[api.LiveMessageType]int{}, numbered{}
		for k := range 100 {
			time.AfterFunc(time.Duration(k)*100*time.Millisecond, func() { w.tells(k) })
		}
		for began := time.Now(); time.Since(began) < 10*time.Second; {
			m, _ := next(t, c)
			n.follows(t, m)
			counts[m.Type]++
			if b, _ := json.Marshal(m); strings.Contains(string(b), "mp-b") || strings.Contains(string(b), `"b"`) || strings.Contains(string(b), `"b/`) {
				t.Fatalf("the homeowner of a is told of b: %s", b)
			}
		}
		if counts[api.LiveMessageTypeState] != 1 || counts[api.LiveMessageTypeHome] < 9 || counts[api.LiveMessageTypeHome] > 11 || counts[api.LiveMessageTypeCommunity] < 9 || counts[api.LiveMessageTypeCommunity] > 11 {
			t.Errorf("in 10 s there came %v", counts)
		}
	})
}

// TestAHomeThatDoesNotChangeIsNotTold hears the community alone for 20 s, and then a trade.
func TestAHomeThatDoesNotChangeIsNotTold(t *testing.T) {
	watching(t, func(t *testing.T, w watched) {
		c := w.dial("Authorization: Bearer a's key")
		defer c.Close()
		for began := time.Now(); time.Since(began) < 20*time.Second; {
			if m, took := next(t, c); m.Type == api.LiveMessageTypeHome && time.Since(began) > 2*time.Second || took > 2*time.Second {
				t.Fatalf("%s after %s", m.Type, took)
			}
		}
		w.ShowTrade(trade(7, 100, 100_000))
		for {
			m, took := next(t, c)
			if took > 2*time.Second {
				t.Fatal("nothing came")
			}
			if m.Type == api.LiveMessageTypeHome {
				if len(m.Home.Trades) != 1 || m.Home.Trades[0].Seq != 7 || m.Home.Trades[0].Buyer != "" || m.Home.Trades[0].Seller != "a" {
					t.Errorf("trades %+v", m.Home.Trades)
				}
				return
			}
		}
	})
}

// TestWhoMissedSomethingIsSentTheState lets a client pause for four seconds, in which many
// messages find it busy: it is sent the state then, and misses nothing.
func TestWhoMissedSomethingIsSentTheState(t *testing.T) {
	for header, kind := range map[string]string{"Authorization: Bearer a's key": "home", "X: y": "all"} {
		watching(t, func(t *testing.T, w watched) {
			c := w.dial(header)
			defer c.Close()
			if m, _ := next(t, c); m.Type != api.LiveMessageTypeState {
				t.Fatalf("%s: first came a %s", kind, m.Type)
			}
			for k := range 4 {
				w.ShowTrade(trade(uint64(k+1), 100, 100_000))
				w.tells(k)
				time.Sleep(time.Second)
			}
			seen, states := map[int64]bool{}, 0
			for range 6 {
				m, _ := next(t, c)
				var trades []api.Trade
				switch {
				case m.State != nil:
					states++
					trades = m.State.Trades
				case m.Delta != nil:
					trades = m.Delta.Trades
				case m.Home != nil:
					trades = m.Home.Trades
				}
				for _, one := range trades {
					seen[one.Seq] = true
				}
			}
			if states == 0 || len(seen) != 4 {
				t.Errorf("%s: %d states, and of 4 trades %v", kind, states, seen)
			}
		})
	}
}

// TestAPageAsksForTheState as one does that has noticed a gap.
func TestAPageAsksForTheState(t *testing.T) {
	watching(t, func(t *testing.T, w watched) {
		c := w.dial("Authorization: Bearer a's key")
		defer c.Close()
		next(t, c)
		if err := c.WriteJSON(api.PageMessage{Type: api.Resync}); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if m, _ := next(t, c); m.Type == api.LiveMessageTypeState {
				return
			}
		}
		t.Error("no state came")
	})
}

// TestWhoSignsOutIsShownNothingMore closes a session whose socket is open: it ends, and one of
// another session does not.
func TestWhoSignsOutIsShownNothingMore(t *testing.T) {
	watching(t, func(t *testing.T, w watched) {
		cookies := make([]string, 2)
		sockets := make([]*websocket.Conn, 2)
		for k := range cookies {
			answer := w.session(http.MethodPost, `{"key":"viewer's key"}`, "")
			cookies[k], _, _ = strings.Cut(answer.Header().Get("Set-Cookie"), ";")
			sockets[k] = w.dial("Cookie: " + cookies[k])
			defer sockets[k].Close()
		}
		if answer := w.session(http.MethodDelete, "", cookies[0]); answer.Code != http.StatusNoContent {
			t.Fatal(answer.Code)
		}
		stays := make(chan time.Duration)
		go func() { stays <- lives(sockets[1], time.Minute) }()
		if got := lives(sockets[0], time.Minute); got > 2*time.Second {
			t.Errorf("who has signed out was shown something for %s", got)
		}
		if got := <-stays; got < time.Minute {
			t.Errorf("who has not signed out was shown something for %s", got)
		}
	})
}

// TestWhoSignsOutWhileASocketOpens closes the session of a socket that is there and that nobody knows of
// yet, who would have it look whether it still may: it looks itself, and ends.
func TestWhoSignsOutWhileASocketOpens(t *testing.T) {
	watching(t, func(t *testing.T, w watched) {
		answer := w.session(http.MethodPost, `{"key":"viewer's key"}`, "")
		cookie, _, _ := strings.Cut(answer.Header().Get("Set-Cookie"), ";")
		out := 0
		w.listener.joining = func() { out = w.session(http.MethodDelete, "", cookie).Code }
		c := w.dial("Cookie: " + cookie)
		defer c.Close()
		if got := lives(c, time.Minute); out != http.StatusNoContent || got > 2*time.Second {
			t.Errorf("signed out with %d before anybody knew of the socket, and shown something for %s", out, got)
		}
	})
}

// session begins or ends a session, with a cookie.
func (w watched) session(method, body, cookie string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(w.t.Context(), method, "/api/v1/session", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Cookie", cookie)
	answer := httptest.NewRecorder()
	w.handler.ServeHTTP(answer, r)
	return answer
}

// TestWhoseAccountsTheSocketTells: the own home's alone, with a key that sees all homes none.
func TestWhoseAccountsTheSocketTells(t *testing.T) {
	for header, want := range map[string]string{"Authorization: Bearer viewer's key": "", "Authorization: Bearer a's key": "account of a at mp-a"} {
		watching(t, func(t *testing.T, w watched) {
			c := w.dial(header)
			defer c.Close()
			if m, _ := next(t, c); m.State == nil || m.State.Homes[0].Account != want {
				t.Errorf("with %s: %+v", header, m.State)
			}
		})
	}
}
