package host_test

import (
	"context"
	"encoding/json"
	"maps"
	"testing"
	"time"

	wire "github.com/commonwatt/commonwatt/bus"
	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/community/host"
	"github.com/commonwatt/commonwatt/grid"
)

// TestNobodyOrdersOverTheBus sends orders for a member from an account that may do
// everything on the bus, on the subject by which agents once ordered and on others that
// one might try: nobody takes them.
func TestNobodyOrdersOverTheBus(t *testing.T) {
	external, err := wire.Open(t.Context(), wire.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer external.Close()
	h := opened(t, &log{}, external, seeNothing)
	product := begin(t, h)
	data, err := json.Marshal(map[string]any{"product": product, "order": order("ann", "1", grid.Bid, 200_000), "time": noon()})
	if err != nil {
		t.Fatal(err)
	}
	for _, subject := range []string{"market.elm.orders", "orders.elm.ann", "orders.elm", "market.elm.ann"} {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		answer, err := external.Request(ctx, subject, data)
		cancel()
		if err == nil && !stored(answer) {
			t.Errorf("%s: somebody answers %s", subject, answer)
		}
	}
	if c := h.Counts(); c.Orders != 0 {
		t.Errorf("an order without the member's key was taken: %+v", c)
	}
	if refused, err := h.Place(t.Context(), product, order("ann", "1", grid.Bid, 200_000), noon()); err != nil || refused != "" {
		t.Errorf("the member's own agent is refused: %s %v", refused, err)
	}
}

// stored tells whether an answer is that of a stream, which keeps a message that nobody
// takes as an order.
func stored(answer []byte) bool {
	var a struct {
		Stream string `json:"stream"`
		Seq    uint64 `json:"seq"`
	}
	return json.Unmarshal(answer, &a) == nil && a.Stream != "" && a.Seq > 0
}

// TestAProgramFindsNothingWaiting lets a program outside begin to trade for a member: what the
// member's agent had waiting is cancelled, other members' orders and the program's own stay.
func TestAProgramFindsNothingWaiting(t *testing.T) {
	h := opened(t, &log{}, &bus{}, seeNothing)
	product := begin(t, h)
	for _, o := range []grid.Order{order("ann", "mp-ann/1", grid.Offer, 250_000), order("bob", "mp-bob/1", grid.Offer, 260_000)} {
		if refused, err := h.Place(t.Context(), product, o, noon()); err != nil || refused != "" {
			t.Fatalf("%+v: %s, %v", o, refused, err)
		}
	}
	send := func(id string) {
		t.Helper()
		outcomes, err := (host.Outside{Host: h}).Submit([]community.Submission{{Product: product, Order: order("ann", id, grid.Offer, 240_000), Time: noon()}})
		if err != nil || outcomes[0].Err != nil || outcomes[0].Rejected != "" {
			t.Fatalf("%+v, %v", outcomes, err)
		}
	}
	send("mine-1")
	send("mp-ann/mine-2")
	send("mine-3")
	waits := map[string]bool{}
	for _, member := range []string{"ann", "bob"} {
		for _, o := range h.Waiting(member) {
			waits[o.ClientID] = true
		}
	}
	want := map[string]bool{"mine-1": true, "mp-ann/mine-2": true, "mine-3": true, "mp-bob/1": true}
	if !maps.Equal(waits, want) {
		t.Errorf("waiting are %v, want %v", waits, want)
	}
}
