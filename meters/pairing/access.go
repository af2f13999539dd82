package pairing

import (
	"context"
	"errors"

	"github.com/commonwatt/commonwatt/meters"
	"github.com/commonwatt/commonwatt/meters/modbus"
	"github.com/commonwatt/commonwatt/meters/profile"
)

// Access is how devices are got at.
type Access struct {
	Profiles *profile.Set
	// Shared returns the connection by which the community reads an endpoint
	// already, nil when there is none: a serial line has one owner, and many
	// devices accept one connection. Nil where no community runs.
	Shared func(modbus.Endpoint) *modbus.Conn
}

// read reads points once, and once more when an answer was lost on the way: an installer
// waits for it, and a reader tries again soon anyway.
func read(ctx context.Context, conn *modbus.Conn, unit uint8, points []profile.Located, quirks profile.Quirks) (modbus.Answers, error) {
	reader := meters.NewReader(points, quirks)
	words, err := reader.Read(ctx, conn, unit)
	if err != nil && ctx.Err() == nil && !answered(err) && !errors.Is(err, modbus.ErrRefusesAll) && !errors.Is(err, modbus.ErrConnect) {
		words, err = reader.Read(ctx, conn, unit)
	}
	return words, err
}

// reads tells whether the community has a connection to an endpoint.
func (a Access) reads(e modbus.Endpoint) bool { return a.Shared != nil && a.Shared(e) != nil }

// open returns a connection, and what to call when it is no longer needed.
func (a Access) open(e modbus.Endpoint, o modbus.Options) (conn *modbus.Conn, done func()) {
	if a.Shared != nil {
		if conn := a.Shared(e); conn != nil {
			return conn, func() {}
		}
	}
	conn = modbus.Open(e, o)
	return conn, conn.Close
}
