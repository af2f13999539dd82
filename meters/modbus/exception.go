package modbus

import (
	"fmt"

	"github.com/simonvetter/modbus"
)

// An ExceptionError is a refusal that the device itself sent: it is there and
// answers, but not to this request.
type ExceptionError struct {
	Code uint8 // Modbus Application Protocol V1.1b3, 7
}

// The exception codes on which the reader acts.
const (
	IllegalFunction = 1
	IllegalAddress  = 2
	IllegalValue    = 3

	deviceFailure = 4
	acknowledged  = 5
	busy          = 6

	gatewayNoPath   = 10
	gatewayNoAnswer = 11
)

func (e *ExceptionError) Error() string {
	meaning := map[uint8]string{
		IllegalFunction: "it does not know this function", IllegalAddress: "it has no such registers", IllegalValue: "it does not take this value",
		deviceFailure: "it failed", acknowledged: "it needs longer", busy: "it is busy", 8: "its memory has a parity error",
		gatewayNoPath: "the gateway has no path to it", gatewayNoAnswer: "it does not answer the gateway",
	}[e.Code]
	if meaning == "" {
		meaning = "for a reason of its own"
	}
	return fmt.Sprintf("device refused: %s (exception %d)", meaning, e.Code)
}

// ForGood tells whether the request will be refused the next time too, because
// the device does not have what it asks for.
func (e *ExceptionError) ForGood() bool { return e.Code <= IllegalValue }

// OfRange tells whether the refusal may concern only some of the registers that
// were asked for.
func (e *ExceptionError) OfRange() bool { return e.Code <= deviceFailure }

// ForNow tells whether the device asks to be asked again.
func (e *ExceptionError) ForNow() bool { return e.Code == acknowledged || e.Code == busy }

// Absent tells whether a gateway answered in place of the device.
func (e *ExceptionError) Absent() bool { return e.Code == gatewayNoPath || e.Code == gatewayNoAnswer }

// libraryErrors returns the library's error of each exception code, for what is served.
func libraryErrors() map[uint8]error {
	return map[uint8]error{
		IllegalFunction: modbus.ErrIllegalFunction, IllegalAddress: modbus.ErrIllegalDataAddress, IllegalValue: modbus.ErrIllegalDataValue,
		deviceFailure: modbus.ErrServerDeviceFailure, acknowledged: modbus.ErrAcknowledge, busy: modbus.ErrServerDeviceBusy, 8: modbus.ErrMemoryParityError,
		gatewayNoPath: modbus.ErrGWPathUnavailable, gatewayNoAnswer: modbus.ErrGWTargetFailedToRespond,
	}
}
