package main

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/evidence"
)

// check looks for all that was acknowledged.
func (s *street) check(ctx context.Context) error {
	if err := s.boot(ctx); err != nil {
		return err
	}
	s.notes.mu.Lock()
	wrong := s.notes.wrong
	s.notes.mu.Unlock()
	if wrong != nil {
		return wrong
	}
	for _, look := range []struct {
		what string
		at   func(context.Context) error
	}{{"orders", checks{s}.orders}, {"readings", checks{s}.readings}, {"postings", checks{s}.postings}, {"ledger", checks{s}.ledger}} {
		if err := look.at(ctx); err != nil {
			return fmt.Errorf("%s: %w", look.what, err)
		}
	}
	return nil
}

// checks look for one kind of thing each.
type checks struct{ *street }

// known is for how long, in world time, the market knows of an order.
const known = 20 * time.Hour

// orders asks where every order stands.
func (s checks) orders(ctx context.Context) error {
	status, err := s.at.status(ctx)
	if err != nil {
		return err
	}
	from := grid.IntervalAt(status.WorldTime.Add(-known), minutes)
	for _, k := range s.notes.answered(from) {
		stands, err := s.client(k.member).Get(ctx, k.order.ClientID)
		if err != nil {
			return fmt.Errorf("order %s, which was acknowledged: %w", k.order.ClientID, err)
		}
		if err := s.notes.heard(stands); err != nil {
			return err
		}
		if over := stands.Interval.Begin().Before(status.WorldTime); over && !final(stands.Status) {
			return fmt.Errorf("order %s is of an interval that has begun, and is still %s", k.order.ClientID, stands.Status)
		}
	}
	return nil
}

// readings looks whether readings that were stored are there, and whether one is
// missing between those that were signed.
func (s checks) readings(ctx context.Context) error {
	s.notes.mu.Lock()
	stored := s.notes.readings
	s.notes.mu.Unlock()
	n, err := s.stored(ctx)
	if err != nil {
		return err
	}
	if n < stored {
		return fmt.Errorf("%d were stored, and %d are", stored, n)
	}
	log, err := evidence.Read(filepath.Join(s.data, "evidence.db"))
	if err != nil {
		return err
	}
	// What was signed ahead of the world's clock, which a kill sets back, waits for its time.
	err = s.at.until(ctx, "all that was signed had come", func() bool {
		gaps, err := log.Gaps(ctx)
		return err == nil && len(gaps) == 0
	})
	return errors.Join(err, log.Close())
}

// stored counts the readings that others may rely on: what another connection can see of the
// database has been synced. The number that the API tells is no measure, since a world that
// a power cut set back reads some instants twice.
func (s *street) stored(ctx context.Context) (n int64, err error) {
	db, err := disk.ReadSQLite(filepath.Join(s.data, "telemetry.db"))
	if err != nil {
		return 0, err
	}
	defer db.Close()
	const count = `SELECT (SELECT COUNT(*) FROM readings) + (SELECT COALESCE(SUM(n), 0) FROM steps WHERE minutes = 15)`
	err = db.QueryRowContext(ctx, count).Scan(&n)
	return n, err
}

// postings looks whether every posting that was there is there still, once.
func (s checks) postings(ctx context.Context) error {
	out := filepath.Join(s.dir, "postings.csv")
	if err := os.RemoveAll(out); err != nil {
		return err
	}
	if _, err := finish(ctx, s.program, "ledger", "export", "--data", s.data, "--format", "csv", "--out", out); err != nil {
		return err
	}
	text, err := os.ReadFile(out) //nolint:gosec // ours
	if err != nil {
		return err
	}
	rows, err := csv.NewReader(strings.NewReader(string(text))).ReadAll()
	if err != nil {
		return err
	}
	const id = 3
	there := map[string]string{}
	for _, row := range rows[1:] {
		if _, twice := there[row[id]]; twice {
			return fmt.Errorf("%s is there twice", row[id])
		}
		there[row[id]] = strings.Join(row, ",")
	}
	for known, line := range s.notes.postings {
		if there[known] != line {
			return fmt.Errorf("%q was there, and now it is %q", line, there[known])
		}
	}
	s.notes.postings = there
	return nil
}

// ledger has the program verify itself.
func (s checks) ledger(ctx context.Context) error {
	_, err := finish(ctx, s.program, "ledger", "verify", "--data", s.data)
	return err
}
