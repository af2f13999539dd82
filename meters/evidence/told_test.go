package evidence_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/proof"
)

// TestWhatADeviceTold is read from the signed batches, each reading with the batch that says it,
// and nothing of it is another member's.
func TestWhatADeviceTold(t *testing.T) {
	e := openEvidence(t, filepath.Join(t.TempDir(), "evidence.db"))
	c := &chain{t: t, key: newKey(t)}
	if err := e.Admit(t.Context(), "gw-1", &c.key.PublicKey); err != nil {
		t.Fatal(err)
	}
	digests := map[time.Time]proof.Digest{}
	for n := range 60 {
		at := noon().Add(time.Duration(n) * 5 * time.Second)
		signed := c.next(func(b *proof.Batch) {
			b.Readings = nil
			for _, device := range []string{"ann/meter", "ann/battery"} {
				b.Readings = append(b.Readings, grid.Reading{Device: device, Time: at, Power: new(grid.Power(n)), Quality: grid.Good}, grid.Reading{Device: device, Time: at.Add(2 * time.Second), Power: new(grid.Power(-n)), Quality: grid.Suspect})
			}
		})
		if _, _, err := e.Receive(t.Context(), signed, at.Add(5*time.Second)); err != nil {
			t.Fatal(err)
		}
		digests[at] = digestOf(t, signed)
	}
	from := noon().Add(61 * time.Second)
	all, err := e.Told(t.Context(), "ann", "ann/battery", from, from.Add(time.Minute))
	if err != nil || len(all) != 24 {
		t.Fatalf("%d readings: %v", len(all), err)
	}
	for k, told := range all {
		begun := told.Time.Truncate(5 * time.Second)
		if told.Device != "ann/battery" || told.Digest != digests[begun] || told.Gateway != "gw-1" || told.Time.Before(from) || !told.Time.Before(from.Add(time.Minute)) || k > 0 && !told.Time.After(all[k-1].Time) {
			t.Errorf("%d: %+v", k, told)
		}
		if (told.Quality == grid.Suspect) != (begun != told.Time) {
			t.Errorf("%d: quality %s at %s", k, told.Quality, told.Time)
		}
	}
	if others, err := e.Told(t.Context(), "bob", "ann/battery", from, from.Add(time.Minute)); err != nil || len(others) > 0 {
		t.Errorf("to another member: %v, %v", others, err)
	}
	one := all[0].Digest
	if signed, err := e.SignedOf(t.Context(), "ann", one); err != nil || digestOf(t, signed) != one {
		t.Errorf("the batch: %v", err)
	}
	for member, digest := range map[string]proof.Digest{"bob": one, "ann": "00"} {
		if signed, err := e.SignedOf(t.Context(), member, digest); err != nil || signed != nil {
			t.Errorf("a batch of %s: %.20s, %v", member, signed, err)
		}
	}
}
