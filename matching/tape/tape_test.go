package tape_test

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
	"testing"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching"
	"github.com/commonwatt/commonwatt/matching/tape"
)

// book is an independent engine for tapes alone: sorted lists.
type book struct {
	resting map[uint16][]tape.Record // in order of arrival
	hash    uint64
	trades  uint64
}

func (b *book) play(r tape.Record) {
	alive := func(o tape.Record) bool { return o.Order == r.Order }
	if r.Op == tape.Cancel {
		for p, orders := range b.resting {
			b.resting[p] = slices.DeleteFunc(orders, alive)
		}
		return
	}
	for _, orders := range b.resting {
		if slices.ContainsFunc(orders, alive) {
			return
		}
	}
	left := r.Energy
	for left > 0 {
		best := -1
		for i, o := range b.resting[r.Product] {
			meets := r.Side == grid.Bid && o.Tick <= r.Tick || r.Side == grid.Offer && o.Tick >= r.Tick
			better := best < 0 || r.Side == grid.Bid && o.Tick < b.resting[r.Product][best].Tick || r.Side == grid.Offer && o.Tick > b.resting[r.Product][best].Tick
			if o.Side != r.Side && meets && better {
				best = i
			}
		}
		if best < 0 {
			break
		}
		o := &b.resting[r.Product][best]
		part := min(left, o.Energy)
		left -= part
		o.Energy -= part
		b.trades++
		b.hash = (b.hash ^ (o.Order*0x9E3779B97F4A7C15 + r.Order)) * 0x100000001B3
		b.hash = (b.hash ^ (uint64(o.Tick)<<32 | uint64(part))) * 0x100000001B3
		if o.Energy == 0 {
			b.resting[r.Product] = slices.Delete(b.resting[r.Product], best, best+1)
		}
	}
	if left > 0 && r.Op == tape.Add {
		r.Energy = left
		b.resting[r.Product] = append(b.resting[r.Product], r)
	}
}

func player(t testing.TB, tp tape.Tape) *tape.Player {
	t.Helper()
	e, err := matching.New(tape.Rules(tp.MaxTick))
	if err != nil {
		t.Fatal(err)
	}
	return tape.NewPlayer(e, tp.Products)
}

// TestCheckAgainstIndependentEngine plays tapes of several kinds, made harder
// by ids that are used twice and cancels of nothing.
func TestCheckAgainstIndependentEngine(t *testing.T) {
	for seed, spec := range []tape.Spec{
		{Commands: 3000, Resting: 200, Products: 1, MaxTick: 1000, Add: 600, Cancel: 350, Cross: 300},
		{Commands: 3000, Resting: 50, Products: 1, MaxTick: 4, Add: 600, Cancel: 300, Cross: 500},
		{Commands: 3000, Resting: 500, Products: 40, MaxTick: 1 << 20, Add: 800, Cancel: 100, Cross: 100},
		{Commands: 3000, Resting: 0, Products: 2, MaxTick: 64, Add: 300, Cancel: 300, Cross: 900},
	} {
		spec.Seed = uint64(seed)
		tp, err := tape.Generate(spec)
		if err != nil {
			t.Fatal(err)
		}
		for i := range tp.Records {
			if r := &tp.Records[i]; i%50 == 49 {
				r.Order = uint64(i / 2) // often alive, often gone
			}
		}
		p, want, l := player(t, tp), &book{resting: map[uint16][]tape.Record{}}, newLadder(tp)
		if err := p.Play(tp.Records); err != nil {
			t.Fatal(err)
		}
		l.play(tp.Records)
		for _, r := range tp.Records {
			want.play(r)
		}
		if got := p.Check(); got.Hash != want.hash || got.Trades != want.trades || got.Trades < 100 {
			t.Errorf("seed %d: %+v, want %d trades and %x", seed, got, want.trades, want.hash)
		}
		if l.check != (check{want.hash, want.trades}) {
			t.Errorf("seed %d: the ladder of the benchmark gives %+v", seed, l.check)
		}
	}
}

func TestGenerateIsReproducibleAndReads(t *testing.T) {
	spec := tape.Spec{Seed: 7, Commands: 2000, Resting: 100, Products: 3, MaxTick: 500, Add: 600, Cancel: 350, Cross: 300}
	var files [2]bytes.Buffer
	for i := range files {
		tp, err := tape.Generate(spec)
		if err != nil {
			t.Fatal(err)
		}
		if err := tp.Write(&files[i]); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(files[0].Bytes(), files[1].Bytes()) {
		t.Error("the same spec gave two tapes")
	}
	tp, err := tape.Read(bytes.NewReader(files[0].Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	ops := map[tape.Op]int{}
	for _, r := range tp.Records[tp.Prefill:] {
		ops[r.Op]++
	}
	if tp.Seed != 7 || tp.Products != 3 || tp.MaxTick != 500 || tp.Prefill != 100 || len(tp.Records) != 2100 || ops[tape.Add] < 1100 || ops[tape.Cancel] < 600 || ops[tape.Take] < 50 {
		t.Errorf("read %d records with prefill %d, %v", len(tp.Records), tp.Prefill, ops)
	}
	var again bytes.Buffer
	if err := tp.Write(&again); err != nil || !bytes.Equal(again.Bytes(), files[0].Bytes()) {
		t.Errorf("read and written again: %v", err)
	}
}

func TestBadTapes(t *testing.T) {
	tp, err := tape.Generate(tape.Spec{Commands: 3, Products: 1, MaxTick: 10, Add: 1000})
	if err != nil {
		t.Fatal(err)
	}
	var good bytes.Buffer
	if err := tp.Write(&good); err != nil {
		t.Fatal(err)
	}
	for want, spoil := range map[string]func(b []byte) []byte{
		"header":                          func(b []byte) []byte { return b[:30] },
		"does not begin with OBWL1":       func(b []byte) []byte { b[0] = 'X'; return b },
		"prefill 9 of 3 records":          func(b []byte) []byte { b[16] = 9; return b },
		"record 2 of 3":                   func(b []byte) []byte { return b[:len(b)-1] },
		"there is more after its 3":       func(b []byte) []byte { return append(b, 0) },
		"record 1: op 7":                  func(b []byte) []byte { b[64+24+16] = 7; return b },
		"record 0: op 1, side 2":          func(b []byte) []byte { b[64+17] = 2; return b },
		"product 1, tick":                 func(b []byte) []byte { b[64+18] = 1; return b },
		"tick 11: out of range":           func(b []byte) []byte { b[64+8] = 11; return b },
		"record 0: op 1, side 0, product": func(b []byte) []byte { b[64+8], b[64+17] = 0, 0; return b },
	} {
		_, err := tape.Read(bytes.NewReader(spoil(bytes.Clone(good.Bytes()))))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func FuzzRead(f *testing.F) {
	tp, err := tape.Generate(tape.Spec{Commands: 20, Products: 2, MaxTick: 10, Add: 500, Cancel: 300, Cross: 500})
	if err != nil {
		f.Fatal(err)
	}
	var b bytes.Buffer
	if err := tp.Write(&b); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add(b.Bytes()[:70])
	f.Fuzz(func(t *testing.T, b []byte) {
		tp, err := tape.Read(bytes.NewReader(b))
		if err != nil || tp.MaxTick >= matching.MaxTicks || tp.Products > 100 {
			return
		}
		if err := player(t, tp).Play(tp.Records); err != nil {
			t.Fatal(err)
		}
	})
}

// workloads are what the benchmarks play: default, few levels, wide and sparse,
// many products, heavily crossing.
func workloads() map[string]tape.Spec {
	spec := tape.Spec{Seed: 1, Commands: 300_000, Resting: 20_000, Products: 1, MaxTick: 10_000, Add: 600, Cancel: 350, Cross: 300}
	deep, sparse, many, heavy := spec, spec, spec, spec
	deep.MaxTick = 50
	sparse.MaxTick = 200_000
	many.Products, many.MaxTick = 1000, 1000
	heavy.Add, heavy.Cancel, heavy.Cross = 750, 80, 500
	return map[string]tape.Spec{"default": spec, "deep": deep, "sparse": sparse, "many": many, "heavy": heavy}
}

// BenchmarkTape plays workloads on the engine, on a bare ladder, which does
// much less, and, shorter, on the naive reference of the tests above, in one
// run.
func BenchmarkTape(b *testing.B) {
	all := workloads()
	names := make([]string, 0, len(all))
	for name := range all {
		names = append(names, name)
	}
	slices.SortFunc(names, func(x, y string) int { return cmp.Compare(x, y) })
	for _, name := range names {
		tp, err := tape.Generate(all[name])
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name+"/engine", func(b *testing.B) {
			commands := 0
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				p := player(b, tp)
				if err := p.Play(tp.Records[:tp.Prefill]); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
				if err := p.Play(tp.Records[tp.Prefill:]); err != nil {
					b.Fatal(err)
				}
				commands += len(tp.Records) - int(tp.Prefill)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(commands), "ns/command")
		})
		b.Run(name+"/ladder", func(b *testing.B) {
			commands := 0
			for b.Loop() {
				b.StopTimer()
				l := newLadder(tp)
				l.play(tp.Records[:tp.Prefill])
				b.StartTimer()
				l.play(tp.Records[tp.Prefill:])
				commands += len(tp.Records) - int(tp.Prefill)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(commands), "ns/command")
		})
		b.Run(name+"/naive", func(b *testing.B) {
			const timed = 300
			commands := 0
			for b.Loop() {
				b.StopTimer()
				naive := &book{resting: map[uint16][]tape.Record{}}
				for _, r := range tp.Records[:tp.Prefill] {
					naive.resting[r.Product] = append(naive.resting[r.Product], r) // passive
				}
				b.StartTimer()
				for _, r := range tp.Records[tp.Prefill : tp.Prefill+timed] {
					naive.play(r)
				}
				commands += timed
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(commands), "ns/command")
		})
	}
}
