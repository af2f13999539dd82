package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/commonwatt/commonwatt/web/api"
)

// natsAt starts a NATS server that keeps its streams in a folder, and returns its address and what stops it.
func natsAt(t *testing.T, folder string) (url string, stop func()) {
	t.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: folder, NoSigs: true, NoLog: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	stopped := false
	stop = func() {
		if !stopped {
			s.Shutdown()
			s.WaitForShutdown()
		}
		stopped = true
	}
	t.Cleanup(stop)
	if !s.ReadyForConnections(patience) {
		t.Fatal("a NATS server does not start")
	}
	return s.ClientURL(), stop
}

// copied is a folder as it is now.
func copied(t *testing.T, folder string) string {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(folder)); err != nil {
		t.Fatal(err)
	}
	return to
}

// TestABackupWithABusElsewhere backs up a community whose streams are on a NATS server: while it runs it is refused and
// says what to do; that is done, and the copy says what is not in it. Restored with the bus of the same moment it goes on,
// and with one that has gone on meanwhile it does not start.
func TestABackupWithABusElsewhere(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("SKIPPED by -short: boots a NATS server and the program; make test runs it")
	}
	pass, dir, streams, files := passphraseIn(t), t.TempDir(), t.TempDir(), t.TempDir()
	configured := func(url string) string {
		file := filepath.Join(t.TempDir(), "config.yaml")
		write(t, file, fmt.Sprintf("simulation: {homes: 2}\nbus: {url: %q, replicas: 1}\n", url))
		return file
	}
	settles := func(data, config string, more int64) {
		t.Helper()
		p := launch(t, data, "--config", config, "--speed", "120")
		first := p.until("an answer", func(api.Status) bool { return true })
		p.until("settled intervals", func(s api.Status) bool { return s.IntervalsSettled >= first.IntervalsSettled+more })
		if data == dir && more > 1 {
			refuses(t, "back up that cluster, and the directory while the community is stopped", "backup", "--data", data, "--out", filepath.Join(files, "of one that runs"), "--passphrase-file", pass)
		}
		p.stop()
	}
	url, stop := natsAt(t, streams)
	settles(dir, configured(url), 2)
	file := filepath.Join(files, "stopped")
	if out := succeeds(t, "backup", "--data", dir, "--out", file, "--passphrase-file", pass); !strings.Contains(out, "Its streams are not in it") {
		t.Errorf("the backup says\n%s", out)
	}
	stop()
	then := copied(t, streams)
	url, _ = natsAt(t, streams)
	settles(dir, configured(url), 1)

	older := filepath.Join(files, "older")
	if out := succeeds(t, "restore", file, "--data", older, "--passphrase-file", pass); !strings.Contains(out, "Restore the bus elsewhere") {
		t.Errorf("the restore says\n%s", out)
	}
	refuses(t, "restored from a backup that is older than the bus (bus.url)", "run", "--data", older, "--config", configured(url), "--listen", "127.0.0.1:0", "--speed", "120")
	url, _ = natsAt(t, then)
	settles(older, configured(url), 1)
	verified(t, older)
}
