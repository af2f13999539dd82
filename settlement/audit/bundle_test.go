package audit_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/proof"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/settlement/audit"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/settlement/ledger/embedded"
	"github.com/commonwatt/commonwatt/tariff"
)

// settled is a community with settled intervals, their workings and the signed
// readings.
type settled struct {
	t        *testing.T
	l        *ledger.Ledger
	dir      string
	key      *ecdsa.PrivateKey
	workings [][]byte
	roots    []string // reading roots of the workings
	signed   map[proof.Digest][]byte
	rates    map[string]tariff.Rates // by metering point; nil: one tariff
	rules    *settlement.Rules       // nil: the usual ones
}

const homes = 3

// Reading implements audit.Readings.
func (s *settled) Reading(digest proof.Digest) ([]byte, error) { return s.signed[digest], nil }

// Salt implements audit.Readings.
func (s *settled) Salt(member string) []byte { return s.l.Names.Known(member) }

func newSettled(t *testing.T, intervals int) *settled {
	t.Helper()
	return newSettledBy(t, intervals, nil)
}

// newSettledBy is the same by rates of metering points.
func newSettledBy(t *testing.T, intervals int, rates map[string]tariff.Rates) *settled {
	t.Helper()
	return newSettledOf(t, intervals, &settled{t: t, dir: t.TempDir(), signed: map[proof.Digest][]byte{}, rates: rates})
}

func newSettledOf(t *testing.T, intervals int, s *settled) *settled {
	t.Helper()
	names, err := ledger.OpenNames(filepath.Join(s.dir, ledger.NamesFile))
	must(t, err)
	s.l, err = embedded.OpenLedger(t.Context(), s.dir, community, "EUR", names)
	must(t, err)
	t.Cleanup(func() { _ = s.l.Close() })
	register(t, s.l, homes)
	s.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	public, err := proof.EncodeKey(&s.key.PublicKey)
	must(t, err)
	must(t, s.l.RegisterGateway(t.Context(), "gw-1", public))
	for k := range intervals {
		s.settle(interval(100, k))
	}
	return s
}

// withoutExport is a home whose meter counts what it takes alone.
const withoutExport = homes - 1

// at returns the registers of a home's meter at the beginning of the k-th interval.
func at(home, k int) (imports, exports grid.Energy) {
	if home == withoutExport {
		return grid.Energy(1000 + 100*k*(home+1)), 0
	}
	return grid.Energy(1000 + 100*k*(home+1)), grid.Energy(500 + 7*k*home)
}

// batch signs what a home's meter showed at an instant.
func (s *settled) batch(home int, i grid.Interval, k int, key *ecdsa.PrivateKey) proof.Digest {
	imports, exports := at(home, k)
	readings := []grid.Reading{
		{Device: point(home) + "/meter", Time: i.Begin(), Quality: grid.Good, Import: new(imports + grid.Energy(7*k+7)), Export: new(exports + grid.Energy(7*k+7))}, // replaced
		{Device: point(home) + "/meter", Time: i.Begin(), Quality: grid.Suspect, Import: &imports, Export: &exports},                                                // its power was not believed
	}
	if home == withoutExport {
		readings[0].Export, readings[1].Export = nil, nil
	}
	signed, digest, err := proof.SignBatch(proof.Batch{
		Community: community, Gateway: "gw-1", Sequence: uint64(10*k + home + 1), Member: "m-" + point(home), Readings: readings,
	}, key)
	must(s.t, err)
	s.signed[digest] = signed
	return digest
}

func (s *settled) settle(i grid.Interval) {
	s.t.Helper()
	k := int(i.Start-interval(100, 0).Start) / 900
	in := settlement.Input{
		Community: community, Interval: i, Run: 1, Tariff: tariff.Tariff{Version: "t", Currency: "EUR", Retail: 300_000, FeedIn: 60_000},
		Rules: cmp.Or(s.rules, new(settlement.DefaultRules())), Salt: "salted", Feeder: grid.Feeder{Nodes: []grid.Node{{ID: "root"}, {ID: "street", Parent: "root", Fee: 20_000}}},
		Points: map[string]settlement.Point{}, Rates: s.rates,
		Trades: []grid.Trade{{Product: grid.Product{Community: community, Interval: i}, Seq: 1, Buyer: point(0), Seller: point(2), Energy: 9, BidPrice: 100_000, OfferPrice: 100_000}},
	}
	w := audit.Working{Community: community, Interval: i.String(), Run: 1, Tariff: in.Tariff}
	var records [][]byte
	for home := range homes {
		beginImport, beginExport := at(home, k)
		endImport, endExport := at(home, k+1)
		begin, end := s.batch(home, i, k, s.key), s.batch(home, i.Shift(1), k+1, s.key)
		m := record.Metered{MeteringPoint: point(home), Flow: grid.Flow{Import: endImport - beginImport, Export: endExport - beginExport}, Quality: grid.Good}
		in.Metered = append(in.Metered, m)
		leaf := record.Leaf{Metered: m, Salt: "blind", Batches: [4]proof.Digest{begin, begin, end, end}}
		if home == withoutExport {
			leaf.Only = grid.ImportOnly
		}
		var err error
		leaf.MeteringPoint, err = s.l.Account("m-"+point(home), point(home))
		must(s.t, err)
		member, err := s.l.Names.Member("m-" + point(home))
		must(s.t, err)
		in.Points[point(home)] = settlement.Point{Account: leaf.MeteringPoint, Member: member, Node: []string{"root", "street"}[home%2]}
		text, err := json.Marshal(leaf)
		must(s.t, err)
		w.Leaves, records = append(w.Leaves, text), append(records, text)
	}
	var err error
	in.ReadingRoot, err = proof.Root(records)
	must(s.t, err)
	r, err := settlement.Settle(in)
	must(s.t, err)
	w.Basis = r.Basis
	text, err := json.Marshal(w)
	must(s.t, err)
	s.workings, s.roots = append(s.workings, text), append(s.roots, in.ReadingRoot)
	must(s.t, s.l.SubmitRun(s.t.Context(), r.Record()))
}

// bundle exports, with a signer of its own if one is given, and reads the files.
func (s *settled) bundle(q ledger.Query, signer note.Signer) fstest.MapFS {
	s.t.Helper()
	x, err := s.l.Index(s.t.Context())
	must(s.t, err)
	dir := filepath.Join(s.t.TempDir(), "bundle")
	if signer == nil {
		signer, err = ledger.OpenSigner(s.dir)
		must(s.t, err)
	}
	_, err = audit.Bundle(s.t.Context(), x, dir, audit.Export{Query: q, Program: "test", Signer: signer, Readings: s, Workings: func(_ context.Context, see func(string, []byte) error) error {
		for k, w := range s.workings {
			if err := see(s.roots[k], w); err != nil {
				return err
			}
		}
		return nil
	}})
	must(s.t, err)
	files := fstest.MapFS{}
	must(s.t, fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(filepath.Join(dir, path))
		files[path] = &fstest.MapFile{Data: b}
		return err
	}))
	return files
}

func (s *settled) verifier() note.Verifier {
	s.t.Helper()
	key, err := ledger.ReadVerifier(filepath.Join(s.dir, ledger.PublicKey))
	must(s.t, err)
	return key
}

func (s *settled) verify(files fs.FS, older []byte) (audit.BundleReport, error) {
	return audit.VerifyBundle(s.t.Context(), files, s.verifier(), nil, older)
}

// TestBundle verifies a bundle of the whole log and one of an account, and flips
// every byte of every file: each time the file is named.
func TestBundle(t *testing.T) {
	t.Parallel()
	s := newSettled(t, 2)
	must(t, s.l.Cosign(t.Context()))
	whole := s.bundle(ledger.Query{}, nil)
	witness, err := ledger.ReadVerifier(filepath.Join(s.dir, ledger.WitnessKey))
	must(t, err)
	r, err := audit.VerifyBundle(t.Context(), whole, s.verifier(), witness, nil)
	want := audit.Checked{Runs: 2, Statements: 2 * homes, Proven: 2 * homes}
	if err != nil || !r.Whole || !r.Cosigned || r.Runs != 2 || r.Checked != want || r.Postings == 0 || r.Turnover == 0 {
		t.Fatalf("report %+v, %v", r, err)
	}
	account, err := s.l.Account("m-"+point(1), point(1))
	must(t, err)
	part := s.bundle(ledger.Query{Account: account}, nil)
	if r, err := s.verify(part, nil); err != nil || r.Whole || r.Postings == 0 || r.Checked.Runs != 0 {
		t.Errorf("bundle of an account: %+v, %v", r, err)
	}
	if bytes.Contains(part[proof.PostingsFile].Data, []byte("trade")) || len(part[proof.StatementsFile].Data) != 0 {
		t.Errorf("the bundle of one account tells of others:\n%s", part[proof.PostingsFile].Data)
	}
	flips := 0
	for name, file := range whole {
		for k := range file.Data {
			damaged := fstest.MapFS{}
			maps.Copy(damaged, whole)
			b := bytes.Clone(file.Data)
			b[k] ^= 0x20
			damaged[name] = &fstest.MapFile{Data: b}
			flips++
			_, err := s.verify(damaged, nil)
			var found *proof.BundleError
			if !errors.As(err, &found) || found.File != name {
				t.Fatalf("byte %d of %s was flipped: %v", k, name, err)
			}
		}
	}
	t.Logf("%d bytes flipped", flips)
}

// TestBundleOfAnother rebuilds a bundle with another key, leaves files out, and adds
// one.
func TestBundleOfAnother(t *testing.T) {
	t.Parallel()
	s := newSettled(t, 1)
	skey, _, err := note.GenerateKey(rand.Reader, "commonwatt/"+community)
	must(t, err)
	stranger, err := note.NewSigner(skey)
	must(t, err)
	if _, err := s.verify(s.bundle(ledger.Query{}, stranger), nil); err == nil || !strings.Contains(err.Error(), "not signed by the key") {
		t.Errorf("sealed by a stranger of the same name: %v", err)
	}
	whole := s.bundle(ledger.Query{}, nil)
	for _, name := range []string{proof.CheckpointFile, proof.PostingsFile, proof.ProofsFile, proof.RecordsFile, proof.StatementsFile, proof.ManifestFile, proof.SealFile} {
		file := whole[name]
		delete(whole, name)
		if _, err := s.verify(whole, nil); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("without %s: %v", name, err)
		}
		whole[name] = file
	}
	whole["readings/more.json"] = &fstest.MapFile{Data: []byte("{}")}
	if _, err := s.verify(whole, nil); err == nil || !strings.Contains(err.Error(), "readings/more.json") {
		t.Errorf("with a file more: %v", err)
	}
}

// TestBundleContinues holds a bundle against earlier checkpoints: its own, one of
// another history under the same key, and a later one.
func TestBundleContinues(t *testing.T) {
	t.Parallel()
	s := newSettled(t, 1)
	before := s.bundle(ledger.Query{}, nil)[proof.CheckpointFile].Data
	s.settle(interval(100, 1))
	now := s.bundle(ledger.Query{}, nil)
	if _, err := s.verify(now, before); err != nil {
		t.Errorf("its own earlier checkpoint: %v", err)
	}
	c, err := proof.OpenCheckpoint(before, s.verifier())
	must(t, err)
	signer, err := ledger.OpenSigner(s.dir)
	must(t, err)
	for what, change := range map[string]func(c *proof.Checkpoint){
		"other postings": func(c *proof.Checkpoint) { c.Root[0] ^= 1 },
		"other records":  func(c *proof.Checkpoint) { c.RecordsRoot[0] ^= 1 },
		"more postings":  func(c *proof.Checkpoint) { c.Size += 1000 },
	} {
		other := c
		change(&other)
		signed, err := other.Sign(signer)
		must(t, err)
		if _, err := s.verify(now, signed); err == nil {
			t.Errorf("an earlier checkpoint with %s was accepted", what)
		}
	}
}

// TestAnOperatorWhoLies changes how a run came about, and seals it with the
// community's own key: what was settled does not come out again.
func TestAnOperatorWhoLies(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct {
		change func(s *settled, w *audit.Working, l *record.Leaf)
		want   string
	}{
		"less metered": {func(_ *settled, _ *audit.Working, l *record.Leaf) { l.Flow.Import-- }, "the signed readings say"},
		"less metered, without the readings": {func(_ *settled, _ *audit.Working, l *record.Leaf) {
			l.Flow.Import--
			l.Batches = [4]proof.Digest{}
		}, "names no readings"},
		"called estimated": {func(_ *settled, _ *audit.Working, l *record.Leaf) {
			l.Flow.Import += 50_000
			l.Quality = grid.Estimated
		}, "although it names readings"},
		"called estimated, without the readings": {func(_ *settled, _ *audit.Working, l *record.Leaf) {
			l.Flow.Import += 50_000
			l.Quality, l.Batches = grid.Estimated, [4]proof.Digest{}
		}, "other readings"},
		"readings of another day": {func(s *settled, _ *audit.Working, l *record.Leaf) {
			l.Batches[3] = s.batch(0, interval(120, 0), 20*96, s.key)
		}, "apart"},
		"a meter that is said to have no export register": {func(_ *settled, _ *audit.Working, l *record.Leaf) { l.Only = grid.ImportOnly }, "shows both registers"},
		"a meter that is said to have no import register": {func(_ *settled, _ *audit.Working, l *record.Leaf) { l.Only = grid.ExportOnly }, "shows both registers"},
		"another tariff":             {func(_ *settled, w *audit.Working, _ *record.Leaf) { w.Tariff.Retail += 1000 }, "another tariff"},
		"a trade less":               {func(_ *settled, w *audit.Working, _ *record.Leaf) { w.Basis.Trades = nil }, "other trades"},
		"another fee of a line":      {func(_ *settled, w *audit.Working, _ *record.Leaf) { w.Basis.Feeder.Nodes[1].Fee++ }, "other rules"},
		"another node of an account": {func(_ *settled, w *audit.Working, l *record.Leaf) { w.Basis.Nodes[l.MeteringPoint] = "street" }, "other rules"},
		"an account of another member": {func(_ *settled, w *audit.Working, l *record.Leaf) {
			w.Basis.Members[l.MeteringPoint] = "another"
		}, "the registry says otherwise"},
		"an account that is said to share nothing": {func(_ *settled, w *audit.Working, l *record.Leaf) {
			w.Basis.Apart = append(w.Basis.Apart, l.MeteringPoint)
		}, "other rules"},
		"another price of the pool": {func(_ *settled, w *audit.Working, _ *record.Leaf) { w.Basis.Rules.Pool = settlement.Off }, "other rules"},
		"own energy of a point counted otherwise": {func(_ *settled, w *audit.Working, _ *record.Leaf) {
			w.Basis.Rules.SamePoint = !w.Basis.Rules.SamePoint
		}, "other rules"},
		"another salt":    {func(_ *settled, w *audit.Working, _ *record.Leaf) { w.Basis.Salt = "of another" }, "other rules"},
		"no rules at all": {func(_ *settled, w *audit.Working, _ *record.Leaf) { w.Basis.Rules = nil }, "other rules"},
		"a reading signed by nobody known": {func(s *settled, _ *audit.Working, l *record.Leaf) {
			key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
			must(s.t, err)
			l.Batches[0] = s.batch(0, interval(100, 0), 0, key)
		}, "not signed by a registered key"},
		"a neighbour's reading": {func(s *settled, _ *audit.Working, l *record.Leaf) {
			l.Batches[0] = s.batch(1, interval(100, 0), 0, s.key)
		}, "no reading of the account's connection meter"},
		"the same run twice": {func(s *settled, _ *audit.Working, _ *record.Leaf) {
			s.workings, s.roots = append(s.workings, s.workings[0]), append(s.roots, s.roots[0])
		}, "told twice"},
		"a gateway that was revoked": {func(s *settled, _ *audit.Working, _ *record.Leaf) {
			must(s.t, s.l.As(s.l.People.Operator).Registry.Revoke(s.t.Context(), chaincode.Revocation{
				Community: community, Kind: chaincode.KindGateway, ID: "gw-1", At: interval(100, 0).Begin().Format(time.RFC3339), Reason: "stolen",
			}))
		}, "was revoked before"},
	} {
		newSettled(t, 1).lies(what, c.change, c.want)
	}
}

// lies changes how the first run came about, and wants its verification to say what is wrong.
func (s *settled) lies(what string, change func(s *settled, w *audit.Working, l *record.Leaf), want string) {
	s.t.Helper()
	var w audit.Working
	var l record.Leaf
	must(s.t, json.Unmarshal(s.workings[0], &w))
	must(s.t, json.Unmarshal(w.Leaves[0], &l))
	change(s, &w, &l)
	var err error
	w.Leaves[0], err = json.Marshal(l)
	must(s.t, err)
	s.workings[0], err = json.Marshal(w)
	must(s.t, err)
	_, err = s.verify(s.bundle(ledger.Query{}, nil), nil)
	var tampered *audit.TamperedError
	if !errors.As(err, &tampered) || !strings.Contains(err.Error(), want) {
		s.t.Errorf("%s: error %v, want %q", what, err, want)
	}
}

// TestAllThatIsWrongIsNamed changes what two homes metered in the first of three runs, and
// what one did in the second: all are named, and the third is still computed anew.
func TestAllThatIsWrongIsNamed(t *testing.T) {
	t.Parallel()
	s := newSettled(t, 3)
	var accounts []string
	for k, changed := range []int{2, 1} {
		var w audit.Working
		must(t, json.Unmarshal(s.workings[k], &w))
		for n := range changed {
			var l record.Leaf
			must(t, json.Unmarshal(w.Leaves[n], &l))
			l.Flow.Import += 5
			accounts = append(accounts, l.MeteringPoint)
			w.Leaves[n], _ = json.Marshal(l)
		}
		s.workings[k], _ = json.Marshal(w)
	}
	report, err := s.verify(s.bundle(ledger.Query{}, nil), nil)
	if err == nil || report.Checked.Runs != 1 || strings.Count(err.Error(), "the signed readings say") != 3 || !strings.Contains(err.Error(), "2 runs do not match; 1 others") {
		t.Fatalf("%d runs were computed anew, %v", report.Checked.Runs, err)
	}
	for _, a := range accounts {
		if !strings.Contains(err.Error(), a) {
			t.Errorf("account %s is not named: %v", a, err)
		}
	}
}

// TestBundleLeavesOut shows what a bundle does not tell: a run without its working is
// counted, one that the ledger does not have is left out.
func TestBundleLeavesOut(t *testing.T) {
	t.Parallel()
	s := newSettled(t, 2)
	s.workings, s.roots = s.workings[:1], s.roots[:1]
	s.workings, s.roots = append(s.workings, s.workings[0]), append(s.roots, "another try")
	r, err := s.verify(s.bundle(ledger.Query{}, nil), nil)
	if err != nil || r.Checked.Runs != 1 || r.Checked.Without != 1 {
		t.Errorf("%+v, %v", r.Checked, err)
	}
}

// TestErasedReadings leaves out who has left: what is not there any more counts as
// unseen, and everything else is proven.
func TestErasedReadings(t *testing.T) {
	t.Parallel()
	s := newSettled(t, 1)
	files := s.bundle(ledger.Query{}, nil)
	if r, err := s.verify(files, nil); err != nil || r.Checked.Proven != homes {
		t.Fatalf("%+v, %v", r.Checked, err)
	}
	must(t, s.l.Names.Erase("m-"+point(0)))
	files = s.bundle(ledger.Query{}, nil)
	if r, err := s.verify(files, nil); err != nil || r.Checked.Proven != homes-1 || r.Checked.Unseen != 1 {
		t.Errorf("after a member was erased: %+v, %v", r.Checked, err)
	}
	for name, f := range files {
		if bytes.Contains(f.Data, []byte("m-"+point(0))) {
			t.Errorf("%s names a member who was erased", name)
		}
	}
}
