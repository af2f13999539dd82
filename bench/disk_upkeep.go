package bench

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/commonwatt/commonwatt/bus"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/evidence"
	"github.com/commonwatt/commonwatt/proof"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement/audit"
	"github.com/commonwatt/commonwatt/tariff"
)

// diskUpkeep does what is due in world time. It counts how often it did.
type diskUpkeep struct {
	b                              *diskRun
	settled, trimmed, tended, days int64
	trim                           *bus.Trimmer
}

// due does what has become due since it was called last.
func (u *diskUpkeep) due(ctx context.Context) error {
	b := u.b
	gone := b.now.Sub(b.begin)
	const quarter, settledAfter = 15 * time.Minute, 3 * time.Minute
	for ; u.settled < int64((gone-settledAfter)/quarter); u.settled++ {
		if err := b.settle(ctx, grid.IntervalAt(b.begin.Add(time.Duration(u.settled)*quarter), int(quarter/time.Minute))); err != nil {
			return err
		}
	}
	if n := int64(gone / b.Upkeep.Trim); n > u.trimmed {
		u.trimmed = n
		if err := b.bus.Trim(ctx, u.trim); err != nil {
			return err
		}
	}
	if n := int64(gone / b.Upkeep.Thin); n > u.tended {
		u.tended = n
		b.measure()
		err := errors.Join(b.evidence.Thin(ctx, b.now.Add(-b.Upkeep.Whole), b.now.Add(-evidence.Nameable)), b.store.Retire(ctx, b.now, b.Upkeep.Keep))
		if err != nil {
			return err
		}
	}
	if n := int64(gone / day); n > u.days {
		u.days = n
		b.result.ByDay = append(b.result.ByDay, b.measure())
	}
	return nil
}

// measure returns what the parts take up, and remembers the most of each.
func (b *diskRun) measure() DiskParts {
	var p DiskParts
	_ = filepath.WalkDir(b.dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return nil //nolint:nilerr // it was removed meanwhile
		}
		info, err := e.Info()
		if err != nil {
			return nil //nolint:nilerr // it was removed meanwhile
		}
		switch name, _ := filepath.Rel(b.dir, path); {
		case strings.HasPrefix(name, evidenceFile):
			p.Evidence += info.Size()
		case strings.HasPrefix(name, telemetryFile):
			p.Telemetry += info.Size()
		default:
			p.Bus += info.Size()
		}
		return nil
	})
	b.result.Peak.raise(p)
	return p
}

// settle names what a settlement run of the interval names, and keeps its working.
func (b *diskRun) settle(ctx context.Context, i grid.Interval) error {
	w := audit.Working{Community: communityName, Interval: i.String(), Run: 1, Tariff: tariff.Tariff{Version: "demo-1", Currency: "EUR", Retail: 300_000, FeedIn: 60_000}}
	var named []proof.Digest
	for k, home := range b.devices {
		salt := rand.Text() + rand.Text() + rand.Text()
		leaf := record.Leaf{Salt: salt[:64], Metered: record.Metered{MeteringPoint: salt[:32], Flow: grid.Flow{Import: 412, Export: 1200}, Quality: grid.Good}}
		for end, t := range []time.Time{i.Begin(), i.End()} {
			before, after, err := b.evidence.Around(ctx, home[0].Member, home[0].ID, t)
			if err != nil {
				return err
			}
			leaf.Batches[2*end], leaf.Batches[2*end+1] = before, after
		}
		named = append(named, leaf.Batches[:]...)
		text, err := json.Marshal(leaf)
		if err != nil {
			return err
		}
		w.Leaves = append(w.Leaves, text)
		w.Basis.Trades = append(w.Basis.Trades, grid.Trade{
			Product: grid.Product{Interval: i}, Seq: uint64(i.Begin().Unix()) + uint64(k), Bid: salt[:20], Offer: salt[20:40],
			Buyer: salt[:32], Seller: salt[32:64], Energy: 250, BidPrice: 180_000, OfferPrice: 160_000,
		})
	}
	text, err := json.Marshal(w)
	if err != nil {
		return err
	}
	return errors.Join(b.evidence.Name(ctx, named...), b.evidence.KeepWorking(ctx, w.Interval, 1, "root", text))
}

// bytesWritten returns what this process has written to disks, −1 where that is not
// known.
func bytesWritten() int64 {
	text, err := os.ReadFile("/proc/self/io")
	if err != nil {
		return -1
	}
	for line := range strings.Lines(string(text)) {
		if value, found := strings.CutPrefix(line, "write_bytes: "); found {
			if n, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64); err == nil {
				return n
			}
		}
	}
	return -1
}
