package web_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/commonwatt/commonwatt/web"
)

// logged is what a server has said. It is safe for concurrent use.
type logged struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// endless is a backup that is sent until nobody takes any more of it, or until it fails.
type endless struct {
	*backedUp

	begun chan struct{} // closed when the first of it was sent
	fails error
}

func (e endless) Write(_ context.Context, w io.Writer, _ string) error {
	for k := 0; ; k++ {
		if _, err := w.Write(make([]byte, 1<<20)); err != nil {
			return err
		}
		if k == 0 {
			close(e.begun)
		}
		if e.fails != nil {
			return e.fails
		}
	}
}

// TestWhoHangsUpIsNoError goes away while an answer is awaited, and while it is sent: the log has no word of it. What
// fails by itself while somebody waits, before the answer or in the middle of it, is in the log.
func TestWhoHangsUpIsNoError(t *testing.T) {
	gone := errors.New("the disk is gone")
	for name, c := range map[string]struct {
		early bool // before anything of the answer was sent
		fails error
	}{
		"hangs up while it waits":        {true, nil},
		"hangs up while it is sent":      {false, nil},
		"fails before anything was sent": {true, gone},
		"fails while it is sent":         {false, gone},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, hangUp := context.WithCancel(t.Context())
			said, e := &logged{}, endless{newBackedUp(nil), make(chan struct{}), c.fails}
			h := operatedAnd(t, web.Operator{Key: "operator's key", Backup: func(asked context.Context) (web.Backup, error) {
				if !c.early {
					return e, nil
				}
				close(e.begun)
				if c.fails == nil {
					<-asked.Done()
				}
				return nil, errors.Join(asked.Err(), c.fails)
			}}, slog.New(slog.NewTextHandler(said, nil)))
			answered := make(chan struct{})
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				defer close(answered)
				h.ServeHTTP(w, r)
			}))
			defer server.Close()
			go func() {
				<-e.begun
				if c.fails == nil {
					hangUp()
				}
			}()
			r, err := http.NewRequestWithContext(ctx, http.MethodPost, server.URL+"/api/v1/backup", strings.NewReader(`{"passphrase":"oak street, number nine"}`))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Authorization", "Bearer operator's key")
			if answer, err := http.DefaultClient.Do(r); err == nil {
				_, _ = io.Copy(io.Discard, answer.Body)
				_ = answer.Body.Close()
			}
			<-answered
			if text := said.String(); strings.Contains(text, "request failed") != (c.fails != nil) {
				t.Errorf("the log says %q", text)
			}
			hangUp()
		})
	}
}
