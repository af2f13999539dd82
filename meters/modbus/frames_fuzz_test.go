package modbus

import (
	"strings"
	"testing"
)

// FuzzFrames looks for an answer in any bytes: what is found is in a frame whose checksum
// is right, and nothing is found twice.
func FuzzFrames(f *testing.F) {
	answer := Frame(1, []byte{3, 4, 0, 1, 0, 2})
	f.Add(answer, uint8(3), uint16(2))
	f.Add(append([]byte{0, 1, 3}, answer...), uint8(3), uint16(2))
	f.Add(Frame(1, []byte{0x2b, 0x0e, 1, 1, 0, 0, 1, 0, 2, 'A', 'B'}), uint8(0x2b), uint16(0))
	f.Add(Frame(1, []byte{0x83, 2}), uint8(3), uint16(2))
	f.Fuzz(func(t *testing.T, heard []byte, function uint8, words uint16) {
		a := ask{1, readPDU(function, 40000, words)}
		request := string(Frame(a.unit, []byte(a.pdu)))
		found, end, err := find(heard, a, words, request)
		if end < 0 || end > len(heard) || err != nil && found != "" {
			t.Fatalf("%q, %d, %v", found, end, err)
		}
		if found == "" {
			return
		}
		frame := Frame(a.unit, []byte(found))
		if !strings.Contains(string(heard), string(frame)) || !intact(frame) {
			t.Errorf("%x was found in %x", found, heard)
		}
		_, _ = hides(heard, a, words), holdsFrame(heard)
	})
}
