package bus_test

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/commonwatt/commonwatt/bus"
)

// stranger connects to a hub as somebody who has a gateway's password and nothing else, with
// a server that is set up to ask for all that it can.
func stranger(t *testing.T, address, password string) *nats.Conn {
	t.Helper()
	hub, err := url.Parse("nats-leaf://gw-1:" + password + "@" + address)
	if err != nil {
		t.Fatal(err)
	}
	o := &server.Options{ServerName: "stranger", DontListen: true, NoSigs: true, NoLog: true}
	o.LeafNode.ReconnectInterval = 50 * time.Millisecond
	o.LeafNode.Remotes = []*server.RemoteLeafOpts{{URLs: []*url.URL{hub}}}
	s, err := server.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(patience) {
		t.Fatal("the stranger's server does not start")
	}
	waitFor(t, "the leaf", func() bool { return s.NumLeafNodes() > 0 })
	c, err := nats.Connect("", nats.InProcessServer(s))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// TestThePasswordAlonePublishesReadingsAndNothingElse connects, beside a gateway, a second
// leaf with its password: it reaches neither the gateway's own stream nor anything of the
// hub but what stores readings, and hears nothing that is said to others.
func TestThePasswordAlonePublishesReadingsAndNothingElse(t *testing.T) {
	t.Parallel()
	address := free(t)
	h := hub(t, t.TempDir(), address)
	defer h.Close()
	e := edge(t, t.TempDir(), address, "secret", 1<<20, false)
	defer e.Close()
	_, stop := forward(t, e)
	defer stop()
	if err := e.Publish(t.Context(), "readings.elm.gw-1.ann", "1", []byte("a reading")); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the reading at the hub", func() bool { b, err := e.Backlog(t.Context()); return err == nil && b.Messages == 0 })

	s := stranger(t, address, "secret")
	var heard atomic.Value
	if _, err := s.Subscribe(">", func(m *nats.Msg) {
		if string(m.Data) == "another" { // what it sends itself it hears as well
			heard.Store(m.Subject)
		}
	}); err != nil {
		t.Fatal(err)
	}
	for _, subject := range []string{
		"$JS.gw-1.API.STREAM.INFO.EDGE", "$JS.gw-1.API.STREAM.LIST", "$JS.gw-1.API.STREAM.DELETE.EDGE", "$JS.gw-1.API.STREAM.PURGE.EDGE",
		"$JS.gw-1.API.DIRECT.GET.EDGE", "$JS.API.STREAM.INFO.EDGE", "$JS.API.STREAM.DELETE.EDGE", "$JS.API.INFO",
		"$JS.hub.API.STREAM.DELETE.READINGS", "$JS.API.STREAM.NAMES", "$JS.hub.API.INFO", "$SYS.REQ.SERVER.PING",
		"readings.elm.gw-2.ann", "readings.elm.gw-1", "arriving.readings.elm.gw-2.ann", "market.elm.events", "orders.elm", "settlement.elm.a.1", "aside.store-elm", "edge.readings.elm.gw-1.ann",
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond) // nobody answers, and nobody may
		if m, err := s.RequestWithContext(ctx, subject, []byte(`{"seq":1}`)); err == nil {
			t.Errorf("%s is answered with %.200s", subject, m.Data)
		}
		cancel()
	}
	m, err := s.Request("readings.elm.gw-1.ann", []byte("rubbish"), patience)
	if err != nil || !strings.Contains(string(m.Data), `"seq"`) {
		t.Errorf("what the password is for: %v, %v", m, err)
	}
	if err := e.Publish(t.Context(), "readings.elm.gw-1.ann", "2", []byte("another")); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the next reading at the hub", func() bool { n, err := h.Count(t.Context(), bus.Readings, ">"); return err == nil && n == 3 })
	if last, err := e.LastStored(t.Context(), "readings.elm.gw-1.ann"); err != nil || string(last) != "another" {
		t.Errorf("the gateway's own stream holds %q, %v", last, err)
	}
	if got := heard.Load(); got != nil {
		t.Errorf("the stranger heard %s", got)
	}
}

// TestAGatewayHasAQuota lets a gateway store so many bytes a minute and no more; the other
// one is not held up. Of the headers of a message only its id counts, and only within the
// gateway: none can have another's message taken for a repetition, or a stream emptied.
func TestAGatewayHasAQuota(t *testing.T) {
	t.Parallel()
	address := free(t)
	h, err := bus.Open(t.Context(), bus.Config{Dir: t.TempDir(), Leafs: &bus.Leafs{Listen: address, Users: []bus.Leaf{
		{Name: "gw-1", Password: "secret", Store: []string{"readings.elm.gw-1.*"}, Quota: 100_000},
		{Name: "gw-2", Password: "secret", Store: []string{"readings.elm.gw-2.*"}},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	s := stranger(t, address, "secret")
	send := func(id string, bytes int, headers ...string) string {
		t.Helper()
		out := nats.NewMsg("readings.elm.gw-1.ann")
		out.Data = make([]byte, bytes)
		out.Header.Set(nats.MsgIdHdr, id)
		for _, name := range headers {
			out.Header.Set(name, "sub")
		}
		m, err := s.RequestMsg(out, patience)
		if err != nil {
			t.Fatal(err)
		}
		return string(m.Data)
	}
	if got := send("elm/gw-2#1", 1000, "Nats-Rollup", "Nats-Expected-Last-Msg-Id"); !strings.Contains(got, `"seq"`) {
		t.Errorf("headers that would tell a stream what to do: %s", got)
	}
	if got := send("", 600_000); !strings.Contains(got, "too long") {
		t.Errorf("a message of 600 kB: %s", got)
	}
	stored := 0
	for k := range 20 {
		if got := send(fmt.Sprint(k), 10_000); strings.Contains(got, `"seq"`) {
			stored++
		} else if !strings.Contains(got, "quota") {
			t.Errorf("over its quota: %s", got)
		}
	}
	if stored < 9 || stored > 12 {
		t.Errorf("%d messages of 10 kB are stored with a quota of 100 kB a minute", stored)
	}
	e, err := bus.OpenEdge(t.Context(), bus.EdgeConfig{Dir: t.TempDir(), Hub: "nats-leaf://" + address, Name: "gw-2", Password: "secret", MaxBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	_, stop := forward(t, e)
	defer stop()
	if err := e.Publish(t.Context(), "readings.elm.gw-2.bob", "elm/gw-2#1", []byte("bob's")); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the other gateway's reading", func() bool {
		m, err := h.Last(t.Context(), bus.Readings, "readings.elm.gw-2.bob")
		return err == nil && string(m) == "bob's"
	})
}

// TestConfirmedIsWhatTheHubDecided keeps messages until it is decided what becomes of them,
// though the hub's bus has them, and sends on meanwhile.
func TestConfirmedIsWhatTheHubDecided(t *testing.T) {
	t.Parallel()
	address := free(t)
	h := hub(t, t.TempDir(), address)
	defer h.Close()
	var decided atomic.Int64
	told := 0
	e, err := bus.OpenEdge(t.Context(), bus.EdgeConfig{
		Dir: t.TempDir(), Hub: "nats-leaf://" + address, Name: "gw-1", Password: "secret", MaxBytes: 1 << 20,
		Decided: func(_ context.Context, messages [][]byte) (int, error) {
			n := min(int(decided.Load())-told, len(messages))
			told += n
			return n, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	_, stop := forward(t, e)
	defer stop()
	for k := range 200 {
		if err := e.Publish(t.Context(), "readings.elm.gw-1.ann", fmt.Sprint(k), []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	waitFor(t, "all on the hub's bus", func() bool { n, err := h.Count(t.Context(), bus.Readings, ">"); return err == nil && n == 200 })
	if b, err := e.Backlog(t.Context()); err != nil || b.Messages != 200 || b.Lost != 0 {
		t.Errorf("before the hub has decided: %+v, %v", b, err)
	}
	decided.Store(150)
	waitFor(t, "what was decided", func() bool { b, err := e.Backlog(t.Context()); return err == nil && b.Messages == 50 })
	decided.Store(200)
	waitFor(t, "the rest", func() bool { b, err := e.Backlog(t.Context()); return err == nil && b.Messages == 0 })
}
