package bench

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestMain lets the tests' program answer the command lines by which a measurement starts
// the program again.
func TestMain(m *testing.M) {
	if len(os.Args) < 2 || os.Args[1] != "bench" && os.Args[1] != "run" {
		os.Exit(m.Run())
	}
	if err := child(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func child(args []string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if args[0] == "bench" && args[1] == "feed" {
		return Feed(os.Stdout, [3]string(args[2:]))
	}
	if args[0] == "bench" && args[1] == "dashboards" {
		return dashboards(ctx, args[2:])
	}
	f := flag.NewFlagSet("", flag.ContinueOnError)
	serve, count := f.Bool("serve", false, ""), f.Int("count", 0, "")
	data, listen, homes := f.String("data", "", ""), f.String("listen", "", ""), f.Int("homes", 0, "")
	if args[0] == "run" {
		if err := f.Parse(args[1:]); err != nil {
			return err
		}
		return pretend(ctx, *data, *listen, *homes)
	}
	if err := f.Parse(args[2:]); err != nil || !*serve {
		return fmt.Errorf("not a command line of the program: %q: %w", args, err)
	}
	return ServeMeters(ctx, *count, os.Stdin, os.Stdout)
}

// dashboards is one of the two processes of Dashboards.
func dashboards(ctx context.Context, args []string) error {
	var o DashboardsOptions
	f := flag.NewFlagSet("", flag.ContinueOnError)
	serve, watch := f.Bool("serve", false, ""), f.String("watch", "", "")
	f.IntVar(&o.Homes, "homes", 0, "")
	f.IntVar(&o.Count, "count", 0, "")
	f.IntVar(&o.Stalled, "stalled", 0, "")
	if err := f.Parse(args); err != nil {
		return err
	}
	if *serve {
		return ServeDashboards(ctx, o.Homes, os.Stdin, os.Stdout)
	}
	return WatchDashboards(ctx, *watch, o, os.Stdin, os.Stdout)
}

// pretend is a program that is ready at the third time of asking, keeps a file, and does
// not start with 13 homes.
func pretend(ctx context.Context, data, listen string, homes int) error {
	if homes == 13 {
		return errors.New("13 homes bring bad luck")
	}
	ran := filepath.Join(data, "ran")
	before, _ := os.ReadFile(ran)
	if err := os.WriteFile(ran, []byte(strconv.Itoa(len(before))+"x"), 0o600); err != nil {
		return err
	}
	asked := 0
	server := &http.Server{Addr: listen, ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked++; asked < 3 || r.URL.Path != "/readyz" {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// left lists what a measurement left in its directory.
func left(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func printed(t *testing.T, r interface{ Print(w io.Writer) error }, want string) {
	t.Helper()
	var b strings.Builder
	if err := r.Print(&b); err != nil || b.String() != want {
		t.Errorf("printed:\n%s\nwant\n%s\n%v", b.String(), want, err)
	}
}

func marshalled(t *testing.T, r any, want string) {
	t.Helper()
	got, err := json.Marshal(r)
	if err != nil || string(got) != want {
		t.Errorf("as JSON:\n%s\nwant\n%s\n%v", got, want, err)
	}
}
