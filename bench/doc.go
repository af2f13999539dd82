// Package bench measures parts of Commonwatt: the matching engine alone and behind its
// journal, the reading of many devices, dashboards that many watch, what readings take up on the disk, replays, and
// how long the program takes to be ready.
//
// A measurement is a function from options to a result. It blocks until it is done, and
// owns all that it opens: goroutines, processes and directories are gone when it returns.
// A result marshals to JSON and prints itself; its fields name their units. Times say
// whether they are wall time or processor time, since only the latter is comparable on
// a machine that does other things as well.
//
// What must not share a processor's time or a runtime with that which is measured is a
// process of its own: the program itself, started again with the command lines in
// child.go.
//
// Options are checked by the caller, who knows how they were given: counts, rates and
// durations must be above zero.
package bench
