package statements

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/tariff"
)

// layout is that of a packed row. A later one reads the earlier ones too: fields are only
// added, at the end of numbersOf.
const layout = 1

// numbersOf lists the numbers of a point by which a row is packed, in their order for good;
// missing ones are 0.
func numbersOf(p *Point) []*int64 {
	c, d := &p.Cover, &p.Deviation
	return []*int64{
		(*int64)(&p.Metered.Import), (*int64)(&p.Metered.Export), (*int64)(&p.Net), (*int64)(&p.RetailOnly),
		(*int64)(&c.Bought), (*int64)(&c.Sold), (*int64)(&c.Imbalance), (*int64)(&c.Uncovered), (*int64)(&c.Own), (*int64)(&c.OwnGiven),
		(*int64)(&c.PoolBought), (*int64)(&c.PoolSold), (*int64)(&c.PoolPrice), (*int64)(&c.Fees), (*int64)(&c.Retail), (*int64)(&c.FeedIn),
		(*int64)(&c.KeyBought), (*int64)(&c.KeySold), (*int64)(&c.KeySurplus), (*int64)(&c.KeyGiven), (*int64)(&c.KeyPrice),
		(*int64)(&d.Undelivered), (*int64)(&d.Undrawn), (*int64)(&d.StoodIn), (*int64)(&d.Deviated), (*int64)(&p.Components),
	}
}

// coverNumbers and deviationNumbers are how many of them are a settlement.Cover's and a
// settlement.Deviation's: a test holds that they are all.
const (
	coverNumbers     = 17
	deviationNumbers = 4
)

// A packed row is: layout, seconds from the interval's end to when it was frozen (or 0, and a
// flag), rates, points, other accounts; unsigned numbers as varints, signed ones as zigzag
// varints, names by their number in the table of names.
const (
	flagEstimated = 1 << iota
	flagFrozen
)

const (
	flagWithout = 1 << iota
	flagWithoutEstimated
	flagWithoutFlow
)

// Names of members and of accounts are marked in the table of names, so that they can be
// forgotten while a metering point of the same name stays.
const (
	ofMember  = "member/"
	ofAccount = "account/"
)

// id returns the number of a name, which it gives it at first.
func (b *Book) id(name string) uint64 {
	b.mu.RLock()
	id, found := b.ids[name]
	b.mu.RUnlock()
	if found {
		return id
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	id = uint64(len(b.names))
	b.ids[name], b.names = id, append(b.names, name)
	return id
}

func (b *Book) pack(i *Interval) []byte {
	out := []byte{layout}
	var flags uint64
	if i.Estimated {
		flags |= flagEstimated
	}
	if !i.Frozen.IsZero() {
		flags |= flagFrozen
	}
	out = binary.AppendUvarint(out, flags)
	if !i.Frozen.IsZero() {
		out = binary.AppendVarint(out, i.Frozen.UnixMilli()-i.Interval.End().UnixMilli())
	}
	var rates []tariff.Rates
	for _, p := range i.Points {
		if !slices.Contains(rates, p.Rates) {
			rates = append(rates, p.Rates)
		}
	}
	out = binary.AppendUvarint(out, uint64(len(rates)))
	for _, r := range rates {
		out = b.packRates(out, r)
	}
	out = binary.AppendUvarint(out, uint64(len(i.Points)))
	for k := range i.Points {
		p := &i.Points[k]
		out = b.packPoint(out, p)
		out = binary.AppendUvarint(out, uint64(slices.Index(rates, p.Rates)))
	}
	out = binary.AppendUvarint(out, uint64(len(i.Others)))
	for _, a := range i.Others {
		out = binary.AppendUvarint(out, b.id(ofAccount+a.Name))
		out = b.packSums(out, a.Sums)
	}
	return out
}

func (b *Book) packRates(out []byte, r tariff.Rates) []byte {
	for _, name := range []string{r.Tariff, r.Version, r.Currency} {
		out = binary.AppendUvarint(out, b.id(name))
	}
	for _, price := range []grid.Price{r.Retail, r.FeedIn, r.Community} {
		out = binary.AppendVarint(out, int64(price))
	}
	return out
}

func (b *Book) packPoint(out []byte, p *Point) []byte {
	for _, name := range []string{p.MeteringPoint, ofMember + p.Member, ofAccount + p.Account, string(p.Quality)} {
		out = binary.AppendUvarint(out, b.id(name))
	}
	var flags uint64
	if p.Without != p.RetailOnly {
		flags |= flagWithout
	}
	if p.WithoutEstimated {
		flags |= flagWithoutEstimated
	}
	if p.WithoutFlow != nil {
		flags |= flagWithoutFlow
	}
	out = binary.AppendUvarint(out, flags)
	if p.Without != p.RetailOnly {
		out = binary.AppendVarint(out, int64(p.Without))
	}
	if f := p.WithoutFlow; f != nil {
		out = binary.AppendVarint(binary.AppendVarint(out, int64(f.Import)), int64(f.Export))
	}
	numbers := numbersOf(p)
	var there uint64 // which are not 0
	for k, n := range numbers {
		if *n != 0 {
			there |= 1 << k
		}
	}
	out = binary.AppendUvarint(out, there)
	for _, n := range numbers {
		if *n != 0 {
			out = binary.AppendVarint(out, *n)
		}
	}
	return b.packSums(out, p.Sums)
}

func (b *Book) packSums(out []byte, sums []Sum) []byte {
	out = binary.AppendUvarint(out, uint64(len(sums)))
	for _, s := range sums {
		out = binary.AppendUvarint(out, b.id(s.Reason))
		out = binary.AppendUvarint(out, b.id(s.Counterpart))
		out = binary.AppendVarint(out, int64(s.Money))
		out = binary.AppendVarint(out, int64(s.Energy))
	}
	return out
}

// errTorn says that a row is not one of the book's.
var errTorn = errors.New("the row cannot be read: restore the file from a copy, or remove it to have it made anew from the frozen runs")

// reader takes a packed row apart. The first error stays.
type reader struct {
	data  []byte
	names []string
	torn  bool

	all   bool   // every metering point is looked for; else those of one member
	of    uint64 // the number of the member's name
	known bool   // the book has met the member
}

func (r *reader) unsigned() uint64 {
	n, size := binary.Uvarint(r.data)
	if size <= 0 {
		r.torn, r.data = true, nil
		return 0
	}
	r.data = r.data[size:]
	return n
}

func (r *reader) signed() int64 {
	n, size := binary.Varint(r.data)
	if size <= 0 {
		r.torn, r.data = true, nil
		return 0
	}
	r.data = r.data[size:]
	return n
}

func (r *reader) name() string { return r.named(r.unsigned()) }

func (r *reader) named(id uint64) string {
	if id >= uint64(len(r.names)) {
		r.torn = true
		return ""
	}
	return r.names[id]
}

// nameOf returns a name of a kind, without what marks it.
func (r *reader) nameOf(kind string) string {
	name, is := strings.CutPrefix(r.name(), kind)
	if !is {
		r.torn = true
	}
	return name
}

// count returns how many come, each of which takes a byte at least.
func (r *reader) count() int {
	n := r.unsigned()
	if n > uint64(len(r.data)) {
		r.torn = true
		return 0
	}
	return int(n)
}

// unpack reads a row into an interval, whose memory it uses again. With a member only the
// metering points that were the member's are read, and no other accounts.
func (b *Book) unpack(packed []byte, i *Interval, member string) error {
	b.mu.RLock()
	r := &reader{data: packed, names: b.names, all: member == ""}
	if !r.all {
		r.of, r.known = b.ids[ofMember+member]
	}
	b.mu.RUnlock()
	if len(packed) == 0 || packed[0] != layout {
		return fmt.Errorf("%s: %w", i.Interval, errTorn)
	}
	r.data = r.data[1:]
	flags := r.unsigned()
	i.Estimated, i.Frozen = flags&flagEstimated != 0, i.Interval.End()
	if flags&flagFrozen != 0 {
		i.Frozen = i.Frozen.Add(time.Duration(r.signed()) * time.Millisecond)
	}
	rates := make([]tariff.Rates, r.count())
	for k := range rates {
		rates[k] = tariff.Rates{Tariff: r.name(), Version: r.name(), Currency: r.name()}
		rates[k].Retail, rates[k].FeedIn, rates[k].Community = grid.Price(r.signed()), grid.Price(r.signed()), grid.Price(r.signed())
	}
	if !r.points(i, rates) {
		return fmt.Errorf("%s: %w", i.Interval, errTorn)
	}
	if !r.all {
		i.Others = i.Others[:0]
		return nil
	}
	i.Others = grown(i.Others, r.count())
	for k := range i.Others {
		i.Others[k].Name = r.nameOf(ofAccount)
		i.Others[k].Sums = r.sums(i.Others[k].Sums)
	}
	if r.torn || len(r.data) > 0 {
		return fmt.Errorf("%s: %w", i.Interval, errTorn)
	}
	return nil
}

// points reads the metering points that are looked for, and tells whether all could be read.
func (r *reader) points(i *Interval, rates []tariff.Rates) bool {
	n := r.count()
	i.Points = grown(i.Points, n)
	wanted := 0
	for range n {
		p := &i.Points[wanted]
		if r.point(p) {
			wanted++
		}
		of := r.unsigned()
		if of >= uint64(len(rates)) {
			return false
		}
		p.Rates = rates[of]
	}
	i.Points = i.Points[:wanted]
	return !r.torn
}

// grown returns a slice of a length, over the memory of another.
func grown[T any](s []T, n int) []T {
	s = slices.Grow(s[:0], n)
	return s[:n]
}

// point reads a metering point, and tells whether it is looked for; of another one it reads
// as much as is needed to come to the next.
func (r *reader) point(p *Point) (wanted bool) {
	if !r.all {
		point, member, account, quality := r.unsigned(), r.unsigned(), r.unsigned(), r.unsigned()
		if !r.known || member != r.of {
			r.skip()
			return false
		}
		p.MeteringPoint, p.Quality = r.named(point), grid.Quality(r.named(quality))
		p.Member, p.Account = strings.TrimPrefix(r.named(member), ofMember), strings.TrimPrefix(r.named(account), ofAccount)
	} else {
		p.MeteringPoint, p.Member, p.Account, p.Quality = r.name(), r.nameOf(ofMember), r.nameOf(ofAccount), grid.Quality(r.name())
	}
	flags := r.unsigned()
	var without int64
	if flags&flagWithout != 0 {
		without = r.signed()
	}
	p.WithoutEstimated, p.WithoutFlow = flags&flagWithoutEstimated != 0, nil
	if flags&flagWithoutFlow != 0 {
		p.WithoutFlow = &grid.Flow{Import: grid.Energy(r.signed()), Export: grid.Energy(r.signed())}
	}
	there := r.unsigned()
	numbers := numbersOf(p)
	for k, n := range numbers {
		*n = 0
		if there&(1<<k) != 0 {
			*n = r.signed()
		}
	}
	if there>>len(numbers) != 0 {
		r.torn = true
	}
	p.Without = p.RetailOnly
	if flags&flagWithout != 0 {
		p.Without = grid.Money(without)
	}
	p.Sums = r.sums(p.Sums)
	return true
}

// skip passes over what stands behind the names of a metering point.
func (r *reader) skip() {
	flags, before := r.unsigned(), 0
	if flags&flagWithout != 0 {
		before++
	}
	if flags&flagWithoutFlow != 0 {
		before += 2 // import and export
	}
	r.pass(before)
	r.pass(bits.OnesCount64(r.unsigned()))
	const ofSum = 4
	r.pass(ofSum * r.count())
}

// pass passes over n varints.
func (r *reader) pass(n int) {
	for k, b := range r.data {
		if n == 0 {
			r.data = r.data[k:]
			return
		}
		if b < 0x80 { //nolint:mnd // the last byte of a varint
			n--
		}
	}
	r.torn, r.data = r.torn || n > 0, nil
}

func (r *reader) sums(into []Sum) []Sum {
	into = grown(into, r.count())
	for k := range into {
		into[k] = Sum{Reason: r.name(), Counterpart: r.name(), Money: grid.Money(r.signed()), Energy: grid.Energy(r.signed())}
	}
	return into
}
