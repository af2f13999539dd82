package history

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/settlement/billing"
	"github.com/commonwatt/commonwatt/settlement/statements"
)

// Added says that the book has more; it does not wait.
func (k *Keeper) Added() {
	select {
	case k.added <- struct{}{}:
	default: // it was said before
	}
}

// againAfter is the wall time after which what failed is tried again, at the latest.
const againAfter = 30 * time.Second

// Run takes what the book has as it comes, until ctx ends.
func (k *Keeper) Run(ctx context.Context) error {
	again := time.NewTicker(againAfter)
	defer again.Stop()
	for {
		if err := k.Take(ctx); err != nil && ctx.Err() == nil {
			k.Log.WarnContext(ctx, "the past of the homes is not up to date yet", slog.String("error", err.Error()))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-k.added:
		case <-again.C:
		}
	}
}

// atOnce is how many rows of the book are taken at once.
const atOnce = 3000

// Take takes what the book has and the file has not. Taken twice a run changes nothing.
func (k *Keeper) Take(ctx context.Context) error {
	for {
		var place int64
		if err := k.db.QueryRowContext(ctx, `SELECT place FROM taken`).Scan(&place); err != nil {
			return fmt.Errorf("past of the homes: %w", err)
		}
		last, err := k.Book.Last(ctx)
		if err != nil || last <= place {
			return err
		}
		last = min(last, place+atOnce)
		if err := k.take(ctx, place, last); err != nil {
			return fmt.Errorf("past of the homes: %w", err)
		}
	}
}

// take takes the rows of the book whose place is in (after, last], day by day.
func (k *Keeper) take(ctx context.Context, after, last int64) error {
	days := map[time.Time][]grid.Interval{}
	err := k.Book.Since(ctx, after, last, func(i *statements.Interval) error {
		day := k.day(i.Interval.Begin())
		if !slices.Contains(days[day], i.Interval) {
			days[day] = append(days[day], i.Interval)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, day := range slices.SortedFunc(maps.Keys(days), time.Time.Compare) {
		if err := k.takeDay(ctx, day, days[day]); err != nil {
			return fmt.Errorf("%s: %w", day.Format(time.DateOnly), err)
		}
	}
	_, err = k.db.ExecContext(ctx, `UPDATE taken SET place = ?`, last)
	return err
}

// day returns the local midnight at which the day of a time began.
func (k *Keeper) day(t time.Time) time.Time {
	t = t.In(k.Zone)
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, k.Zone)
}

// lookAgain is for how long before a settled interval telemetry is looked at once more: what
// a device said may come later than what its meter said.
const lookAgain = time.Hour

// takeDay takes intervals of a day: what they mean by now, whatever run changed them.
func (k *Keeper) takeDay(ctx context.Context, day time.Time, changed []grid.Interval) error {
	slices.SortFunc(changed, grid.Interval.Compare)
	from, to := changed[0].Begin(), changed[len(changed)-1].End()
	homes := map[string]row{}
	err := k.Book.Each(ctx, from, to, func(i *statements.Interval) error {
		if _, is := slices.BinarySearchFunc(changed, i.Interval, grid.Interval.Compare); !is {
			return nil
		}
		return addTo(homes, i)
	})
	if err != nil {
		return err
	}
	devices, err := k.countedOf(ctx, maxTime(day, from.Add(-lookAgain)), to, homes)
	if err != nil {
		return err
	}
	tx, err := k.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	for _, member := range slices.Sorted(maps.Keys(homes)) {
		if err = merge(ctx, tx, member, home, day, homes[member]); err != nil {
			return errors.Join(err, tx.Rollback())
		}
	}
	for _, d := range devices {
		if err = merge(ctx, tx, d.member, d.device, day, d.cells); err != nil {
			return errors.Join(err, tx.Rollback())
		}
	}
	return tx.Commit()
}

func maxTime(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// addTo adds what an interval meant to the rows of the members.
func addTo(homes map[string]row, i *statements.Interval) error {
	cells := map[string]*cell{}
	for k := range i.Points {
		p := &i.Points[k]
		if p.Member == "" {
			continue // of somebody who is forgotten
		}
		c := cells[p.Member]
		if c == nil {
			c = &cell{interval: i.Interval}
			cells[p.Member] = c
		}
		if err := c.add(p); err != nil {
			return fmt.Errorf("%s: %s: %w", i.Interval, p.MeteringPoint, err)
		}
	}
	for member, c := range cells {
		homes[member] = homes[member].put(*c)
	}
	return nil
}

// add adds what an interval meant for a metering point, as a bill reckons it: cost are the
// energy that it used and the fees, earned is the energy that it gave.
func (c *cell) add(p *statements.Point) error {
	if !p.Quality.Measured() {
		c.flags |= estimated
	}
	if p.WithoutEstimated {
		c.flags |= withoutEstimated
	}
	c.numbers[imported] += int64(p.Metered.Import)
	c.numbers[exported] += int64(p.Metered.Export)
	of := &p.Cover
	c.numbers[fromNeighbours] += int64(min(of.Bought, p.Metered.Import) + of.PoolBought + of.KeyBought)
	c.numbers[toNeighbours] += int64(min(of.Sold, p.Metered.Export) + of.PoolSold + of.KeySold)
	for _, item := range billing.ItemsOf(p, nil) {
		number, amount := &c.numbers[cost], -item.Amount
		if billing.EntryOf(item.Kind).Section == billing.Given {
			number, amount = &c.numbers[earned], item.Amount
		}
		sum, err := grid.Money(*number).Add(amount)
		if err != nil {
			return err
		}
		*number = int64(sum)
	}
	sum, err := grid.Money(c.numbers[without]).Add(p.Without)
	c.numbers[without] = int64(sum)
	return err
}

// countedDevice is what a device counted.
type countedDevice struct {
	member, device string
	cells          row
}

// countedOf returns what the devices of homes counted, but the connection meters.
func (k *Keeper) countedOf(ctx context.Context, from, to time.Time, homes map[string]row) (all []countedDevice, err error) {
	for _, d := range k.Devices() {
		if _, settled := homes[d.Member]; !settled || d.Kind == grid.Meter {
			continue
		}
		cells, err := k.counted(ctx, d.ID, from, to, k.Minutes)
		if err != nil {
			return nil, fmt.Errorf("device %s: %w", d.ID, err)
		}
		if len(cells) > 0 {
			all = append(all, countedDevice{d.Member, d.ID, cells})
		}
	}
	return all, nil
}

// home stands for the home itself where a row is a device's or the home's.
const home = ""

// merge puts cells into the row that a day has of a device, or of the home.
func merge(ctx context.Context, tx *sql.Tx, member, device string, day time.Time, cells row) error {
	var all row
	var packed []byte
	err := tx.QueryRowContext(ctx, `SELECT row FROM days WHERE member = ? AND device = ? AND day = ?`, member, device, day.Unix()).Scan(&packed)
	if err == nil {
		all, err = all.unpack(packed, day)
	} else if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	if err != nil {
		return err
	}
	for _, c := range cells {
		all = all.put(c)
	}
	_, err = tx.ExecContext(ctx, `INSERT OR REPLACE INTO days (member, device, day, row) VALUES (?, ?, ?, ?)`, member, device, day.Unix(), all.pack(day))
	return err
}
