package corrections

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/community/drive"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/official"
	"github.com/commonwatt/commonwatt/meters/official/archive"
)

// noon is an interval that is settled; ann had the metering point in it.
func noon() grid.Interval { return grid.IntervalAt(time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC), 15) }

// settledAnew notes which intervals were settled again. It implements Settler and drive.Executor.
type settledAnew []grid.Interval

func (s *settledAnew) Correction(i grid.Interval, _ func() time.Time, over func(bool, error)) (community.Step, drive.Task) {
	return community.Settle, func(context.Context) error { *s = append(*s, i); over(true, nil); return nil }
}

func (*settledAnew) Do(ctx context.Context, _ community.Step, task drive.Task) { _ = task(ctx) }

// complaints opens a desk at which ann may object, of a community that bills by official values
// or by what was metered here.
func complaints(t *testing.T, away *error, bills bool) (*Desk, *settledAnew) {
	t.Helper()
	d, again := office(t, away), &settledAnew{}
	d.Runner.Bills, d.Runner.Settler, d.Runner.Workers = bills, again, again
	d.Held = func(_ context.Context, member string, i grid.Interval) (map[string]Counted, error) {
		if member != "ann" || i != noon() {
			return nil, nil
		}
		return map[string]Counted{"mp": {grid.Flow{Import: 240}, grid.Good}}, nil
	}
	return d, again
}

func claim() Claim {
	return Claim{Point: "mp", Interval: noon(), Flow: grid.Flow{Import: 90, Export: 10}, Reason: " the meter jumped "}
}

func object(t *testing.T, d *Desk) archive.Objection {
	t.Helper()
	o, err := d.Object(t.Context(), "ann", claim())
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// TestAnAcceptedObjectionSettlesAgain has the ledger be away at first: the value counts once it
// is there, by both ways of billing, and what was metered is told beside it.
func TestAnAcceptedObjectionSettlesAgain(t *testing.T) {
	for _, bills := range []bool{true, false} {
		away := errors.New("the ledger is away")
		d, again := complaints(t, &away, bills)
		var onLedger []chaincode.OfficialFile
		d.Runner.Record = func(_ context.Context, f chaincode.OfficialFile) error {
			if away == nil {
				onLedger = append(onLedger, f)
			}
			return away
		}
		o := object(t, d)
		if o.Metered != (grid.Flow{Import: 240}) || o.Reason != "the meter jumped" || o.State != archive.StateOpen {
			t.Errorf("%+v", o)
		}
		if err := d.Runner.catchUp(t.Context()); err != nil || len(*again) != 0 {
			t.Errorf("an open objection changed something: %v %v", *again, err)
		}
		o, err := d.Decide(t.Context(), o.ID, Verdict{Accept: true, Quality: official.Estimated, Answer: "seen", Role: "utility"})
		if err != nil || o.State != archive.StateAccepted || o.Recorded || o.Decision.Role != "utility" {
			t.Fatalf("accepted: %+v, %v", o, err)
		}
		values := Values{d.Runner.Archive, d.Runner.Billing()}
		if of, err := values.Of(t.Context(), noon()); err != nil || len(of) != 0 {
			t.Errorf("it counts before the ledger has it: %+v %v", of, err)
		}
		away = nil
		if err := d.Runner.catchUp(t.Context()); err != nil || len(*again) != 1 || (*again)[0] != noon() {
			t.Errorf("settled again: %v, %v", *again, err)
		}
		of, err := values.Of(t.Context(), noon())
		if v := of["mp"]; err != nil || v.Import == nil || *v.Import != 90 || v.Export == nil || *v.Export != 10 || v.Quality != grid.Official3 || v.Files[0] != o.Decision.Digest {
			t.Errorf("%+v, %v", of, err)
		}
		if o, err = d.Runner.Archive.Objection(t.Context(), o.ID); err != nil || !o.Recorded || !o.Corrected || o.Metered.Import != 240 {
			t.Errorf("%+v, %v", o, err)
		}
		want := chaincode.OfficialFile{Digest: o.Decision.Digest, Format: "csv", From: "2026-06-01T12:00:00Z", Until: "2026-06-01T12:15:00Z", Values: 2}
		if len(onLedger) != 1 || onLedger[0] != want {
			t.Errorf("%+v", onLedger)
		}
	}
}

// TestTheDigestIsOfTheObjection makes the file anew as docs/auditing.md says, and holds its digest
// against the ledger's. The text is written out here.
func TestTheDigestIsOfTheObjection(t *testing.T) {
	var there error
	d, _ := complaints(t, &there, false)
	o, err := d.Decide(t.Context(), object(t, d).ID, Verdict{Accept: true, Quality: official.Replaced, Answer: "seen", Role: "utility"})
	if err != nil {
		t.Fatal(err)
	}
	files, _, err := d.Files(t.Context())
	if err != nil || len(files) != 1 {
		t.Fatalf("%+v %v", files, err)
	}
	sum := func(text string) string { s := sha256.Sum256([]byte(text)); return hex.EncodeToString(s[:]) }
	content := sum("objection,time,metering_point,import,export,quality\n1,2026-06-01T12:00:00Z,\"mp\",90,10,replaced\n")
	if f := files[0]; f.Content != content || f.Name != "objection-1.csv" || o.Decision.Digest != sum(f.Salt+content+f.Mapping) {
		t.Errorf("%+v, %+v", f, o)
	}
}

// TestWhatGoesBesideTheOffice tries what is no objection, and what becomes of none.
func TestWhatGoesBesideTheOffice(t *testing.T) {
	var there error
	d, again := complaints(t, &there, true)
	for name, c := range map[string]struct {
		member string
		change func(*Claim)
		want   string
	}{
		"another's point":       {"bob", func(*Claim) {}, "nothing was settled"},
		"no point at all":       {"ann", func(c *Claim) { c.Point = "mp-bob" }, "nothing was settled"},
		"before it was settled": {"ann", func(c *Claim) { c.Interval = noon().Shift(1) }, "nothing was settled"},
		"a crooked interval":    {"ann", func(c *Claim) { c.Interval.Start += 60 }, "begin at full ones"},
		"an hour":               {"ann", func(c *Claim) { c.Interval.Minutes = 60 }, "have 15 minutes"},
		"what counts already":   {"ann", func(c *Claim) { c.Flow = grid.Flow{Import: 240} }, "count already"},
		"less than nothing":     {"ann", func(c *Claim) { c.Flow.Export = -1 }, "export: -1 Wh"},
		"a power station":       {"ann", func(c *Claim) { c.Flow.Import = mostEnergy + 1 }, "import: 10000001 Wh"},
		"without a reason":      {"ann", func(c *Claim) { c.Reason = "  " }, "reason: is missing"},
		"a novel":               {"ann", func(c *Claim) { c.Reason = strings.Repeat("ü", mostReason+1) }, "may have 500"},
	} {
		one := claim()
		c.change(&one)
		refused := (*RefusedError)(nil)
		if _, err := d.Object(t.Context(), c.member, one); !errors.As(err, &refused) || !strings.Contains(refused.Reason, c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	o := object(t, d)
	decide := func(v Verdict) error { _, err := d.Decide(t.Context(), o.ID, v); return err }
	refused := (*RefusedError)(nil)
	if _, err := d.Object(t.Context(), "ann", claim()); !errors.As(err, &refused) || !refused.Conflict {
		t.Errorf("one more to the same value: %v", err)
	}
	if err := d.Withdraw(t.Context(), "bob", o.ID); !errors.As(err, &refused) || !refused.Missing {
		t.Errorf("another's is withdrawn: %v", err)
	}
	if err := decide(Verdict{Accept: true, Quality: official.Replaced}); !errors.As(err, &refused) {
		t.Errorf("without a reason: %v", err)
	}
	if err := decide(Verdict{Accept: true, Quality: official.Measured, Answer: "so"}); !errors.As(err, &refused) || refused.Conflict {
		t.Errorf("a claim counts as measured: %v", err)
	}
	if err := decide(Verdict{Answer: "the register is right", Role: "operator"}); err != nil {
		t.Fatal(err)
	}
	if err := decide(Verdict{Accept: true, Quality: official.Replaced, Answer: "so"}); !errors.As(err, &refused) || !refused.Conflict {
		t.Errorf("decided twice: %v", err)
	}
	if err := d.Withdraw(t.Context(), "ann", o.ID); !errors.As(err, &refused) || !refused.Conflict {
		t.Errorf("withdrawn after the decision: %v", err)
	}
	if err := d.Runner.catchUp(t.Context()); err != nil || len(*again) != 0 {
		t.Errorf("a refused objection changed something: %v %v", *again, err)
	}
	next := object(t, d)
	if err := d.Withdraw(t.Context(), "ann", next.ID); err != nil {
		t.Fatal(err)
	}
	all, err := d.Objections(t.Context(), "ann", "")
	if err != nil || len(all) != 2 || all[0].State != archive.StateWithdrawn || all[1].State != archive.StateRefused || all[1].Decision.Answer != "the register is right" {
		t.Errorf("%+v, %v", all, err)
	}
	if _, err := d.Objections(t.Context(), "", "lost"); !errors.As(err, &refused) {
		t.Errorf("a state that is none: %v", err)
	}
}

// TestFinerOfficialValuesAreNotMixedWithAClaim: two thirds of the grid operator's interval and a
// claim about all of it would make neither.
func TestFinerOfficialValuesAreNotMixedWithAClaim(t *testing.T) {
	var there error
	d, _ := complaints(t, &there, true)
	fine := "point,time,in\nmp,2026-06-01T12:00:00Z,0.100\nmp,2026-06-01T12:05:00Z,0.100\nmp,2026-06-01T12:10:00Z,0.100\n"
	if done, err := d.Import(t.Context(), Upload{Name: "f.csv", File: []byte(fine), Mapping: []byte(strings.Replace(mapping, "15", "5", 1)), Apply: true}); err != nil || !done.Applied {
		t.Fatalf("%+v %v", done, err)
	}
	refused := (*RefusedError)(nil)
	if _, err := d.Decide(t.Context(), object(t, d).ID, Verdict{Accept: true, Quality: official.Replaced, Answer: "seen"}); !errors.As(err, &refused) || !refused.Conflict {
		t.Errorf("%v", err)
	}
}
