// Package plan decides what a home's devices do in the coming intervals: batteries, cars,
// heat pumps and heating rods, and loads that can wait. It is pure: the same Input gives the
// same Plan. A Planner keeps its memory, and allocates nothing once it has seen an Input of
// the same size.
//
// # Model
//
// Time is a row of intervals, usually of 15 minutes for a day and of an hour beyond (Horizon).
// What the home takes without the devices that are planned, and what energy costs, is not
// known: it is a few scenarios of equal or different weight, each a possible course of both.
// Weights weigh; no quantile is a bound.
//
// A device that stores is a range of charge in Wh, a limit of power up and down, and a loss
// each way. Its plan is a stochastic dynamic programme (Bellman 1957): the cost to go from a
// charge s at the begin of interval t is
//
//	V(t, s) = Σ weight · min over s' of ( meter(net + x) + wear + V(t+1, s') )
//
// where x, the energy at the meter that moves the charge from s to s', is chosen after the net
// energy of the interval is seen, as a controller in closed loop does, and before that of
// later ones. The meter's energy costs Buy above zero and brings Sell below. V is held at 65
// charges and is linear between them.
//
// V is convex where Buy ≥ Sell, so that the best charge follows from four levels: up to the
// first the battery charges from the grid, up to the second from the home's surplus, down to
// the third it covers the home's load, down to the fourth it sells (Levels).
//
// Several devices are planned in turn, each by its own programme on what the others leave in
// each scenario, two rounds: loads that wait first, then heat, cars and batteries.
//
// # Units and signs
//
// Energy is in Wh at the connection meter, + import; charge is in Wh stored; power is in W, +
// consumption or charging. Prices are in millionths of the currency unit per kWh, money in
// millionths: what the home pays is +.
package plan
