package disk

import (
	"errors"
	"fmt"
	"sync/atomic"
)

// Space is what a disk has, in bytes.
type Space struct{ Free, Total int64 }

// State says how full a disk is.
type State int32

// The states of a disk.
const (
	Plenty State = iota
	Short        // it is time to make room
	Full         // nothing more is taken in until there is room
)

// A disk counts as full while what is free would not hold what the program has begun: the
// logs of its databases and the next file of the order log. A large disk counts as full
// earlier, since much comes in meanwhile.
const (
	leastFree  = 48 << 20
	mostFree   = 512 << 20
	fullShare  = 100 // of the disk, one part
	shortTimes = 3   // what a disk that is short has, as parts of what a full one has
)

// ErrFull reports that nothing more is taken in until there is room on the disk.
var ErrFull = errors.New("the disk is full")

// stateOf tells how full a disk is. One that was full stays full until a quarter more than
// that is free, so that it does not change all the time.
func stateOf(s Space, before State) State {
	least := min(max(s.Total/fullShare, leastFree), mostFree)
	full := least
	if before == Full {
		full += full / 4
	}
	switch {
	case s.Free < full:
		return Full
	case s.Free < shortTimes*least:
		return Short
	default:
		return Plenty
	}
}

// Room knows how much is free where a directory lies. Its owner calls Look now and then;
// everything else may be called beside that. A nil Room has room.
type Room struct {
	dir string

	state       atomic.Int32
	free, total atomic.Int64
}

// NewRoom returns the room of a directory, which was not looked at yet.
func NewRoom(dir string) *Room { return &Room{dir: dir} }

// Look looks how much is free, and tells whether the state has changed.
func (r *Room) Look() (state State, changed bool, err error) {
	s, err := spaceOf(r.dir)
	if err != nil {
		return 0, false, fmt.Errorf("free space of %s: %w", r.dir, err)
	}
	before := State(r.state.Load())
	state = stateOf(s, before)
	r.free.Store(s.Free)
	r.total.Store(s.Total)
	r.state.Store(int32(state))
	return state, state != before, nil
}

// Space returns what Look saw last.
func (r *Room) Space() Space {
	if r == nil {
		return Space{}
	}
	return Space{r.free.Load(), r.total.Load()}
}

// Err returns ErrFull, with what is free, while the disk is full.
func (r *Room) Err() error {
	if r == nil || State(r.state.Load()) != Full {
		return nil
	}
	const megabyte = 1 << 20
	return fmt.Errorf("%w: %d MB of %d MB are free", ErrFull, r.free.Load()/megabyte, r.total.Load()/megabyte)
}
