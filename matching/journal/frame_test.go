package journal

import (
	"bytes"
	"testing"
)

// TestFollowsFindsEveryFrame hides frames, whose lengths end in none to three zero bytes,
// behind zeros and behind what is no frame.
func TestFollowsFindsEveryFrame(t *testing.T) {
	for _, payload := range []int{1, 255, 256, 65_536, 1 << 24} {
		f := append(Begin(nil), make([]byte, payload)...)
		Seal(f, 256)
		for zeros := range 6 {
			for _, garbage := range []string{"", "x", "no frame at all, and longer than a header"} {
				hidden := append(append([]byte(garbage), make([]byte, zeros)...), f...)
				if !follows(hidden) {
					t.Errorf("a frame of %d bytes behind %q and %d zeros is not found", payload, garbage, zeros)
				}
				if cut := hidden[:len(hidden)-1]; follows(cut) {
					t.Errorf("a frame of %d bytes of which one is missing is found", payload)
				}
			}
		}
	}
	if follows(nil) || follows(make([]byte, 1<<20)) || follows(bytes.Repeat([]byte{1}, 1<<12)) {
		t.Error("a frame is found where there is none")
	}
}
