// Package signwatch notices a connection meter whose sign is wrong while the
// community runs, from three witnesses:
//
//   - Counters: its power and its own counters say opposite things. Which of them is wrong
//     the jumps tell, where there are any: power and counters are turned separately.
//   - Jump: when an inverter, battery or charger behind it moves by a kilowatt, the
//     meter moves the other way by as much, again and again.
//   - Export: the home feeds in where nothing can, at night or with no generator known.
//
// Each piece of evidence is weighed with the others of its kind; old evidence fades,
// so that a verdict turns when the meter was turned. Powers are in W with the signs
// of package grid, energies in W·s, times are the community's. What is kept of a
// metering point does not grow with time.
package signwatch
