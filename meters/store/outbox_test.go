package store

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/commonwatt/commonwatt/grid"
)

// distant is a database on another machine, that may be away, refuse a device's readings, or
// never answer a question.
type distant struct {
	Store // nil

	mu      sync.Mutex
	away    error
	refuses string
	silent  bool
	has     []string
}

func (d *distant) Write(_ context.Context, readings []grid.Reading) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.away != nil {
		return d.away
	}
	var refused RefusedPointsError
	for _, r := range readings {
		if r.Device == d.refuses {
			refused.Points = append(refused.Points, RefusedPoint{r.Device, r.Time, errors.New("another type")})
			continue
		}
		d.has = append(d.has, r.Device+" "+r.Time.Format(time.TimeOnly))
	}
	if len(refused.Points) > 0 {
		return &refused
	}
	return nil
}

func (d *distant) Range(ctx context.Context, _ string, _, _ time.Time, _ Step) ([]grid.Reading, error) {
	if d.silent {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return []grid.Reading{{}}, nil
}

func (*distant) Count(context.Context) (int64, error) { return 1000, nil }
func (*distant) Close() error                         { return nil }

func (d *distant) set(change func(*distant)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change(d)
}

func (d *distant) connect(context.Context) (Store, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d, d.away
}

func at(device string, second int) grid.Reading {
	return grid.Reading{Device: device, Time: time.Date(2026, 6, 1, 12, 0, second, 0, time.UTC), Import: new(grid.Energy(second)), Quality: grid.Good}
}

// outbox opens one and runs it until the test ends or it is closed.
func outbox(t *testing.T, path string, d *distant, log *slog.Logger) (o *Outbox, closeIt func()) {
	t.Helper()
	o, err := OpenOutbox(t.Context(), path, d.connect, log)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- o.Run(ctx) }()
	return o, func() {
		cancel()
		if err := errors.Join(<-done, o.Close()); err != nil {
			t.Error(err)
		}
	}
}

// TestTheDatabaseComesAndGoes writes while the database is away at the start, is there, goes
// away, and while the program is stopped meanwhile. It has all in the end, in order.
func TestTheDatabaseComesAndGoes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "waiting.db")
	synctest.Test(t, func(t *testing.T) {
		d := &distant{away: errors.New("connection refused")}
		o, stop := outbox(t, path, d, slog.New(slog.DiscardHandler))
		write := func(seconds ...int) {
			t.Helper()
			for _, s := range seconds {
				if err := o.Write(t.Context(), []grid.Reading{at("ann/meter", s)}); err != nil {
					t.Fatal(err)
				}
			}
		}
		write(1, 2, 3)
		time.Sleep(10 * time.Minute)
		if s := o.State(); s.Waiting != 3 || s.Since.IsZero() || s.Problem == "" {
			t.Errorf("while it is away: %+v", s)
		}
		if _, err := o.Range(t.Context(), "ann/meter", time.Time{}, time.Time{}, Raw); !errors.Is(err, ErrAway) {
			t.Errorf("asked while it is away: %v", err)
		}
		d.set(func(d *distant) { d.away = nil })
		time.Sleep(2 * mostPause)
		if s := o.State(); s.Waiting != 0 || !s.Since.IsZero() || s.Problem != "" {
			t.Errorf("once it is there: %+v", s)
		}
		write(4)
		synctest.Wait()
		d.set(func(d *distant) { d.away = errors.New("connection reset") })
		write(5, 6)
		synctest.Wait()
		stop()
		if o, stop = outbox(t, path, d, slog.New(slog.DiscardHandler)); o.State().Waiting != 2 {
			t.Errorf("after a restart %+v waits", o.State())
		}
		write(7)
		d.set(func(d *distant) { d.away = nil })
		time.Sleep(2 * mostPause)
		if n, err := o.Count(t.Context()); err != nil || n != 1007 {
			t.Errorf("%d readings are kept, %v, want the 1000 of before and 7", n, err)
		}
		stop()
		if got := strings.Join(d.has, ", "); got != "ann/meter 12:00:01, ann/meter 12:00:02, ann/meter 12:00:03, ann/meter 12:00:04, ann/meter 12:00:05, ann/meter 12:00:06, ann/meter 12:00:07" {
			t.Errorf("the database has %s", got)
		}
	})
}

// TestARefusedReadingHoldsNobodyUp has the database refuse one device's readings for good: the
// others arrive, nothing waits, and the log says so once a minute.
func TestARefusedReadingHoldsNobodyUp(t *testing.T) {
	path := filepath.Join(t.TempDir(), "waiting.db")
	synctest.Test(t, func(t *testing.T) {
		d := &distant{refuses: "bob/meter"}
		var said bytes.Buffer
		o, stop := outbox(t, path, d, slog.New(slog.NewTextHandler(&said, nil)))
		for s := range 90 {
			if err := o.Write(t.Context(), []grid.Reading{at("bob/meter", s%60), at("ann/meter", s%60)}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		stop()
		if s := o.State(); len(d.has) != 90 || s.Waiting != 0 {
			t.Errorf("%d readings of ann arrived, and %+v", len(d.has), s)
		}
		if n := strings.Count(said.String(), "refuses a reading"); n != 2 {
			t.Errorf("in a minute and a half it was said %d times", n)
		}
	})
}

// TestASlowDatabaseIsNotAskedForAWhile after a question that it did not answer.
func TestASlowDatabaseIsNotAskedForAWhile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "waiting.db")
	synctest.Test(t, func(t *testing.T) {
		d := &distant{silent: true}
		o, stop := outbox(t, path, d, slog.New(slog.DiscardHandler))
		defer stop()
		ask := func() (took time.Duration, err error) {
			began := time.Now()
			_, err = o.Range(t.Context(), "ann/meter", time.Time{}, time.Time{}, Raw)
			return time.Since(began), err
		}
		if took, err := ask(); !errors.Is(err, ErrAway) || took != answerWithin {
			t.Errorf("it was waited %s, %v", took, err)
		}
		if took, err := ask(); !errors.Is(err, ErrAway) || took != 0 {
			t.Errorf("the next time it was waited %s, %v", took, err)
		}
		d.silent = false
		time.Sleep(restAfter)
		if _, err := ask(); err != nil {
			t.Errorf("later: %v", err)
		}
	})
}

// TestTooMuchWaits drops the oldest of what waits for a database that never comes.
func TestTooMuchWaits(t *testing.T) {
	path := filepath.Join(t.TempDir(), "waiting.db")
	synctest.Test(t, func(t *testing.T) {
		d := &distant{away: errors.New("connection refused")}
		o, stop := outbox(t, path, d, slog.New(slog.DiscardHandler))
		o.most = 5000
		for s := range 120 {
			if err := o.Write(t.Context(), []grid.Reading{at("ann/meter", s%60)}); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Hour)
		waiting := o.State().Waiting
		d.set(func(d *distant) { d.away = nil })
		time.Sleep(2 * mostPause)
		stop()
		if waiting == 0 || waiting >= 120 || int64(len(d.has)) != waiting || d.has[waiting-1] != "ann/meter 12:00:59" {
			t.Errorf("%d waited, and %d of 120 arrived", waiting, len(d.has))
		}
	})
}

// answering is as much of an InfluxDB 1.8 as the driver needs, with a status of its own for
// what is written, by the size of the body.
func answering(t *testing.T, status func(body []byte) int) (url string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Influxdb-Version", "1.8.10")
		switch {
		case r.URL.Path == "/health":
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"name":"influxdb","message":"ready","status":"pass","checks":[],"version":"1.8.10"}`)
		case strings.HasSuffix(r.URL.Path, "/write"):
			var body io.Reader = r.Body
			if r.Header.Get("Content-Encoding") == "gzip" {
				unpacked, err := gzip.NewReader(r.Body)
				if err != nil {
					w.WriteHeader(http.StatusBadRequest)
					return
				}
				body = unpacked
			}
			text, _ := io.ReadAll(body)
			w.WriteHeader(status(text))
		default:
			if code := status(nil); code != http.StatusNoContent {
				w.WriteHeader(code)
				return
			}
			w.Header().Set("Content-Type", "text/csv; charset=utf-8")
			_, _ = io.WriteString(w, "\r\n")
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// TestABodyThatIsTooLarge is sent in smaller ones, and those that follow are small at once. A
// single reading that is too large is refused.
func TestABodyThatIsTooLarge(t *testing.T) {
	for most, want := range map[int]struct{ arrived, refused int }{5000: {1000, 0}, 20: {0, 1000}} {
		arrived, tooLarge := 0, 0
		url := answering(t, func(body []byte) int {
			if len(body) > most {
				tooLarge++
				return http.StatusRequestEntityTooLarge
			}
			arrived += bytes.Count(body, []byte("\n"))
			return http.StatusNoContent
		})
		s, err := OpenInflux(t.Context(), InfluxConfig{URL: url, Bucket: "a/autogen"})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		var readings []grid.Reading
		for k := range 1000 {
			readings = append(readings, at("ann/meter", k))
		}
		err = s.Write(t.Context(), readings)
		refused := (*RefusedPointsError)(nil)
		if errors.As(err, &refused) != (want.refused > 0) || refused != nil && len(refused.Points) != want.refused || arrived != want.arrived {
			t.Errorf("bodies of %d bytes: %d arrived, %v", most, arrived, err)
		}
		before := tooLarge
		if err := s.Write(t.Context(), readings[:20]); want.refused == 0 && (err != nil || tooLarge != before) {
			t.Errorf("bodies of %d bytes: the next one was too large again, %v", most, err)
		}
	}
}

// TestWhatAStartDoesWithTheDatabase that answers with a status: what is to be mended is told
// at once, what passes is waited for.
func TestWhatAStartDoesWithTheDatabase(t *testing.T) {
	for status, starts := range map[int]bool{
		http.StatusNoContent: true, http.StatusServiceUnavailable: true, http.StatusTooManyRequests: true, http.StatusBadGateway: true,
		http.StatusUnauthorized: false, http.StatusNotFound: false,
	} {
		url := answering(t, func([]byte) int { return status })
		c := Connect(InfluxConfig{URL: url, Bucket: "a/autogen"}, Keep{}, slog.New(slog.DiscardHandler))
		o, err := OpenOutbox(t.Context(), filepath.Join(t.TempDir(), "waiting.db"), c, slog.New(slog.DiscardHandler))
		if (err == nil) != starts {
			t.Errorf("a database that answers %d: %v", status, err)
		}
		if err == nil {
			_ = o.Close()
		}
	}
	c := Connect(InfluxConfig{URL: "http://127.0.0.1:1", Bucket: "a/autogen"}, Keep{}, slog.New(slog.DiscardHandler))
	o, err := OpenOutbox(t.Context(), filepath.Join(t.TempDir(), "waiting.db"), c, slog.New(slog.DiscardHandler))
	if err != nil || o.State().Problem == "" || o.Close() != nil {
		t.Errorf("no database at all: %v", err)
	}
}
