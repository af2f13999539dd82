package evidence

import (
	"bytes"
	"strings"
	"testing"
)

// TestPacked gets exactly the bytes back that were packed, and what was kept plain;
// what was damaged is found.
func TestPacked(t *testing.T) {
	p, err := newPacker()
	if err != nil {
		t.Fatal(err)
	}
	_, last, _ := strings.Cut(likeness, `]}]}`)
	for _, text := range []string{"", "{", "{}", "no JSON", likeness, last, last + `"}`, strings.Repeat(last, 100), "\x28\xB5\x2F\xFD"} {
		kept := p.pack([]byte(text))
		if got, err := p.unpack(kept); err != nil || string(got) != text {
			t.Errorf("%d bytes come back as %d, %v", len(text), len(got), err)
		}
	}
	kept := p.pack([]byte(last))
	if len(kept) > len(last)/2 {
		t.Errorf("%d bytes are packed into %d", len(last), len(kept))
	}
	if _, err := p.unpack(kept[:len(kept)-1]); err == nil {
		t.Error("half of it is taken for the whole")
	}
}

func FuzzUnpack(f *testing.F) {
	p, err := newPacker()
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{"", "{}", likeness, "\x28\xB5\x2F\xFD"} {
		f.Add([]byte(seed))
		f.Add(p.pack([]byte(seed)))
	}
	f.Fuzz(func(t *testing.T, kept []byte) {
		text, err := p.unpack(kept)
		if err != nil || len(text) == 0 || text[0] != '{' {
			return
		}
		if again, err := p.unpack(p.pack(text)); err != nil || !bytes.Equal(again, text) {
			t.Errorf("%q came back as %q, %v", text, again, err)
		}
	})
}
