package main

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/commonwatt/commonwatt/client"
	"github.com/commonwatt/commonwatt/web"
)

// cluster starts three NATS servers that replicate their streams and returns
// their addresses.
func cluster(t *testing.T) string {
	t.Helper()
	const servers = 3
	ports, routes, urls := make([]int, servers), make([]*url.URL, servers), make([]string, servers)
	for i := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		ports[i] = l.Addr().(*net.TCPAddr).Port
		routes[i] = &url.URL{Scheme: "nats", Host: l.Addr().String()}
		_ = l.Close()
	}
	all := make([]*server.Server, servers)
	for i := range all {
		s, err := server.NewServer(&server.Options{
			ServerName: fmt.Sprint("n", i), Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true,
			Cluster: server.ClusterOpts{Name: "test", Host: "127.0.0.1", Port: ports[i]}, Routes: routes,
		})
		if err != nil {
			t.Fatal(err)
		}
		s.Start()
		t.Cleanup(func() {
			s.Shutdown()
			s.WaitForShutdown()
		})
		all[i] = s
	}
	for i, s := range all {
		if !s.ReadyForConnections(20 * time.Second) {
			t.Fatal("a NATS server does not start")
		}
		urls[i] = s.ClientURL()
	}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		for _, s := range all {
			if s.JetStreamIsLeader() {
				return strings.Join(urls, ",")
			}
		}
		if time.Now().After(deadline) {
			t.Fatal("the NATS cluster has no leader")
		}
	}
}

// TestStandby kills the process that runs the market in the middle of the load:
// the one that stands by goes on with it and knows every acknowledged order by
// its number.
func TestStandby(t *testing.T) {
	if testing.Short() {
		t.Skip("boots a cluster and two programs")
	}
	keys, urls := t.TempDir(), cluster(t)
	file := filepath.Join(keys, "key")
	config := filepath.Join(keys, "config.yaml")
	text := fmt.Sprintf("simulation: {homes: 2}\nspeed: 1\nbus: {url: %q, replicas: 3, order_log: true}\nagents: [{name: a, member: home-01, key_file: %s, rate: 100000}]\n", urls, file)
	if err := os.WriteFile(file, []byte(key("home-01")), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	active := launch(t, t.TempDir(), "--config", config)
	active.until("devices", func(s web.Status) bool { return s.DevicesOnline >= 2 })
	active.ready(t)
	i := active.later(t)

	code, _, errs := execute(t, "run", "--config", config, "--data", t.TempDir(), "--listen", "127.0.0.1:0")
	if code != 2 || !strings.Contains(errs, `the market of "demo" runs in another process`) {
		t.Errorf("a second process for one market: exit code %d: %s", code, errs)
	}
	standby := launch(t, t.TempDir(), "--config", config, "--standby")

	acknowledged := map[string]string{}
	var sent []client.Order
	var mu sync.Mutex
	var senders sync.WaitGroup
	for sender := range 3 {
		stream, err := active.client("home-01").Stream(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			for range stream.Changes { // read, or be disconnected
			}
		}()
		senders.Go(func() {
			for n := 0; ; n++ {
				orders := many(fmt.Sprintf("s%d-%d-", sender, n), i, 5)
				mu.Lock()
				sent = append(sent, orders...)
				mu.Unlock()
				answers, err := stream.Submit(t.Context(), orders...)
				if err != nil {
					return // killed
				}
				mu.Lock()
				for _, a := range answers {
					if a.Order == nil || a.Order.Status != client.Waiting {
						t.Errorf("refused: %+v", a.Order)
						continue
					}
					acknowledged[a.Order.ClientID] = a.Order.Number
				}
				mu.Unlock()
			}
		})
	}
	time.Sleep(2 * time.Second)
	active.kill()
	senders.Wait()
	killed := time.Now()
	if len(acknowledged) < 100 {
		t.Fatalf("only %d orders were acknowledged", len(acknowledged))
	}

	standby.until("the other's place", func(s web.Status) bool { return s.DevicesOnline >= 2 })
	standby.ready(t)
	took := time.Since(killed)
	numbers := map[string]string{}
	for at := 0; at < len(sent); at += 500 {
		orders := sent[at:min(at+500, len(sent))]
		answers, err := standby.client("home-01").Submit(t.Context(), orders...)
		if err != nil {
			t.Fatal(err)
		}
		for k, a := range answers {
			if a.Order == nil || a.Order.Status != client.Waiting {
				t.Fatalf("%s: %+v %s", orders[k].ClientID, a.Order, a.Error)
			}
			if number, known := acknowledged[a.Order.ClientID]; known && number != a.Order.Number {
				t.Errorf("%s was acknowledged as %s and is %s", a.Order.ClientID, number, a.Order.Number)
			}
			if other, twice := numbers[a.Order.Number]; twice {
				t.Errorf("%s and %s are both order %s", a.Order.ClientID, other, a.Order.Number)
			}
			numbers[a.Order.Number] = a.Order.ClientID
		}
	}
	t.Logf("%d orders acknowledged, %d sent; the other process answered %s after the kill", len(acknowledged), len(sent), took.Round(time.Millisecond))
	standby.stop()
}
