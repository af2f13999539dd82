package modbus

import (
	"context"
	"errors"
	"fmt"
)

// Model is a SunSpec information model as found on a device. Addr is the
// register of its id, which is offset 0 in the model's own document.
type Model struct {
	ID     uint16
	Addr   uint16
	Length uint16 // registers that follow the id and length, as declared by the device
}

// ErrNoSunSpec reports a device without the SunSpec marker at any known base.
var ErrNoSunSpec = errors.New("no SunSpec marker at registers 40000, 50000 or 0")

const (
	markerHigh  = 0x5375 // "Su"
	markerLow   = 0x6e53 // "nS"
	endModel    = 0xffff
	modelHeader = 2
	maxModels   = 100
)

// SunSpecBases are the registers at which a chain may begin.
func SunSpecBases() []uint16 { return []uint16{40000, 50000, 0} }

// WalkSunSpec returns the chain of models of a unit, by the lengths that the
// device declares; with an error those that were found before it. It looks at the given
// bases, at all that there are when none is given. Some devices do not answer at all where
// others refuse. Errors: ErrNoSunSpec, or those of Read.
func WalkSunSpec(ctx context.Context, c *Conn, unit uint8, bases ...uint16) ([]Model, error) {
	if len(bases) == 0 {
		bases = SunSpecBases()
	}
	var silent error
	said := false
	for _, base := range bases {
		words, err := c.Read(ctx, unit, Holding, base, modelHeader)
		var refused *ExceptionError
		switch {
		case errors.As(err, &refused) && refused.Absent():
			return nil, fmt.Errorf("look for SunSpec: %w", err)
		case errors.As(err, &refused):
			said = true
		case err != nil && silentTo(ctx, err):
			silent = err
		case err != nil:
			return nil, fmt.Errorf("look for SunSpec: %w", err)
		case words[0] == markerHigh && words[1] == markerLow:
			return walk(ctx, c, unit, base+modelHeader)
		default:
			said = true
		}
	}
	if silent != nil && !said {
		return nil, fmt.Errorf("look for SunSpec: %w", silent)
	}
	return nil, fmt.Errorf("%s unit %d: %w", c.endpoint, unit, ErrNoSunSpec)
}

func walk(ctx context.Context, c *Conn, unit uint8, addr uint16) ([]Model, error) {
	var models []Model
	for range maxModels {
		header, err := c.Read(ctx, unit, Holding, addr, modelHeader)
		if err != nil && silentTo(ctx, err) {
			header, err = c.Read(ctx, unit, Holding, addr, modelHeader) // it may have been lost on the way
		}
		refused := (*ExceptionError)(nil)
		if len(models) > 0 && (errors.As(err, &refused) || err != nil && silentTo(ctx, err)) {
			return models, nil // a chain without its end
		}
		if err != nil {
			return models, fmt.Errorf("walk SunSpec models: %w", err)
		}
		if header[0] == endModel {
			return models, nil
		}
		m := Model{ID: header[0], Addr: addr, Length: header[1]}
		next := int(addr) + modelHeader + int(m.Length)
		if next > 0xffff-modelHeader {
			return models, fmt.Errorf("walk SunSpec models: model %d at register %d declares %d registers, past the end of the table", m.ID, m.Addr, m.Length)
		}
		models = append(models, m)
		addr = uint16(next)
	}
	return models, fmt.Errorf("walk SunSpec models: no end after %d models", maxModels)
}
