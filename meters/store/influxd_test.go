package store_test

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/store"
)

// influx is a server on loopback that can be killed and started again on the same
// files.
type influx struct {
	t      *testing.T
	binary string
	dir    string
	base   string
	server *exec.Cmd
}

// startInflux runs influxd 1.8 until the test ends.
func startInflux(t *testing.T, binary string) *influx {
	t.Helper()
	dir := t.TempDir()
	address, rpc := freePort(t), freePort(t)
	config := fmt.Sprintf(`reporting-disabled = true
bind-address = %q
[meta]
  dir = %q
[data]
  dir = %q
  wal-dir = %q
  query-log-enabled = false
[http]
  bind-address = %q
  flux-enabled = true
  log-enabled = false
`, rpc, filepath.Join(dir, "meta"), filepath.Join(dir, "data"), filepath.Join(dir, "wal"), address)
	if err := os.WriteFile(filepath.Join(dir, "influxdb.conf"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	s := &influx{t: t, binary: binary, dir: dir, base: "http://" + address}
	s.start()
	t.Cleanup(s.kill)
	return s
}

func (s *influx) start() {
	s.t.Helper()
	log, err := os.OpenFile(filepath.Join(s.dir, "influxd.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	defer log.Close()
	s.server = exec.Command(s.binary, "run", "-config", filepath.Join(s.dir, "influxdb.conf"))
	s.server.Stdout, s.server.Stderr = log, log
	if err := s.server.Start(); err != nil {
		s.t.Fatal(err)
	}
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		response, err := http.Get(s.base + "/ping")
		if err == nil {
			_ = response.Body.Close()
			return
		}
	}
	printed, _ := os.ReadFile(log.Name())
	s.t.Fatalf("influxd did not answer within 30 s:\n%s", printed)
}

// kill ends the server as kill -9 does.
func (s *influx) kill() {
	_ = s.server.Process.Kill()
	_ = s.server.Wait()
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func createDatabase(t *testing.T, s *influx, name string) {
	t.Helper()
	response, err := http.PostForm(s.base+"/query", url.Values{"q": {"CREATE DATABASE " + name}})
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Fatalf("create database: %s", response.Status)
	}
}

func openInflux(t *testing.T, s *influx, database string) *store.Influx {
	t.Helper()
	createDatabase(t, s, database)
	db, err := store.OpenInflux(t.Context(), store.InfluxConfig{URL: s.base, Bucket: database + "/autogen"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// influxBinary is the server under test, none when there is none.
func influxBinary(t *testing.T) string {
	t.Helper()
	binary := os.Getenv("INFLUXD")
	if binary == "" {
		binary, _ = exec.LookPath("influxd")
	}
	if binary == "" {
		t.Skip("SKIPPED: no influxd 1.8: set INFLUXD to its path (make test installs it into bin/tools)")
	}
	return binary
}

// TestInfluxIsKilledUnderLoad kills the server three times while readings are
// written, retried in order as the bus does: every acknowledged one is there.
func TestInfluxIsKilledUnderLoad(t *testing.T) {
	s := startInflux(t, influxBinary(t))
	db := openInflux(t, s, "killed")
	var acknowledged atomic.Int64
	stop := make(chan struct{})
	var writer sync.WaitGroup
	writer.Go(func() {
		for k := 0; ; k++ {
			batch := make([]grid.Reading, 200)
			for i := range batch {
				batch[i] = reading(float64(200*k+i), grid.Power(k), grid.Energy(200*k+i), 0)
			}
			for db.Write(t.Context(), batch) != nil {
				select {
				case <-stop:
					return
				case <-time.After(20 * time.Millisecond):
				}
			}
			acknowledged.Add(int64(len(batch)))
			select {
			case <-stop:
				return
			default:
			}
		}
	})
	for range 3 {
		before := acknowledged.Load()
		for acknowledged.Load() < before+2000 {
			time.Sleep(10 * time.Millisecond)
		}
		s.kill()
		s.start()
	}
	close(stop)
	writer.Wait()
	n := acknowledged.Load()
	got, err := db.Range(t.Context(), "home-01/meter", at(0), at(float64(n)), store.Raw)
	if err != nil || int64(len(got)) != n {
		t.Fatalf("%d of %d acknowledged readings are there, %v", len(got), n, err)
	}
	for i, r := range got {
		if r.Import == nil || *r.Import != grid.Energy(i) {
			t.Fatalf("reading %d: %+v", i, r)
		}
	}
	t.Logf("%d acknowledged readings, all there after three kills", n)
}

// TestATypeConflictIsNamed lets another program take a field with another type
// for one hour: the readings of that hour are refused one by one, all others
// written.
func TestATypeConflictIsNamed(t *testing.T) {
	s := startInflux(t, influxBinary(t))
	db := openInflux(t, s, "conflict")
	line := fmt.Sprintf("reading,device=home-01/meter power=\"much\" %d", at(5).UnixMilli())
	response, err := http.Post(s.base+"/write?db=conflict&precision=ms", "text/plain", strings.NewReader(line))
	if err != nil || response.StatusCode != http.StatusNoContent {
		t.Fatal(response, err)
	}
	_ = response.Body.Close()
	var batch []grid.Reading
	for i := range 60 {
		r := reading(float64(i), 100, grid.Energy(i), 0)
		if i >= 20 && i < 23 {
			continue
		}
		if i%2 == 0 {
			r.Power = nil // no conflict without the field
		}
		batch = append(batch, r)
	}
	err = db.Write(t.Context(), batch)
	var refused *store.RefusedPointsError
	if !errors.As(err, &refused) {
		t.Fatalf("error %v, want RefusedPointsError", err)
	}
	for _, p := range refused.Points {
		if p.Time.Sub(at(0))/time.Second%2 == 0 || p.Device != "home-01/meter" {
			t.Errorf("a reading without conflict was refused: %+v", p)
		}
	}
	got, err := db.Range(t.Context(), "home-01/meter", at(0), at(60), store.Raw)
	if err != nil {
		t.Fatal(err)
	}
	kept := 0
	for _, r := range got {
		if r.Import != nil && r.Power == nil {
			kept++
		}
	}
	if want := len(batch) - len(refused.Points); kept < want || len(refused.Points) == 0 {
		t.Errorf("%d readings kept, %d refused of %d", kept, len(refused.Points), len(batch))
	}
}
