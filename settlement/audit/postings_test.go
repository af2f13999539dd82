package audit_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/commonwatt/commonwatt/settlement/audit"
	"github.com/commonwatt/commonwatt/settlement/ledger"
)

// TestExportsSayTheSame writes the postings of a settled interval as CSV and as JSON and
// finds the same in both; nothing that fits is a header alone and an empty array.
func TestExportsSayTheSame(t *testing.T) {
	s := newSettled(t, 2)
	x, err := s.l.Index(t.Context())
	must(t, err)
	q := ledger.Query{Interval: interval(100, 1).String()}
	asCSV, asJSON := &bytes.Buffer{}, &bytes.Buffer{}
	must(t, audit.WriteCSV(t.Context(), x, q, asCSV))
	must(t, audit.WriteJSON(t.Context(), x, q, asJSON))
	rows, err := csv.NewReader(asCSV).ReadAll()
	must(t, err)
	var postings []audit.Exported
	must(t, json.Unmarshal(asJSON.Bytes(), &postings))
	if len(postings) < 2 || len(rows) != len(postings)+1 || rows[0][6] != "amount_millionths" {
		t.Fatalf("%d postings, %d rows below %v", len(postings), len(rows)-1, rows[0])
	}
	for k, p := range postings {
		row := rows[k+1]
		text := func(v any) string {
			b, err := json.Marshal(v)
			must(t, err)
			return string(b)
		}
		if row[0] != text(p.Leaf) || row[2] != q.Interval || p.Interval != q.Interval || row[3] != p.ID || row[6] != text(p.Amount) || row[7] != text(p.Energy) || row[8] != p.Reason || row[10] != p.Tx {
			t.Errorf("row %v is not posting %+v", row, p)
		}
	}
	asCSV.Reset()
	asJSON.Reset()
	none := ledger.Query{Reason: "penalty"}
	must(t, audit.WriteCSV(t.Context(), x, none, asCSV))
	must(t, audit.WriteJSON(t.Context(), x, none, asJSON))
	if bytes.Count(asCSV.Bytes(), []byte("\n")) != 1 || asJSON.String() != "[]\n" {
		t.Errorf("of nothing:\n%s%s", asCSV, asJSON)
	}
}

// damaged has a posting that cannot be read.
type damaged struct{}

func (damaged) Find(_ context.Context, _ ledger.Query, see func(ledger.Entry) error) error {
	return see(ledger.Entry{Posting: []byte("{")})
}

var errFull = errors.New("the disk is full")

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errFull }

// TestExportsThatFail tells of a posting that cannot be read, and of a full disk.
func TestExportsThatFail(t *testing.T) {
	s := newSettled(t, 1)
	x, err := s.l.Index(t.Context())
	must(t, err)
	for name, write := range map[string]func(x audit.Postings, whole bool) error{
		"CSV": func(x audit.Postings, whole bool) error {
			if whole {
				return audit.WriteCSV(t.Context(), x, ledger.Query{}, &bytes.Buffer{})
			}
			return audit.WriteCSV(t.Context(), x, ledger.Query{}, full{})
		},
		"JSON": func(x audit.Postings, whole bool) error {
			if whole {
				return audit.WriteJSON(t.Context(), x, ledger.Query{}, &bytes.Buffer{})
			}
			return audit.WriteJSON(t.Context(), x, ledger.Query{}, full{})
		},
	} {
		if err := write(damaged{}, true); err == nil {
			t.Errorf("%s: a posting that cannot be read was written", name)
		}
		if err := write(x, false); !errors.Is(err, errFull) {
			t.Errorf("%s: error %v on a full disk", name, err)
		}
	}
}

// told tells how the runs of a community came about.
func (s *settled) told(_ context.Context, see func(root string, working []byte) error) error {
	for k, w := range s.workings {
		if err := see(s.roots[k], w); err != nil {
			return err
		}
	}
	return nil
}

// TestRecompute computes the runs of a verified ledger anew, counts those of which it is
// not told how they came about, and names each that does not come out.
func TestRecompute(t *testing.T) {
	s := newSettled(t, 3)
	x, err := s.l.Index(t.Context())
	must(t, err)
	checked, err := audit.Recompute(t.Context(), x, s, s.told, nil)
	if want := (audit.Checked{Runs: 3, Statements: 9, Proven: 9}); err != nil || checked != want || !checked.IsProven() {
		t.Errorf("%v: %s", err, checked)
	}
	honest := s.workings[0]
	s.workings = s.workings[1:]
	s.roots = s.roots[1:]
	checked, err = audit.Recompute(t.Context(), x, s, s.told, nil)
	if want := (audit.Checked{Runs: 2, Statements: 6, Proven: 6, Without: 1}); err != nil || checked != want || checked.IsProven() {
		t.Errorf("without one: %v: %s", err, checked)
	}
	for k := range s.workings {
		s.workings[k] = bytes.Replace(s.workings[k], []byte(`"retail":300000`), []byte(`"retail":290000`), 1)
	}
	_, err = audit.Recompute(t.Context(), x, s, s.told, nil)
	if wrong := (*audit.TamperedError)(nil); !errors.As(err, &wrong) || !bytes.Contains([]byte(err.Error()), []byte("2 runs")) {
		t.Errorf("with another tariff in two: %v", err)
	}
	errGone := errors.New("the evidence is gone")
	_, err = audit.Recompute(t.Context(), x, s, func(_ context.Context, see func(string, []byte) error) error {
		return errors.Join(see("", honest), errGone)
	}, nil)
	if !errors.Is(err, errGone) {
		t.Errorf("error %v, want that the evidence is gone", err)
	}
}

// TestCheckpointsByKeysInFiles looks at cosignatures only with a witness's key.
func TestCheckpointsByKeysInFiles(t *testing.T) {
	s := newSettled(t, 1)
	x, err := s.l.Index(t.Context())
	must(t, err)
	missing := filepath.Join(s.dir, "no.pub")
	key, witness := filepath.Join(s.dir, ledger.PublicKey), filepath.Join(s.dir, ledger.WitnessKey)
	for _, files := range [][2]string{{missing, ""}, {key, missing}} {
		if err := audit.NewAuditor().CheckpointsBy(t.Context(), x, files[0], files[1]); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%v: error %v, want one of a missing file", files, err)
		}
	}
	for _, files := range [][2]string{{key, ""}, {key, witness}} {
		err := audit.NewAuditor().CheckpointsBy(t.Context(), x, files[0], files[1])
		if wrong := (*audit.TamperedError)(nil); !errors.As(err, &wrong) {
			t.Errorf("%v: error %v, want that a chain without a block has not what the checkpoints say", files, err)
		}
	}
}
