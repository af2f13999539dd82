// Package matching is the market: commands in, events out. It is pure and
// deterministic: the same commands give the same events, so that a journal of
// commands is the whole state.
//
// A product is energy of one delivery interval, a number: products that follow
// each other in time have numbers that do. It opens, trades continuously in one
// book for each zone of the feeder, and closes: what is left is cleared by the
// call auction over the whole feeder, and the rest expires. A continuous trade
// is at the resting order's price. A product that was opened to trade in Calls
// alone has its orders rest until the auction.
//
// Members, their metering points (accounts) and nodes are numbers too, counted
// from 1, 1 and 0; names are the business of the caller, who may let a command
// carry one. Prices are multiples of the market's tick within its collar.
//
// # Duties of the caller
//
//  1. Append a command to the journal before applying it, and show its events
//     only after the command is durable.
//  2. Copy what is to be kept of the events before the next Apply.
//  3. Fund prepaid members anew after each settlement, and Release the product.
//
// # Invariants after every command
//
// No book of continuous trade is crossed (but by one member's own orders), every resting order has
// energy left, an account's open energy and position are those of its orders
// and trades, no metering point can come beyond its energy limits, and what a
// prepaid member may come to owe never exceeds its balance as it was when the
// order was taken.
package matching
