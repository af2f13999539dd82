package journal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/commonwatt/commonwatt/matching"
)

const (
	magic      = "CWJRNL2\n"
	headerSize = 20
	// mostFrame bounds a frame's payload, so that a damaged length is noticed.
	mostFrame = 64 << 20
)

func checksum(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

// Begin appends the header of a frame to b; encoded commands follow, then Seal.
func Begin(b []byte) []byte { return append(b, make([]byte, headerSize)...) }

// Seal completes the frame, which b is; before is the number of commands that
// precede it in the log.
func Seal(b []byte, before uint64) {
	le := binary.LittleEndian
	le.PutUint32(b, uint32(len(b)-headerSize))
	le.PutUint64(b[4:], before)
	le.PutUint32(b[12:], checksum(b[:12]))
	le.PutUint32(b[16:], checksum(b[headerSize:]))
}

// AppendFrame appends a frame of commands to b.
func AppendFrame(b []byte, before uint64, commands []matching.Command) (_ []byte, err error) {
	at := len(b)
	b = Begin(b)
	for i := range commands {
		if b, err = commands[i].AppendBinary(b); err != nil {
			return b, fmt.Errorf("command %d of the group: %w", i, err)
		}
	}
	if len(b)-at-headerSize > mostFrame {
		return b, fmt.Errorf("a group of %d commands is larger than %d bytes", len(commands), mostFrame)
	}
	Seal(b[at:], before)
	return b, nil
}

// frame reads the frame at the front of b.
func frame(b []byte) (payload []byte, before uint64, err error) {
	if len(b) < headerSize {
		return nil, 0, errors.New("its header is cut short")
	}
	le := binary.LittleEndian
	if checksum(b[:12]) != le.Uint32(b[12:]) {
		return nil, 0, errors.New("the checksum of its header does not match")
	}
	size := int(le.Uint32(b))
	switch before = le.Uint64(b[4:]); {
	case size == 0 || size > mostFrame:
		return nil, 0, fmt.Errorf("its length (%d) is out of range", size)
	case len(b) < headerSize+size:
		return nil, 0, errors.New("it is cut short")
	}
	payload = b[headerSize : headerSize+size]
	if checksum(payload) != le.Uint32(b[16:]) {
		return nil, 0, errors.New("its checksum does not match")
	}
	return payload, before, nil
}

// DecodeFrame hands the commands of the frame at the front of b to each and
// returns how many bytes and commands it has.
func DecodeFrame(b []byte, before uint64, each func(*matching.Command) error) (size int, commands uint64, err error) {
	payload, at, err := frame(b)
	if err != nil {
		return 0, 0, err
	}
	if at != before {
		return 0, 0, fmt.Errorf("it follows %d commands instead of %d: something is missing before it", at, before)
	}
	for rest := payload; len(rest) > 0; commands++ {
		var c matching.Command
		if c, rest, err = matching.DecodeCommand(rest); err != nil {
			return 0, 0, err
		}
		if err := each(&c); err != nil {
			return 0, 0, &replayError{before + commands, err}
		}
	}
	return headerSize + len(payload), commands, nil
}

// replayError is the machine's, not the journal's.
type replayError struct {
	command uint64
	err     error
}

func (e *replayError) Error() string { return fmt.Sprintf("replay command %d: %v", e.command, e.err) }

func (e *replayError) Unwrap() error { return e.err }

// follows tells whether b has a whole frame somewhere. A frame begins with its length,
// which is not zero, so that zeros are passed over but for the three that may be part of
// the first length behind them.
func follows(b []byte) bool {
	for ; len(b) >= headerSize; b = b[1:] {
		rest := bytes.TrimLeft(b, "\x00")
		if len(rest) == 0 {
			return false
		}
		b = b[max(len(b)-len(rest)-3, 0):]
		if len(b) < headerSize {
			return false
		}
		if _, _, err := frame(b); err == nil {
			return true
		}
	}
	return false
}
