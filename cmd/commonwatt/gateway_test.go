package main

import (
	"database/sql"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	_ "modernc.org/sqlite" // to look into the evidence

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/settlement/ledger/embedded"
	"github.com/commonwatt/commonwatt/web/api"
)

// TestAGatewayOutlivesItsHub reads a home on a gateway; the hub is killed, the
// gateway is killed while the hub is away, its key is rotated: no batch is
// missing at the end, and what was read meanwhile is there.
func TestAGatewayOutlivesItsHub(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("SKIPPED by -short: boots the program; make test runs it")
	}
	devices := field(t, nil)
	dir := t.TempDir()
	secret := filepath.Join(dir, "password")
	write(t, secret, "correct horse battery staple, twice\n")
	leafs := free(t)
	edgeConf := filepath.Join(dir, "gateway.yaml")
	var lines strings.Builder
	for _, kind := range []string{"meter", "inverter"} {
		d := devices["home-04/"+kind]
		fmt.Fprintf(&lines, "  - {id: ann/%s, member: ann, metering_point: mp-ann, address: %q, profile: %s}\n", kind, d.Address(), d.Profile)
	}
	edgeDevices := lines.String()
	write(t, edgeConf, fmt.Sprintf("community: elm\ndata: %s\nhub: {url: \"nats-leaf://%s\", password_file: %s}\ndevices:\n%s", filepath.Join(dir, "edge"), leafs, secret, edgeDevices))
	code, out, errs := execute(t, "gateway", "key", "--config", edgeConf)
	if code != 0 || !strings.Contains(out, "id: gw-") {
		t.Fatalf("gateway key: exit code %d\n%s%s", code, out, errs)
	}
	_, id, _ := strings.Cut(out, "id: ")
	id, _, _ = strings.Cut(id, ",")
	hubConf := filepath.Join(dir, "hub.yaml")
	write(t, hubConf, fmt.Sprintf(ownTerms+"bus: {gateways: {listen: %q}}\n%sdevices:\n%s", leafs,
		strings.Replace(out, "FILE", secret, 1), strings.ReplaceAll(edgeDevices, "metering_point: mp-ann", "metering_point: mp-ann, gateway: "+id)))
	hubDir := filepath.Join(dir, "hub")

	edge := spawn(t, "gateway", "--config", edgeConf)
	buffers(edge, filepath.Join(dir, "edge"), 4) // it reads before there is a hub
	hub := launch(t, hubDir, "--config", hubConf)
	first := hub.until("readings over the gateway", func(s api.Status) bool { return s.DevicesOnline == 2 && s.ReadingsTotal >= 12 })
	if g := first.Gateways; g == nil || len(*g) != 1 || (*g)[0].Id != id || !(*g)[0].Online || (*g)[0].LastReading == nil {
		t.Errorf("gateways in the status: %+v", g)
	}
	hub.kill()
	buffers(edge, filepath.Join(dir, "edge"), 3)
	edge.kill()
	if code, out, errs := execute(t, "gateway", "key", "--rotate", "--config", edgeConf); code != 0 {
		t.Fatalf("rotate: exit code %d\n%s%s", code, out, errs)
	}
	edge = spawn(t, "gateway", "--config", edgeConf)
	buffers(edge, filepath.Join(dir, "edge"), 3)
	hub = launch(t, hubDir, "--config", hubConf)
	hub.until("what was read meanwhile", func(s api.Status) bool { return s.ReadingsTotal >= first.ReadingsTotal+14 })
	edge.stop()
	hub.until("the rest", func(s api.Status) bool { return s.ReadingsTotal > 0 })
	hub.wait("new key on the ledger", func() bool { return keysOnTheLedger(t, hubDir, id) == 2 })
	hub.stop()
	onTheLedger(t, hubDir, id)

	db, err := sql.Open("sqlite", filepath.Join(hubDir, "evidence.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var batches, last, keys int
	if err := db.QueryRow(`SELECT COUNT(*), MAX(sequence), (SELECT COUNT(*) FROM keys WHERE gateway = ?1) FROM batches WHERE gateway = ?1`, id).Scan(&batches, &last, &keys); err != nil {
		t.Fatal(err)
	}
	if batches == 0 || batches != last || keys != 2 {
		t.Errorf("%d batches, numbered up to %d, under %d keys: a batch is missing, or the key did not change\ngateway: %s\nhub: %s", batches, last, keys, edge.stderr, hub.stderr)
	}
	t.Logf("%d batches of gateway %s, none missing", batches, id)
}

// buffers waits until a gateway's buffer on disk has grown so many times.
func buffers(gateway *process, dir string, times int) {
	gateway.t.Helper()
	var last int64
	grown := -1 // the first look finds what was there
	gateway.wait("readings in its buffer", func() bool {
		var size int64
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, _ error) error { // of files that come and go
			if filepath.Ext(path) != ".blk" {
				return nil
			}
			if info, gone := d.Info(); gone == nil {
				size += info.Size()
			}
			return nil
		})
		if err == nil && size > last || grown < 0 {
			last = size
			grown++
		}
		return grown >= times
	})
}

// keysOnTheLedger counts the keys of a gateway in the registry of a ledger that is in use.
func keysOnTheLedger(t *testing.T, dir, gateway string) (keys int) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "ledger.db")+"?mode=ro&_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	const each = `SELECT MAX((LENGTH(text) - LENGTH(REPLACE(text, 'public_key', ''))) / LENGTH('public_key')) FROM
	(SELECT CAST(value AS TEXT) AS text FROM state WHERE INSTR(CAST(key AS TEXT), ?) > 0)`
	var most sql.NullInt64
	if err := db.QueryRow(each, gateway).Scan(&most); err != nil {
		t.Fatal(err)
	}
	return int(most.Int64)
}

// onTheLedger expects both keys of a gateway in the registry.
func onTheLedger(t *testing.T, dir, gateway string) {
	t.Helper()
	names, err := ledger.OpenNames(filepath.Join(dir, ledger.NamesFile))
	if err != nil {
		t.Fatal(err)
	}
	l, err := embedded.OpenLedger(t.Context(), dir, "elm", "EUR", names)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	got, err := l.As(l.People.Utility).Registry.Get(t.Context(), chaincode.KindGateway, gateway)
	if err != nil || strings.Count(string(got.Value), "public_key") != 2 {
		t.Errorf("the ledger has %s, %v: want the key from before and after", got.Value, err)
	}
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestBadGatewayConfigs names field and remedy of each mistake.
func TestBadGatewayConfigs(t *testing.T) {
	t.Parallel()
	secret := filepath.Join(t.TempDir(), "password")
	write(t, secret, strings.Repeat("x", 32))
	short, empty := filepath.Join(t.TempDir(), "short"), filepath.Join(t.TempDir(), "empty")
	write(t, short, "hunter2")
	write(t, empty, "\n")
	hub := "hub: {url: \"nats-leaf://127.0.0.1:1\", password_file: " + secret + "}\n"
	devices := "devices: [{id: a/m, member: a, metering_point: mp-a, address: \"192.0.2.1\", profile: sunspec-meter}]\n"
	for want, text := range map[string]string{
		"devices: missing":                                           hub,
		"hub.url: missing":                                           devices,
		"hub.password_file: missing":                                 devices + "hub: {url: \"tls://x:1\"}\n",
		"buffer.when_full: \"explode\"":                              hub + devices + "buffer: {max_mb: 1, when_full: explode}\n",
		"buffer.max_mb: 0":                                           hub + devices + "buffer: {max_mb: 0, when_full: refuse_new}\n",
		"unknown field \"colour\"":                                   hub + devices + "colour: red\n",
		"there is no profile \"toaster\"":                            hub + strings.Replace(devices, "sunspec-meter", "toaster", 1),
		"hub.password_file: " + empty + ": is empty":                 strings.Replace(hub, secret, empty, 1) + devices,
		"hub.password_file: " + short + ": 7 characters are too sho": strings.Replace(hub, secret, short, 1) + devices,
		"for everybody to read: use tls://":                          strings.Replace(hub, "127.0.0.1", "192.0.2.5", 1) + devices,
		"is not nats-leaf://HOST:PORT or t":                          strings.Replace(hub, "nats-leaf://127.0.0.1:1", "hub", 1) + devices,
	} {
		conf := filepath.Join(t.TempDir(), "gateway.yaml")
		write(t, conf, text+"data: "+filepath.Join(t.TempDir(), "d")+"\n")
		code, _, errs := execute(t, "gateway", "--config", conf, "--duration", "1s")
		if code != exitUsage || !strings.Contains(errs, want) {
			t.Errorf("exit code %d, %s, want %d with %q", code, errs, exitUsage, want)
		}
	}
}
