package modbus_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/meters/modbus"
	"github.com/commonwatt/commonwatt/meters/sim"
)

// bent serves a device whose holding register A has the value A, below 200.
func bent(t *testing.T, b *sim.Bent) (*sim.Bent, *modbus.Conn) {
	t.Helper()
	b.Units = []uint8{1}
	for a := range uint16(200) {
		b.Put(modbus.Holding, a, a)
	}
	if err := b.Serve(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	c := modbus.Open(endpoint(t, b.Target()), modbus.Options{Timeout: 300 * time.Millisecond})
	t.Cleanup(c.Close)
	return b, c
}

// TestNoiseOnALineIsSkipped reads and writes over converters that add bytes which make no
// frame: nothing is lost, and the connection stays.
func TestNoiseOnALineIsSkipped(t *testing.T) {
	t.Parallel()
	for name, noise := range map[string]func(sim.Request, []byte) []byte{
		"three zeros behind":         func(_ sim.Request, f []byte) []byte { return append(f, 0, 0, 0) },
		"0xFF behind":                func(_ sim.Request, f []byte) []byte { return append(f, 0xff) },
		"a zero before":              func(_ sim.Request, f []byte) []byte { return append([]byte{0}, f...) },
		"both":                       func(_ sim.Request, f []byte) []byte { return slices.Concat([]byte{0xff, 0}, f, []byte{0}) },
		"the unit twice":             func(_ sim.Request, f []byte) []byte { return append([]byte{1}, f...) },
		"the beginning of an answer": func(_ sim.Request, f []byte) []byte { return slices.Concat([]byte{1, 3, 40, 7}, f) },
		"what was sent":              func(r sim.Request, f []byte) []byte { return slices.Concat(r.Came(), f) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, c := bent(t, &sim.Bent{RTU: true, Frame: noise})
			for a := range uint16(20) {
				words, err := c.Read(t.Context(), 1, modbus.Holding, a, 3)
				if err != nil || !slices.Equal(words, []uint16{a, a + 1, a + 2}) {
					t.Fatalf("register %d: %v, %v", a, words, err)
				}
			}
			if err := c.Write(t.Context(), 1, 7, []uint16{70, 80}); err != nil || b.Get(8) != 80 {
				t.Errorf("a write: register 8 is %d, %v", b.Get(8), err)
			}
			if n := b.Sessions(); n != 1 {
				t.Errorf("%d connections, want one", n)
			}
		})
	}
}

// TestNoiseHidesNoLateAnswer sends, in place of the second answer, the first one once
// more behind noise, and a longer frame that holds what would be an answer: neither is
// taken.
func TestNoiseHidesNoLateAnswer(t *testing.T) {
	t.Parallel()
	inside := modbus.Frame(1, []byte{3, 2, 0xbe, 0xef})
	for name, frame := range map[string][]byte{
		"a copy behind noise":        append([]byte{0, 0}, modbus.Frame(1, []byte{3, 4, 0xbe, 0xef, 0xbe, 0xef})...),
		"a frame that holds another": modbus.Frame(1, append([]byte{3, 8, 0}, inside...)),
		"one of another unit":        modbus.Frame(2, []byte{3, 2, 0xbe, 0xef}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var n atomic.Int64
			_, c := bent(t, &sim.Bent{RTU: true, Frame: func(_ sim.Request, f []byte) []byte {
				if n.Add(1) == 2 {
					return bytes.Clone(frame)
				}
				return f
			}})
			for a := range uint16(4) {
				if words, err := c.Read(t.Context(), 1, modbus.Holding, a, 1); err == nil && words[0] != a {
					t.Errorf("register %d was read as %#x", a, words[0])
				}
			}
		})
	}
}

// TestABusyDeviceIsAskedAgain answers each request only after it was busy twice.
func TestABusyDeviceIsAskedAgain(t *testing.T) {
	t.Parallel()
	for _, code := range []uint8{5, 6} {
		var n atomic.Int64
		_, c := bent(t, &sim.Bent{Bend: func(sim.Request) *sim.Reply {
			if n.Add(1)%3 != 0 {
				return &sim.Reply{Code: code}
			}
			return nil
		}})
		for a := range uint16(2) {
			if words, err := c.Read(t.Context(), 1, modbus.Holding, a, 1); err != nil || words[0] != a {
				t.Errorf("exception %d: %v, %v", code, words, err)
			}
		}
	}
}

// TestADeviceThatHangsUpIsCalledAgain ends the connection after each answer.
func TestADeviceThatHangsUpIsCalledAgain(t *testing.T) {
	t.Parallel()
	answered := map[int]bool{}
	b, c := bent(t, &sim.Bent{Bend: func(r sim.Request) *sim.Reply {
		if answered[r.Session] {
			return &sim.Reply{HangUp: true}
		}
		answered[r.Session] = true
		return nil
	}})
	for a := range uint16(5) {
		if words, err := c.Read(t.Context(), 1, modbus.Holding, a, 1); err != nil || words[0] != a {
			t.Errorf("register %d: %v, %v", a, words, err)
		}
	}
	if n := b.Sessions(); n != 5 {
		t.Errorf("%d connections for 5 reads", n)
	}
}

// TestLongReadsAreShortened reads from a device that is silent to reads of more than 20
// registers, or ends the connection on them: all that is wanted comes, and nothing is
// asked in vain the next time.
func TestLongReadsAreShortened(t *testing.T) {
	t.Parallel()
	for name, reply := range map[string]sim.Reply{"silent": {Silent: true}, "hangs up": {HangUp: true}, "refuses the length": {Code: 3}, "refuses the registers": {Code: 2}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, c := bent(t, &sim.Bent{Bend: func(r sim.Request) *sim.Reply {
				if at, reads := r.Read(); reads && at.Count > 20 {
					return &reply
				}
				return nil
			}})
			var wanted []modbus.Range
			for a := uint16(0); a < 120; a += 4 {
				wanted = append(wanted, modbus.Range{Table: modbus.Holding, Addr: a, Count: 2})
			}
			far := modbus.Range{Table: modbus.Holding, Addr: 130, Count: 60} // a value and its scale factor
			reader := modbus.NewReader(append(wanted, far), modbus.Limits{MaxRegs: 125, MaxHole: 16})
			reader.MayPart(far, modbus.Range{Table: modbus.Holding, Addr: 130, Count: 1}, modbus.Range{Table: modbus.Holding, Addr: 189, Count: 1})
			for round := range 2 {
				before := len(b.Asked())
				words, err := reader.Read(t.Context(), c, 1)
				if err != nil {
					t.Fatal(err)
				}
				for _, a := range []uint16{0, 57, 117, 130, 189} {
					if w, read := words.At("holding", a); a%4 < 2 && (!read || w != a) {
						t.Errorf("round %d, register %d: %d, %t", round, a, w, read)
					}
				}
				if asked := len(b.Asked()) - before; round == 1 && asked != len(reader.Reads()) {
					t.Errorf("%d requests for %d reads", asked, len(reader.Reads()))
				}
			}
		})
	}
}

// TestADeadDeviceIsAskedTwiceAtMost is silent to everything: a long read and a short one
// tell, and reads are not split for that.
func TestADeadDeviceIsAskedTwiceAtMost(t *testing.T) {
	t.Parallel()
	b, c := bent(t, &sim.Bent{Bend: func(sim.Request) *sim.Reply { return &sim.Reply{Silent: true} }})
	reader := modbus.NewReader([]modbus.Range{{Table: modbus.Holding, Addr: 0, Count: 2}, {Table: modbus.Holding, Addr: 4, Count: 2}}, modbus.Limits{MaxRegs: 125, MaxHole: 16})
	if _, err := reader.Read(t.Context(), c, 1); err == nil || len(reader.Reads()) != 1 || len(b.Asked()) != 2 {
		t.Errorf("%v after %d requests, and %d reads are planned", err, len(b.Asked()), len(reader.Reads()))
	}
}

// TestAChainIsFoundWhereADeviceIsSilent walks a chain at base 50000 of a device that
// refuses nothing: it is silent to what it does not have, and so at the end of the chain.
func TestAChainIsFoundWhereADeviceIsSilent(t *testing.T) {
	t.Parallel()
	b := &sim.Bent{}
	b.Bend = func(r sim.Request) *sim.Reply {
		if at, _ := r.Read(); at.Addr >= 200 && b.Get(at.Addr) == 0 {
			return &sim.Reply{Silent: true}
		}
		return nil
	}
	b, c := bent(t, b)
	b.Put(modbus.Holding, 50000, 0x5375, 0x6e53, 1, 2, 7, 7, 203, 2, 7, 7)
	models, err := modbus.WalkSunSpec(t.Context(), c, 1)
	if err != nil || len(models) != 2 || models[1] != (modbus.Model{ID: 203, Addr: 50006, Length: 2}) {
		t.Errorf("%v, %v", models, err)
	}
}

// TestWhatAnswersIsSaid asks a server that answers in the name of unit 1, one that does
// not speak Modbus TCP, and unit 0 of a line.
func TestWhatAnswersIsSaid(t *testing.T) {
	t.Parallel()
	other := &sim.Bent{Frame: func(_ sim.Request, f []byte) []byte { f[6] = 9; return f }}
	_, c := bent(t, other)
	named := (*modbus.OtherUnitError)(nil)
	if _, err := c.Read(t.Context(), 1, modbus.Holding, 1, 1); !errors.As(err, &named) || named.Answered != 9 {
		t.Errorf("another unit: %v", err)
	}
	_, c = bent(t, &sim.Bent{RTU: true, Frame: func(_ sim.Request, f []byte) []byte { f = modbus.Frame(8, f[1:len(f)-2]); return f }})
	if _, err := c.Read(t.Context(), 1, modbus.Holding, 1, 1); !errors.As(err, &named) || named.Answered != 8 {
		t.Errorf("another unit of a line: %v", err)
	}
	_, c = bent(t, &sim.Bent{Frame: func(r sim.Request, _ []byte) []byte { return modbus.Frame(r.Unit, []byte{3, 4, 0, 1, 0, 2}) }})
	if _, err := c.Read(t.Context(), 1, modbus.Holding, 1, 2); err == nil || !strings.Contains(err.Error(), "rtuovertcp://") {
		t.Errorf("RTU frames in answer to Modbus TCP: %v", err)
	}
	b, c := bent(t, &sim.Bent{RTU: true})
	if _, err := c.Read(t.Context(), 0, modbus.Holding, 1, 1); err == nil || !strings.Contains(err.Error(), "all devices") || len(b.Asked()) > 0 {
		t.Errorf("unit 0 of a line: %v, asked %d times", err, len(b.Asked()))
	}
	for target, fine := range map[string]bool{"tcp://h:1": true, "rtuovertcp://h:1": false, "rtu:///dev/x": false} {
		if _, err := modbus.ParseUnit(target, 0); (err == nil) != fine {
			t.Errorf("%s unit 0: %v", target, err)
		}
	}
}

// TestNothingWithinAValueIsLost reads a meter whose registers share one scale factor far behind
// them, from devices that refuse what is longer than some length: a read that is joined happens to
// be just a value with its scale factor, and others lie between the two.
func TestNothingWithinAValueIsLost(t *testing.T) {
	t.Parallel()
	for longest := uint16(2); longest < 20; longest++ {
		_, c := bent(t, &sim.Bent{Bend: func(r sim.Request) *sim.Reply {
			if at, reads := r.Read(); reads && at.Count > longest {
				return &sim.Reply{Code: modbus.IllegalValue}
			}
			return nil
		}})
		scale := modbus.Range{Table: modbus.Holding, Addr: 16, Count: 1}
		var wanted []modbus.Range
		for _, value := range []uint16{0, 4, 8, 12} {
			wanted = append(wanted, modbus.Range{Table: modbus.Holding, Addr: value, Count: scale.Addr - value + 1})
		}
		reader := modbus.NewReader(wanted, modbus.Limits{MaxRegs: 125, MaxHole: 125})
		for _, w := range wanted {
			reader.MayPart(w, modbus.Range{Table: modbus.Holding, Addr: w.Addr, Count: 2}, scale)
		}
		words, err := reader.Read(t.Context(), c, 1)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range []uint16{0, 1, 4, 5, 8, 9, 12, 13, 16} {
			if w, read := words.At("holding", a); !read || w != a {
				t.Errorf("%d registers at most: register %d is %d, %t", longest, a, w, read)
			}
		}
	}
}
