package audit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/proof"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/tariff"
)

// Working is how a run came about: all that it takes to compute it anew. Metering
// points are named by their accounts.
type Working struct {
	Community string            `json:"community"`
	Interval  string            `json:"interval"`
	Run       int               `json:"run"`
	Tariff    tariff.Tariff     `json:"tariff"`
	Basis     settlement.Basis  `json:"basis"`
	Leaves    []json.RawMessage `json:"leaves"` // each a Leaf: what the reading root commits to
}

// Readings are what an auditor may see of the readings.
type Readings interface {
	// Reading returns a signed batch, nil when it is not there.
	Reading(digest proof.Digest) ([]byte, error)
	// Salt returns a member's salt by the member's name, nil when it is not known.
	Salt(member string) []byte
}

// Checked is what was computed anew.
type Checked struct {
	Runs       int // all of whose postings came out
	Statements int // of metering points
	Proven     int // of these, by signed readings
	Estimated  int // of these, by the declared substitution, which is taken on trust
	Official   int // of these, by files of the grid operator's values that are on the ledger
	Unseen     int // of these, whose readings are not here
	Without    int // closed runs of which it is not here how they came about

	Months        int // that the fund guaranteed and that were reckoned anew
	MonthsWithout int // of which it is not here how they came about
}

// Judge computes runs anew from their workings.
type Judge struct {
	Checked Checked

	readings  Readings
	postings  func(ctx context.Context, interval string) ([]record.Posting, error)
	wrong     []string                   // what did not match, in order
	manifests map[string]record.Manifest // community/interval/run
	closings  map[string]record.Closing
	checked   map[string]bool // runs
	devices   map[string]registered[chaincode.Device]
	points    map[string]registered[chaincode.MeteringPoint]
	keys      map[string]registered[[]chaincode.GatewayKey]
	months    guaranteed
	files     map[string]chaincode.OfficialFile // by digest
}

// registered is what the registry has, and until when it counts.
type registered[T any] struct {
	Value   T      `json:"value"`
	Revoked string `json:"revoked"` // RFC 3339; empty: it counts
}

func (r registered[T]) counts(t time.Time) bool {
	until, err := time.Parse(time.RFC3339, r.Revoked)
	return r.Revoked == "" || err == nil && t.Before(until)
}

// NewJudge returns a judge who trusts records and postings, which were verified.
// readings may be nil.
func NewJudge(records [][]byte, readings Readings, postings func(ctx context.Context, interval string) ([]record.Posting, error)) (*Judge, error) {
	j := &Judge{
		readings: readings, postings: postings,
		manifests: map[string]record.Manifest{}, closings: map[string]record.Closing{}, checked: map[string]bool{},
		devices: map[string]registered[chaincode.Device]{}, points: map[string]registered[chaincode.MeteringPoint]{}, keys: map[string]registered[[]chaincode.GatewayKey]{},
		months: newGuaranteed(),
		files:  map[string]chaincode.OfficialFile{},
	}
	for n, text := range records {
		var r ledger.Record
		err := json.Unmarshal(text, &r)
		if err == nil {
			err = j.learn(r)
		}
		if err != nil {
			return nil, fmt.Errorf("record %d: %w", n, err)
		}
	}
	return j, nil
}

func (j *Judge) learn(r ledger.Record) error {
	name := strings.Join(r.At, "/")
	switch r.Kind {
	case chaincode.KindManifest:
		var m record.Manifest
		err := json.Unmarshal(r.Value, &m)
		j.manifests[name] = m
		return err
	case chaincode.KindClosing:
		var c record.Closing
		err := json.Unmarshal(r.Value, &c)
		j.closings[name] = c
		return err
	case chaincode.KindDevice:
		var d registered[chaincode.Device]
		err := json.Unmarshal(r.Value, &d)
		j.devices[d.Value.ID] = d
		return err
	case chaincode.KindMeteringPoint:
		var p registered[chaincode.MeteringPoint]
		err := json.Unmarshal(r.Value, &p)
		j.points[p.Value.ID] = p
		return err
	case chaincode.KindGateway:
		var k registered[[]chaincode.GatewayKey]
		err := json.Unmarshal(r.Value, &k)
		j.keys[r.At[len(r.At)-1]] = k
		return err
	case chaincode.KindGuarantee:
		return j.months.learn(r.Value)
	case chaincode.KindOfficialFile:
		var f chaincode.OfficialFile
		err := json.Unmarshal(r.Value, &f)
		j.files[r.At[len(r.At)-1]] = f
		return err
	default:
		return nil
	}
}

// CheckKept checks a working as it is kept by its reading root. One of a run that is
// not on the ledger yet, or of a try that was not the one, says nothing.
func (j *Judge) CheckKept(ctx context.Context, root string, text []byte) error {
	var w Working
	if err := json.Unmarshal(text, &w); err != nil {
		return &TamperedError{What: fmt.Sprintf("how a run came about: %v", err)}
	}
	if w.Community == "" || w.Interval == "" {
		return &TamperedError{What: "how a run came about: names no run"}
	}
	if m, found := j.manifests[w.name()]; !found || m.ReadingRoot != root {
		return nil
	}
	return j.Check(ctx, w)
}

func (w Working) name() string { return fmt.Sprintf("%s/%s/%d", w.Community, w.Interval, w.Run) }

// Note keeps what does not match for Finish, so that all of it is named and the rest is
// checked too. It returns any other error.
func (j *Judge) Note(err error) error {
	var wrong *TamperedError
	if !errors.As(err, &wrong) {
		return err // also nil
	}
	j.wrong = append(j.wrong, wrong.Error())
	return nil
}

// mostNamed is how many runs that do not come out are named.
const mostNamed = 50

// Finish counts the closed runs that were not checked, and names those that did not come
// out. Errors: *TamperedError.
func (j *Judge) Finish() (Checked, error) {
	j.Checked.Without = 0
	for name := range j.closings {
		if !j.checked[name] {
			j.Checked.Without++
		}
	}
	if err := j.Note(j.months.finish(&j.Checked)); err != nil {
		return j.Checked, err
	}
	if len(j.wrong) == 0 {
		return j.Checked, nil
	}
	text := strings.Join(j.wrong[:min(len(j.wrong), mostNamed)], "\n")
	if more := len(j.wrong) - mostNamed; more > 0 {
		text += fmt.Sprintf("\nand %d more", more)
	}
	if len(j.wrong) > 1 {
		text += fmt.Sprintf("\n%d runs do not match; %d others do", len(j.wrong), j.Checked.Runs)
	}
	return j.Checked, &TamperedError{What: text}
}

// Check computes a run anew: what was metered from the signed readings, the
// postings and the manifest from that and the trades. Errors: *TamperedError.
func (j *Judge) Check(ctx context.Context, w Working) error {
	name := w.name()
	wrong := func(format string, args ...any) error {
		return &TamperedError{What: "run " + name + ": " + fmt.Sprintf(format, args...)}
	}
	manifest, found := j.manifests[name]
	if !found {
		return wrong("is not on the ledger")
	}
	if j.checked[name] {
		return wrong("is told twice")
	}
	j.checked[name] = true
	i, err := grid.ParseInterval(w.Interval)
	if err != nil {
		return wrong("%v", err)
	}
	metered, err := j.metered(i, w.Leaves)
	if err != nil {
		return wrong("%v", err)
	}
	records := make([][]byte, len(w.Leaves))
	for k, l := range w.Leaves {
		records[k] = l
	}
	root, err := proof.Root(records)
	if err != nil {
		return err
	}
	if err := j.membersOf(w); err != nil {
		return wrong("%v", err)
	}
	if err := j.sameAsFirst(w, manifest); err != nil {
		return wrong("%v", err)
	}
	previous, err := j.before(ctx, w)
	if err != nil {
		return err
	}
	run, err := settlement.Settle(settlement.Input{
		Community: w.Community, Interval: i, Run: w.Run, Tariff: w.Tariff, First: &w.Basis,
		Metered: metered, ReadingRoot: root, Previous: previous,
	})
	if err != nil {
		return wrong("%v", err)
	}
	if got := run.Manifest; !sameManifest(got, manifest) {
		return wrong("comes out otherwise when it is computed anew: %s", difference(got, manifest))
	}
	j.Checked.Runs++
	j.Checked.Statements += len(run.Statements)
	return j.months.take(name, run)
}

// membersOf makes sure that own energy was shared between accounts of one member alone.
func (j *Judge) membersOf(w Working) error {
	for _, account := range slices.Sorted(maps.Keys(w.Basis.Members)) {
		if member := w.Basis.Members[account]; j.points[account].Value.Member != member {
			return fmt.Errorf("account %s: was settled as one of the member %s, the registry says otherwise", account, member)
		}
	}
	return nil
}

// sameAsFirst makes sure that a later run was made from what the first one froze.
func (j *Judge) sameAsFirst(w Working, m record.Manifest) error {
	w.Run = 1
	first, found := j.manifests[w.name()]
	if !found {
		return errors.New("the first run of its interval is not on the ledger")
	}
	if m.TradeDigest != first.TradeDigest || m.TariffDigest != first.TariffDigest || m.RulesDigest != first.RulesDigest {
		return errors.New("was made from other trades, another tariff or other rules than the first run of its interval")
	}
	return nil
}

func sameManifest(a, b record.Manifest) bool { return difference(a, b) == "" }

// difference names in what two manifests differ.
func difference(a, b record.Manifest) string {
	switch {
	case a.TradeDigest != b.TradeDigest:
		return "other trades"
	case a.ReadingRoot != b.ReadingRoot:
		return "other readings"
	case a.Tariff != b.Tariff, a.TariffDigest != b.TariffDigest:
		return "another tariff"
	case a.Estimated != b.Estimated:
		return "not estimated alike"
	case a.RulesDigest != b.RulesDigest:
		return "other rules, nodes, members or rates"
	case !slices.Equal(a.BatchDigests, b.BatchDigests):
		return "other postings"
	default:
		return ""
	}
}

// before returns the postings of the earlier runs of the interval.
func (j *Judge) before(ctx context.Context, w Working) (previous []record.Posting, err error) {
	if w.Run == 1 {
		return nil, nil
	}
	all, err := j.postings(ctx, w.Interval)
	if err != nil {
		return nil, err
	}
	for _, p := range all {
		parts := record.PartsOf(p.ID)
		if parts == nil {
			continue
		}
		if run, err := strconv.Atoi(parts[3]); err == nil && run < w.Run {
			previous = append(previous, p)
		}
	}
	return previous, nil
}

// metered returns what was metered of each account, compared with the signed readings.
// The error names every account that does not match.
func (j *Judge) metered(i grid.Interval, leaves []json.RawMessage) ([]record.Metered, error) {
	metered := make([]record.Metered, len(leaves))
	var wrong []error
	for k, text := range leaves {
		var l record.Leaf
		if err := json.Unmarshal(text, &l); err != nil {
			return nil, fmt.Errorf("leaf %d: %w", k, err)
		}
		metered[k] = l.Metered
		if l.Quality.IsOfficial() {
			if err := j.officially(i, l); err != nil {
				wrong = append(wrong, fmt.Errorf("account %s: %w", l.MeteringPoint, err))
			}
			continue
		}
		if len(l.Official) > 0 {
			wrong = append(wrong, fmt.Errorf("account %s: names files of official values, and does not count as one", l.MeteringPoint))
		}
		if l.Quality != grid.Good {
			if l.Batches != [4]proof.Digest{} {
				wrong = append(wrong, fmt.Errorf("account %s: was estimated, although it names readings", l.MeteringPoint))
			}
			j.Checked.Estimated++
			continue
		}
		flow, seen, err := j.flow(i, l)
		switch {
		case err != nil:
			wrong = append(wrong, fmt.Errorf("account %s: %w", l.MeteringPoint, err))
		case !seen:
			j.Checked.Unseen++
		case flow != l.Flow:
			wrong = append(wrong, fmt.Errorf("account %s: was settled with %d Wh import and %d Wh export, the signed readings say %d and %d", l.MeteringPoint, l.Flow.Import, l.Flow.Export, flow.Import, flow.Export))
		default:
			j.Checked.Proven++
		}
	}
	return metered, errors.Join(wrong...)
}

// flow computes what was metered from the signed readings.
func (j *Judge) flow(i grid.Interval, l record.Leaf) (flow grid.Flow, seen bool, err error) {
	var around [4]grid.Registers
	for k, digest := range l.Batches {
		if digest == "" {
			return flow, false, errors.New("counts as read, but names no readings")
		}
		if j.readings == nil {
			return flow, false, nil
		}
		signed, err := j.readings.Reading(digest)
		if err != nil || signed == nil {
			return flow, false, err
		}
		t, before := [2]time.Time{i.Begin(), i.End()}[k/2], k%2 == 0
		around[k], err = j.registers(signed, digest, l, t, before)
		if errors.Is(err, errErased) {
			return flow, false, nil
		}
		if err != nil {
			return flow, false, fmt.Errorf("batch %s: %w", digest, err)
		}
	}
	for end := range 2 {
		if gap := around[2*end+1].Time.Sub(around[2*end].Time); gap > proof.Fresh {
			return flow, false, fmt.Errorf("counts as read, but the readings around a boundary are %s apart", gap)
		}
	}
	begin, err := grid.At(around[0], around[1], i.Begin())
	if err != nil {
		return flow, false, err
	}
	end, err := grid.At(around[2], around[3], i.End())
	return grid.Flow{Import: end.Import - begin.Import, Export: end.Export - begin.Export}, true, err
}

// errErased reports readings of a member who cannot be recognised any more.
var errErased = errors.New("the member's salt is not here")

// registers returns what a signed batch says of an account's connection meter at
// t or the nearest before, or after it. Of two at one time the later one counts, as
// where readings are kept.
func (j *Judge) registers(signed []byte, digest proof.Digest, l record.Leaf, t time.Time, before bool) (at grid.Registers, err error) {
	b, got, err := proof.ReadBatch(signed)
	if err != nil {
		return at, err
	}
	if got != digest {
		return at, fmt.Errorf("is another: its digest is %s", got)
	}
	if err := j.signed(b.Gateway, signed, t); err != nil {
		return at, err
	}
	if skew := time.Duration(b.SkewMS) * time.Millisecond; skew.Abs() > proof.MostSkew {
		return at, fmt.Errorf("counts as read, but the gateway's clock was off by %s", skew)
	}
	salt := j.readings.Salt(b.Member)
	if salt == nil {
		return at, errErased
	}
	found := false
	for _, r := range b.Readings {
		d := j.devices[chaincode.Pseudonym(salt, chaincode.KindDevice, r.Device)]
		mine := d.Value.MeteringPoint == l.MeteringPoint && d.Value.Kind == string(grid.Meter) && d.counts(r.Time)
		if mine && (l.Only == grid.ImportOnly && r.Export != nil || l.Only == grid.ExportOnly && r.Import != nil) {
			return at, fmt.Errorf("shows both registers of the account's connection meter at %s, and it was settled as if it had %s alone", r.Time.Format(time.RFC3339), l.Only)
		}
		registers := r.RegistersOf(l.Only)
		if !mine || registers == nil || before && r.Time.After(t) || !before && r.Time.Before(t) {
			continue
		}
		if !found || r.Time.Equal(at.Time) || r.Time.After(at.Time) == before {
			at, found = *registers, true
		}
	}
	if !found {
		return at, fmt.Errorf("has no reading of the account's connection meter at %s", t.Format(time.RFC3339))
	}
	return at, nil
}

func (j *Judge) signed(gateway string, signed []byte, t time.Time) error {
	keys := j.keys[gateway]
	if !keys.counts(t) {
		return fmt.Errorf("gateway %q was revoked before", gateway)
	}
	for _, k := range keys.Value {
		key, err := proof.DecodeKey(k.PublicKey)
		if err == nil && proof.VerifyBatch(signed, key) == nil {
			return nil
		}
	}
	return fmt.Errorf("is not signed by a registered key of gateway %q", gateway)
}
