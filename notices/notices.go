// Package notices tells homeowners what they asked to be told: a price, a device that fell
// silent, a bill, a vote, a limit that cannot be kept, a key that ends, by e-mail and on their devices.
//
// # Model
//
// A Recipient is an account of a member's home. Each chooses for itself, for each Kind, by which
// Channels to be told; what nobody chose is not told, and what one is told says nothing of another.
// Facts are what is the case at a home at a moment, and Due are the notices that follow from
// them. A notice has a key, which says what it is about: one that was put into the outbox is
// never put there again, by any channel once, whatever the facts say later and however often the
// program starts. No fact gives a notice of the kind Vote yet: the contracts have no votes.
//
// What waits is sent when the recipient still wants it, as long as it is true, and not more often
// than Hourly and Daily say. It is marked before it is handed over: of what a crash left in
// between it is not known whether it went out, and it is not sent a second time.
//
// A notice is about the recipient's own home alone. Each has a link that turns its kind off on its
// channel, which is signed so that nobody else can make one, and needs no sign-in.
//
// # Durability
//
// What recipients chose, the outbox, and the keys that sign are in one file. Who opens a Book
// closes it; Runner is what sends, and its owner runs it. Both are safe for concurrent use.
package notices

import (
	"fmt"
	"slices"
	"time"

	"github.com/commonwatt/commonwatt/grid"
)

// Kind is what a notice is about.
type Kind string

// The kinds.
const (
	Price  Kind = "price"  // the price among neighbours passed a bound that the recipient set
	Device Kind = "device" // a device of the home fell silent
	Bill   Kind = "bill"   // there is a bill
	Vote   Kind = "vote"   // the community decides something
	Limit  Kind = "limit"  // the home's agent cannot keep a limit
	Ending Kind = "key"    // the key of a program ends soon
)

// Kinds are all of them, in the order in which they are shown.
func Kinds() []Kind { return []Kind{Price, Device, Bill, Vote, Limit, Ending} }

// Channel is how somebody is told.
type Channel string

// The channels.
const (
	EMail Channel = "email"
	Push  Channel = "push" // to the browsers that the recipient subscribed
)

// Channels are all of them.
func Channels() []Channel { return []Channel{EMail, Push} }

// Settings are what a recipient chose.
type Settings struct {
	On    map[Kind][]Channel `json:"on,omitempty"`
	Below *grid.Price        `json:"below,omitempty"` // of the price among neighbours; nil: the recipient is not told
	Above *grid.Price        `json:"above,omitempty"`
	// Since is when the recipient chose this, world time: what was before is not told.
	Since time.Time `json:"since"`
}

// Wants tells whether a recipient is told of a kind by a channel.
func (s Settings) Wants(k Kind, c Channel) bool { return slices.Contains(s.On[k], c) }

// any tells whether a recipient is told of anything.
func (s Settings) any() bool {
	for _, channels := range s.On {
		if len(channels) > 0 {
			return true
		}
	}
	return false
}

// A FieldError says what is wrong with what was chosen, by the name of the field.
type FieldError struct{ Field, Text string }

func (e *FieldError) Error() string { return e.Field + ": " + e.Text }

// Parameter tells who only knows the error's methods what it is about.
func (e *FieldError) Parameter() string { return e.Field }

// Check tells what is wrong with settings.
func (s Settings) Check() error {
	for kind, channels := range s.On {
		if !slices.Contains(Kinds(), kind) {
			return &FieldError{"kinds", fmt.Sprintf("%q is none: there are price, device, bill, vote, limit and key", kind)}
		}
		for _, c := range channels {
			if !slices.Contains(Channels(), c) {
				return &FieldError{"kinds." + string(kind), fmt.Sprintf("%q is no channel: there are email and push", c)}
			}
		}
	}
	switch {
	case s.Below != nil && s.Above != nil && *s.Below >= *s.Above:
		return &FieldError{"below", "it has to be less than above"}
	case len(s.On[Price]) > 0 && s.Below == nil && s.Above == nil:
		return &FieldError{"below", "give a price, or one in above: notices of prices are about passing one of them"}
	}
	return nil
}
