package modbus

import (
	"encoding/binary"
	"fmt"
	"io"
	"time"
)

const (
	shortestFrame = 5  // a refusal: unit, function, code, checksum
	mostNoise     = 32 // bytes in a row that make no frame; a line that has more is not read
	frameBytes    = 256

	// betweenBytes is how long a frame that has begun may stand still: a converter sends
	// on what it has in pieces.
	betweenBytes = 100 * time.Millisecond
)

// answer waits for the frame that answers a request, and returns it from the function
// code on. What makes no frame before it is skipped, and so is the request itself, which
// some converters send back.
func (l *line) answer(a ask, words uint16, request string) (string, error) {
	until := time.Now().Add(l.timeout)
	var heard []byte
	for {
		found, end, err := find(heard, a, words, request)
		if found != "" || err != nil {
			l.behind = heard[end:]
			return found, err
		}
		more, err := l.more(heard, until, a, words)
		if err != nil {
			return "", unanswered(heard, a, err)
		}
		heard = more
	}
}

// more appends what comes next. Once the answer was heard behind what may still become
// another frame, that one is given up when it stands still.
func (l *line) more(heard []byte, until time.Time, a ask, words uint16) ([]byte, error) {
	hidden := hides(heard, a, words)
	wait := until
	if soon := time.Now().Add(betweenBytes); hidden > 0 && soon.Before(until) {
		wait = soon
	}
	if err := l.port.SetReadDeadline(wait); err != nil {
		return nil, err
	}
	var some [frameBytes]byte
	n, err := l.port.Read(some[:])
	switch {
	case n > 0:
		return append(heard, some[:n]...), nil
	case hidden > 0 && isTimeout(err):
		return heard[hidden:], nil
	case err == nil:
		return nil, io.ErrNoProgress
	}
	return nil, err
}

// find looks for the answer in what was heard, frame by frame, and returns where it ends;
// "" tells that more must come. A frame that is another is an error: the order is disturbed.
func find(heard []byte, a ask, words uint16, request string) (answer string, end int, err error) {
	begun, at := 0, 0 // where the noise begins that is skipped
	for at < len(heard) {
		rest := heard[at:]
		size, whole := frameSize(rest)
		switch {
		case whole && intact(rest[:size]):
			if at-begun > mostNoise {
				return "", at, errUnsolicited
			}
			answer, err = fits(rest[:size], a, words)
			return answer, at + size, err
		case echoes(rest, request) && a.pdu[0] != writeSingle && a.pdu[0] != writeCoil:
			if len(rest) < len(request) {
				return "", at, nil
			}
			at += len(request)
			begun = at
		case size > 0 && !whole:
			return "", at, nil
		default: // no frame begins here
			at++
		}
	}
	return "", at, nil
}

// hides returns where in what was heard the answer is, behind the beginning of what may
// still become a longer frame; 0 when it is not.
func hides(heard []byte, a ask, words uint16) int {
	for at := 1; at < min(len(heard), mostNoise); at++ {
		if size, whole := frameSize(heard[at:]); whole && intact(heard[at:at+size]) {
			if _, err := fits(heard[at:at+size], a, words); err == nil {
				return at
			}
		}
	}
	return 0
}

// fits returns a frame from the function code on if it answers the request.
func fits(frame []byte, a ask, words uint16) (string, error) {
	switch {
	case frame[1]&^exceptionBit != a.pdu[0]:
		return "", errNotTheAnswer
	case frame[0] != a.unit:
		return "", &OtherUnitError{Asked: a.unit, Answered: frame[0]}
	case isRead(frame[1]) && int(frame[2]) != answerBytes(frame[1], words):
		return "", errNotTheAnswer
	}
	return string(frame[1 : len(frame)-2]), nil
}

// unanswered says what came in place of an answer that did not come in time.
func unanswered(heard []byte, a ask, err error) error {
	if !isTimeout(err) || len(heard) == 0 {
		return err
	}
	for at := range heard {
		if _, whole := frameSize(heard[at:]); whole && heard[at] == a.unit && heard[at+1]&^exceptionBit == a.pdu[0] {
			return errChecksum
		}
	}
	return fmt.Errorf("%w: %d bytes that make no frame: %w", errNotTheAnswer, len(heard), err)
}

// frameSize returns the length of the answer that begins with these bytes, as far as they
// tell it, 0 when no answer begins so; whole tells whether all of it is there.
func frameSize(b []byte) (size int, whole bool) {
	if len(b) < 2 {
		return shortestFrame, false
	}
	switch function := b[1]; {
	case known(function&^exceptionBit) && function&exceptionBit != 0:
		size = shortestFrame
	case function == writeMultiple || function == writeSingle || function == writeCoil:
		size = 8
	case function == encapsulated:
		return identificationSize(b)
	case isRead(function):
		if len(b) < 3 {
			return shortestFrame, false
		}
		if b[2] == 0 || int(b[2]) > answerBytes(function, MaxRegisters) || function != readCoils && b[2]%2 != 0 {
			return 0, false
		}
		size = shortestFrame + int(b[2])
	default:
		return 0, false
	}
	return size, len(b) >= size
}

func isRead(function uint8) bool {
	return function == readHolding || function == readInput || function == readCoils
}

func known(function uint8) bool {
	switch function {
	case readCoils, readHolding, readInput, writeCoil, writeSingle, writeMultiple, encapsulated:
		return true
	default:
		return false
	}
}

// identificationSize reads the objects one after the other: the frame does not say how
// long it is.
func identificationSize(b []byte) (size int, whole bool) {
	const head, countAt = 8, 7
	if len(b) > 2 && b[2] != deviceIdentification {
		return 0, false
	}
	if len(b) < head {
		return head, false
	}
	size = head
	for range int(b[countAt]) {
		if len(b) < size+2 {
			return size + 2, false
		}
		if size += 2 + int(b[size+1]); size > frameBytes {
			return 0, false
		}
	}
	return size + 2, len(b) >= size+2
}

// intact tells whether a frame's checksum is right.
func intact(frame []byte) bool {
	end := len(frame) - 2
	return binary.LittleEndian.Uint16(frame[end:]) == checksum(frame[:end])
}

// holdsFrame tells whether a whole frame is anywhere in these bytes.
func holdsFrame(b []byte) bool {
	for from := 0; from+shortestFrame <= len(b); from++ {
		if size, whole := frameSize(b[from:]); whole && intact(b[from:from+size]) {
			return true
		}
	}
	return false
}

// echoes tells whether what was heard begins as the request, or is the beginning of it.
func echoes(heard []byte, request string) bool {
	n := min(len(heard), len(request))
	return n >= 2 && string(heard[:n]) == request[:n]
}
