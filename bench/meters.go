package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/commonwatt/commonwatt/meters/modbus"
)

// meter is a three-phase SunSpec meter whose counters follow the clock.
type meter struct{ began time.Time }

// Where the meter's registers are.
const (
	chainAt     = 40000 // the marker of SunSpec
	modelAt     = 40002
	modelNumber = 203
	modelLength = 105
)

// Registers implements modbus.Device.
func (m meter) Registers(_ modbus.Table, addr, n uint16) ([]uint16, error) {
	words := make([]uint16, n)
	wh := uint32(1_000_000 + time.Since(m.began).Milliseconds()/100)
	for i := range words {
		switch at := int(addr) + i; at {
		case chainAt:
			words[i] = 0x5375
		case chainAt + 1:
			words[i] = 0x6e53
		case modelAt:
			words[i] = modelNumber
		case modelAt + 1:
			words[i] = modelLength
		case modelAt + 2 + modelLength:
			words[i] = 0xffff
		case modelAt + 18:
			words[i] = 360
		case modelAt + 8:
			words[i] = 230
		case modelAt + 16:
			words[i] = 50
		case modelAt + 38, modelAt + 46:
			words[i] = uint16(wh >> 16)
		case modelAt + 39, modelAt + 47:
			words[i] = uint16(wh)
		default:
			if at < chainAt || at > modelAt+3+modelLength {
				return nil, &modbus.ExceptionError{Code: modbus.IllegalAddress}
			}
		}
	}
	return words, nil
}

// SetRegisters implements modbus.Device: a meter is only read.
func (meter) SetRegisters(uint16, []uint16) error {
	return &modbus.ExceptionError{Code: modbus.IllegalFunction}
}

// ServeMeters is the process with the meters that Devices reads: it serves count of them,
// each on a socket of its own, and prints the address of each on a line. It returns when
// ctx ends, or in, which the parent holds open while it lives.
func ServeMeters(ctx context.Context, count int, in io.Reader, out io.Writer) error {
	w := bufio.NewWriter(out)
	for range count {
		s, err := modbus.Serve("127.0.0.1:0", 1, map[uint8]modbus.Device{1: meter{time.Now()}})
		if err != nil {
			return err
		}
		defer s.Stop() //nolint:errcheck // the process ends
		if _, err := fmt.Fprintln(w, s.Address()); err != nil {
			return err
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	gone := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, in) // ends with the parent
		close(gone)
	}()
	select {
	case <-ctx.Done():
	case <-gone:
	}
	return nil
}

// startMeters starts the process with the meters; its standard input is the life line.
func startMeters(ctx context.Context, count int) (addresses []string, stop func(), err error) {
	child, err := again(ctx, metersArgs(count))
	if err != nil {
		return nil, nil, err
	}
	line, err := child.StdinPipe()
	if err != nil {
		return nil, nil, err
	}
	out, err := child.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	if err := child.Start(); err != nil {
		return nil, nil, err
	}
	stop = func() {
		_ = line.Close()
		_ = child.Wait() // it ends with its standard input
	}
	scan := bufio.NewScanner(out)
	for len(addresses) < count && scan.Scan() {
		addresses = append(addresses, strings.TrimSpace(scan.Text()))
	}
	if len(addresses) < count {
		stop()
		return nil, nil, errors.New("the process with the meters did not start")
	}
	return addresses, stop, nil
}
