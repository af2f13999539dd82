package host_test

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/community/host"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching"
)

const dear grid.Price = 300_000

// prepay gives ann a balance and tells whether she is held.
func prepay(t *testing.T, h *host.Host, balance grid.Money) bool {
	t.Helper()
	held, err := h.Prepay("ann", balance, dear, noon())
	if err != nil {
		t.Fatal(err)
	}
	return held
}

// place enters an order of 100 Wh and returns why it is refused.
func place(t *testing.T, h *host.Host, p grid.Product, member, id string, side grid.Side, price grid.Price) string {
	t.Helper()
	refused, err := h.Place(t.Context(), p, order(member, id, side, price), noon())
	if err != nil {
		t.Fatal(err)
	}
	return refused
}

// TestABalanceBoundsWhatIsOrdered pays in for ann: 100 Wh at 0.20 cost 0.02. What she may
// come to owe is reserved, for waiting orders and for trades; an empty balance stops new
// orders with that reason; a deposit lets her go on.
func TestABalanceBoundsWhatIsOrdered(t *testing.T) {
	l := &log{}
	h := opened(t, l, &bus{}, seeNothing)
	p := begin(t, h)
	if prepay(t, h, 50_000) {
		t.Error("ann is held, who has no orders")
	}
	for id, want := range map[string]string{"1": "", "2": ""} {
		if got := place(t, h, p, "ann", id, grid.Bid, 200_000); got != want {
			t.Errorf("order %s: %s", id, got)
		}
	}
	if got := place(t, h, p, "ann", "3", grid.Bid, 200_000); !strings.Contains(got, "would exceed its prepaid balance") {
		t.Errorf("a third order: %q", got)
	}
	if got := place(t, h, p, "bob", "4", grid.Offer, 150_000); got != "" {
		t.Errorf("bob pays later: %s", got)
	}
	prepay(t, h, 70_000)
	if got := place(t, h, p, "ann", "5", grid.Bid, 200_000); got != "" {
		t.Errorf("after a deposit: %s", got)
	}
	commands := len(l.commands)
	prepay(t, h, 70_000)
	if len(l.commands) != commands {
		t.Error("the same balance again is a command")
	}
	prepay(t, h, 0)
	if got := place(t, h, p, "ann", "6", grid.Bid, 200_000); !strings.Contains(got, "would exceed its prepaid balance") {
		t.Errorf("an empty balance: %q", got)
	}
	if got := place(t, h, p, "ann", "7", grid.Offer, 290_000); !strings.Contains(got, "would exceed its prepaid balance") {
		t.Errorf("an offer that she may fail to deliver: %q", got)
	}
}

// TestReservesSurviveAKill goes on with every prefix of a log, as after a kill: what is
// reserved is what the same commands reserved before, until the trades of the interval are
// settled and released.
func TestReservesSurviveAKill(t *testing.T) {
	l := &log{}
	h := opened(t, l, &bus{}, seeNothing)
	p := begin(t, h)
	reserved := map[int]matching.Funds{}
	note := func() { reserved[len(l.commands)] = h.Funds("ann") }
	note()
	prepay(t, h, 100_000)
	note()
	place(t, h, p, "ann", "1", grid.Bid, 200_000)
	note()
	place(t, h, p, "bob", "2", grid.Offer, 150_000)
	note()
	if err := h.Command(community.Action{Step: community.Close, Time: noon(), Product: p}); err != nil {
		t.Fatal(err)
	}
	note()
	if got := h.Unreleased(); !slices.Equal(got, []grid.Interval{p.Interval}) || h.Funds("ann").Reserved != 20_000 {
		t.Errorf("unreleased %v, reserved %+v", got, h.Funds("ann"))
	}
	if err := h.Release(h.Unreleased(), noon()); err != nil {
		t.Fatal(err)
	}
	note()
	if got := h.Funds("ann"); got.Reserved != 0 || len(h.Unreleased()) != 0 {
		t.Errorf("after it was released: %+v", got)
	}
	for n, want := range reserved {
		again := opened(t, &log{commands: slices.Clone(l.commands[:n])}, &bus{}, seeNothing)
		if got := again.Funds("ann"); got != want {
			t.Errorf("after %d commands and a kill: %+v, want %+v", n, got, want)
		}
	}
}

// TestAFirstBalanceWaitsForWhatWasTradedBefore switches to prepaid a member that has an order
// and a trade: the order is cancelled, no new one is taken, and the balance counts once the
// trade's interval has closed.
func TestAFirstBalanceWaitsForWhatWasTradedBefore(t *testing.T) {
	h := opened(t, &log{}, &bus{}, seeNothing)
	p := begin(t, h)
	for _, x := range []string{place(t, h, p, "ann", "1", grid.Bid, 200_000), place(t, h, p, "bob", "2", grid.Offer, 150_000), place(t, h, p, "ann", "3", grid.Bid, 200_000)} {
		if x != "" {
			t.Fatal(x)
		}
	}
	if !prepay(t, h, 1_000_000) {
		t.Error("ann is not held")
	}
	if o, _ := h.Find("ann", "3"); o.Status != community.IsCancelled {
		t.Errorf("the waiting order is %s", o.Status)
	}
	if got := place(t, h, p, "ann", "4", grid.Bid, 200_000); !strings.Contains(got, "until then no orders are taken") {
		t.Errorf("a new order: %q", got)
	}
	if got := place(t, h, p, "ann", "1", grid.Bid, 200_000); got != "" {
		t.Errorf("an order that is known, once more: %q", got)
	}
	if err := h.Command(community.Action{Step: community.Close, Time: noon(), Product: p}); err != nil {
		t.Fatal(err)
	}
	if prepay(t, h, 1_000_000) || !h.Funds("ann").Prepaid {
		t.Errorf("after the gate: %+v", h.Funds("ann"))
	}
	later := noon().Add(time.Minute)
	if held, err := h.Prepay("ann", math.MaxInt64/4, dear, later); held || err != nil {
		t.Errorf("no longer prepaid: %t %v", held, err)
	}
}
