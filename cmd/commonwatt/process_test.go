package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/web/api"
)

// binary is the program under test, built once.
var binary string

func TestMain(m *testing.M) {
	if slices.Contains(os.Args, "-test.fuzzworker") {
		os.Exit(m.Run()) // it needs no program
	}
	flag.Parse()
	if err := waitTogether(); err != nil {
		panic(err)
	}
	dir, err := os.MkdirTemp("", "commonwatt-test-")
	if err != nil {
		panic(err)
	}
	binary = filepath.Join(dir, "commonwatt")
	build := exec.Command("go", "build", "-o", binary, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // as make builds it
	if out, err := build.CombinedOutput(); err != nil {
		panic(fmt.Sprintf("%v\n%s", err, out))
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// waitTogether lets more tests run at once than there are processors, unless the caller
// says how many: those that boot the program wait for its world most of the time.
func waitTogether() error {
	const eachProcessor = 3
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if given {
		return nil
	}
	return flag.Set("test.parallel", strconv.Itoa(eachProcessor*runtime.GOMAXPROCS(0)))
}

// patience is how long a test waits on a busy machine for what comes within seconds on
// a quiet one.
const patience = 3 * time.Minute

// eventually tells whether something comes to be while patience lasts. It asks again and
// again, since a program outside of the test tells nobody how far it has come.
func eventually(is func() bool) bool {
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for deadline := time.Now().Add(patience); !is(); <-again.C {
		if time.Now().After(deadline) {
			return false
		}
	}
	return true
}

// execute runs the program to its end.
func execute(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c := exec.CommandContext(ctx, binary, args...)
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	err := c.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return c.ProcessState.ExitCode(), out.String(), errs.String()
}

// printed is what a program has said so far. It may be read while the program runs.
type printed struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *printed) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *printed) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// base is the URL of the pages, as the program prints it; "" before that.
func (o *printed) base() string {
	if m := regexp.MustCompile(`Open (http://\S+)/ in a browser`).FindStringSubmatch(o.String()); m != nil {
		return m[1]
	}
	return ""
}

// process is a running program.
type process struct {
	t       *testing.T
	command *exec.Cmd
	stderr  *printed
	ended   chan struct{}
	dir     string // of a community: its viewer's key is there
}

// launch starts a community whose pages are on an address of their own.
func launch(t *testing.T, dir string, args ...string) *process {
	t.Helper()
	p := spawn(t, append([]string{"run", "--data", dir, "--listen", "127.0.0.1:0"}, args...)...)
	p.dir = dir
	return p
}

// spawn starts the program; it is killed when the test ends.
func spawn(t *testing.T, args ...string) *process {
	t.Helper()
	p := &process{t: t, stderr: &printed{}, ended: make(chan struct{})}
	p.command = exec.Command(binary, args...)
	p.command.Stderr = p.stderr
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.command.Wait()
		close(p.ended)
	}()
	t.Cleanup(p.kill)
	return p
}

// taken counts the ports that free has returned.
var taken atomic.Int64

// free returns an address of this machine that nobody listens on, for a server that
// others must know before it runs. Its port lies below those that the system gives to
// whoever asks for any, so that nobody else gets it meanwhile.
func free(t *testing.T) string {
	t.Helper()
	const first, ports = 20_000, 12_000
	for range ports {
		port := first + (int64(os.Getpid())+taken.Add(1))%ports
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		defer l.Close()
		return l.Addr().String()
	}
	t.Fatal("no port is free")
	return ""
}

func (p *process) base() string { return p.stderr.base() }

func (p *process) kill() {
	_ = p.command.Process.Kill()
	<-p.ended
}

// stop interrupts the program as Ctrl-C does and expects it to end well.
func (p *process) stop() {
	p.t.Helper()
	if err := p.command.Process.Signal(syscall.SIGINT); err != nil {
		p.t.Fatal(err)
	}
	<-p.ended
	if code := p.command.ProcessState.ExitCode(); code != 0 {
		p.t.Fatalf("exit code %d\n%s", code, p.stderr)
	}
}

func (p *process) get(path string, into any) error {
	response, err := look(p.base()+path, p.dir)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", path, response.Status)
	}
	return json.NewDecoder(response.Body).Decode(into)
}

// look asks a community for what its pages show, with the viewer's key of its directory.
func look(url, dir string) (*http.Response, error) {
	key, err := os.ReadFile(filepath.Join(dir, "viewer.key"))
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequest(http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(key)))
	return http.DefaultClient.Do(r)
}

// wait waits until something is so while the program runs.
func (p *process) wait(what string, is func() bool) {
	p.t.Helper()
	come := eventually(func() bool {
		select {
		case <-p.ended:
			p.t.Fatalf("the program ended before %s\n%s", what, p.stderr)
		default:
		}
		return is()
	})
	if !come {
		p.t.Fatalf("no %s within %s\n%s", what, patience, p.stderr)
	}
}

// until waits until the status is as wanted.
func (p *process) until(what string, wanted func(api.Status) bool) (s api.Status) {
	p.t.Helper()
	p.wait(what, func() bool {
		s = api.Status{}
		return p.get("/api/v1/status", &s) == nil && wanted(s)
	})
	return s
}

// ready waits until products are open.
func (p *process) ready() {
	p.t.Helper()
	p.wait("open product", func() bool {
		answer, err := http.Get(p.base() + "/readyz")
		if err != nil {
			p.t.Fatal(err)
		}
		_ = answer.Body.Close()
		return answer.StatusCode == http.StatusOK
	})
}

func verified(t *testing.T, dir string) string {
	t.Helper()
	code, out, errs := execute(t, "ledger", "verify", "--data", dir)
	if code != 0 || !strings.Contains(out, "verified") {
		t.Fatalf("ledger verify: exit code %d\n%s%s", code, out, errs)
	}
	return out
}
