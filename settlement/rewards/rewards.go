// Package rewards runs a community's programme of storage rewards: it pledges the
// batteries, drives the beacon, says which battery has to give what and when, hands
// in the signed readings that prove it, and closes the epochs. What was done is on
// the ledger, so that it may be stopped anywhere and started again.
//
// Power is in W, + is charging; energy in Wh; times are world time.
package rewards

import (
	"context"
	"log/slog"
	"time"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/proof"
	"github.com/commonwatt/commonwatt/settlement/ledger"
)

// Battery is one that takes part, or did.
type Battery struct {
	grid.Device

	Meter    grid.Device // the connection meter of its metering point
	Rated    grid.Power  // that it can give and take; 0: not known
	Power    grid.Power  // that it pledges
	Energy   grid.Energy // that it keeps for it
	Capacity grid.Energy
	Until    time.Time // when it was let go of; zero: it takes part
}

// Evidence has the signed batches of readings.
type Evidence interface {
	// Around returns the digests of the batches with the last reading of a device at
	// or before t, and the first at or after it; empty where there is none.
	Around(ctx context.Context, member, device string, t time.Time) (before, after proof.Digest, err error)
	Signed(ctx context.Context, digest proof.Digest) ([]byte, error)
	// Name keeps batches for good.
	Name(ctx context.Context, digests ...proof.Digest) error
	// Mark keeps what a device said beside some instants for as long as a challenge may
	// be proven.
	Mark(ctx context.Context, device string, instants ...time.Time) error
}

// Config is what a Runner works with.
type Config struct {
	Ledger      *ledger.Ledger
	Community   string
	Programme   chaincode.Programme // Community and From may be left empty
	Peaks       func(grid.Interval) bool
	Batteries   []Battery // at first
	Evidence    Evidence
	Power       func(device string) (grid.Power, bool) // what a battery does now, if that is known
	Lead        time.Duration                          // from when a setpoint is given until readings show it
	Secret      map[string][]byte                      // of the beacon, by party; a party that is elsewhere reveals there
	Deadline    time.Duration                          // after an interval, for its readings
	Corrections time.Duration                          // after an epoch, before it is closed
	Log         *slog.Logger
}
