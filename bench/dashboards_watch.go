package bench

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// received is what the dashboards got.
type received struct {
	At       time.Time
	Messages int64
	Bytes    int64
	Lost     int64 // dashboards that read, and were hung up on
}

// watching are the dashboards of one process.
type watching struct {
	address string
	cookies []string // of the homes; none: keys are shown instead

	messages, bytes, lost atomic.Int64

	mu      sync.Mutex // guards stalled
	stalled []net.Conn // kept, so that they are not closed
}

const (
	// mostCookies is how many homes are signed in to at most: of more, dashboards show a key each.
	mostCookies = 1000
	// dialling is how many dashboards connect at once.
	dialling = 64
	// little is what a dashboard that does not read has room for, bytes.
	little = 4 << 10
	// pingPart is how often dashboards say that they are there.
	pingPart = 4 * time.Second
)

// WatchDashboards is the process of the dashboards: it says when all are connected, and for each
// line from in what they got, until that ends.
func WatchDashboards(ctx context.Context, address string, o DashboardsOptions, in io.Reader, out io.Writer) error {
	w := &watching{address: address}
	if o.Homes <= mostCookies {
		for k := range o.Homes {
			cookie, err := w.signIn(ctx, homeName(k))
			if err != nil {
				return err
			}
			w.cookies = append(w.cookies, cookie)
		}
	}
	if err := w.connect(ctx, o); err != nil {
		return err
	}
	got := func() (any, error) {
		return received{time.Now(), w.messages.Load(), w.bytes.Load(), w.lost.Load()}, nil
	}
	first, _ := got() // never fails
	return answer(in, out, first, got)
}

// connect connects all dashboards, and lets those that read do so until the process ends.
func (w *watching) connect(ctx context.Context, o DashboardsOptions) error {
	var all sync.WaitGroup
	turns, failed := make(chan int), make(chan error, dialling)
	for range dialling {
		all.Go(func() {
			for k := range turns {
				if err := w.open(ctx, k, o); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	go func() {
		defer close(turns)
		for k := range o.Count + o.Stalled {
			select {
			case turns <- k:
			case <-ctx.Done():
				return
			}
		}
	}()
	done := make(chan struct{})
	go func() { all.Wait(); close(done) }()
	select {
	case err := <-failed:
		return err
	case <-done:
		return ctx.Err()
	}
}

// open connects a dashboard; the first ones read.
func (w *watching) open(ctx context.Context, k int, o DashboardsOptions) error {
	c, err := new(net.Dialer).DialContext(ctx, "tcp", w.address)
	if err != nil {
		return err
	}
	reads := k < o.Count
	if tcp, ok := c.(*net.TCPConn); ok && !reads {
		_ = tcp.SetReadBuffer(little) // more only takes longer
	}
	r, err := w.shake(c, k%o.Homes)
	if err != nil {
		return err
	}
	if reads {
		go w.read(c, r)
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stalled = append(w.stalled, c)
	return nil
}

// shake does the handshake of a WebSocket.
func (w *watching) shake(c net.Conn, home int) (*bufio.Reader, error) {
	who := "Authorization: Bearer " + keyOf(homeName(home))
	if w.cookies != nil {
		who = "Cookie: " + w.cookies[home]
	}
	_, err := fmt.Fprintf(c, "GET /api/v1/ws HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n%s\r\n\r\n", w.address, who)
	if err != nil {
		return nil, err
	}
	const room = 512 // a reader each: small ones
	r := bufio.NewReaderSize(c, room)
	answer, err := http.ReadResponse(r, nil) //nolint:bodyclose // what follows is the WebSocket
	if err != nil {
		return nil, err
	}
	if answer.StatusCode != http.StatusSwitchingProtocols {
		return nil, fmt.Errorf("a dashboard was answered %s", answer.Status)
	}
	return r, nil
}

// read counts what comes, and says that the dashboard is there.
func (w *watching) read(c net.Conn, r *bufio.Reader) {
	var pinged time.Time
	for {
		size, err := frame(r)
		if err == nil {
			_, err = io.CopyN(io.Discard, r, size)
		}
		if err == nil && time.Since(pinged) > pingPart {
			pinged = time.Now()
			_, err = c.Write(ping())
		}
		if err != nil {
			w.lost.Add(1)
			return
		}
		w.messages.Add(1)
		w.bytes.Add(size)
	}
}

// frame reads the head of a WebSocket's frame, and returns how long what follows is (RFC 6455,
// 5.2).
func frame(r io.Reader) (int64, error) {
	var head [2]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, err
	}
	const long, longer = 126, 127
	switch n := head[1] & longer; n {
	case long:
		var size uint16
		err := binary.Read(r, binary.BigEndian, &size)
		return int64(size), err
	case longer:
		var size int64
		err := binary.Read(r, binary.BigEndian, &size)
		return size, err
	default:
		return int64(n), nil
	}
}

// ping is the frame by which a page says that it is there, masked with zeros.
func ping() []byte {
	const text = `{"type":"ping"}`
	return append([]byte{0x81, 0x80 | byte(len(text)), 0, 0, 0, 0}, text...)
}

// signIn signs in as the homeowner of a home, and returns the cookie.
func (w *watching) signIn(ctx context.Context, home string) (string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+w.address+"/api/v1/session/demonstration", strings.NewReader(fmt.Sprintf(`{"role":"homeowner","home":%q}`, home)))
	if err != nil {
		return "", err
	}
	r.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close() //nolint:errcheck // nothing was written
	if answer.StatusCode != http.StatusNoContent || len(answer.Cookies()) != 1 {
		return "", fmt.Errorf("sign in: %s", answer.Status)
	}
	c := answer.Cookies()[0]
	return c.Name + "=" + c.Value, nil
}
