package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/commonwatt/commonwatt/web/api"
)

// patience is for how long what must come is waited for: the machine may be busy.
const patience = 2 * time.Minute

// again is how often it is looked for.
const again = 20 * time.Millisecond

// process is a program that runs.
type process struct {
	command *exec.Cmd
	said    *said
	gone    chan struct{} // closed when it has ended
	err     error         // of its end; to be read when gone is closed
}

// said is what a program says, to be read while it runs.
type said struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// start starts a program.
func start(program string, args ...string) (*process, error) {
	p := &process{command: exec.Command(program, args...), said: &said{}, gone: make(chan struct{})} //nolint:gosec // what is tortured
	p.command.Stdout, p.command.Stderr = p.said, p.said
	ownGroup(p.command)
	if err := p.command.Start(); err != nil {
		return nil, err
	}
	go func() {
		p.err = p.command.Wait()
		close(p.gone)
	}()
	return p, nil
}

// kill ends it at once, with what it started itself.
func (p *process) kill() {
	killGroup(p.command)
	<-p.gone
}

// ended tells whether it has ended.
func (p *process) ended() bool {
	select {
	case <-p.gone:
		return true
	default:
		return false
	}
}

// finish runs a program to its end.
func finish(ctx context.Context, program string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*patience)
	defer cancel()
	out, err := exec.CommandContext(ctx, program, args...).CombinedOutput() //nolint:gosec // what is tortured
	if err != nil {
		return string(out), fmt.Errorf("%s: %w; it said:\n%s", strings.Join(args, " "), err, out)
	}
	return string(out), nil
}

// base is where the pages of a program are, "" before it has said so.
func (p *process) base() string {
	if m := regexp.MustCompile(`(http://127\.0\.0\.1:\d+)/`).FindStringSubmatch(p.said.String()); m != nil {
		return m[1]
	}
	return ""
}

// until waits until something is so.
func (p *process) until(ctx context.Context, what string, is func() bool) error {
	ticker := time.NewTicker(again)
	defer ticker.Stop()
	for deadline := time.Now().Add(patience); !is(); {
		switch {
		case p.ended():
			return fmt.Errorf("the program ended (%w) before %s; it said:\n%s", p.err, what, p.said)
		case time.Now().After(deadline):
			return fmt.Errorf("no %s within %s; the program said:\n%s", what, patience, p.said)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
	return nil
}

// ready waits until trade is open.
func (p *process) ready(ctx context.Context) error {
	return p.until(ctx, "it was ready", func() bool {
		if p.base() == "" {
			return false
		}
		return p.get(ctx, "/readyz", nil) == nil
	})
}

// status asks how things stand.
func (p *process) status(ctx context.Context) (s api.Status, err error) {
	return s, p.get(ctx, "/api/v1/status", &s)
}

// get asks the API; a nil into leaves the answer unread.
func (p *process) get(ctx context.Context, path string, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.base()+path, http.NoBody)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close() //nolint:errcheck // it is read
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", path, answer.Status)
	}
	if into == nil {
		return nil
	}
	return json.NewDecoder(answer.Body).Decode(into)
}
