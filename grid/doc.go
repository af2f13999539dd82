// Package grid is the vocabulary of the project: units, delivery intervals,
// the feeder, orders, trades and readings. It is pure: it imports nothing of
// the project and reads no clock, disk or network.
//
// # Units and signs
//
// Quantities are integers: Power in W, Energy in Wh, Price in millionths of
// the currency unit per kWh, Money in millionths of the currency unit. For
// power and energy + means taken from the grid (consumption, battery
// charging) and − means given to it (production, discharging). A member's
// Money is + when the member receives it.
//
// # Invariants
//
// Price.Cost rounds once, half away from zero. The parts of a Split always sum
// to the whole. Arithmetic that leaves 64 bits is an error, never a wrap.
package grid
