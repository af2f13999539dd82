package embedded

import (
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/settlement/audit"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/tariff"
)

const community = "test"

func openAt(t *testing.T, dir string) *ledger.Ledger {
	t.Helper()
	l, err := OpenLedger(t.Context(), dir, community, "EUR", ledger.SeededNames(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func register(t *testing.T, l *ledger.Ledger, points ...string) {
	t.Helper()
	var devices []grid.Device
	for _, p := range points {
		devices = append(devices, grid.Device{ID: p + "/meter", Kind: grid.Meter, Member: "m-" + p, MeteringPoint: p})
	}
	if err := l.Register(t.Context(), devices...); err != nil {
		t.Fatal(err)
	}
}

// account is a metering point's on the ledger.
func account(t testing.TB, point string) string {
	t.Helper()
	name, err := ledger.SeededNames(1).Account("m-"+point, point)
	if err != nil {
		t.Fatal(err)
	}
	return name
}

// run settles an interval with n metering points that draw 100 Wh and more.
func run(t *testing.T, number, n int) record.Run {
	t.Helper()
	in := settlement.Input{
		Community: community, Interval: grid.Interval{Start: 1_780_315_200, Minutes: 15}.Shift(number), Run: 1,
		Tariff: tariff.Tariff{Version: "t", Currency: "EUR", Retail: 300_000}, Points: map[string]settlement.Point{},
	}
	for i := range n {
		in.Points[point(i)] = settlement.Point{Account: account(t, point(i))}
		in.Metered = append(in.Metered, record.Metered{MeteringPoint: point(i), Flow: grid.Flow{Import: grid.Energy(100 + i)}, Quality: grid.Good})
	}
	r, err := settlement.Settle(in)
	if err != nil {
		t.Fatal(err)
	}
	return r.Record()
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
		if err := l.Cosign(t.Context()); err != nil { // a checkpoint each
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	// A busy machine signs checkpoints in the middle of a run too. The one of each run
	// that the utility's witness has signed as well is left.
	const signature = "\n— "
	db := openFile(t, filepath.Join(dir, ledger.IndexFile))
	if _, err := db.Exec(`DELETE FROM checkpoints WHERE LENGTH(CAST(note AS TEXT)) - LENGTH(REPLACE(CAST(note AS TEXT), ?1, '')) < 2 * LENGTH(?1)`, signature); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestVerify(t *testing.T) {
	t.Parallel()
	report, err := VerifyDir(t.Context(), filled(t), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	// The founding, 3 members, points and devices are 10 blocks; a run is manifest,
	// batch and closing.
	if report.Blocks != 19 || report.Postings != 9 || report.Runs != 3 || report.Checkpoints != 3 || report.Turnover != 3*90_900 {
		t.Errorf("report %+v", report)
	}
	if report.Uncovered != 0 || report.Cosigned != 9 {
		t.Errorf("%d postings are not covered, %d cosigned", report.Uncovered, report.Cosigned)
	}
}

func openFile(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func edit(t *testing.T, path, statement string, args ...any) {
	t.Helper()
	db := openFile(t, path)
	change(t, db, statement, args...)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

func change(t *testing.T, db *sql.DB, statement string, args ...any) {
	t.Helper()
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
	t.Parallel()
	const posting = "test/2026-06-01T12:15:00Z/15/1/0/2"
	const batchBlock = 15 // of the second run
	for _, c := range []struct {
		name, file, statement string
		args                  []any
		want                  string
	}{
		{"the state of a posting", File, `UPDATE state SET value = CAST(REPLACE(value, '30300', '30301') AS BLOB) WHERE key = ?`, []any{key(t, chaincode.KindPostings, "2026-06-01T12:15:00Z/15", "1", "0")}, posting},
		{"a posting in its block", File, `UPDATE blocks SET content = CAST(REPLACE(content, '30300', '30301') AS BLOB) WHERE number = ?`, []any{batchBlock}, posting},
		{"a posting in the index", ledger.IndexFile, `UPDATE postings SET posting = CAST(REPLACE(posting, '30300', '30301') AS BLOB) WHERE leaf = 5`, nil, posting},
		{"a posting gone from the index", ledger.IndexFile, `DELETE FROM postings WHERE leaf = 4`, nil, "posting 4"},
		{"a block's hash", File, `UPDATE blocks SET hash = ZEROBLOB(32) WHERE number = ?`, []any{batchBlock}, "block 15"},
		{"a signature", File, `UPDATE blocks SET signature = ZEROBLOB(70) WHERE number = ?`, []any{batchBlock}, "block 15: signature"},
		{"a creator", File, `UPDATE blocks SET creator = (SELECT creator FROM blocks WHERE number = 2) WHERE number = ?`, []any{batchBlock}, "block 15: signature"},
		{"the last block removed", File, `DELETE FROM blocks WHERE number = 19`, nil, "closing"},
		{"a block in the middle removed", File, `DELETE FROM blocks WHERE number = ?`, []any{batchBlock}, "block 15 is missing"},
		{"a balance", File, `UPDATE state SET value = CAST(REPLACE(value, '9', '8') AS BLOB) WHERE key = ?`, []any{key(t, chaincode.KindDelta, "utility", "2026-06-01", "2026-06-01T12:15:00Z/15/1/0")}, "delta test/"},
		{"a version in the state", File, `UPDATE state SET block = 7 WHERE key = ?`, []any{key(t, chaincode.KindPostings, "2026-06-01T12:15:00Z/15", "1", "0")}, "postings test/2026-06-01T12:15:00Z/15/1/0"},
		{"a batch removed", File, `DELETE FROM state WHERE key = ?`, []any{key(t, chaincode.KindPostings, "2026-06-01T12:15:00Z/15", "1", "0")}, posting},
		{"an account by which the index finds a posting", ledger.IndexFile, `DELETE FROM by_account WHERE leaf = 3 AND account = (SELECT MIN(account) FROM by_account WHERE leaf = 3)`, nil, "finds posting 3 by other accounts"},
		{"a checkpoint", ledger.IndexFile, `UPDATE checkpoints SET note = CAST(REPLACE(note, 'commonwatt', 'Commonwatt') AS BLOB) WHERE size = 3`, nil, "checkpoint of size 3"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := filled(t)
			edit(t, filepath.Join(dir, c.file), c.statement, c.args...)
			_, err := VerifyDir(t.Context(), dir, "", nil)
			var tampered *audit.TamperedError
			if !errors.As(err, &tampered) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one that names %q", err, c.want)
			}
		})
	}
}

func key(t *testing.T, kind string, attributes ...string) []byte {
	t.Helper()
	k, err := ledger.CompositeKey(kind, append([]string{community}, attributes...)...)
	if err != nil {
		t.Fatal(err)
	}
	return []byte(k)
}

// TestTheWholeTailRemoved takes the last run from the chain and its state: the
// signed checkpoint still speaks of it.
func TestTheWholeTailRemoved(t *testing.T) {
	t.Parallel()
	dir := filled(t)
	path := filepath.Join(dir, File)
	for number := 17; number <= 19; number++ {
		edit(t, path, `DELETE FROM blocks WHERE number = ?`, number)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(`DELETE FROM state WHERE block >= 17`); err != nil {
		t.Fatal(err)
	}
	_, err = VerifyDir(t.Context(), dir, "", nil)
	if err == nil || !strings.Contains(err.Error(), "checkpoint of size 9: the chain has 6 postings only") {
		t.Errorf("error %v", err)
	}
}

// TestEveryByteOfABlock flips each byte of a block's content in turn.
func TestEveryByteOfABlock(t *testing.T) {
	t.Parallel()
	const parts = 2 // of the bytes, each on a ledger of its own
	for part := range parts {
		t.Run(fmt.Sprint(part), func(t *testing.T) {
			t.Parallel()
			dir := filled(t)
			db := openFile(t, filepath.Join(dir, File))
			var content []byte
			if err := db.QueryRow(`SELECT content FROM blocks WHERE number = 15`).Scan(&content); err != nil {
				t.Fatal(err)
			}
			for at := part; at < len(content); at += parts {
				damaged := append([]byte(nil), content...)
				damaged[at] ^= 0x01
				change(t, db, `UPDATE blocks SET content = ? WHERE number = 15`, damaged)
				if _, err := VerifyDir(t.Context(), dir, "", nil); err == nil || !strings.Contains(err.Error(), "block 15") {
					t.Fatalf("byte %d of the block: %v", at, err)
				}
			}
			change(t, db, `UPDATE blocks SET content = ? WHERE number = 15`, content)
			if _, err := VerifyDir(t.Context(), dir, "", nil); err != nil {
				t.Errorf("after mending: %v", err)
			}
		})
	}
}

// TestEveryByteOfTheHashes flips each byte of the log's hashes in turn.
func TestEveryByteOfTheHashes(t *testing.T) {
	t.Parallel()
	dir := filled(t)
	hashes := filepath.Join(dir, ledger.HashesFile)
	whole, err := os.ReadFile(hashes)
	if err != nil {
		t.Fatal(err)
	}
	for at := range whole {
		damaged := append([]byte(nil), whole...)
		damaged[at] ^= 0x01
		if err := os.WriteFile(hashes, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := VerifyDir(t.Context(), dir, "", nil); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("hash %d of", at/32)) {
			t.Fatalf("byte %d of the hashes: %v", at, err)
		}
	}
	if err := os.WriteFile(hashes, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := VerifyDir(t.Context(), dir, "", nil); err != nil {
		t.Errorf("after mending: %v", err)
	}
}

// TestEveryByteOfACheckpoint flips each byte of a signed checkpoint.
func TestEveryByteOfACheckpoint(t *testing.T) {
	t.Parallel()
	dir := filled(t)
	db := openFile(t, filepath.Join(dir, ledger.IndexFile))
	var note []byte
	if err := db.QueryRow(`SELECT note FROM checkpoints WHERE size = 6`).Scan(&note); err != nil {
		t.Fatal(err)
	}
	for at := range note {
		damaged := append([]byte(nil), note...)
		damaged[at] ^= 0x01
		change(t, db, `UPDATE checkpoints SET note = ? WHERE size = 6`, damaged)
		if _, err := VerifyDir(t.Context(), dir, "", nil); err == nil || !strings.Contains(err.Error(), "checkpoint of size") {
			t.Errorf("byte %d (%q) of the checkpoint: %v", at, note[at], err)
		}
	}
}

// TestTheIndexIsBuiltAgain removes the index: it comes back from the chain with
// the same log.
func TestTheIndexIsBuiltAgain(t *testing.T) {
	t.Parallel()
	dir := filled(t)
	before, err := VerifyDir(t.Context(), dir, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{ledger.IndexFile, ledger.HashesFile} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	l := openAt(t, dir)
	intervals, err := l.Intervals(t.Context())
	runs, err2 := l.ClosedRuns(t.Context())
	if intervals != 3 || runs != 3 || err != nil || err2 != nil {
		t.Errorf("%d intervals and %d runs are closed, want 3: %v %v", intervals, runs, err, err2)
	}
	after, err := VerifyDir(t.Context(), dir, "", nil)
	if err != nil || after.Root != before.Root || after.Postings != before.Postings {
		t.Errorf("root %s became %s: %v", before.Root, after.Root, err)
	}
}

// TestPrivateValuesAreHeldToTheirDigests changes and removes one behind the
// chain's back.
func TestPrivateValuesAreHeldToTheirDigests(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ statement, want string }{
		"changed": {`UPDATE private SET value = X'00'`, "private value member test/"},
		"removed": {`DELETE FROM private`, "1 private values are gone"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			l := openAt(t, dir)
			record := []byte(`{"salt":"0123456789abcdef0123456789abcdef","details":{"name":"Ada"}}`)
			sum := sha256.Sum256(record)
			err := l.Chain().Submit(t.Context(), ledger.Call{
				As: l.People.Operator, Function: "registry:AdmitMember", Transient: map[string][]byte{chaincode.CollectionPersonal: record},
				Args: []string{fmt.Sprintf(`{"community":"test","id":"m1","commitment":"%x"}`, sum)},
			})
			if err != nil {
				t.Fatal(err)
			}
			report, err := VerifyDir(t.Context(), dir, "", nil)
			if err != nil || report.Private != 1 {
				t.Fatalf("%d private values, %v", report.Private, err)
			}
			edit(t, filepath.Join(dir, File), c.statement)
			if _, err := VerifyDir(t.Context(), dir, "", nil); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}

func TestAnotherKeyIsNotTrusted(t *testing.T) {
	t.Parallel()
	dir, other := filled(t), t.TempDir()
	openAt(t, other)
	public, err := os.ReadFile(filepath.Join(other, ledger.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	foreign := filepath.Join(t.TempDir(), "foreign.pub")
	if err := os.WriteFile(foreign, public, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := VerifyDir(t.Context(), dir, foreign, nil); err == nil || !strings.Contains(err.Error(), "checkpoint") {
		t.Errorf("error %v, want a checkpoint that is not trusted", err)
	}
}

// TestDamagedPage overwrites each page of the database in turn, whole and its
// beginning: every time the report is of damage, not of a posting.
func TestDamagedPage(t *testing.T) {
	t.Parallel()
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
				_, err := VerifyDir(t.Context(), dir, "", nil)
				if e := (*ledger.DamagedError)(nil); !errors.As(err, &e) {
					t.Errorf("page %d, %d bytes of %#x: %v", at/page+1, size, with, err)
				}
			}
		}
	}
}

func TestReopen(t *testing.T) {
	t.Parallel()
	dir := filled(t)
	l := openAt(t, dir)
	if err := l.SubmitRun(t.Context(), run(t, 3, 3)); err != nil {
		t.Fatal(err)
	}
	report, err := VerifyDir(t.Context(), dir, "", nil)
	if err != nil || report.Runs != 4 {
		t.Errorf("%d runs after reopening, %v", report.Runs, err)
	}
}

func BenchmarkSubmitRun(b *testing.B) {
	dir := b.TempDir()
	l, err := OpenLedger(b.Context(), dir, community, "EUR", ledger.SeededNames(1))
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	const points = 1000
	in := settlement.Input{Community: community, Run: 1, Tariff: tariff.Tariff{Version: "t", Currency: "EUR", Retail: 300_000}, Points: map[string]settlement.Point{}}
	var devices []grid.Device
	for i := range points {
		p := fmt.Sprintf("mp-%04d", i)
		devices = append(devices, grid.Device{ID: p, Kind: grid.Meter, Member: "m-" + p, MeteringPoint: p})
		in.Points[p] = settlement.Point{Account: account(b, p)}
		in.Metered = append(in.Metered, record.Metered{MeteringPoint: p, Flow: grid.Flow{Import: 100}, Quality: grid.Good})
	}
	if err := l.Register(b.Context(), devices...); err != nil {
		b.Fatal(err)
	}
	runs := make([]record.Run, b.N)
	for n := range runs {
		in.Interval = grid.Interval{Start: 1_780_315_200, Minutes: 15}.Shift(n)
		r, err := settlement.Settle(in)
		if err != nil {
			b.Fatal(err)
		}
		runs[n] = r.Record()
	}
	b.ResetTimer()
	for _, r := range runs {
		if err := l.SubmitRun(b.Context(), r); err != nil {
			b.Fatal(err)
		}
	}
	if n, err := l.ClosedRuns(b.Context()); err != nil || n != int64(b.N) { // indexed as well
		b.Fatal(n, err)
	}
	b.StopTimer()
	b.ReportMetric(points*float64(b.N)/b.Elapsed().Seconds(), "postings/s")
	begun := time.Now()
	report, err := VerifyDir(b.Context(), dir, "", nil)
	if err != nil || report.Postings != int64(points*b.N) {
		b.Fatal(report.Postings, err)
	}
	b.ReportMetric(float64(report.Postings)/time.Since(begun).Seconds(), "verified/s")
}
