// Package billing makes the bills of a community: what a member's energy of a month cost and
// earned, from the statement book and from what the ledger has beside the settlement runs. It
// is pure.
//
// # Model
//
// A bill covers a period of local time for one member with all its metering points. Each of
// its lines is the sum of the postings of one reason over the intervals of the period, so that
// it opens to its intervals, and each interval to its postings.
//
// A bill goes up to a Cut: a place in the statement book, and a leaf of the ledger's log for
// what is posted outside of the runs. The member's next bill begins there. What settlement
// runs change after the cut in months that were billed stands on the next bill, as a
// correction of earlier months.
//
// # Invariants
//
// Over all bills of a member, one after the other, the lines sum up to exactly the postings to
// its accounts up to the last cut: nothing is billed twice, and nothing is left out.
//
// A bill is a function of its input: drafting it again up to the same cut gives the same
// bytes. Money is exact, in millionths of the currency unit; only the total is rounded to the
// currency's minor unit, half away from zero, and the difference is a line of its own.
//
// # Signs
//
// Amounts are + where the member receives. Energy on a bill is positive, and the kind of the
// line says which way it went.
package billing

import (
	"time"

	"github.com/commonwatt/commonwatt/grid"
)

// Cut is up to where a bill goes: all that came until then.
type Cut struct {
	Place int64 `json:"place"` // in the statement book
	Leaf  int64 `json:"leaf"`  // number of postings in the ledger's log
}

// Period is what a bill is for: the intervals that begin in [From, To).
type Period struct {
	Name string    `json:"name"` // as in 2026-06
	From time.Time `json:"from"` // local midnight
	To   time.Time `json:"to"`
}

// Month returns the period of a month of local time, as in 2026-06.
func Month(name string, zone *time.Location) (Period, error) {
	t, err := time.ParseInLocation("2006-01", name, zone)
	if err != nil || t.Format("2006-01") != name {
		return Period{}, &MonthError{name}
	}
	return Period{Name: name, From: t, To: time.Date(t.Year(), t.Month()+1, 1, 0, 0, 0, 0, zone)}, nil
}

// A MonthError is a month that cannot be read.
type MonthError struct{ Text string }

func (e *MonthError) Error() string {
	return "month " + e.Text + ": want a year and a month, as in 2026-06"
}

// Bill is what a member has to pay or gets for a period.
type Bill struct {
	Community string `json:"community"`
	Member    string `json:"member"` // by the community's own name
	Period    Period `json:"period"`
	Zone      string `json:"zone"` // in whose time days and months are
	Currency  string `json:"currency"`
	Digits    int    `json:"digits"`             // decimals of the currency's minor unit
	Previous  string `json:"previous,omitempty"` // number of the member's bill before; empty: there is none
	After     Cut    `json:"after"`              // where that one ended
	Cut       Cut    `json:"cut"`

	Points []PointPart `json:"points"`
	Totals
	Compared []Alternative `json:"compared"`
	Rewards  []Reward      `json:"rewards,omitempty"`
}

// Totals are what a bill sums up to, + the member receives.
type Totals struct {
	Energy      grid.Money `json:"energy"` // of the period, all lines of all points
	Corrections []Line     `json:"corrections,omitempty"`
	Others      []Posted   `json:"others,omitempty"` // what was posted outside of the runs and is no payment
	Standing    []Standing `json:"standing,omitempty"`
	VAT         []VAT      `json:"vat,omitempty"`
	Rounding    grid.Money `json:"rounding"`
	Total       grid.Money `json:"total"` // of all of these: a whole number of minor units

	Brought  grid.Money `json:"brought"` // balance brought forward: what bills and payments before came to
	Payments []Posted   `json:"payments,omitempty"`
	Due      grid.Money `json:"due"` // Total, Brought and Payments; − the member owes
}

// PointPart is what a bill has of one metering point.
type PointPart struct {
	Point      string      `json:"metering_point"`
	Account    string      `json:"account"`
	Tariffs    []string    `json:"tariffs"` // by which it was supplied, name and version
	Intervals  int         `json:"intervals"`
	Estimated  int         `json:"estimated,omitempty"` // of these, whose value was not measured
	Metered    grid.Flow   `json:"metered"`
	Lines      []Line      `json:"lines"`
	Components []Component `json:"components,omitempty"` // of what was paid to and by the utility
}

// Line is the sum of the postings of one reason.
type Line struct {
	Kind      Kind        `json:"kind"`
	Energy    grid.Energy `json:"energy"` // Wh, positive
	Price     grid.Price  `json:"price"`  // the mean, millionths/kWh; 0 without energy
	Amount    grid.Money  `json:"amount"` // + the member receives
	Intervals int         `json:"intervals"`
	// Months are those that a correction is of, and Point the metering point.
	Months []string `json:"months,omitempty"`
	Point  string   `json:"metering_point,omitempty"`
}

// Component is a component's part of what was paid to and by the utility.
type Component struct {
	Name   string     `json:"name"`
	Kind   string     `json:"kind"` // energy, grid, levy, metering or tax
	Amount grid.Money `json:"amount"`
}

// Standing is a charge by the day or month.
type Standing struct {
	Point     string     `json:"metering_point"`
	Account   string     `json:"account"`
	Component string     `json:"component"`
	Version   string     `json:"version"`
	From      string     `json:"from"` // local date
	To        string     `json:"to"`   // excluded
	Days      int        `json:"days"`
	Amount    grid.Money `json:"amount"`
}

// VAT is the value added tax at one rate.
type VAT struct {
	Rate     int64      `json:"rate"` // in millionths: 19 % is 190000
	Base     grid.Money `json:"base"` // without the tax, as it is paid: −
	Included bool       `json:"included,omitempty"`
	// Amount is the tax: added to the bill, or, where it is included in the prices, told.
	Amount grid.Money `json:"amount"`
}

// Posted is a posting outside of the settlement runs.
type Posted struct {
	Leaf      int64      `json:"leaf"`
	ID        string     `json:"id"`
	Reason    string     `json:"reason"`
	Reference string     `json:"reference"`
	Account   string     `json:"account"`
	Amount    grid.Money `json:"amount"`
}

// Alternative is what the period would have come to otherwise, standing charges and VAT
// included and without corrections of earlier months, so that it compares with This.
type Alternative struct {
	Name      string     `json:"name"`
	Amount    grid.Money `json:"amount"`
	Estimated bool       `json:"estimated,omitempty"`
	Method    string     `json:"method"`
}

// Names of alternatives. Of another tariff it is AnotherTariff and the tariff's name.
const (
	This          = "this bill"
	Alone         = "without the community"
	RetailOnly    = "metered energy at the own tariff"
	UnderKey      = "under the allocation key"
	AnotherTariff = "under the tariff "
)

// Reward is what a battery earned in the epochs (UTC days) that begin in the period and were
// closed when the bill was drafted; tokens are not money.
type Reward struct {
	Device string `json:"device"`
	Days   int    `json:"days"` // epochs that it earned something in
	Tokens int64  `json:"tokens"`
}
