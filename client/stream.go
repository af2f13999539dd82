package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/commonwatt/commonwatt/grid"
)

// Stream is a connection for many orders. Calls may overlap: each returns with
// its own answers. When the connection ends, calls fail and Changes is closed;
// what got no answer is submitted again on a new stream. It is safe for
// concurrent use.
type Stream struct {
	// Changes has the member's orders as they change. A client that does not
	// read it is disconnected.
	Changes <-chan Standing

	conn    *websocket.Conn
	closed  context.Context //nolint:containedctx // ends with the stream
	cancel  context.CancelFunc
	writing sync.Mutex // guards writes to conn

	mu      sync.Mutex // guards all below
	next    int64
	waiting map[int64]chan reply
	err     error // why the connection ended
}

type reply struct {
	ID      *int64    `json:"id"`
	Answers []Answer  `json:"answers"`
	Error   string    `json:"error"`
	Order   *Standing `json:"order"`
	Fills   []Fill    `json:"fills"`
	Best    *Best     `json:"best"`
}

type message struct {
	ID      int64        `json:"id"`
	Submit  []wireOrder  `json:"submit,omitempty"`
	Replace *replacement `json:"replace,omitempty"`
	Cancel  []string     `json:"cancel,omitempty"`

	CancelAll          *selection   `json:"cancel_all,omitempty"`
	List               *selection   `json:"list,omitempty"`
	Fills              *selection   `json:"fills,omitempty"`
	Best               *bestRequest `json:"best,omitempty"`
	CancelOnDisconnect *bool        `json:"cancel_on_disconnect,omitempty"`
}

type replacement struct {
	ClientID string      `json:"client_id,omitempty"` // over HTTP the path has it
	Energy   grid.Energy `json:"energy"`              // the total
	Price    grid.Price  `json:"price"`
	Version  uint32      `json:"version,omitempty"`
}

// selection says which orders are meant: of one interval, or of all.
type selection struct {
	Interval string `json:"interval,omitempty"`
}

func selected(i *grid.Interval) *selection {
	if i == nil {
		return &selection{}
	}
	return &selection{i.String()}
}

type bestRequest struct {
	Interval      string `json:"interval"`
	MeteringPoint string `json:"metering_point,omitempty"`
}

// changesKept is how many changes may wait to be read.
const changesKept = 1024

// Stream connects. The caller must Close it.
func (c *Client) Stream(ctx context.Context) (*Stream, error) {
	conn, answer, err := websocket.DefaultDialer.DialContext(ctx, "ws"+strings.TrimPrefix(c.base, "http")+"/api/v1/orders/ws",
		http.Header{"Authorization": {"Bearer " + c.key}})
	if answer != nil {
		_ = answer.Body.Close() // gorilla has read it
	}
	if err != nil {
		if answer != nil {
			return nil, &APIError{Code: answer.StatusCode, Text: answer.Status}
		}
		return nil, fmt.Errorf("stream: %w", err)
	}
	changes := make(chan Standing, changesKept)
	s := &Stream{Changes: changes, conn: conn, waiting: map[int64]chan reply{}}
	s.closed, s.cancel = context.WithCancel(context.WithoutCancel(ctx))
	go s.read(changes)
	return s, nil
}

// Close ends the connection.
func (s *Stream) Close() error {
	s.cancel()
	return s.conn.Close()
}

// Submit submits orders together and returns an answer for each; they are
// durable then.
func (s *Stream) Submit(ctx context.Context, orders ...Order) ([]Answer, error) {
	r, err := s.call(ctx, message{Submit: wire(orders)})
	return r.Answers, err
}

// Replace gives a waiting order another price and total, of which what was filled is part.
func (s *Stream) Replace(ctx context.Context, clientID string, total grid.Energy, price grid.Price) ([]Answer, error) {
	return s.ReplaceVersion(ctx, clientID, 0, total, price)
}

// ReplaceVersion is Replace of the version that the order has, 0: whichever.
func (s *Stream) ReplaceVersion(ctx context.Context, clientID string, version uint32, total grid.Energy, price grid.Price) ([]Answer, error) {
	r, err := s.call(ctx, message{Replace: &replacement{clientID, total, price, version}})
	return r.Answers, err
}

// Cancel cancels what is left of orders.
func (s *Stream) Cancel(ctx context.Context, clientIDs ...string) ([]Answer, error) {
	r, err := s.call(ctx, message{Cancel: clientIDs})
	return r.Answers, err
}

// CancelAll cancels all orders of the member that wait, of one interval or, where it is nil, of
// all.
func (s *Stream) CancelAll(ctx context.Context, only *grid.Interval) ([]Answer, error) {
	r, err := s.call(ctx, message{CancelAll: selected(only)})
	return r.Answers, err
}

// Waiting returns the orders of the member that wait, of one interval or, where it is nil, of
// all.
func (s *Stream) Waiting(ctx context.Context, only *grid.Interval) (all []Standing, err error) {
	r, err := s.call(ctx, message{List: selected(only)})
	for _, a := range r.Answers {
		if a.Order != nil {
			all = append(all, *a.Order)
		}
	}
	return all, err
}

// Fills returns the member's trades, of one interval or, where it is nil, of all that are not
// settled.
func (s *Stream) Fills(ctx context.Context, only *grid.Interval) ([]Fill, error) {
	r, err := s.call(ctx, message{Fills: selected(only)})
	return r.Fills, err
}

// Best returns the best prices of an interval at the member's metering point, which is empty
// where it has only one.
func (s *Stream) Best(ctx context.Context, i grid.Interval, point string) (b Best, err error) {
	r, err := s.call(ctx, message{Best: &bestRequest{i.String(), point}})
	if r.Best != nil {
		b = *r.Best
	}
	return b, err
}

// CancelOnDisconnect has what waits of the orders of this stream cancelled when it ends, or
// not. When the community itself stops nothing is promised: look at the orders when it is back.
func (s *Stream) CancelOnDisconnect(ctx context.Context, on bool) error {
	_, err := s.call(ctx, message{CancelOnDisconnect: &on})
	return err
}

const writeDeadline = 5 * time.Second

func (s *Stream) call(ctx context.Context, m message) (reply, error) {
	answer := make(chan reply, 1)
	s.mu.Lock()
	if s.err != nil {
		s.mu.Unlock()
		return reply{}, s.err
	}
	s.next++
	m.ID = s.next
	s.waiting[m.ID] = answer
	s.mu.Unlock()
	s.writing.Lock()
	err := errors.Join(s.conn.SetWriteDeadline(time.Now().Add(writeDeadline)), s.conn.WriteJSON(m))
	s.writing.Unlock()
	if err != nil {
		s.forget(m.ID)
		return reply{}, fmt.Errorf("stream: %w", err)
	}
	select {
	case <-ctx.Done():
		s.forget(m.ID)
		return reply{}, ctx.Err()
	case r, open := <-answer:
		switch {
		case !open:
			s.mu.Lock()
			defer s.mu.Unlock()
			return reply{}, s.err
		case r.Error != "":
			return reply{}, errors.New(r.Error)
		default:
			return r, nil
		}
	}
}

func (s *Stream) forget(id int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.waiting, id)
}

// read hands out replies and changes until the connection ends.
func (s *Stream) read(changes chan<- Standing) {
	defer close(changes)
	for {
		var r reply
		err := s.conn.ReadJSON(&r)
		if err != nil {
			s.end(fmt.Errorf("stream ended: %w", err))
			return
		}
		if r.ID == nil {
			if r.Order != nil {
				select {
				case changes <- *r.Order:
				case <-s.closed.Done():
				}
			}
			continue
		}
		s.mu.Lock()
		answer := s.waiting[*r.ID]
		delete(s.waiting, *r.ID)
		s.mu.Unlock()
		if answer != nil {
			answer <- r
		}
	}
}

func (s *Stream) end(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
	for _, answer := range s.waiting {
		close(answer)
	}
	s.waiting = nil
}
