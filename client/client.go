// Package client lets a program trade for a member of a community: over HTTP,
// or in quantity over a WebSocket (see Stream). Energies are in Wh, prices in
// millionths of the currency unit per kWh.
//
// An order is known by the client's own id. Submitting it again changes nothing
// and is answered with where it stands, so that Submit and Cancel repeat what
// got no answer until their context ends.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/commonwatt/commonwatt/grid"
)

// Validity says how long an order may wait.
type Validity string

// The validities; empty is GoodTillGate.
const (
	GoodTillGate      Validity = "good_till_gate"
	ImmediateOrCancel Validity = "immediate_or_cancel"
	FillOrKill        Validity = "fill_or_kill"
)

// Order is a wish to buy or sell in a delivery interval.
type Order struct {
	ClientID      string        `json:"client_id"`                // not used by the member within a day
	MeteringPoint string        `json:"metering_point,omitempty"` // empty: the member's only one
	Interval      grid.Interval `json:"interval"`
	Side          grid.Side     `json:"side"`
	Energy        grid.Energy   `json:"energy"` // Wh, > 0; of a block in each interval
	Price         grid.Price    `json:"price"`  // limit; of a block the mean's
	Validity      Validity      `json:"validity,omitempty"`
	Periods       int           `json:"periods,omitempty"` // more than 1: a block over so many intervals, all or none
}

// Status says where an order stands.
type Status string

// The states of an order.
const (
	Pending   Status = "pending"
	Waiting   Status = "waiting"
	Filled    Status = "filled"
	Cancelled Status = "cancelled"
	Expired   Status = "expired"
	Rejected  Status = "rejected"
)

// Standing is what the market knows of an order.
type Standing struct {
	Number string `json:"order"` // the market's
	Order
	Status Status      `json:"status"`
	Filled grid.Energy `json:"filled"` // Wh, of a block in all intervals together
	Left   grid.Energy `json:"left"`   // Wh that may still trade
	Reason string      `json:"reason"` // of a rejection or cancellation

	Version   uint32      `json:"version"`    // 1, and one more with each replacement
	FillPrice *grid.Price `json:"fill_price"` // mean of what was filled; nil: nothing was
}

// Answer is what became of a submission or change; Error is why it was not
// taken.
type Answer struct {
	Order *Standing `json:"order"`
	Error string    `json:"error"`
}

// APIError is an answer other than success.
type APIError struct {
	Code  int // HTTP status
	Text  string
	Retry time.Duration // when to come again, if the server said so
}

func (e *APIError) Error() string { return fmt.Sprintf("%s (HTTP %d)", e.Text, e.Code) }

// Client speaks for one member. It is safe for concurrent use.
type Client struct {
	base, key string
	http      *http.Client
}

// New returns a client of the community at base, such as
// http://127.0.0.1:8080, with an agent's key.
func New(base, key string) *Client {
	return &Client{base: strings.TrimSuffix(base, "/"), key: key, http: &http.Client{Timeout: 10 * time.Second}}
}

// Submit submits orders together and returns an answer for each, in their
// order. They are durable when it returns. It repeats what got no answer.
func (c *Client) Submit(ctx context.Context, orders ...Order) (answers []Answer, err error) {
	err = c.repeat(ctx, func() error { return c.call(ctx, http.MethodPost, "/api/v1/orders", wire(orders), &answers) })
	return answers, err
}

// Cancel cancels what is left of an order. It repeats what got no answer.
func (c *Client) Cancel(ctx context.Context, clientID string) (s Standing, err error) {
	err = c.repeat(ctx, func() error {
		return c.call(ctx, http.MethodDelete, "/api/v1/orders/"+url.PathEscape(clientID), nil, &s)
	})
	return s, err
}

// Replace gives a waiting order another price and total; what was filled is part of the total,
// so that the same again changes nothing. It repeats what got no answer.
func (c *Client) Replace(ctx context.Context, clientID string, total grid.Energy, price grid.Price) (s Standing, err error) {
	return c.replace(ctx, clientID, replacement{Energy: total, Price: price})
}

// ReplaceVersion is Replace of the version that the order has: it is refused (409) when another
// replacement came first.
func (c *Client) ReplaceVersion(ctx context.Context, clientID string, version uint32, total grid.Energy, price grid.Price) (s Standing, err error) {
	return c.replace(ctx, clientID, replacement{Energy: total, Price: price, Version: version})
}

func (c *Client) replace(ctx context.Context, clientID string, r replacement) (s Standing, err error) {
	err = c.repeat(ctx, func() error { return c.call(ctx, http.MethodPut, "/api/v1/orders/"+url.PathEscape(clientID), r, &s) })
	return s, err
}

// CancelAll cancels all orders of the member that wait, of one interval or, where it is nil, of
// all, and returns where they stand. It repeats what got no answer.
func (c *Client) CancelAll(ctx context.Context, only *grid.Interval) (all []Standing, err error) {
	err = c.repeat(ctx, func() error { return c.call(ctx, http.MethodDelete, "/api/v1/orders"+query(only), nil, &all) })
	return all, err
}

// Waiting returns the orders of the member that wait.
func (c *Client) Waiting(ctx context.Context) (all []Standing, err error) {
	err = c.call(ctx, http.MethodGet, "/api/v1/orders", nil, &all)
	return all, err
}

// Fill is a trade of one of the member's orders.
type Fill struct {
	Seq           uint64      `json:"seq"` // of the trade: later ones have higher numbers
	Interval      string      `json:"interval"`
	ClientID      string      `json:"client_id"`
	MeteringPoint string      `json:"metering_point"`
	Side          grid.Side   `json:"side"`
	Energy        grid.Energy `json:"energy"` // Wh
	Price         grid.Price  `json:"price"`  // what the member pays or gets
}

// Fills returns the member's trades, of one interval or, where it is nil, of all that are not
// settled.
func (c *Client) Fills(ctx context.Context, only *grid.Interval) (all []Fill, err error) {
	err = c.call(ctx, http.MethodGet, "/api/v1/fills"+query(only), nil, &all)
	return all, err
}

// Level is a price at which something waits.
type Level struct {
	Price  grid.Price  `json:"price"`
	Energy grid.Energy `json:"energy"` // Wh; zero from communities that do not tell before the gate how much waits, as today's do not
}

// Best is with what an order would trade at once.
type Best struct {
	Bid   *Level `json:"bid"` // nil: none waits
	Offer *Level `json:"offer"`
}

// Best returns the best prices of an interval at the member's metering point, which is empty
// where it has only one.
func (c *Client) Best(ctx context.Context, i grid.Interval, point string) (b Best, err error) {
	path := "/api/v1/market/best" + query(&i)
	if point != "" {
		path += "&metering_point=" + url.QueryEscape(point)
	}
	err = c.call(ctx, http.MethodGet, path, nil, &b)
	return b, err
}

// query is that of an interval, empty for none.
func query(i *grid.Interval) string {
	if i == nil {
		return ""
	}
	return "?interval=" + url.QueryEscape(i.String())
}

// Get tells where an order stands, until a day after its interval.
func (c *Client) Get(ctx context.Context, clientID string) (s Standing, err error) {
	err = c.call(ctx, http.MethodGet, "/api/v1/orders/"+url.PathEscape(clientID), nil, &s)
	return s, err
}

// Trader is for whom a key trades.
type Trader struct {
	Member         string   `json:"member"`
	MeteringPoints []string `json:"metering_points"`
	Rate           float64  `json:"rate"` // orders and replacements a second
}

// Trader asks for whom the key trades.
func (c *Client) Trader(ctx context.Context) (t Trader, err error) {
	err = c.call(ctx, http.MethodGet, "/api/v1/trader", nil, &t)
	return t, err
}

// Market is what an order must keep to.
type Market struct {
	Minutes     int        `json:"minutes"`      // length of a delivery interval
	GateClosure int        `json:"gate_closure"` // seconds before delivery when trade ends
	Tick        grid.Price `json:"tick"`         // prices are multiples of it
	Floor       grid.Price `json:"floor"`
	Ceiling     grid.Price `json:"ceiling"`
	First       string     `json:"first"` // interval that is open for trade, START/MINUTES; empty: none
	Last        string     `json:"last"`
}

// Market asks what an order must keep to.
func (c *Client) Market(ctx context.Context) (m Market, err error) {
	err = c.call(ctx, http.MethodGet, "/api/v1/market", nil, &m)
	return m, err
}

// Community is what anyone may know of the community and the agent needs.
type Community struct {
	Status struct {
		WorldTime time.Time `json:"world_time"`
		Speed     float64   `json:"speed"` // world seconds a second
	} `json:"status"`
	Tariff struct {
		Currency string     `json:"currency"`
		Retail   grid.Price `json:"retail"`
		FeedIn   grid.Price `json:"feed_in"`
	} `json:"tariff"`
	Homes []struct {
		ID      string `json:"id"` // the member
		Devices []struct {
			Kind  string      `json:"kind"`
			Power *grid.Power `json:"power"` // W, + import
		} `json:"devices"`
	} `json:"homes"`
}

// Community asks for the state of the community.
func (c *Client) Community(ctx context.Context) (s Community, err error) {
	err = c.call(ctx, http.MethodGet, "/api/v1/state", nil, &s)
	return s, err
}

// wireOrder writes an interval as the API does.
type wireOrder struct {
	Order
	Interval string `json:"interval"`
}

func wire(orders []Order) []wireOrder {
	all := make([]wireOrder, len(orders))
	for i, o := range orders {
		all[i] = wireOrder{o, o.Interval.String()}
	}
	return all
}

// UnmarshalJSON reads a standing, whose interval is written START/MINUTES.
func (s *Standing) UnmarshalJSON(b []byte) error {
	type plain Standing
	in := struct {
		*plain
		Interval string `json:"interval"`
	}{plain: (*plain)(s)}
	if err := json.Unmarshal(b, &in); err != nil {
		return err
	}
	var err error
	s.Interval, err = grid.ParseInterval(in.Interval)
	return err
}

// The pauses before a call is repeated grow between these.
const (
	firstPause = 100 * time.Millisecond
	lastPause  = 5 * time.Second
)

// repeat calls until there is an answer that repeating would not change.
func (c *Client) repeat(ctx context.Context, call func() error) error {
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		err := call()
		refused := (*APIError)(nil)
		final := err == nil || errors.As(err, &refused) && refused.Code != http.StatusTooManyRequests && refused.Code < http.StatusInternalServerError
		if final || ctx.Err() != nil {
			return err
		}
		if refused != nil && refused.Retry > 0 {
			pause = refused.Retry
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(pause):
		}
	}
}

func (c *Client) call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("%s %s: %w", method, path, err)
		}
		body = bytes.NewReader(b)
	}
	r, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+c.key)
	r.Header.Set("Content-Type", "application/json")
	answer, err := c.http.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }() // it was read
	if answer.StatusCode == http.StatusOK {
		if err := json.NewDecoder(answer.Body).Decode(out); err != nil {
			return fmt.Errorf("%s %s: %w", method, path, err)
		}
		return nil
	}
	refused := &APIError{Code: answer.StatusCode, Text: answer.Status}
	var problem struct{ Error string }
	if err := json.NewDecoder(answer.Body).Decode(&problem); err == nil && problem.Error != "" {
		refused.Text = problem.Error
	}
	if seconds, err := strconv.Atoi(answer.Header.Get("Retry-After")); err == nil {
		refused.Retry = time.Duration(seconds) * time.Second
	}
	return refused
}
