package agent

import (
	"context"
	"time"

	"github.com/commonwatt/commonwatt/agent/limits"
	"github.com/commonwatt/commonwatt/grid"
)

// Telemetry is what agents know of the past of devices.
type Telemetry interface {
	// Energies returns the net energy in Wh (+ import or charging) that a device counted in n
	// intervals from first on, NaN where it is not known (yet).
	Energies(ctx context.Context, device string, first grid.Interval, n int) ([]float64, error)
	// MeanPower returns the mean of what was read of a device in [from, to), nil when nothing
	// was.
	MeanPower(ctx context.Context, device string, from, to time.Time) (*grid.Power, error)
	// Last returns what was last read of a device, nil when nothing was.
	Last(ctx context.Context, device string) (*grid.Reading, error)
	// Charges returns the mean states of charge of a battery in n intervals from first on, per mille, NaN
	// where they are not known (yet).
	Charges(ctx context.Context, battery string, first grid.Interval, n int) ([]float64, error)
	// Plugged tells of n intervals from first on whether a car was at a charger.
	Plugged(ctx context.Context, charger string, first grid.Interval, n int) ([]grid.Presence, error)
}

// Options are what Traders work with. Prices and Telemetry are asked while they quote.
type Options struct {
	Devices   []grid.Device
	Prices    Prices
	Telemetry Telemetry
	Seed      uint64
	Minutes   int                               // of a delivery interval
	Zone      *time.Location                    // of the homes' days; nil: UTC
	Currency  string                            // of the prices, ISO 4217
	Strategy  func(member string) Strategy      // nil: all by the default
	Rating    func(device string) Rating        // nil: nothing is known
	Limits    func(member string) limits.Limits // of the homeowner; nil: none

	Place

	// Position returns what a metering point has sold and bought of an interval for good; nil:
	// nobody knows.
	Position func(i grid.Interval, point string) (net grid.Energy, traded bool)
	// NoPool says that what is not traded is not shared: then batteries do nothing for the neighbours
	// but what they sold and bought.
	NoPool bool
	// Ahead has homes order for the coming hours too: where orders rest until a call. Where they
	// trade at once, what a home only expects would find its partners hours before it knows.
	Ahead bool
	Kept  Kept // nil: models are fitted anew after a start
	// FitInPlace has models fitted where they are asked for, as a replay does; otherwise somebody
	// calls Refit.
	FitInPlace bool
}
