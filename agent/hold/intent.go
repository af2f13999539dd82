package hold

import "github.com/commonwatt/commonwatt/grid"

// Intent is what a home's plan wants of its devices in a delivery interval, beside keeping
// what the home traded. Who plans makes it, whoever moves the devices carries it out.
type Intent struct {
	Interval grid.Interval

	// Net is the energy that the connection meter shall count where nothing was traded, + import;
	// nil: the battery follows its own logic then.
	Net *grid.Energy

	// GiveTo and TakeTo say what the battery does for the neighbours once the home's own promise
	// is kept. It covers what they lack as long as its charge is above GiveTo (1000: never), and
	// takes what they have left over as long as its charge is below TakeTo (0: never).
	GiveTo, TakeTo grid.PerMille

	// Apart says that nothing is shared after delivery: the battery does nothing for the
	// neighbours beyond what the home traded, and the levels bound that alone.
	Apart bool

	// Reserve is the charge that is kept for a blackout.
	Reserve grid.PerMille

	// Export is what the home gives at most, 0 for one that feeds in nothing; nil: only its
	// connection limits that.
	Export *grid.Power

	// Powers are what the home's other devices shall take, by device; 0: nothing. A device that
	// is not named follows its own logic.
	Powers map[string]grid.Power
}
