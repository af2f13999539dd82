package grid

// Presence is whether a car was at a charger in an interval.
type Presence int8

// What is known of a charger and an interval.
const (
	Unread  Presence = iota // nobody read the charger
	CarAway                 // it was read, and no car was there
	CarHere                 // a car was there, if only for a part of the interval
)
