package agent_test

import (
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/agent"
	"github.com/commonwatt/commonwatt/grid"
)

func TestSetpointKeepsThePromise(t *testing.T) {
	for _, c := range []struct {
		name string
		d    agent.Delivery
		want grid.Power
		ok   bool
	}{
		// 500 Wh sold in 15 minutes are −2000 W at the meter; the home alone gives 1200 W.
		{"a cloud: the battery gives what the panels do not", agent.Delivery{Contracted: -500, Left: 15 * time.Minute, Rest: -1200}, -800, true},
		{"more sun than sold is stored", agent.Delivery{Contracted: -500, Left: 15 * time.Minute, Rest: -3000}, 1000, true},
		// Half of the interval has gone, and 400 of 500 Wh are delivered: 100 Wh in 7.5 minutes are 800 W.
		{"what is delivered already counts", agent.Delivery{Contracted: -500, Metered: -400, Left: 450 * time.Second, Rest: -2000}, 1200, true},
		{"bought energy is taken", agent.Delivery{Contracted: 300, Left: 15 * time.Minute, Rest: 200}, 1000, true},
		{"too late", agent.Delivery{Contracted: -500, Left: 10 * time.Second}, 0, false},
	} {
		if got, ok := c.d.Setpoint(); got != c.want || ok != c.ok {
			t.Errorf("%s: %d W, %t, want %d W, %t", c.name, got, ok, c.want, c.ok)
		}
	}
}
