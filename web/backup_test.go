package web_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/commonwatt/commonwatt/web"
)

// backedUp is a backup of a few bytes, of which some may fail.
type backedUp struct {
	fails  error
	closed chan struct{} // closed with it
}

func newBackedUp(fails error) *backedUp { return &backedUp{fails, make(chan struct{})} }

func (*backedUp) Name() string { return "oak.cwbackup" }

func (b *backedUp) Write(_ context.Context, w io.Writer, passphrase string) error {
	_, err := io.WriteString(w, "sealed with "+passphrase)
	return errors.Join(err, b.fails)
}

func (b *backedUp) Close() error {
	close(b.closed)
	return nil
}

// againstError is why a backup cannot be made.
type againstError struct{}

func (againstError) Error() string                     { return "one is being made" }
func (againstError) Refused() (missing, conflict bool) { return false, true }

// TestABackupIsSentWholeOrBrokenOff asks a server for one: what fails on the way is no answer
// that somebody could take for a whole one.
func TestABackupIsSentWholeOrBrokenOff(t *testing.T) {
	type answer struct {
		b       web.Backup
		refused error
	}
	next := make(chan answer, 1)
	server := httptest.NewServer(operatedWith(t, web.Operator{Key: "operator's key", Backup: func(context.Context) (web.Backup, error) {
		a := <-next
		return a.b, a.refused
	}}))
	defer server.Close()
	ask := func() (code int, body string, err error) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/api/v1/backup", strings.NewReader(`{"passphrase":"oak street, number nine"}`))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer operator's key")
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			return 0, "", err
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		return answer.StatusCode, string(text), err
	}
	whole, broken := newBackedUp(nil), newBackedUp(errors.New("the disk is gone"))
	next <- answer{whole, nil}
	if code, body, err := ask(); code != http.StatusOK || body != "sealed with oak street, number nine" || err != nil {
		t.Errorf("%d %q, %v", code, body, err)
	}
	<-whole.closed
	next <- answer{broken, nil}
	if _, body, err := ask(); err == nil {
		t.Errorf("what failed was sent as if it were whole: %q", body)
	}
	<-broken.closed
	next <- answer{nil, againstError{}}
	if code, body, _ := ask(); code != http.StatusConflict || !strings.Contains(body, "one is being made") {
		t.Errorf("%d %q", code, body)
	}
}
