package journal_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"syscall"
	"testing"

	"github.com/commonwatt/commonwatt/matching"
	"github.com/commonwatt/commonwatt/matching/journal"
)

// fullAtTimes is a log that has no room for a group now and then, nor for a snapshot.
type fullAtTimes struct {
	full  bool
	taken int
}

func (l *fullAtTimes) Append(group []matching.Command) error {
	if l.full {
		return fmt.Errorf("append: %w", syscall.ENOSPC)
	}
	l.taken += len(group)
	return nil
}

func (*fullAtTimes) Snapshot([]byte) error { return fmt.Errorf("snapshot: %w", syscall.ENOSPC) }

// TestAGroupWithoutRoomIsRefused answers who handed in a group for which the disk had no
// room, and goes on with the next when it has; that no snapshot could be written is no
// reason to stop.
func TestAGroupWithoutRoomIsRefused(t *testing.T) {
	t.Parallel()
	log := &fullAtTimes{}
	s := journal.NewSequencer(log, &machine{}, 0, func(uint64) ([]byte, error) { return []byte("state"), nil })
	ctx, cancel := context.WithCancel(t.Context())
	var run sync.WaitGroup
	run.Go(func() {
		if err := s.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	do := func() error {
		return s.Do(&journal.Batch{Prepare: func() []matching.Command { return []matching.Command{command(1)} }})
	}
	if err := do(); err != nil {
		t.Errorf("with room: %v", err)
	}
	log.full = true
	if err := do(); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("without room: %v", err)
	}
	log.full = false
	if err := do(); err != nil || log.taken != 2 {
		t.Errorf("with room again: %v, %d commands", err, log.taken)
	}
	cancel()
	run.Wait()
}
