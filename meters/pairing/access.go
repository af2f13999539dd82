package pairing

import (
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
