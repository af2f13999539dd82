package notices

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/commonwatt/commonwatt/grid"
)

// Facts are what is the case at a home.
type Facts struct {
	Now    time.Time
	Zone   *time.Location
	Priced *Priced // the latest interval whose price among neighbours is known; nil: none is
	Silent []Silent
	Bills  []Billed
	Unmet  []string // what the home's agent cannot keep, in words
	Ending []EndingKey
}

// Priced is the price among neighbours in an interval.
type Priced struct {
	Interval grid.Interval
	Price    grid.Price
}

// Silent is a device that does not answer.
type Silent struct {
	Device string
	Since  time.Time // when it was heard last
}

// Billed is a bill of the member.
type Billed struct {
	ID     string
	Period string // as in 2026-06
	Issued time.Time
	Due    grid.Money // − the member owes
}

// EndingKey is the key of a program that acts for the member, which ends soon.
type EndingKey struct {
	ID, Name string
	Ends     time.Time // wall time
}

// Notice is something to tell.
type Notice struct {
	Kind  Kind      `json:"kind"`
	Key   string    `json:"key"`   // what it is about: it is told once
	Until time.Time `json:"until"` // world time after which it is not worth telling

	Device string     `json:"device,omitempty"`
	Since  time.Time  `json:"since,omitzero"`
	Price  grid.Price `json:"price,omitempty"`
	Bound  grid.Price `json:"bound,omitempty"`
	Above  bool       `json:"above,omitempty"` // the price is above the bound; else below
	Bill   string     `json:"bill,omitempty"`
	Period string     `json:"period,omitempty"`
	Due    grid.Money `json:"due,omitempty"`
	Text   string     `json:"text,omitempty"` // of a limit; what a key that ends is for
	Ends   time.Time  `json:"ends,omitzero"`  // of a key
}

// For how long a notice is worth telling, and after how long a silence is one.
const (
	silentFor  = 15 * time.Minute
	soonOver   = 3 * time.Hour
	staysWorth = 7 * 24 * time.Hour
)

// Due returns the notices that follow from the facts of a home for a recipient who chose s. They
// are the same as long as the facts are: prices once a local day and direction, a silence once
// from its beginning, a bill once, a limit once a local day, whatever its numbers, and a key once.
func Due(f Facts, s Settings) (all []Notice) {
	day := f.Now.In(f.Zone).Format(time.DateOnly)
	if p := f.Priced; p != nil {
		n := Notice{Kind: Price, Price: p.Price, Until: p.Interval.End()}
		if s.Below != nil && p.Price < *s.Below {
			n.Key, n.Bound = "below "+day, *s.Below
			all = append(all, n)
		}
		if s.Above != nil && p.Price > *s.Above {
			n.Key, n.Bound, n.Above = "above "+day, *s.Above, true
			all = append(all, n)
		}
	}
	for _, d := range f.Silent {
		if f.Now.Sub(d.Since) >= silentFor {
			all = append(all, Notice{Kind: Device, Key: d.Device + " since " + d.Since.UTC().Format(time.RFC3339), Device: d.Device, Since: d.Since, Until: f.Now.Add(soonOver)})
		}
	}
	for _, b := range f.Bills {
		if !b.Issued.Before(s.Since) {
			all = append(all, Notice{Kind: Bill, Key: b.ID, Bill: b.ID, Period: b.Period, Due: b.Due, Until: b.Issued.Add(staysWorth)})
		}
	}
	for _, text := range f.Unmet {
		sum := sha256.Sum256([]byte(strings.Map(undigited, text)))
		all = append(all, Notice{Kind: Limit, Key: fmt.Sprintf("%s %s", day, hex.EncodeToString(sum[:8])), Text: text, Until: f.Now.Add(soonOver)})
	}
	for _, k := range f.Ending {
		all = append(all, Notice{Kind: Ending, Key: k.ID, Text: k.Name, Ends: k.Ends, Until: f.Now.Add(staysWorth)})
	}
	return all
}

// undigited leaves digits out of a text.
func undigited(r rune) rune {
	if r >= '0' && r <= '9' {
		return -1
	}
	return r
}
