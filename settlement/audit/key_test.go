package audit_test

import (
	"strings"
	"testing"

	"github.com/commonwatt/commonwatt/proof"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/settlement/audit"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/settlement/sharing"
)

// newKeyed is a community that shares by an allocation key.
func newKeyed(t *testing.T) *settled {
	t.Helper()
	third, err := sharing.ParseRatio("1/3")
	must(t, err)
	key := &settlement.Key{
		Pack: "at-eeg", Price: settlement.KeyPrice{By: settlement.ByAmount, Fixed: 120_000}, OwnFirst: true,
		Scheme: sharing.Scheme{
			Key:     sharing.Key{Kind: sharing.Static, Unused: sharing.ToPlant, Entries: []sharing.Entry{{Point: point(0), Share: third}, {Point: point(1), Share: third}}},
			Plants:  []sharing.Plant{{Point: point(2), Owners: []string{point(1)}}},
			Factors: []sharing.Factor{{Point: point(0), Share: third}},
		},
	}
	return newSettledOf(t, 1, &settled{t: t, dir: t.TempDir(), signed: map[proof.Digest][]byte{}, rules: &settlement.Rules{Pool: settlement.Off, SamePoint: true, NodesByRank: true, Key: key}})
}

// TestKeyInABundle: the allocation key goes with the bundle, by accounts, and is computed anew;
// whatever is changed of it, the run does not come out.
func TestKeyInABundle(t *testing.T) {
	t.Parallel()
	s := newKeyed(t)
	report, err := s.verify(s.bundle(ledger.Query{}, nil), nil)
	if err != nil || report.Checked.Runs != 1 || report.Checked.Proven != homes {
		t.Fatalf("%+v, %v", report, err)
	}
	if !strings.Contains(string(s.workings[0]), `"share":"1/3"`) || strings.Contains(string(s.workings[0]), `"point":"`+point(0)) {
		t.Fatalf("the working carries no key, or one that names metering points: %s", s.workings[0])
	}
	half, err := sharing.ParseRatio("1/2")
	must(t, err)
	for what, change := range map[string]func(k *settlement.Key){
		"another share":      func(k *settlement.Key) { k.Entries[0].Share = half },
		"a participant less": func(k *settlement.Key) { k.Entries = k.Entries[:1] },
		"participants exchanged": func(k *settlement.Key) {
			k.Entries[0].Point, k.Entries[1].Point = k.Entries[1].Point, k.Entries[0].Point
		},
		"another kind":            func(k *settlement.Key) { k.Key = sharing.Key{Kind: sharing.Dynamic} },
		"unused energy otherwise": func(k *settlement.Key) { k.Unused = sharing.Own },
		"a round more":            func(k *settlement.Key) { k.Rounds = 2 },
		"another price":           func(k *settlement.Key) { k.Price.Fixed++ },
		"no price":                func(k *settlement.Key) { k.Price = settlement.KeyPrice{By: settlement.ByNothing} },
		"another factor":          func(k *settlement.Key) { k.Factors[0].Share = half },
		"an owner less":           func(k *settlement.Key) { k.Plants[0].Owners = nil },
		"plants in order":         func(k *settlement.Key) { k.InOrder = true },
		"own energy not first":    func(k *settlement.Key) { k.OwnFirst = false },
		"another pack":            func(k *settlement.Key) { k.Pack = "lu" },
	} {
		newKeyed(t).lies(what, func(_ *settled, w *audit.Working, _ *record.Leaf) { change(w.Basis.Rules.Key) }, "other rules")
	}
	newKeyed(t).lies("a market", func(_ *settled, w *audit.Working, _ *record.Leaf) { w.Basis.Rules.Key = nil }, "other rules")
	newSettled(t, 1).lies("a key where there was a market", func(_ *settled, w *audit.Working, _ *record.Leaf) {
		w.Basis.Rules.Key = &settlement.Key{Scheme: sharing.Scheme{Key: sharing.Key{Kind: sharing.Dynamic}}, Price: settlement.KeyPrice{By: settlement.ByNothing}}
	}, "other rules")
}
