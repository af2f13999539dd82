package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/commonwatt/commonwatt/client"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/web/api"
)

// TestPrepaidBalancesAtWork trades for a prepaid member: without a deposit its orders are
// refused with the reason, while the neighbour, who is not prepaid, orders on; a deposit lets
// it order; after a kill its balance, and what is reserved of it, are as they were.
func TestPrepaidBalancesAtWork(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("SKIPPED by -short: boots the program; make test runs it")
	}
	dir, keys := filepath.Join(t.TempDir(), "data"), t.TempDir()
	var text strings.Builder
	text.WriteString("simulation: {homes: 2}\nspeed: 1\ntrading: continuous\nprepaid: {members: [home-01]}\nagents:\n")
	for _, name := range []string{"home-01", "home-02"} {
		file := filepath.Join(keys, name)
		if err := os.WriteFile(file, []byte(key(name)+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&text, "  - {name: %s, member: %s, key_file: %s}\n", name, name, file)
	}
	config := filepath.Join(keys, "config.yaml")
	if err := os.WriteFile(config, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	p := launch(t, dir, "--config", config)
	p.wait("the pages", func() bool { return p.base() != "" })
	p.ready()
	i := p.later(t)
	n := 0 // each in an interval of its own, for a connection carries so much
	order := func(member, id string) client.Answer {
		t.Helper()
		n++
		answers, err := p.client(member).Submit(t.Context(), client.Order{ClientID: id, Interval: i.Shift(n % 60), Side: grid.Bid, Energy: 1000, Price: 200_000})
		if err != nil {
			t.Fatal(err)
		}
		return answers[0]
	}
	refused := func(a client.Answer) string {
		if a.Order == nil {
			return a.Error
		}
		return a.Order.Reason
	}
	const why = "would exceed its prepaid balance"
	if a := order("home-01", "early"); !strings.Contains(refused(a), why) {
		t.Errorf("without a deposit: %+v %q", a.Order, refused(a))
	}
	if a := order("home-02", "other"); a.Order == nil || a.Order.Status != client.Waiting {
		t.Errorf("the neighbour: %+v %q", a.Order, a.Error)
	}
	at := operator{data: dir}
	var out strings.Builder
	if err := transferMoney(t.Context(), at, "home-01", api.TransferRequest{Reference: "r1", Amount: 5_000_000}, &out); err != nil {
		t.Fatal(err)
	}
	free := func() (b api.MemberBalance) {
		t.Helper()
		d, err := at.dial()
		if err == nil {
			err = d.get(t.Context(), memberPath("home-01", "balance"), &b)
		}
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	b := free()
	if !b.Prepaid || b.Balance != 5_000_000 || b.Bound == nil || *b.Bound <= 0 || *b.Free != b.Balance-*b.Bound {
		t.Errorf("after a deposit: %+v", b)
	}
	// 1,000 Wh at 0.20 reserve 0.20 each.
	p.wait("the deposit in the market", func() bool {
		return order("home-01", fmt.Sprint("first-", n)).Order.Status == client.Waiting
	})
	room := int(*b.Free/200_000) - 1
	for k := range room {
		if a := order("home-01", fmt.Sprint("more-", k)); a.Order == nil || a.Order.Status != client.Waiting {
			t.Errorf("order %d of %d: %q", k+1, room, refused(a))
		}
	}
	if a := order("home-01", "too-much"); !strings.Contains(refused(a), why) {
		t.Errorf("beyond the balance: %+v %q", a.Order, refused(a))
	}
	p.kill()
	p = launch(t, dir, "--config", config)
	p.wait("the pages", func() bool { return p.base() != "" })
	p.ready()
	if a := order("home-01", "after-the-kill"); !strings.Contains(refused(a), why) {
		t.Errorf("after a kill: %+v %q", a.Order, refused(a))
	}
	if got := free(); got.Balance != 5_000_000 {
		t.Errorf("after a kill: %+v", got)
	}
	if _, err := p.client("home-01").Cancel(t.Context(), "more-0"); err != nil {
		t.Fatal(err)
	}
	if a := order("home-01", "instead"); a.Order == nil || a.Order.Status != client.Waiting {
		t.Errorf("after one was cancelled: %q", refused(a))
	}
	p.stop()
}
