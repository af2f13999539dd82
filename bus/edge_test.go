package bus_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/commonwatt/commonwatt/bus"
)

// taken counts the ports that free has returned.
var taken atomic.Int64

// free returns an address that nobody listens on, for a hub that a gateway must know
// before it runs. Its port lies below those that the system gives to whoever asks for any,
// so that nobody else gets it meanwhile.
func free(t *testing.T) string {
	t.Helper()
	const first, ports = 20_000, 12_000
	for range ports {
		port := first + (int64(os.Getpid())+taken.Add(1))%ports
		l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		defer l.Close()
		return l.Addr().String()
	}
	t.Fatal("no port is free")
	return ""
}

func hub(t *testing.T, dir, address string) *bus.Bus {
	t.Helper()
	b, err := bus.Open(t.Context(), bus.Config{Dir: dir, Leafs: &bus.Leafs{Listen: address, Users: []bus.Leaf{
		{Name: "gw-1", Password: "secret", Store: []string{"readings.elm.gw-1.*"}},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func edge(t *testing.T, dir, address, password string, most int64, dropOldest bool) *bus.Edge {
	t.Helper()
	e, err := bus.OpenEdge(t.Context(), bus.EdgeConfig{Dir: dir, Hub: "nats-leaf://" + address, Name: "gw-1", Password: password, MaxBytes: most, DropOldest: dropOldest})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// forward runs the forwarder until the returned function is called, and tells by the
// channel's end that it was said once why something waits.
func forward(t *testing.T, e *bus.Edge) (waits <-chan struct{}, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	said := make(chan struct{})
	say := sync.OnceFunc(func() { close(said) })
	var wg sync.WaitGroup
	wg.Go(func() {
		err := e.Forward(ctx, func(err error) {
			if err != nil {
				say()
			}
		})
		if err != nil {
			t.Error(err)
		}
	})
	return said, sync.OnceFunc(func() { cancel(); wg.Wait() })
}

// TestTwoHoursWithoutTheHub publishes what a gateway does in two hours, two
// batches a second, while the hub is away; then the hub comes, goes again in the
// middle of it, and comes back. Everything arrives, once and in order.
func TestTwoHoursWithoutTheHub(t *testing.T) {
	t.Parallel()
	messages := 2 * 2 * 3600
	if testing.Short() {
		messages /= 10
	}
	address, hubDir := free(t), t.TempDir()
	e := edge(t, t.TempDir(), address, "secret", 1<<30, false)
	defer e.Close()
	_, stop := forward(t, e)
	defer stop()
	body := make([]byte, 900)
	for i := range messages {
		if err := e.Publish(t.Context(), "readings.elm.gw-1.ann", fmt.Sprintf("gw-1#%d", i), append(fmt.Appendf(nil, "%06d", i), body...)); err != nil {
			t.Fatal(err)
		}
	}
	if b, err := e.Backlog(t.Context()); err != nil || b.Messages != uint64(messages) || b.Lost != 0 {
		t.Fatalf("backlog %+v, %v, want %d messages", b, err, messages)
	}
	h := hub(t, hubDir, address)
	waitFor(t, "a third", func() bool { b, err := e.Backlog(t.Context()); return err == nil && b.Messages < uint64(messages*2/3) })
	h.Close()
	h = hub(t, hubDir, address)
	defer h.Close()
	waitFor(t, "all", func() bool { b, err := e.Backlog(t.Context()); return err == nil && b.Messages == 0 })
	next := 0
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	err := h.Consume(ctx, bus.Readings, "readings.elm.gw-1.*", "test", func(_ context.Context, batch [][]byte) error {
		for _, m := range batch {
			if want := fmt.Sprintf("%06d", next); string(m[:6]) != want {
				t.Errorf("message %s, want %s", m[:6], want)
			}
			next++
		}
		if next >= messages {
			cancel()
		}
		return nil
	}, func(err error) { t.Error(err) })
	if err != nil || next != messages {
		t.Errorf("%d messages at the hub, %v, want %d", next, err, messages)
	}
}

// patience is how long a test waits on a busy machine for what comes within seconds on
// a quiet one.
const patience = 3 * time.Minute

func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	again := time.NewTicker(20 * time.Millisecond) // a server tells nobody how far it has come
	defer again.Stop()
	for deadline := time.Now().Add(patience); !ok(); <-again.C {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}

// TestAFullGatewayDegradesAsDeclared fills a small store under both policies.
func TestAFullGatewayDegradesAsDeclared(t *testing.T) {
	t.Parallel()
	publish := func(e *bus.Edge) (refused int) {
		for i := range 400 {
			err := e.Publish(t.Context(), "readings.elm.gw-1.ann", fmt.Sprintf("#%d", i), make([]byte, 1000))
			if err != nil && !errors.Is(err, bus.ErrFull) {
				t.Fatal(err)
			}
			if err != nil {
				refused++
			}
		}
		return refused
	}
	oldest := edge(t, t.TempDir(), free(t), "secret", 100_000, true)
	defer oldest.Close()
	_, stop := forward(t, oldest)
	defer stop()
	if refused := publish(oldest); refused > 0 {
		t.Errorf("%d refused, want the oldest dropped", refused)
	}
	waitFor(t, "the consumer", func() bool { _, err := oldest.Backlog(t.Context()); return err == nil })
	if b, err := oldest.Backlog(t.Context()); err != nil || b.Lost < 200 || b.Share < 0.8 || b.Share > 1 {
		t.Errorf("backlog %+v, %v, want about 300 lost", b, err)
	}
	newest := edge(t, t.TempDir(), free(t), "secret", 100_000, false)
	defer newest.Close()
	_, stopNewest := forward(t, newest)
	defer stopNewest()
	if refused := publish(newest); refused < 200 {
		t.Errorf("%d refused, want about 300", refused)
	}
	waitFor(t, "the consumer", func() bool { _, err := newest.Backlog(t.Context()); return err == nil })
	if b, err := newest.Backlog(t.Context()); err != nil || b.Lost > 0 {
		t.Errorf("backlog %+v, %v, want none lost", b, err)
	}
}

// TestAGatewayMayOnlySpeakForItself tries a wrong password, another gateway's
// subject and the market's.
func TestAGatewayMayOnlySpeakForItself(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ password, subject string }{
		"a wrong password":        {"guess", "readings.elm.gw-1.ann"},
		"another gateway":         {"secret", "readings.elm.gw-2.ann"},
		"the market":              {"secret", "market.elm.events"},
		"a settlement run":        {"secret", "settlement.elm.x.1"},
		"the streams' management": {"secret", "$JS.API.STREAM.DELETE.READINGS"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := free(t)
			h := hub(t, t.TempDir(), address)
			defer h.Close()
			e := edge(t, t.TempDir(), address, c.password, 1<<20, false)
			defer e.Close()
			waits, stop := forward(t, e)
			defer stop()
			if err := e.Publish(t.Context(), c.subject, "1", []byte("x")); err != nil {
				t.Fatal(err)
			}
			<-waits // it was tried, and is not taken
			if b, err := e.Backlog(t.Context()); err != nil || b.Messages != 1 {
				t.Errorf("backlog %+v, %v: the message went through", b, err)
			}
			for stream, subject := range map[string]string{bus.Readings: ">", bus.Market: ">", bus.Settlement: ">"} {
				if got, err := h.Last(t.Context(), stream, subject); err != nil || got != nil {
					t.Errorf("stream %s holds %q, %v", stream, got, err)
				}
			}
		})
	}
}

// TestARestartSendsWhatWaits stops a gateway with messages on their way and starts
// it where the hub is: all arrive, in order, and the store is empty for new ones.
func TestARestartSendsWhatWaits(t *testing.T) {
	t.Parallel()
	address, dir := free(t), t.TempDir()
	publish := func(e *bus.Edge, from, to int) {
		for i := from; i < to; i++ {
			waitFor(t, "room", func() bool {
				err := e.Publish(t.Context(), "readings.elm.gw-1.ann", fmt.Sprintf("#%d", i), append(fmt.Appendf(nil, "%06d", i), make([]byte, 900)...))
				if err != nil && !errors.Is(err, bus.ErrFull) {
					t.Fatal(err)
				}
				return err == nil
			})
		}
	}
	e := edge(t, dir, address, "secret", 200_000, false)
	waits, stop := forward(t, e)
	publish(e, 0, 10)
	<-waits // the forwarder tried
	stop()
	e.Close()
	h := hub(t, t.TempDir(), address)
	defer h.Close()
	e = edge(t, dir, address, "secret", 200_000, false)
	defer e.Close()
	_, stop = forward(t, e)
	defer stop()
	publish(e, 10, 150)
	done := func() bool { b, err := e.Backlog(t.Context()); return err == nil && b.Messages == 0 }
	waitFor(t, "all", done)
	publish(e, 150, 600) // more than fits at once, with a hub that takes it
	waitFor(t, "the rest", done)
	next := 0
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := h.Consume(ctx, bus.Readings, "readings.elm.gw-1.*", "test", func(_ context.Context, batch [][]byte) error {
		for _, m := range batch {
			if want := fmt.Sprintf("%06d", next); string(m[:6]) != want {
				t.Errorf("message %s, want %s", m[:6], want)
			}
			next++
		}
		if next >= 600 {
			cancel()
		}
		return nil
	}, func(err error) { t.Error(err) }); err != nil || next != 600 {
		t.Errorf("%d messages at the hub, %v, want 600", next, err)
	}
}

// TestAGatewayHearsAndInjectsNothing asks with a reply subject of the market, and
// listens to what others send.
func TestAGatewayHearsAndInjectsNothing(t *testing.T) {
	t.Parallel()
	address := free(t)
	h := hub(t, t.TempDir(), address)
	defer h.Close()
	leaf, err := server.NewServer(&server.Options{ServerName: "cheat", DontListen: true, NoSigs: true, NoLog: true, LeafNode: server.LeafNodeOpts{
		ReconnectInterval: time.Second, Remotes: []*server.RemoteLeafOpts{{URLs: []*url.URL{{Scheme: "nats-leaf", Host: address, User: url.UserPassword("gw-1", "secret")}}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	leaf.Start()
	defer leaf.Shutdown()
	if !leaf.ReadyForConnections(patience) {
		t.Fatal("the leaf is not ready")
	}
	conn, err := nats.Connect("", nats.InProcessServer(leaf))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var heard atomic.Int64
	if _, err := conn.Subscribe(">", func(m *nats.Msg) {
		if strings.Contains(string(m.Data), "SECRET") {
			heard.Add(1)
		}
	}); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the gateway's own messages", func() bool {
		_ = conn.PublishRequest("readings.elm.gw-1.ann", "settlement.elm.2026-07-01T00:00:00Z.1", []byte("mine"))
		got, err := h.Last(t.Context(), bus.Readings, "readings.elm.gw-1.ann")
		return err == nil && string(got) == "mine"
	})
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	if err := h.Publish(ctx, "readings.elm.gw-2.bob", "1", []byte("SECRET")); err != nil {
		t.Fatal(err)
	}
	if err := h.Consume(ctx, bus.Readings, "readings.elm.gw-2.*", "test", func(context.Context, [][]byte) error { return nil }, func(error) {}); err != nil {
		t.Fatal(err)
	}
	if n := heard.Load(); n > 0 {
		t.Errorf("the gateway heard another's readings %d times", n)
	}
	if got, err := h.Last(t.Context(), bus.Settlement, ">"); err != nil || got != nil {
		t.Errorf("an answer became a settlement run: %q, %v", got, err)
	}
}

// TestWhyNothingIsTaken tells a hub that is off from one that refuses the
// password and from one that does not know the community.
func TestWhyNothingIsTaken(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, password, subject, want string
		hub                           bool
	}{
		{"the hub is off", "secret", "readings.elm.gw-1.ann", "connection refused", false},
		{"a wrong password", "wrong", "readings.elm.gw-1.ann", "refuses this gateway's id or password", true},
		{"another community", "secret", "readings.oak.gw-1.ann", "takes nothing on readings.oak.gw-1.ann", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			address := free(t)
			if c.hub {
				h := hub(t, t.TempDir(), address)
				defer h.Close()
			}
			e := edge(t, t.TempDir(), address, c.password, 1<<20, false)
			defer e.Close()
			if err := e.Publish(t.Context(), c.subject, "1", []byte("x")); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			var last string
			err := e.Forward(ctx, func(err error) {
				if last = fmt.Sprint(err); strings.Contains(last, c.want) {
					cancel()
				}
			})
			if err != nil || !strings.Contains(last, c.want) {
				t.Errorf("%v, %s; want %q", err, last, c.want)
			}
		})
	}
}

// TestAnotherCommunity stores messages for one community and then, its name put
// right, for another: what nobody takes does not hold up the rest.
func TestAnotherCommunity(t *testing.T) {
	t.Parallel()
	address, dir := free(t), t.TempDir()
	publish := func(e *bus.Edge, community string, from int) {
		t.Helper()
		for n := range 80 {
			if err := e.Publish(t.Context(), "readings."+community+".gw-1.ann", fmt.Sprint(community, from+n), fmt.Append(nil, from+n)); err != nil {
				t.Fatal(err)
			}
		}
	}
	e := edge(t, dir, address, "secret", 1<<20, false)
	publish(e, "oak", 0)
	publish(e, "elm", 0)
	publish(e, "oak", 80)
	publish(e, "elm", 80)
	e.Close()
	h := hub(t, t.TempDir(), address)
	defer h.Close()
	e = edge(t, dir, address, "secret", 1<<20, false)
	defer e.Close()
	if dropped, err := e.DropOthers(t.Context(), "readings.elm."); err != nil || dropped != 160 {
		t.Fatalf("%d dropped, %v", dropped, err)
	}
	_, stop := forward(t, e)
	defer stop()
	waitFor(t, "the last message", func() bool {
		last, err1 := h.Last(t.Context(), bus.Readings, "readings.elm.gw-1.ann")
		b, err2 := e.Backlog(t.Context())
		if err := errors.Join(err1, err2); err != nil || b.Lost > 0 {
			t.Fatal(b, err)
		}
		return string(last) == "159" && b.Messages == 0
	})
}
