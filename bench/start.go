package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/commonwatt/commonwatt/usage"
)

// StartOptions say what Start starts.
type StartOptions struct {
	Homes  int           // simulated
	Rounds int           // each on a new directory; the median counts
	Ran    time.Duration // so long the program runs between the two starts of a round
	Dir    string        // on the disk to measure
}

// StartResult is what Start measures, in seconds of wall time.
type StartResult struct {
	Homes  int     `json:"homes"`
	Rounds int     `json:"rounds"`
	Ran    float64 `json:"ran_seconds"`
	Fresh  float64 `json:"fresh_seconds"` // on an empty directory, until it is ready
	Again  float64 `json:"again_seconds"` // on one on which it ran before
	Stop   float64 `json:"stop_seconds"`  // from the interrupt until the process is gone
}

// Print writes the result for people. The ratio is to the first start.
func (r StartResult) Print(w io.Writer) error {
	_, err := fmt.Fprintf(w, `%d simulated homes, median of %d
first start      %.2f s until ready
second start     %.2f s until ready, after a run of %.0f s; ratio %.2f
stop             %.2f s
`, r.Homes, r.Rounds, r.Fresh, r.Again, r.Ran, r.Again/r.Fresh, r.Stop)
	return err
}

// startRound is what one directory saw.
type startRound struct{ fresh, again, stop time.Duration }

// Start starts the program as a process of its own, on a fresh directory and once more on
// the same, and measures until /readyz says that it is ready: until every simulated device
// was read and trade is open. The directories are removed.
func Start(ctx context.Context, o StartOptions) (StartResult, error) {
	var rounds []startRound
	for range o.Rounds {
		r, err := startTwice(ctx, o)
		if err != nil {
			return StartResult{}, err
		}
		rounds = append(rounds, r)
	}
	of := func(took func(startRound) time.Duration) float64 {
		return median(rounds, func(r startRound) float64 { return took(r).Seconds() })
	}
	return StartResult{
		Homes: o.Homes, Rounds: o.Rounds, Ran: o.Ran.Seconds(),
		Fresh: of(func(r startRound) time.Duration { return r.fresh }),
		Again: of(func(r startRound) time.Duration { return r.again }),
		Stop:  of(func(r startRound) time.Duration { return r.stop }),
	}, nil
}

func startTwice(ctx context.Context, o StartOptions) (r startRound, err error) {
	dir, err := os.MkdirTemp(o.Dir, "commonwatt-start-")
	if err != nil {
		return r, usage.Mark(err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	first, err := startProgram(ctx, dir, o.Homes)
	if err != nil {
		return r, err
	}
	r.fresh = first.ready
	select {
	case <-ctx.Done():
	case <-time.After(o.Ran):
	}
	if r.stop, err = first.stop(); err != nil {
		return r, err
	}
	second, err := startProgram(ctx, dir, o.Homes)
	if err != nil {
		return r, err
	}
	r.again = second.ready
	_, err = second.stop()
	return r, err
}

// program is a running program.
type program struct {
	command *exec.Cmd
	said    *bytes.Buffer // on stderr; complete when gone has said
	gone    chan error
	ready   time.Duration
}

// startProgram starts the program and returns when it is ready.
func startProgram(ctx context.Context, dir string, homes int) (*program, error) {
	listen, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	p := &program{said: &bytes.Buffer{}, gone: make(chan error, 1)}
	if p.command, err = again(ctx, runArgs(dir, listen, homes)); err != nil {
		return nil, err
	}
	p.command.Stderr = p.said
	began := time.Now()
	if err := p.command.Start(); err != nil {
		return nil, err
	}
	go func() { p.gone <- p.command.Wait() }()
	if err := p.untilReady(ctx, "http://"+listen+"/readyz"); err != nil {
		return nil, err
	}
	p.ready = time.Since(began)
	return p, nil
}

const (
	readyEvery  = 5 * time.Millisecond // so exact is the time until ready
	readyWithin = time.Minute
)

// untilReady asks until the program is ready. Where it returns an error the process is gone.
func (p *program) untilReady(ctx context.Context, url string) error {
	within, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	ticker := time.NewTicker(readyEvery)
	defer ticker.Stop()
	for !answersOK(within, url) {
		select {
		case err := <-p.gone:
			return p.failed("ended before it was ready", err)
		case <-within.Done():
			_ = p.command.Process.Kill() // it may be gone already
			return p.failed("was not ready in time", errors.Join(within.Err(), <-p.gone))
		case <-ticker.C:
		}
	}
	return nil
}

// answersOK tells whether the address answers that all is well.
func answersOK(ctx context.Context, url string) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return false
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return false // nobody listens yet
	}
	_ = answer.Body.Close() // nothing was written
	return answer.StatusCode == http.StatusOK
}

// stop interrupts the program and returns how long it took to end.
func (p *program) stop() (time.Duration, error) {
	began := time.Now()
	if err := p.command.Process.Signal(os.Interrupt); err != nil {
		return 0, p.failed("could not be interrupted", errors.Join(err, p.command.Process.Kill(), <-p.gone))
	}
	if err := <-p.gone; err != nil {
		return 0, p.failed("did not end well", err)
	}
	return time.Since(began), nil
}

// failed says what happened to the program, and what it said itself.
func (p *program) failed(how string, err error) error {
	return fmt.Errorf("the program that was started %s (%w); it said: %s", how, err, strings.TrimSpace(p.said.String()))
}

// freeAddress returns an address on which nobody listens.
func freeAddress(ctx context.Context) (string, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
