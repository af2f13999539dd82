package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/config"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/settlement/sharing"
	"github.com/commonwatt/commonwatt/settlement/statements"
)

// TestRunByAKey runs a simulated community that shares by a key: every settled interval comes out
// as clear --key divides what was metered, with the accounts of the ledger, and the ledger verifies.
func TestRunByAKey(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	data, keyFile := filepath.Join(dir, "data"), filepath.Join(dir, "key.yaml")
	const key = "{key: priority, order: [mp-home-03, [mp-home-01, mp-home-02], \"*\"], price: 0.12 EUR/kWh}"
	if err := os.WriteFile(keyFile, []byte(key), 0o600); err != nil {
		t.Fatal(err)
	}
	conf := filepath.Join(dir, "c.yaml")
	if err := os.WriteFile(conf, []byte("listen: 127.0.0.1:0\nspeed: 60\ninterval: 5\nsharing: "+key+"\nsimulation: {homes: 6, start: 2026-06-01T11:00:00Z}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, errs := execute(t, "run", "--config", conf, "--data", data, "--duration", "25s"); code != 0 {
		t.Fatalf("exit code %d: %s%s", code, out, errs)
	}
	k, err := config.ParseKey([]byte(key))
	if err != nil {
		t.Fatal(err)
	}
	book, err := statements.Open(t.Context(), filepath.Join(data, statements.File))
	if err != nil {
		t.Fatal(err)
	}
	defer book.Close()
	var settled int
	var shared grid.Energy
	err = book.Each(t.Context(), time.Unix(0, 0), time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC), func(i *statements.Interval) error {
		c := sharing.Case{Interval: i.Interval}
		had := map[string]statements.Point{}
		for _, p := range i.Points {
			if p.Quality.Shares() {
				c.Points = append(c.Points, sharing.CasePoint{ID: p.MeteringPoint, Account: p.Account, Import: p.Metered.Import, Export: p.Metered.Export})
				had[p.MeteringPoint] = p
			}
		}
		d, err := c.Divide(k.Scheme, k.OwnFirst)
		for _, x := range d.Points {
			if p := had[x.ID].Cover; p.KeyBought != x.Bought || p.KeySold != x.Sold || p.Retail != x.Retail || p.FeedIn != x.FeedIn {
				t.Errorf("%s, %s: settled %+v, divided %+v", i.Interval, x.ID, p, x)
			}
		}
		settled++
		shared += d.Shared
		return err
	})
	if err != nil || settled == 0 || shared == 0 {
		t.Errorf("%d intervals settled, %d Wh shared, %v", settled, shared, err)
	}
	if code, out, errs := execute(t, "ledger", "verify", "--data", data); code != 0 {
		t.Errorf("exit code %d: %s%s", code, out, errs)
	}
}
