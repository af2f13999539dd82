package modbus

import (
	"cmp"
	"errors"
	"fmt"
	stdlog "log" //nolint:depguard // the type that the library wants
	"log/slog"
	"net"
	"time"

	"github.com/simonvetter/modbus"
)

// A Device answers for the registers of one unit. Both methods are called from
// many goroutines.
type Device interface {
	// Registers returns n registers of a table from addr on. An *ExceptionError
	// is what the device answers instead.
	Registers(table Table, addr, n uint16) ([]uint16, error)
	// SetRegisters takes a write to the holding registers.
	SetRegisters(addr uint16, words []uint16) error
}

// Server serves devices over Modbus TCP, each under its unit id. A request to
// another unit gets the exception of a gateway whose device does not answer.
type Server struct {
	address string
	make    func() (*modbus.ModbusServer, error)
	server  *modbus.ModbusServer
}

// MostClients is how many connections a server takes when nothing is said.
const MostClients = 10

// Serve starts a server on an address of this machine, on a port that the
// system chooses when address has the port 0. clients bounds the connections,
// MostClients when 0: a further one is closed at once.
func Serve(address string, clients uint, units map[uint8]Device) (*Server, error) {
	const attempts = 10 // another process may take the free port before us
	var err error
	for range attempts {
		var at string
		if at, err = freeAddress(address); err != nil {
			return nil, fmt.Errorf("serve modbus on %s: %w", address, err)
		}
		s := &Server{address: at, make: func() (*modbus.ModbusServer, error) {
			return modbus.NewServer(&modbus.ServerConfiguration{
				URL: "tcp://" + at, Timeout: 2 * time.Minute, MaxClients: cmp.Or(clients, MostClients), Logger: silent(),
			}, handler{units})
		}}
		if err = s.Start(); err == nil {
			return s, nil
		}
	}
	return nil, fmt.Errorf("serve modbus on %s: %w", address, err)
}

// freeAddress replaces the port 0: the server library cannot say which port it
// was given.
func freeAddress(address string) (string, error) {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", err
	}
	if port != "0" {
		return address, nil
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// Address returns the HOST:PORT that the server listens on.
func (s *Server) Address() string { return s.address }

// Stop closes the listener and every session. Start serves again.
func (s *Server) Stop() error { return s.server.Stop() }

// Start serves again after Stop, on the same address. It is another server of the
// library: one that was stopped may still look at its listener.
func (s *Server) Start() (err error) {
	if s.server, err = s.make(); err != nil {
		return err
	}
	return s.server.Start()
}

type handler struct{ units map[uint8]Device }

func (h handler) HandleHoldingRegisters(r *modbus.HoldingRegistersRequest) ([]uint16, error) {
	d := h.units[r.UnitId]
	if d == nil {
		return nil, modbus.ErrGWTargetFailedToRespond
	}
	if r.IsWrite {
		return nil, libraryError(d.SetRegisters(r.Addr, r.Args))
	}
	words, err := d.Registers(Holding, r.Addr, r.Quantity)
	return words, libraryError(err)
}

func (h handler) HandleInputRegisters(r *modbus.InputRegistersRequest) ([]uint16, error) {
	d := h.units[r.UnitId]
	if d == nil {
		return nil, modbus.ErrGWTargetFailedToRespond
	}
	words, err := d.Registers(Input, r.Addr, r.Quantity)
	return words, libraryError(err)
}

func (handler) HandleCoils(*modbus.CoilsRequest) ([]bool, error) {
	return nil, modbus.ErrIllegalFunction
}

func (handler) HandleDiscreteInputs(*modbus.DiscreteInputsRequest) ([]bool, error) {
	return nil, modbus.ErrIllegalFunction
}

// libraryError is the inverse of exception.
func libraryError(err error) error {
	refused := (*ExceptionError)(nil)
	if !errors.As(err, &refused) {
		return err
	}
	for code, e := range libraryErrors() {
		if code == refused.Code {
			return e
		}
	}
	return modbus.ErrServerDeviceFailure
}

// silent keeps the library from writing to stdout: its errors come back to the
// caller, who logs them.
func silent() *stdlog.Logger {
	return slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
}
