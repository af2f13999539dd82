package modbus

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// A shape is all that an answer on a line can be told by.
type shape struct {
	unit, function uint8
	words          uint16 // of an answer to a read
}

// ask is a request, from the function code on.
type ask struct {
	unit uint8
	pdu  string
}

type heard struct {
	ask    ask
	answer string // from the function code on
}

// remembered is the number of answers of which a copy may still come.
const remembered = 32

// ErrDoubtful reports an answer that may belong to another request.
var ErrDoubtful = errors.New("the answer may belong to an earlier request")

// settled returns the answer to a, from the function code on, once it is
// certain that it is the answer.
func (l *line) settled(a ask, words uint16) (string, error) {
	answer, err := l.exchange(a, words)
	if err != nil {
		return "", err
	}
	if l.doubtful(a, answer, words) {
		if err := l.reorder(a, answer, words); err != nil {
			return "", err
		}
		l.lost = nil
	}
	l.remember(a, answer)
	if answer[0]&exceptionBit != 0 {
		return "", &ExceptionError{Code: answer[1]}
	}
	return answer, nil
}

func (l *line) remember(a ask, answer string) {
	l.heard = append(l.heard, heard{a, answer})
	if extra := len(l.heard) - remembered; extra > 0 {
		l.heard = slices.Delete(l.heard, 0, extra)
	}
}

// doubtful tells whether the answer may be that of an earlier request.
func (l *line) doubtful(a ask, answer string, words uint16) bool {
	for _, s := range l.lost {
		refusal := answer[0]&exceptionBit != 0
		if s.unit == a.unit && s.function == a.pdu[0] && (refusal || s.words == words) {
			return true
		}
	}
	for _, h := range l.heard {
		if h.ask != a && h.ask.unit == a.unit && h.answer == answer {
			return true
		}
	}
	return false
}

// reorder makes sure that nothing earlier is under way, by a read whose answer
// none of the earlier requests can have caused. When the doubtful answer equals
// an earlier one, the registers must still show what it says.
func (l *line) reorder(a ask, answer string, words uint16) error {
	compare := !l.owed(a, words) && answer[0]&exceptionBit == 0
	check, n, same := l.unmistakable(a, words, compare)
	if n == 0 {
		return ErrDoubtful
	}
	again, err := l.exchange(check, n)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDoubtful, err)
	}
	l.remember(check, again)
	switch refusal := again[0]&exceptionBit != 0; {
	case !same:
		return nil // no earlier request can have caused either answer
	case refusal:
		return ErrDoubtful // it may be the answer that is still owed
	case !compare:
		return nil
	}
	if common := 2 + 2*int(min(n, words)); again[2:common] != answer[2:common] {
		return ErrDoubtful
	}
	return nil
}

// owed tells whether an answer of this shape was never seen.
func (l *line) owed(a ask, words uint16) bool {
	return slices.Contains(l.lost, shape{a.unit, a.pdu[0], words})
}

// unmistakable returns a read whose answer has a shape of its own: of fewer
// registers from the same address or, when there is none, of the other table
// (unless the registers are to be compared), or of more registers. same tells
// that it asks for the same registers; n is 0 when there is no such read.
func (l *line) unmistakable(a ask, words uint16, compare bool) (check ask, n uint16, same bool) {
	function, addr := a.pdu[0], uint16(0)
	isRead := function == readHolding || function == readInput
	if isRead {
		addr = binary.BigEndian.Uint16([]byte(a.pdu[1:3]))
	}
	try := func(function uint8, n uint16) bool {
		check = ask{a.unit, readPDU(function, addr, n)}
		return l.fresh(shape{a.unit, function, n})
	}
	for n := words - 1; isRead && n > 0; n-- {
		if try(function, n) {
			return check, n, true
		}
	}
	for _, other := range []uint8{readHolding, readInput} {
		for n := uint16(1); n <= MaxRegisters && other != function && !compare && !l.refused(a.unit, other); n++ {
			if try(other, n) {
				return check, n, false
			}
		}
	}
	for n := words + 1; isRead && n <= MaxRegisters; n++ {
		if try(function, n) {
			return check, n, true
		}
	}
	return ask{}, 0, false
}

// fresh tells whether no earlier answer has this shape.
func (l *line) fresh(s shape) bool {
	if slices.Contains(l.lost, s) {
		return false
	}
	for _, h := range l.heard {
		if h.ask.unit == s.unit && h.answer[0] == s.function && len(h.answer) == 2+2*int(s.words) {
			return false
		}
	}
	return true
}

// refused tells whether a refusal of this function may still come.
func (l *line) refused(unit, function uint8) bool {
	return slices.ContainsFunc(l.lost, func(s shape) bool { return s.unit == unit && s.function == function }) ||
		slices.ContainsFunc(l.heard, func(h heard) bool { return h.ask.unit == unit && h.answer[0] == function|exceptionBit })
}
