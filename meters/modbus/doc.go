// Package modbus talks to devices over Modbus: TCP, TLS, RTU on a serial port and
// RTU frames over TCP. A Conn owns one connection with one goroutine, so that no
// two requests ever share the wire; the unit id travels inside the request.
// After any error that is not an exception sent by the device the connection is
// closed, and the next request opens it anew. An answer that comes late, twice,
// or under a wrong label never becomes the answer to another request: see line.
//
// The package knows addresses and words, never what they mean.
package modbus
