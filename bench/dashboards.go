package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"time"
)

// DashboardsOptions say what Dashboards watches.
type DashboardsOptions struct {
	Count    int           // dashboards that read
	Stalled  int           // beside them, that do not
	Homes    int           // of which the dashboards watch one each
	Idle     time.Duration // of the measuring without dashboards
	Duration time.Duration // of the measuring with them
	Evict    time.Duration // how long is waited at most until the stalled ones are hung up on
}

// DashboardsResult is what Dashboards measures.
type DashboardsResult struct {
	Dashboards   int     `json:"dashboards"`
	Homes        int     `json:"homes"`
	Seconds      float64 `json:"seconds"`
	Hertz        float64 `json:"messages_per_dashboard_second"`
	Bytes        float64 `json:"bytes_per_dashboard_second"`
	IdleCores    float64 `json:"idle_cores"` // processor time of the server a second, without dashboards
	Cores        float64 `json:"cores"`      // the same with them
	BeyondIdle   float64 `json:"cores_beyond_idle"`
	Stalled      int     `json:"stalled"`
	Evicted      int     `json:"evicted"`
	EvictSeconds float64 `json:"evicted_after_seconds"` // from the start of the dashboards until the last was
}

// Print writes the result for people.
func (r DashboardsResult) Print(w io.Writer) error {
	_, err := fmt.Fprintf(w, `%d signed-in dashboards over %d homes, %.2f messages and %.0f bytes a second each, for %.0f s
the server took %.3f of a core, %.3f without dashboards: %.3f for them
%d of %d dashboards that do not read were hung up on, the last after %.0f s
`, r.Dashboards, r.Homes, r.Hertz, r.Bytes, r.Seconds, r.Cores, r.IdleCores, r.BeyondIdle, r.Evicted, r.Stalled, r.EvictSeconds)
	return err
}

// Dashboards has many dashboards watch the homes of a server: each signed in as the homeowner of
// one of them, and told of the community and of the home once a second. Server and dashboards
// are processes of their own.
func Dashboards(ctx context.Context, o DashboardsOptions) (r DashboardsResult, err error) {
	server, err := startTalking(ctx, dashboardServerArgs(o.Homes))
	if err != nil {
		return r, err
	}
	defer server.stop()
	var address string
	if err := server.hear(&address); err != nil {
		return r, err
	}
	r = DashboardsResult{Dashboards: o.Count, Homes: o.Homes, Seconds: o.Duration.Seconds(), Stalled: o.Stalled}
	if r.IdleCores, err = server.cores(ctx, o.Idle); err != nil {
		return r, err
	}
	watchers, err := startTalking(ctx, dashboardWatchersArgs(address, o))
	if err != nil {
		return r, err
	}
	defer watchers.stop()
	began := time.Now()
	if err := r.watch(ctx, o, server, watchers); err != nil {
		return r, err
	}
	return r, r.evict(ctx, o, server, began)
}

// settle is how long the dashboards watch before it is measured.
const settle = 3 * time.Second

// watch measures while the dashboards watch.
func (r *DashboardsResult) watch(ctx context.Context, o DashboardsOptions, server, watchers *talking) error {
	var ready, before, after received
	if err := watchers.hear(&ready); err != nil {
		return err
	}
	if err := pause(ctx, settle); err != nil {
		return err
	}
	if err := watchers.ask(&before); err != nil {
		return err
	}
	var err error
	if r.Cores, err = server.cores(ctx, o.Duration); err != nil {
		return err
	}
	if err := watchers.ask(&after); err != nil {
		return err
	}
	if after.Lost > 0 {
		return fmt.Errorf("%d dashboards that read were hung up on", after.Lost)
	}
	share := 1 / (float64(o.Count) * after.At.Sub(before.At).Seconds())
	r.Hertz, r.Bytes = float64(after.Messages-before.Messages)*share, float64(after.Bytes-before.Bytes)*share
	r.BeyondIdle = r.Cores - r.IdleCores
	return nil
}

// evict waits until the server has hung up on the dashboards that do not read.
func (r *DashboardsResult) evict(ctx context.Context, o DashboardsOptions, server *talking, began time.Time) error {
	for {
		var s serving
		if err := server.ask(&s); err != nil {
			return err
		}
		r.Evicted, r.EvictSeconds = o.Count+o.Stalled-s.Watching, time.Since(began).Seconds()
		if r.Evicted >= o.Stalled || time.Since(began) > o.Evict {
			return nil
		}
		if err := pause(ctx, time.Second); err != nil {
			return err
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// talking is a process that answers each line with one of JSON, and ends with its standard input.
type talking struct {
	command *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Scanner
}

func startTalking(ctx context.Context, args []string) (*talking, error) {
	c, err := again(ctx, args)
	if err != nil {
		return nil, err
	}
	in, err := c.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := c.StdoutPipe()
	if err != nil {
		return nil, err
	}
	return &talking{c, in, bufio.NewScanner(out)}, c.Start()
}

// stop ends the process.
func (t *talking) stop() {
	_ = t.in.Close()
	_ = t.command.Wait() // it ends with its standard input
}

// hear reads a line.
func (t *talking) hear(into any) error {
	if !t.out.Scan() {
		return errors.Join(errors.New("a process that was started for the measurement has ended"), t.out.Err())
	}
	return json.Unmarshal(t.out.Bytes(), into)
}

// ask reads the answer to a line.
func (t *talking) ask(into any) error {
	if _, err := io.WriteString(t.in, "\n"); err != nil {
		return err
	}
	return t.hear(into)
}

// cores returns how much of a core the server takes for a while.
func (t *talking) cores(ctx context.Context, d time.Duration) (float64, error) {
	var before, after serving
	if err := t.ask(&before); err != nil {
		return 0, err
	}
	if err := pause(ctx, d); err != nil {
		return 0, err
	}
	if err := t.ask(&after); err != nil {
		return 0, err
	}
	return (after.Took - before.Took).Seconds() / after.At.Sub(before.At).Seconds(), nil
}

// answer writes a line of JSON at first, and one for each line that comes, until in ends.
func answer(in io.Reader, out io.Writer, first any, next func() (any, error)) error {
	to := json.NewEncoder(out)
	if err := to.Encode(first); err != nil {
		return err
	}
	for lines := bufio.NewScanner(in); lines.Scan(); {
		said, err := next()
		if err != nil {
			return err
		}
		if err := to.Encode(said); err != nil {
			return err
		}
	}
	return nil
}
