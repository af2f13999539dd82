package modbus

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"
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
	at     time.Time
}

// lost is a request that was never answered: its answer may still come.
type lost struct {
	shape

	at time.Time
}

// lateness is how many timeouts after its request an answer can still come.
const lateness = 10

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
	l.forget()
	if l.repeats(a, answer) || answer[0]&exceptionBit != 0 && l.owes(a, answer, words) {
		err = l.again(a, answer, words)
	} else if l.owes(a, answer, words) {
		err = l.reorder(a, words)
	}
	if err != nil {
		return "", err
	}
	l.remember(a, answer)
	if answer[0]&exceptionBit != 0 {
		return "", &ExceptionError{Code: answer[1]}
	}
	return answer, nil
}

// forget drops what is too long ago to come late, or again.
func (l *line) forget() {
	since := time.Now().Add(-lateness * l.timeout)
	l.lost = slices.DeleteFunc(l.lost, func(x lost) bool { return x.at.Before(since) })
	l.heard = slices.DeleteFunc(l.heard, func(h heard) bool { return h.at.Before(since) })
}

func (l *line) remember(a ask, answer string) {
	l.heard = append(l.heard, heard{a, answer, time.Now()})
	if extra := len(l.heard) - remembered; extra > 0 {
		l.heard = slices.Delete(l.heard, 0, extra)
	}
}

// owes tells whether the answer may be that of an earlier request which was
// never answered.
func (l *line) owes(a ask, answer string, words uint16) bool {
	refusal := answer[0]&exceptionBit != 0
	return slices.ContainsFunc(l.lost, func(x lost) bool {
		return x.unit == a.unit && x.function == a.pdu[0] && (refusal || x.words == words)
	})
}

// repeats tells whether the answer may be a copy of the answer to another request.
func (l *line) repeats(a ask, answer string) bool {
	return slices.ContainsFunc(l.heard, func(h heard) bool { return h.ask != a && h.ask.unit == a.unit && h.answer == answer })
}

// again asks the same once more: the answer must be the same. Had the first been
// an earlier one, this one would be what is owed.
func (l *line) again(a ask, answer string, words uint16) error {
	second, err := l.exchange(a, words)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDoubtful, err)
	}
	if second != answer {
		return ErrDoubtful
	}
	return nil
}

// reorder makes sure that nothing earlier is under way, by a read whose answer
// none of the earlier requests can have caused.
func (l *line) reorder(a ask, words uint16) error {
	check, n, same := l.unmistakable(a, words)
	if n == 0 {
		return ErrDoubtful
	}
	answer, err := l.exchange(check, n)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDoubtful, err)
	}
	l.remember(check, answer)
	if same && answer[0]&exceptionBit != 0 {
		return ErrDoubtful // the refusal may be the answer that is still owed
	}
	l.lost = nil
	return nil
}

// unmistakable returns a read whose answer has a shape of its own: of fewer
// registers from the same address or, when there is none, of the other table, or
// of more registers. same tells that it asks for the same registers; n is 0 when
// there is no such read.
func (l *line) unmistakable(a ask, words uint16) (check ask, n uint16, same bool) {
	function, addr := a.pdu[0], uint16(0)
	ofRegisters := function == readHolding || function == readInput
	if ofRegisters {
		addr = binary.BigEndian.Uint16([]byte(a.pdu[1:3]))
	}
	try := func(function uint8, n uint16) bool {
		check = ask{a.unit, readPDU(function, addr, n)}
		return l.fresh(shape{a.unit, function, n})
	}
	for n := words - 1; ofRegisters && n > 0; n-- {
		if try(function, n) {
			return check, n, true
		}
	}
	for _, other := range []uint8{readHolding, readInput} {
		for n := uint16(1); n <= MaxRegisters && other != function && !l.refused(a.unit, other); n++ {
			if try(other, n) {
				return check, n, false
			}
		}
	}
	for n := words + 1; ofRegisters && n <= MaxRegisters; n++ {
		if try(function, n) {
			return check, n, true
		}
	}
	return ask{}, 0, false
}

// fresh tells whether no earlier answer has this shape.
func (l *line) fresh(s shape) bool {
	if slices.ContainsFunc(l.lost, func(x lost) bool { return x.shape == s }) {
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
	return slices.ContainsFunc(l.lost, func(x lost) bool { return x.unit == unit && x.function == function }) ||
		slices.ContainsFunc(l.heard, func(h heard) bool { return h.ask.unit == unit && h.answer[0] == function|exceptionBit })
}
