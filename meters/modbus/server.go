package modbus

import (
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
	// Registers returns n holding registers from addr on; ok is false for an
	// address that the device does not have.
	Registers(addr, n uint16) (words []uint16, ok bool)
	// SetRegisters takes a write; ok is false where writing is not allowed.
	SetRegisters(addr uint16, words []uint16) (ok bool)
}

// Server serves one Device over Modbus TCP, as unit 1.
type Server struct {
	address string
	server  *modbus.ModbusServer
}

const serverUnit = 1

// Serve starts a server on 127.0.0.1, on a port that the system chooses when
// address has the port 0.
func Serve(address string, d Device) (*Server, error) {
	const attempts = 10 // another process may take the free port before us
	var err error
	for range attempts {
		var at string
		if at, err = freeAddress(address); err != nil {
			return nil, fmt.Errorf("serve modbus on %s: %w", address, err)
		}
		var server *modbus.ModbusServer
		server, err = modbus.NewServer(&modbus.ServerConfiguration{
			URL:     "tcp://" + at,
			Timeout: 2 * time.Minute,
			Logger:  silent(),
		}, handler{d})
		if err != nil {
			return nil, fmt.Errorf("serve modbus on %s: %w", at, err)
		}
		if err = server.Start(); err == nil {
			return &Server{address: at, server: server}, nil
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

// Start serves again after Stop, on the same address.
func (s *Server) Start() error { return s.server.Start() }

type handler struct{ device Device }

func (h handler) HandleHoldingRegisters(r *modbus.HoldingRegistersRequest) ([]uint16, error) {
	if r.UnitId != serverUnit {
		return nil, modbus.ErrGWTargetFailedToRespond
	}
	if r.IsWrite {
		if !h.device.SetRegisters(r.Addr, r.Args) {
			return nil, modbus.ErrIllegalDataAddress
		}
		return nil, nil
	}
	words, ok := h.device.Registers(r.Addr, r.Quantity)
	if !ok {
		return nil, modbus.ErrIllegalDataAddress
	}
	return words, nil
}

func (handler) HandleInputRegisters(*modbus.InputRegistersRequest) ([]uint16, error) {
	return nil, modbus.ErrIllegalFunction
}

func (handler) HandleCoils(*modbus.CoilsRequest) ([]bool, error) {
	return nil, modbus.ErrIllegalFunction
}

func (handler) HandleDiscreteInputs(*modbus.DiscreteInputsRequest) ([]bool, error) {
	return nil, modbus.ErrIllegalFunction
}

// silent keeps the library from writing to stdout: its errors come back to the
// caller, who logs them.
func silent() *stdlog.Logger {
	return slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
}
