package disk

import (
	"errors"
	"fmt"
	"sync"
	"syscall"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Space watches how much room is left where a directory is. Before nothing can be written
// any more whoever writes much is refused, so that what has begun can be finished and nothing
// is torn; as soon as there is room again all goes on. It is safe for concurrent use.
type Space struct {
	dir  string
	say  func(alarm string) // is told of a new state, of an empty text when there is room again
	look func(dir string) (free, all int64, err error)
	now  func() time.Time

	mu     sync.Mutex // guards what follows
	looked time.Time
	free   int64
	state  state
}

// IsFull tells whether an error is that of a disk on which nothing can be written.
func IsFull(err error) bool {
	database := (*sqlite.Error)(nil)
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.As(err, &database) && database.Code()&0xFF == sqlite3.SQLITE_FULL
}

// state is how full the disk is.
type state int

const (
	roomy state = iota
	filling
	full
)

const (
	// lookEvery bounds how often the disk is asked. It is so short that little is written
	// between the moment when a disk is full and the one when that is known.
	lookEvery = 100 * time.Millisecond
	// Below a part of the disk, or a number of bytes, an alarm is raised, and below another
	// one whoever writes much is refused.
	alarmPart, alarmBytes = 5, 1 << 30
	leastPart, leastBytes = 20, 128 << 20
	mega                  = 1 << 20
)

// NewSpace watches the disk of a directory.
func NewSpace(dir string, say func(alarm string)) *Space {
	return &Space{dir: dir, say: say, look: room, now: time.Now}
}

// Room returns an error when there is no room for more. A nil Space always has room.
func (s *Space) Room() error {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.see() == full {
		return fmt.Errorf("%s", s.text())
	}
	return nil
}

// Alarm says that the disk is filling up or full, nothing while there is room.
func (s *Space) Alarm() string {
	if s == nil {
		return ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.see() == roomy {
		return ""
	}
	return s.text()
}

// Left returns how many bytes are left, and how many the disk has; 0 where that is not known.
func (s *Space) Left() (free, all int64) {
	free, all, err := s.look(s.dir)
	if err != nil {
		return 0, 0
	}
	return free, all
}

// see asks the disk, and says when its state has changed. s.mu is held.
func (s *Space) see() state {
	now := s.now()
	if now.Sub(s.looked).Abs() < lookEvery {
		return s.state
	}
	s.looked = now
	free, all, err := s.look(s.dir)
	if err != nil {
		return s.state // it says nothing: what was known holds
	}
	before := s.state
	s.free = free
	switch {
	case free < min(all/leastPart, leastBytes):
		s.state = full
	case free < min(all/alarmPart, alarmBytes):
		s.state = filling
	default:
		s.state = roomy
	}
	switch s.state {
	case before:
	case roomy:
		s.say("")
	default:
		s.say(s.text())
	}
	return s.state
}

func (s *Space) text() string {
	if s.state == full {
		return fmt.Sprintf("the disk of %s is full but for %d MB: no orders, readings or settlements are taken until there is room; make room there", s.dir, s.free/mega)
	}
	return fmt.Sprintf("the disk of %s is filling up, %d MB are left: make room there before nothing can be taken any more", s.dir, s.free/mega)
}
