package meters

import (
	"cmp"
	"time"

	"github.com/commonwatt/commonwatt/meters/modbus"
	"github.com/commonwatt/commonwatt/meters/profile"
)

// lines are the connections that a fleet reads by, one an endpoint. Whoever uses them
// holds the lock of the fleet.
type lines struct {
	shared func(modbus.Endpoint) *modbus.Conn // as Fleet.Shared
	conns  map[modbus.Endpoint]*modbus.Conn
	own    []*modbus.Conn // those of conns that the fleet has opened, and closes
}

// connect opens one connection for each endpoint. It is as careful as the most
// delicate device behind it needs.
func (l *lines) connect(targets []Target) {
	options := map[modbus.Endpoint]modbus.Options{}
	for _, t := range targets {
		options[t.Endpoint] = Careful(options[t.Endpoint], t.Quirks())
	}
	for e, o := range options {
		if l.shared != nil {
			l.conns[e] = l.shared(e)
		}
		if l.conns[e] == nil {
			l.conns[e] = modbus.Open(e, o)
			l.own = append(l.own, l.conns[e])
		}
	}
}

// Careful returns options that respect a profile's quirks too.
func Careful(o modbus.Options, q profile.Quirks) modbus.Options {
	return modbus.Options{
		Timeout:      max(o.Timeout, cmp.Or(time.Duration(q.TimeoutMS)*time.Millisecond, requestTimeout)),
		Gap:          max(o.Gap, time.Duration(q.GapMS)*time.Millisecond),
		ConnectDelay: max(o.ConnectDelay, time.Duration(q.ConnectDelayMS)*time.Millisecond),
	}
}
