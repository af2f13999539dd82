package store_test

import (
	"errors"
	"fmt"
	"io"
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

	influxdb2 "github.com/influxdata/influxdb-client-go/v2"
	"github.com/influxdata/influxdb-client-go/v2/domain"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/store"
)

// influx is a server on loopback that can be killed and started again on the same
// files.
type influx struct {
	t      *testing.T
	dir    string
	base   string
	args   []string // the binary and its arguments
	token  string   // empty: 1.8
	server *exec.Cmd
}

const (
	testOrg      = "neighbours"
	testToken    = "a-token-for-tests"
	testPassword = "a-password-for-tests"
)

// eachInflux runs a test on a real InfluxDB 1.8 ($INFLUXD) and 2.x ($INFLUXD2),
// or what of them is on PATH.
func eachInflux(t *testing.T, test func(t *testing.T, s *influx)) {
	t.Run("1.8", func(t *testing.T) {
		test(t, startInflux(t, influxBinary(t, "INFLUXD", "1.")))
	})
	t.Run("2.x", func(t *testing.T) {
		test(t, startInflux2(t, influxBinary(t, "INFLUXD2", "v2.")))
	})
}

// influxBinary is the server of a version, none when there is none.
func influxBinary(t *testing.T, variable, version string) string {
	t.Helper()
	binary := os.Getenv(variable)
	if binary != "" {
		return binary
	}
	if binary, err := exec.LookPath("influxd"); err == nil {
		if printed, err := exec.CommandContext(t.Context(), binary, "version").Output(); err == nil && strings.Contains(string(printed), "InfluxDB "+version) {
			return binary
		}
	}
	t.Skipf("SKIPPED: no influxd %s: set %s to its path (make test installs 1.8 into bin/tools)", version, variable)
	return ""
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
	file := filepath.Join(dir, "influxdb.conf")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	s := &influx{t: t, dir: dir, base: "http://" + address, args: []string{binary, "run", "-config", file}}
	s.start()
	t.Cleanup(s.kill)
	return s
}

// startInflux2 runs influxd 2.x, with an organisation and a token, until the test
// ends.
func startInflux2(t *testing.T, binary string) *influx {
	t.Helper()
	dir, address := t.TempDir(), freePort(t)
	s := &influx{t: t, dir: dir, base: "http://" + address, token: testToken, args: []string{
		binary, "--http-bind-address", address, "--bolt-path", filepath.Join(dir, "bolt"), "--sqlite-path", filepath.Join(dir, "sqlite"),
		"--engine-path", filepath.Join(dir, "engine"), "--reporting-disabled",
	}}
	s.start()
	t.Cleanup(s.kill)
	client := influxdb2.NewClient(s.base, "")
	defer client.Close()
	if _, err := client.SetupWithToken(t.Context(), "tester", testPassword, testOrg, "first", 0, testToken); err != nil {
		t.Fatal(err)
	}
	return s
}

// config is how to open a database of a test.
func (s *influx) config(database string) store.InfluxConfig {
	if s.token == "" {
		return store.InfluxConfig{URL: s.base, Bucket: database + "/autogen"}
	}
	return store.InfluxConfig{URL: s.base, Bucket: database, Org: testOrg, Token: s.token}
}

// post sends something and returns status and answer.
func (s *influx) post(path, kind, body string) (int, string) {
	s.t.Helper()
	request, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.base+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	request.Header.Set("Content-Type", kind)
	request.Header.Set("Accept", "application/csv")
	if s.token != "" {
		request.Header.Set("Authorization", "Token "+s.token)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	b, err := io.ReadAll(response.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return response.StatusCode, string(b)
}

func (s *influx) start() {
	s.t.Helper()
	log, err := os.OpenFile(filepath.Join(s.dir, "influxd.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	defer log.Close()
	s.server = exec.Command(s.args[0], s.args[1:]...)
	s.server.Stdout, s.server.Stderr = log, log
	if err := s.server.Start(); err != nil {
		s.t.Fatal(err)
	}
	// A real server tells nobody when it is ready: it has to be asked again and again.
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		response, err := http.Get(s.base + "/health")
		if err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return
			}
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

func openInflux(t *testing.T, s *influx, database string) *store.Influx {
	t.Helper()
	c := s.config(database)
	if s.token == "" {
		if status, answer := s.post("/query", "application/x-www-form-urlencoded", url.Values{"q": {"CREATE DATABASE " + database}}.Encode()); status != http.StatusOK {
			t.Fatalf("create database: %d %s", status, answer)
		}
	} else if _, err := store.SetUpInflux(t.Context(), c, store.Keep{}); err != nil {
		t.Fatal(err)
	}
	db, err := store.OpenInflux(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// TestInfluxIsKilledUnderLoad kills the server three times while readings are
// written, retried in order as the bus does: every acknowledged one is there.
func TestInfluxIsKilledUnderLoad(t *testing.T) { eachInflux(t, influxIsKilledUnderLoad) }

func influxIsKilledUnderLoad(t *testing.T, s *influx) {
	db := openInflux(t, s, "killed")
	var acknowledged atomic.Int64
	more, stop := make(chan struct{}, 1), make(chan struct{})
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
			case more <- struct{}{}:
			default: // nobody has looked since the last
			}
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
			<-more
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
func TestATypeConflictIsNamed(t *testing.T) { eachInflux(t, aTypeConflictIsNamed) }

func aTypeConflictIsNamed(t *testing.T, s *influx) {
	db := openInflux(t, s, "conflict")
	line := fmt.Sprintf("reading,device=home-01/meter power=\"much\" %d", at(5).UnixMilli())
	c := s.config("conflict")
	if status, answer := s.post("/api/v2/write?precision=ms&bucket="+c.Bucket+"&org="+c.Org, "text/plain", line); status != http.StatusNoContent {
		t.Fatal(status, answer)
	}
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
	err := db.Write(t.Context(), batch)
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

// writer returns a token that may read and write a bucket and nothing else.
func (s *influx) writer(bucket string) string {
	s.t.Helper()
	client := influxdb2.NewClient(s.base, s.token)
	defer client.Close()
	b, err := client.BucketsAPI().FindBucketByName(s.t.Context(), bucket)
	if err != nil {
		s.t.Fatal(err)
	}
	var may []domain.Permission
	for _, action := range []domain.PermissionAction{domain.PermissionActionRead, domain.PermissionActionWrite} {
		may = append(may, domain.Permission{Action: action, Resource: domain.Resource{Type: domain.ResourceTypeBuckets, Id: b.Id, OrgID: b.OrgID}})
	}
	a, err := client.AuthorizationsAPI().CreateAuthorization(s.t.Context(), &domain.Authorization{OrgID: b.OrgID, Permissions: &may})
	if err != nil {
		s.t.Fatal(err)
	}
	return *a.Token
}
