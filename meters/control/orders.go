package control

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/commonwatt/commonwatt/grid"
)

// Orders are what the market wants of the devices that a gateway on another machine reads and
// moves: the gateway asks for them, as often as it would refresh a setpoint. A device that is
// not named is wanted nothing of. They hold for a while from when the gateway gets them, by
// its own clock, and are forgotten then: a hub that is gone moves nothing.
type Orders struct {
	Hold    time.Duration // for which they hold, wall time
	Devices map[string]grid.Power
}

// OrdersSubject is where on a bus a gateway asks for its orders.
func OrdersSubject(community, gateway string) string { return "setpoints." + community + "." + gateway }

// mostHold is for how long orders hold at most.
const mostHold = time.Minute

// orders is how Orders go over the bus.
type orders struct {
	HoldMS  int64                 `json:"hold_ms"`
	Devices map[string]grid.Power `json:"devices"`
}

// Encode writes orders for the bus.
func (o Orders) Encode() []byte {
	b, err := json.Marshal(orders{o.Hold.Milliseconds(), o.Devices})
	if err != nil {
		return nil // numbers and names can be written
	}
	return b
}

// errOrders reports orders that hold for no time, or for too long.
var errOrders = errors.New("orders hold for more than nothing and at most a minute")

// ReadOrders reads orders from the bus.
func ReadOrders(b []byte) (Orders, error) {
	var o orders
	if err := json.Unmarshal(b, &o); err != nil {
		return Orders{}, fmt.Errorf("orders: %w", err)
	}
	hold := time.Duration(o.HoldMS) * time.Millisecond
	if o.HoldMS <= 0 || o.HoldMS > mostHold.Milliseconds() {
		return Orders{}, fmt.Errorf("%w: %d ms", errOrders, o.HoldMS)
	}
	return Orders{hold, o.Devices}, nil
}
