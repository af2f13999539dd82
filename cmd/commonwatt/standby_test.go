package main

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/commonwatt/commonwatt/web/api"
)

// cluster starts three NATS servers that replicate their streams and returns
// their addresses.
func cluster(t *testing.T) string {
	t.Helper()
	const servers = 3
	ports, routes, urls := make([]int, servers), make([]*url.URL, servers), make([]string, servers)
	for i := range ports {
		address, err := net.ResolveTCPAddr("tcp", free(t))
		if err != nil {
			t.Fatal(err)
		}
		ports[i] = address.Port
		routes[i] = &url.URL{Scheme: "nats", Host: address.String()}
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
		if !s.ReadyForConnections(patience) {
			t.Fatal("a NATS server does not start")
		}
		urls[i] = s.ClientURL()
	}
	if !eventually(func() bool { return slices.ContainsFunc(all, (*server.Server).JetStreamIsLeader) }) {
		t.Fatal("the NATS cluster has no leader")
	}
	return strings.Join(urls, ",")
}

// TestStandby kills the process that runs the market in the middle of the load:
// the one that stands by goes on with it and knows every acknowledged order by
// its number.
func TestStandby(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("SKIPPED by -short: boots a cluster and two programs; make test runs it")
	}
	keys, urls := t.TempDir(), cluster(t)
	file := filepath.Join(keys, "key")
	config := filepath.Join(keys, "config.yaml")
	text := fmt.Sprintf("simulation: {homes: 2}\nspeed: 1\ntrading: continuous\nbus: {url: %q, replicas: 3, order_log: true}\nagents: [{name: a, member: home-01, key_file: %s, rate: 100000}]\n", urls, file)
	if err := os.WriteFile(file, []byte(key("home-01")), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	active := launch(t, t.TempDir(), "--config", config)
	active.until("devices", func(s api.Status) bool { return s.DevicesOnline >= 2 })
	active.ready()
	i := active.later(t)

	code, _, errs := execute(t, "run", "--config", config, "--data", t.TempDir(), "--listen", "127.0.0.1:0")
	if code != 2 || !strings.Contains(errs, `the market of "demo" runs in another process`) {
		t.Errorf("a second process for one market: exit code %d: %s", code, errs)
	}
	standby := launch(t, t.TempDir(), "--config", config, "--standby")

	l := &load{acknowledged: map[string]string{}}
	l.send(t, active, "x", 3, 5, i)
	l.until(t, 1000)
	active.kill()
	l.senders.Wait()
	killed := time.Now()

	standby.until("the other's place", func(s api.Status) bool { return s.DevicesOnline >= 2 })
	standby.ready()
	took := time.Since(killed)
	l.again(t, standby)
	t.Logf("%d orders acknowledged, %d sent; the other process answered %s after the kill", len(l.acknowledged), len(l.sent), took.Round(time.Millisecond))
	standby.stop()
}
