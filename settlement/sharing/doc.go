// Package sharing divides produced energy among those who consume it by an allocation key,
// as the laws on energy communities let people agree, in place of a market. It is pure.
//
// # Model
//
// In one delivery interval each metering point took Import and gave Export, in Wh, each
// ≥ 0. What the points give flows into pots: a plant with a key of its own has a pot of its
// own, all others share one. A pot's energy is divided by its key:
//
//   - static: each participant is offered its agreed share of the energy;
//   - dynamic: each in proportion to what it consumed;
//   - priority: in an agreed order, each as much as it consumed; those of equal order in
//     proportion to what they consumed.
//
// An entry of a key may be a group with a key inside, so that energy goes to groups first
// and then to the points within them. Nobody is given more than it consumed. What a participant
// was offered and did not consume stays the plant's (plant), becomes the participant's own
// surplus (own), or is offered again to the others in proportion to their shares until it is
// consumed or nobody consumes more (again). A static key may instead offer in up to five
// rounds, each what the rounds before left over by the same shares, as Annex 25 of the Czech
// decree 408/2015 lays down. Pots with keys of their own are divided in their order, in each
// round anew.
//
// A point may take part with a factor alone: then so much of what it consumed and produced
// counts, rounded down to Wh.
//
// # Exactness
//
// Shares are rational numbers and all sums are exact until the end. Then the energy of all
// together is rounded to Wh, half up, and each part so that the parts sum to it: down, and one up
// by largest remainder. Of equal remainders the least rank is first; with the rank of the
// settlement, SHA-256(interval ‖ account), nobody gains by its name over a year.
//
// # Invariants
//
// What is bought sums to what is sold. A point never buys more than it imported, or than its
// factor lets count, nor sells more than it exported.
package sharing
