// Package pairing finds devices, tells what they are, and binds them to a metering
// point. It is the same for the command line and the API: a Session is plain
// data that goes through the steps
//
//	found → identified → measured → sign-checked → bound → watched
//
// and is kept after each of them, so that an installer can go on where a lost
// connection or a closed page left off. A Session never writes to a device.
package pairing
