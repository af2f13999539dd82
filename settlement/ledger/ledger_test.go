package ledger

import (
	"context"
	"crypto/ecdsa"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/settlement"
)

const community = "test"

func openAt(t *testing.T, dir string) *Embedded {
	t.Helper()
	l, err := Open(t.Context(), dir, community)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func register(t *testing.T, l *Embedded, points ...string) {
	t.Helper()
	for _, p := range points {
		d := grid.Device{ID: p + "/meter", Kind: grid.Meter, Member: "m-" + p, MeteringPoint: p}
		if err := l.Register(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
}

// run settles an interval with n metering points that draw 100 Wh and more.
func run(t *testing.T, number, n int) settlement.Run {
	t.Helper()
	in := settlement.Input{
		Community: community, Interval: grid.Interval{Start: 1_780_315_200, Minutes: 15}.Shift(number), Run: 1,
		Tariff: settlement.Tariff{Version: "t", Currency: "EUR", Retail: 300_000},
	}
	for i := range n {
		in.Metered = append(in.Metered, settlement.Metered{MeteringPoint: point(i), Flow: grid.Flow{Import: grid.Energy(100 + i)}, Quality: grid.Good})
	}
	r, err := settlement.Settle(in)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func point(i int) string { return fmt.Sprintf("mp-%02d", i) }

// filled returns a directory with a ledger of three runs.
func filled(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	l := openAt(t, dir)
	register(t, l, point(0), point(1), point(2))
	for n := range 3 {
		if err := l.SubmitRun(t.Context(), run(t, n, 3)); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestVerify(t *testing.T) {
	report, err := Verify(t.Context(), filled(t), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	// 3 points and devices are 6 blocks; a run is manifest, batch and closing.
	if report.Blocks != 15 || report.Postings != 9 || report.Runs != 3 || report.Checkpoints != 3 || report.Turnover != 3*90_900 {
		t.Errorf("report %+v", report)
	}
}

func TestSubmittingAgainChangesNothing(t *testing.T) {
	l := openAt(t, t.TempDir())
	register(t, l, point(0), point(1))
	r := run(t, 0, 2)
	if err := l.SubmitRun(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	height, root, err := l.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := l.SubmitRun(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if again, after, err := l.Head(t.Context()); err != nil || again != height || after != root {
		t.Errorf("height %d became %d: %v", height, again, err)
	}
	if b, err := l.Balance(t.Context(), settlement.Utility); err != nil || b != 60_300 {
		t.Errorf("the utility's balance is %d, %v, want 60300", b, err)
	}
	if postings, err := l.Postings(t.Context(), grid.Interval{Start: 1_780_315_200, Minutes: 15}); err != nil || len(postings) != 2 {
		t.Errorf("%d postings, %v", len(postings), err)
	}
}

// TestSubmitGoesOnWhereItStopped stops a submission after each of its steps.
func TestSubmitGoesOnWhereItStopped(t *testing.T) {
	r := run(t, 0, 100) // two batches
	whole := openAt(t, t.TempDir())
	for i := range 100 {
		register(t, whole, point(i))
	}
	if err := whole.SubmitRun(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	_, want, err := whole.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for stop := range 4 {
		l := openAt(t, t.TempDir())
		for i := range 100 {
			register(t, l, point(i))
		}
		for _, c := range []struct {
			function string
			arg      any
		}{{"OpenRun", r.Manifest}, {"PostBatch", r.Batches[0]}, {"PostBatch", r.Batches[1]}}[:stop] {
			if err := invoke(t, l, l.keys.Operator, c.function, c.arg); err != nil {
				t.Fatal(err)
			}
		}
		if err := l.SubmitRun(t.Context(), r); err != nil {
			t.Fatalf("stopped after %d steps: %v", stop, err)
		}
		if _, root, err := l.Head(t.Context()); err != nil || root != want {
			t.Errorf("stopped after %d steps: another ledger, %v", stop, err)
		}
	}
}

func invoke(t *testing.T, l *Embedded, who *Identity, function string, arg any) error {
	t.Helper()
	b, err := json.Marshal(arg)
	if err != nil {
		t.Fatal(err)
	}
	return l.Invoke(context.Background(), who, "settlement:"+function, string(b))
}

func TestContractRefusals(t *testing.T) {
	l := openAt(t, t.TempDir())
	register(t, l, point(0), point(1))
	r := run(t, 0, 2)
	expect := func(name, code string, err error) {
		t.Helper()
		var refused *ContractError
		if !errors.As(err, &refused) || refused.Code != code {
			t.Errorf("%s: error %v, want %s", name, err, code)
		}
	}
	expect("a batch without a manifest", chaincode.CodeMissing, invoke(t, l, l.keys.Operator, "PostBatch", r.Batches[0]))
	expect("the wrong role", chaincode.CodeDenied, invoke(t, l, l.keys.Installer, "OpenRun", r.Manifest))
	if err := invoke(t, l, l.keys.Operator, "OpenRun", r.Manifest); err != nil {
		t.Fatal(err)
	}
	other := r.Manifest
	other.ReadingRoot = "another"
	expect("another manifest", chaincode.CodeConflict, invoke(t, l, l.keys.Operator, "OpenRun", other))
	forged := r.Batches[0]
	forged.Postings = append([]settlement.Posting(nil), forged.Postings...)
	forged.Postings[0].Amount++
	expect("a batch that was not announced", chaincode.CodeConflict, invoke(t, l, l.keys.Operator, "PostBatch", forged))
	expect("closing before the batches", chaincode.CodeMissing,
		invoke(t, l, l.keys.Operator, "CloseRun", map[string]any{"community": community, "interval": r.Manifest.Interval, "run": 1}))
	expect("an unknown field", chaincode.CodeInvalid, invoke(t, l, l.keys.Operator, "OpenRun", map[string]any{"colour": "red"}))
	second := r.Manifest
	second.Run = 2
	expect("run 2 before run 1 is closed", chaincode.CodeMissing, invoke(t, l, l.keys.Operator, "OpenRun", second))
	expect("a metering point named as a system account", chaincode.CodeInvalid,
		l.Register(t.Context(), grid.Device{ID: "d", Kind: grid.Meter, Member: "m", MeteringPoint: "utility"}))
	stranger := run(t, 1, 3) // mp-02 is not registered
	if err := invoke(t, l, l.keys.Operator, "OpenRun", stranger.Manifest); err != nil {
		t.Fatal(err)
	}
	expect("an unregistered metering point", chaincode.CodeMissing, invoke(t, l, l.keys.Operator, "PostBatch", stranger.Batches[0]))
}

// TestEveryFunctionRefusesTheWrongRole calls each function with a certificate
// of no role, and with one of another community.
func TestEveryFunctionRefusesTheWrongRole(t *testing.T) {
	dir := t.TempDir()
	l := openAt(t, dir)
	ca, err := openIdentity(filepath.Join(dir, KeyDir), caFile, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, attributes := range map[string]map[string]string{
		"visitor":  {chaincode.AttributeRole: "visitor", chaincode.AttributeCommunity: community},
		"stranger": {chaincode.AttributeRole: chaincode.RoleOperator, chaincode.AttributeCommunity: "elsewhere"},
		"nobody":   {},
	} {
		who, err := openIdentity(t.TempDir(), name, func(key *ecdsa.PrivateKey) ([]byte, error) {
			return certify(key, ca.certificate, ca.key, name, attributes)
		})
		if err != nil {
			t.Fatal(err)
		}
		id := `{"community":"test","interval":"2026-06-01T12:00:00Z/15","run":1}`
		for function, args := range map[string][]string{
			"registry:RegisterMeteringPoint": {`{"community":"test","id":"a","member":"m"}`},
			"registry:RegisterDevice":        {`{"community":"test","id":"d","kind":"meter","metering_point":"a"}`},
			"registry:GetMeteringPoint":      {community, "a"},
			"settlement:OpenRun":             {id},
			"settlement:PostBatch":           {id},
			"settlement:CloseRun":            {id},
			"settlement:Balance":             {community, "a"},
		} {
			var refused *ContractError
			if err := l.Invoke(t.Context(), who, function, args...); !errors.As(err, &refused) || refused.Code != chaincode.CodeDenied {
				t.Errorf("%s calls %s: %v, want %s", name, function, err, chaincode.CodeDenied)
			}
		}
	}
}

func edit(t *testing.T, dir, statement string, args ...any) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(dir, File))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	result, err := db.Exec(statement, args...)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := result.RowsAffected(); err != nil || n != 1 {
		t.Fatalf("%s changed %d rows, %v", statement, n, err)
	}
}

// TestTampering changes one thing at a time, wherever it is stored. Each must
// be found, and named where it is a posting.
func TestTampering(t *testing.T) {
	key, err := compositeKey(chaincode.KindPosting, []string{community, "2026-06-01T12:15:00Z/15", "1", "0", "000001"})
	if err != nil {
		t.Fatal(err)
	}
	const posting = "test/2026-06-01T12:15:00Z/15/1/0/1"
	balance, err := compositeKey(chaincode.KindDelta, []string{community, point(0), "2026-06-01T12:15:00Z/15", "1", "0"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, statement string
		args            []any
		want            string
	}{
		{"the state of a posting", `UPDATE state SET value = CAST(REPLACE(value, '30300', '30301') AS BLOB) WHERE key = ?`, []any{[]byte(key)}, posting},
		{"the write of a posting", `UPDATE writes SET value = CAST(REPLACE(value, '30300', '30301') AS BLOB) WHERE key = ?`, []any{[]byte(key)}, posting},
		{"the argument of a transaction", `UPDATE transactions SET args = REPLACE(args, '30300', '30301') WHERE block = 11`, nil, posting},
		{"a posting's place in the log", `UPDATE leaves SET key = X'00' WHERE key = ?`, []any{[]byte(key)}, posting},
		{"a hash of the log", `UPDATE hashes SET hash = ZEROBLOB(32) WHERE n = 7`, nil, posting},
		{"a balance", `UPDATE state SET value = CAST('0' AS BLOB) WHERE key = ?`, []any{[]byte(balance)}, "delta test/mp-00"},
		{"a block's hash", `UPDATE blocks SET hash = ZEROBLOB(32) WHERE number = 11`, nil, "block 11"},
		{"a read", `UPDATE reads SET version = 3 WHERE block = 11 AND n = 0`, nil, "block 11"},
		{"a signature", `UPDATE transactions SET signature = ZEROBLOB(70) WHERE block = 11`, nil, "block 11: signature"},
		{"the last block removed", `DELETE FROM blocks WHERE number = 15`, nil, "closing"},
		{"a checkpoint", `UPDATE checkpoints SET note = REPLACE(note, 'commonwatt', 'Commonwatt') WHERE size = 3`, nil, "checkpoint of size 3"},
		{"the last checkpoint removed", `DELETE FROM checkpoints WHERE size = 9`, nil, "2 checkpoints are stored, 3 blocks signed one"},
		{"the first checkpoint removed", `DELETE FROM checkpoints WHERE size = 3`, nil, "2 checkpoints are stored, 3 blocks signed one"},
		{"a version in the state", `UPDATE state SET tx = 7 WHERE key = ?`, []any{[]byte(key)}, posting},
		{"white space in an event", `UPDATE transactions SET event = event || ' ' WHERE block = 12`, nil, "block 12"},
		{"a posting removed", `DELETE FROM state WHERE key = ?`, []any{[]byte(key)}, posting},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := filled(t)
			edit(t, dir, c.statement, c.args...)
			_, err := Verify(t.Context(), dir, "", nil)
			var tampered *TamperedError
			if !errors.As(err, &tampered) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one that names %q", err, c.want)
			}
		})
	}
}

// TestEveryByteOfAPosting flips each byte of a stored posting in turn.
func TestEveryByteOfAPosting(t *testing.T) {
	dir := filled(t)
	db, err := sql.Open("sqlite", filepath.Join(dir, File))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var key, value []byte
	if err := db.QueryRow(`SELECT state.key, value FROM state JOIN leaves USING (key) WHERE leaf = 4`).Scan(&key, &value); err != nil {
		t.Fatal(err)
	}
	for _, table := range []string{"state", "writes"} {
		for at := range value {
			damaged := append([]byte(nil), value...)
			damaged[at] ^= 0x01
			edit(t, dir, `UPDATE `+table+` SET value = ? WHERE key = ?`, damaged, key)
			if _, err := Verify(t.Context(), dir, "", nil); err == nil || !strings.Contains(err.Error(), postingID(key)) {
				t.Fatalf("byte %d of the posting in %s: %v", at, table, err)
			}
		}
		edit(t, dir, `UPDATE `+table+` SET value = ? WHERE key = ?`, value, key)
	}
	if _, err := Verify(t.Context(), dir, "", nil); err != nil {
		t.Errorf("after mending: %v", err)
	}
}

func TestAnotherKeyIsNotTrusted(t *testing.T) {
	dir, other := filled(t), t.TempDir()
	openAt(t, other)
	public, err := os.ReadFile(filepath.Join(other, PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	foreign := filepath.Join(t.TempDir(), "foreign.pub")
	if err := os.WriteFile(foreign, public, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Verify(t.Context(), dir, foreign, nil); err == nil || !strings.Contains(err.Error(), "checkpoint") {
		t.Errorf("error %v, want a checkpoint that is not trusted", err)
	}
}

// TestDamagedPage overwrites each page of the database in turn, whole and its
// beginning: every time the report is of damage, not of a posting.
func TestDamagedPage(t *testing.T) {
	dir := filled(t)
	path := filepath.Join(dir, File)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const page = 4096
	for at := 0; at+page <= len(whole); at += page {
		for _, size := range []int{600, page} {
			for _, with := range []byte{0x00, 0xa5} {
				damaged := append([]byte(nil), whole...)
				for i := range size {
					damaged[at+i] = with
				}
				if err := os.WriteFile(path, damaged, 0o600); err != nil {
					t.Fatal(err)
				}
				_, err := Verify(t.Context(), dir, "", nil)
				if e := (*DamagedError)(nil); !errors.As(err, &e) {
					t.Errorf("page %d, %d bytes of %#x: %v", at/page+1, size, with, err)
				}
			}
		}
	}
}

func TestReopen(t *testing.T) {
	dir := filled(t)
	l := openAt(t, dir)
	if err := l.SubmitRun(t.Context(), run(t, 3, 3)); err != nil {
		t.Fatal(err)
	}
	report, err := Verify(t.Context(), dir, "", nil)
	if err != nil || report.Runs != 4 {
		t.Errorf("%d runs after reopening, %v", report.Runs, err)
	}
}

func BenchmarkSubmitRun(b *testing.B) {
	l, err := Open(b.Context(), b.TempDir(), community)
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	const points = 1000
	in := settlement.Input{Community: community, Run: 1, Tariff: settlement.Tariff{Version: "t", Currency: "EUR", Retail: 300_000}}
	for i := range points {
		p := fmt.Sprintf("mp-%04d", i)
		if err := l.Register(b.Context(), grid.Device{ID: p, Kind: grid.Meter, Member: p, MeteringPoint: p}); err != nil {
			b.Fatal(err)
		}
		in.Metered = append(in.Metered, settlement.Metered{MeteringPoint: p, Flow: grid.Flow{Import: 100}, Quality: grid.Good})
	}
	b.ResetTimer()
	for n := range b.N {
		in.Interval = grid.Interval{Start: 1_780_315_200, Minutes: 15}.Shift(n)
		r, err := settlement.Settle(in)
		if err != nil {
			b.Fatal(err)
		}
		if err := l.SubmitRun(b.Context(), r); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(points*float64(b.N)/b.Elapsed().Seconds(), "postings/s")
}
