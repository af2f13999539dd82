package evidence_test

import (
	"database/sql"
	mathrand "math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/evidence"
	"github.com/commonwatt/commonwatt/proof"
)

// registersOf returns what is known of ann's meter by time, and that each is proven by the
// batch that says it.
func registersOf(t *testing.T, e *evidence.Log) map[time.Duration]grid.Energy {
	t.Helper()
	rows, err := e.Registers(t.Context(), "ann", "ann/meter", noon().Add(-time.Hour), noon().Add(24*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	all := map[time.Duration]grid.Energy{}
	for _, r := range rows {
		all[r.Time.Sub(noon())] = *r.Import
		digest, err := e.BatchOf(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		text, err := e.Signed(t.Context(), digest)
		if err != nil {
			t.Fatal(err)
		}
		b, _, err := proof.ReadBatch(text)
		if err != nil || !slices.ContainsFunc(b.Readings, func(said grid.Reading) bool { return said.Time.Equal(r.Time) && *said.Import == *r.Import }) {
			t.Errorf("%s: %d Wh is not what batch %.8s says: %v", r.Time, *r.Import, digest, err)
		}
	}
	return all
}

// TestRegistersFollowTheClockThatIsPutBack has the gateway's clock put back by half a minute
// after sixty batches. What was said of later before that does not count any more, in
// whatever order the batches come.
func TestRegistersFollowTheClockThatIsPutBack(t *testing.T) {
	var signed [][]byte
	e, c := admitted(t)
	for k := range 120 {
		signed = append(signed, c.next(func(b *proof.Batch) {
			if k >= 60 {
				b.Readings[0].Time = b.Readings[0].Time.Add(-30*time.Second - 500*time.Millisecond)
			}
		}))
	}
	want := map[time.Duration]grid.Energy{}
	for k := range 90 {
		at, n := time.Duration(k)*time.Second, k
		if k >= 30 {
			at, n = at-500*time.Millisecond, k+30
		}
		want[at] = grid.Energy(n)
	}
	shuffled := slices.Clone(signed)
	mathrand.New(mathrand.NewPCG(3, 4)).Shuffle(len(shuffled), func(a, b int) { shuffled[a], shuffled[b] = shuffled[b], shuffled[a] })
	for name, order := range map[string][][]byte{"in order": signed, "in any order": shuffled} {
		if name == "in any order" {
			e = openEvidence(t, filepath.Join(t.TempDir(), "evidence.db"))
			if err := e.Admit(t.Context(), "gw-1", &c.key.PublicKey); err != nil {
				t.Fatal(err)
			}
		}
		for _, one := range order {
			if _, _, err := e.Receive(t.Context(), one, noon().Add(time.Hour)); err != nil {
				t.Fatal(err)
			}
		}
		got := registersOf(t, e)
		for at, n := range want {
			if got[at] != n {
				t.Errorf("%s: %s after noon there is %d Wh, want %d", name, at, got[at], n)
			}
		}
		if len(got) != len(want) {
			t.Errorf("%s: %d registers, want %d", name, len(got), len(want))
		}
	}
}

// TestRegistersOfAnOlderDirectory opens a database that has batches alone: the registers are
// those that the batches say, and a member who is erased leaves none.
func TestRegistersOfAnOlderDirectory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "evidence.db")
	e := openEvidence(t, path)
	c := &chain{t: t, key: newKey(t)}
	if err := e.Admit(t.Context(), "gw-1", &c.key.PublicKey); err != nil {
		t.Fatal(err)
	}
	for k := range 2500 {
		signed := c.next(func(b *proof.Batch) {
			if k%5 == 0 {
				b.Readings[0].Export = nil
			}
		})
		if _, _, err := e.Receive(t.Context(), signed, noon().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	before := registersOf(t, e)
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err == nil {
		_, err = db.ExecContext(t.Context(), `DROP TABLE registers; DROP TABLE sources`)
	}
	if err != nil || db.Close() != nil {
		t.Fatal(err)
	}
	e = openEvidence(t, path)
	if after := registersOf(t, e); len(before) != 2500 || len(after) != 2500 || after[2499*time.Second] != 2499 {
		t.Errorf("%d registers before and %d after, want 2500", len(before), len(after))
	}
	last, err := e.Totals(t.Context(), "ann/meter")
	if err != nil || last == nil || *last.Import != 2499 || *last.Export != 0 || !last.Time.Equal(noon().Add(2499*time.Second)) {
		t.Errorf("the last totals are %+v, %v", last, err)
	}
	if imports, exports, err := e.Counts(t.Context(), "ann", "ann/meter"); err != nil || !imports || !exports {
		t.Errorf("counts import %t, export %t, %v", imports, exports, err)
	}
	if err := e.Erase(t.Context(), "ann"); err != nil {
		t.Fatal(err)
	}
	if left := registersOf(t, e); len(left) > 0 {
		t.Errorf("of a member who was erased %d registers are left", len(left))
	}
	if last, err := e.Totals(t.Context(), "ann/meter"); err != nil || last != nil {
		t.Errorf("of a member who was erased the last totals are left: %+v, %v", last, err)
	}
}

// TestRegistersOfMetersAlone notes what the community asks for, and what lies beside an
// instant however long ago.
func TestRegistersOfMetersAlone(t *testing.T) {
	e, c := admitted(t)
	e.Meters = func(device string) bool { return device == "ann/meter" }
	for k := range 50 {
		signed := c.next(func(b *proof.Batch) {
			b.Readings[0].Export = nil
			if k >= 10 && k < 40 {
				b.Readings[0].Device = "ann/battery"
			}
		})
		if _, _, err := e.Receive(t.Context(), signed, noon().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	if got := registersOf(t, e); len(got) != 20 {
		t.Errorf("%d registers, want the 20 of the meter", len(got))
	}
	before, after, err := e.RegistersBeside(t.Context(), "ann", "ann/meter", noon().Add(25*time.Second), time.Hour, 2)
	if err != nil || len(before) != 2 || len(after) != 2 || *before[0].Import != 8 || *before[1].Import != 9 || *after[0].Import != 40 || *after[1].Import != 41 {
		t.Errorf("beside an instant %+v and %+v, %v", before, after, err)
	}
	if imports, exports, err := e.Counts(t.Context(), "ann", "ann/meter"); err != nil || !imports || exports {
		t.Errorf("counts import %t, export %t, %v, want import alone", imports, exports, err)
	}
}
