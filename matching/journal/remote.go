package journal

import (
	"context"
	"fmt"

	"github.com/commonwatt/commonwatt/matching"
)

// Transport keeps messages in one order, elsewhere.
type Transport interface {
	// Append makes a message durable behind the last one that was read or
	// appended here; it fails when there is another one by now.
	Append(ctx context.Context, data []byte) error
	// Read hands over the messages after that one, up to the end as it is now.
	Read(ctx context.Context, each func(data []byte) error) error
}

// Remote is a log whose frames are messages of a transport, so that another
// process can go on when this one is gone. It is not safe for concurrent use.
type Remote struct {
	transport Transport
	commands  uint64
	buffer    []byte
}

// mostInMessage is how many commands a message has at most: with names of
// moderate length it stays well below what a bus takes.
const mostInMessage = 4096

// OpenRemote brings the machine to the state of the last command. Errors: those
// of the transport and of damaged messages.
func OpenRemote(ctx context.Context, t Transport, m Machine) (*Remote, Recovery, error) {
	r := &Remote{transport: t}
	err := t.Read(ctx, func(data []byte) error {
		size, n, err := DecodeFrame(data, r.commands, func(c *matching.Command) error {
			m.Apply(c)
			return nil
		})
		if err == nil && size != len(data) {
			err = fmt.Errorf("%d bytes follow it", len(data)-size)
		}
		if err != nil {
			return fmt.Errorf("order log: the message after command %d: %w", r.commands, err)
		}
		r.commands += n
		return nil
	})
	return r, Recovery{Commands: r.commands, Replayed: r.commands}, err
}

// Append implements Log.
func (r *Remote) Append(commands []matching.Command) error {
	for len(commands) > 0 {
		part := commands[:min(len(commands), mostInMessage)]
		commands = commands[len(part):]
		frame, err := AppendFrame(r.buffer[:0], r.commands, part)
		if err != nil {
			return fmt.Errorf("append to order log: %w", err)
		}
		r.buffer = frame[:0]
		// Each try of the transport is bounded, and giving up in the middle would
		// leave it unknown what was written.
		if err := r.transport.Append(context.Background(), frame); err != nil {
			return fmt.Errorf("append to order log: %w", err)
		}
		r.commands += uint64(len(part))
	}
	return nil
}

// Close has nothing to close.
func (*Remote) Close() error { return nil }
