package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/client"
	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/community/host"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching/journal"
	"github.com/commonwatt/commonwatt/tariff"
	"github.com/commonwatt/commonwatt/web/api"
)

// traded boots a street of two homes whose members trade by programs outside.
func traded(t *testing.T, dir string) *process {
	t.Helper()
	keys := t.TempDir()
	var agents strings.Builder
	for name, rate := range map[string]int{"home-01": 100_000, "home-02": 500} {
		file := filepath.Join(keys, name)
		if err := os.WriteFile(file, []byte(key(name)+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&agents, "  - {name: %s, member: %s, key_file: %s, rate: %d}\n", name, name, file, rate)
	}
	config := filepath.Join(keys, "config.yaml")
	text := "simulation: {homes: 2}\nspeed: 1\ntrading: continuous\nagents:\n" + agents.String()
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p := launch(t, dir, "--config", config)
	p.until("devices", func(s api.Status) bool { return s.DevicesOnline >= 2 })
	p.ready()
	return p
}

func key(name string) string { return strings.Repeat(name, 5) }

func (p *process) client(name string) *client.Client { return client.New(p.base(), key(name)) }

// later is a delivery interval whose gate is open during the test.
func (p *process) later(t *testing.T) grid.Interval {
	t.Helper()
	c, err := p.client("home-01").Community(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return grid.IntervalAt(c.Status.WorldTime, 15).Shift(8)
}

// submitted submits an order when its product is open.
func submitted(t *testing.T, c *client.Client, o client.Order) client.Standing {
	t.Helper()
	answers, err := c.Submit(t.Context(), o)
	if err != nil || answers[0].Order == nil {
		t.Fatalf("%+v: %+v, %v", o, answers, err)
	}
	return *answers[0].Order
}

func TestAgentsOutside(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("SKIPPED by -short: boots the program; make test runs it")
	}
	dir := t.TempDir()
	p := traded(t, dir)
	ann, bob, i := p.client("home-01"), p.client("home-02"), p.later(t)
	stream, err := ann.Stream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()

	offer := client.Order{ClientID: "sell", Interval: i, Side: grid.Offer, Energy: 500, Price: 100_000}
	answers, err := stream.Submit(t.Context(), offer)
	if err != nil || answers[0].Order == nil || answers[0].Order.Status != client.Waiting || answers[0].Order.Left != 500 {
		t.Fatalf("offer: %+v, %v", answers, err)
	}
	number := answers[0].Order.Number
	bid := client.Order{ClientID: "buy", Interval: i, Side: grid.Bid, Energy: 300, Price: 120_000, Validity: client.FillOrKill}
	if s := submitted(t, bob, bid); s.Status != client.Filled || s.Filled != 300 {
		t.Errorf("bid: %+v", s)
	}
	for s := range stream.Changes {
		if s.ClientID == "sell" && s.Filled == 300 {
			break // the market told the seller
		}
	}
	if s := submitted(t, ann, offer); s.Number != number || s.Filled != 300 || s.Left != 200 {
		t.Errorf("the same order again: %+v", s)
	}
	if s, err := ann.Replace(t.Context(), "sell", 450, 110_000); err != nil || s.Version != 2 || s.Left != 150 || s.Price != 110_000 {
		t.Errorf("replaced: %+v, %v", s, err)
	}
	for range 2 { // the second changes nothing
		if _, err := ann.Cancel(t.Context(), "sell"); err != nil {
			t.Error(err)
		}
	}
	if s, err := ann.Cancel(t.Context(), "sell"); err != nil || s.Status != client.Cancelled || s.Left != 0 || s.Filled != 300 {
		t.Errorf("cancelled: %+v, %v", s, err)
	}

	// A battery buys four quarter-hours or none.
	for n := range 4 {
		o := client.Order{ClientID: fmt.Sprint("part", n), Interval: i.Shift(n), Side: grid.Offer, Energy: 100, Price: grid.Price(100_000 + 10_000*n)}
		submitted(t, ann, o)
	}
	block := client.Order{ClientID: "charge", Interval: i, Side: grid.Bid, Energy: 100, Price: 115_000, Periods: 4}
	if s := submitted(t, bob, block); s.Status != client.Filled || s.Filled != 400 {
		t.Errorf("block: %+v", s)
	}

	for want, err := range map[string]error{
		"send an agent's key":                       failed(client.New(p.base(), "wrong").Get(t.Context(), "sell")),
		`client_id "nothing": no such order`:        failed(ann.Cancel(t.Context(), "nothing")),
		"order: the metering point has no such":     failed(ann.Replace(t.Context(), "sell", 1, 100)),
		`[0].side: value is not one of the allowed`: post(t, p, `[{"client_id":"x","interval":"`+i.String()+`","side":"ask","energy":1,"price":100}]`),
		`[0].price: property \"price\" is missing`:  post(t, p, `[{"client_id":"x","interval":"`+i.String()+`","side":"bid","energy":1}]`),
		`property \"valid\" is unsupported`:         post(t, p, `[{"client_id":"x","interval":"`+i.String()+`","side":"bid","energy":1,"price":100,"valid":1}]`),
		"[0].client_id: string doesn't match":       post(t, p, `[{"client_id":"a/b","interval":"`+i.String()+`","side":"bid","energy":1,"price":100}]`),
		"not JSON: more than one value":             post(t, p, `[] []`),
		"orders[0].interval":                        post(t, p, `[{"client_id":"x","interval":"tomorrow","side":"bid","energy":1,"price":100}]`),
		"[0].periods: number must be at most 255":   post(t, p, `[{"client_id":"x","interval":"`+i.String()+`","side":"bid","energy":1,"price":100,"periods":300}]`),
		"more than 500 orders":                      flooded(bob, i),
		"maximum number of items is 1000":           tooMany(ann, i),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	for want, o := range map[string]client.Order{
		"price: not a multiple of the market's tick":       {ClientID: "r1", Interval: i, Side: grid.Bid, Energy: 1, Price: 123},
		"interval: not open for trade; open are":           {ClientID: "r2", Interval: i.Shift(-100), Side: grid.Bid, Energy: 1, Price: 100},
		`"mp-home-02" does not belong to member "home-01"`: {ClientID: "r3", Interval: i, Side: grid.Bid, Energy: 1, Price: 100, MeteringPoint: "mp-home-02"},
		`client_id: "sell" is the id of another order o`:   {ClientID: "sell", Interval: i, Side: grid.Bid, Energy: 1, Price: 100},
	} {
		answers, err := ann.Submit(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		text := answers[0].Error
		if answers[0].Order != nil {
			text = answers[0].Order.Reason
		}
		if !strings.Contains(text, want) {
			t.Errorf("%+v: %q, want %s", o, text, want)
		}
	}
	p.stop()
}

func failed(_ client.Standing, err error) error { return err }

// post sends a body as it is and returns what the server says to it.
func post(t *testing.T, p *process, body string) error {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.base()+"/api/v1/orders", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+key("home-01"))
	r.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	b := make([]byte, 500)
	n, _ := answer.Body.Read(b)
	return fmt.Errorf("%s: %s", answer.Status, b[:n])
}

func tooMany(c *client.Client, i grid.Interval) error {
	_, err := c.Submit(context.Background(), many("many", i, 1001)...)
	return err
}

// flooded sends more than the key's rate and burst allow.
func flooded(c *client.Client, i grid.Interval) error {
	stream, err := c.Stream(context.Background())
	if err != nil {
		return err
	}
	defer stream.Close()
	for range 4 {
		if _, err := stream.Submit(context.Background(), many("flood", i, 500)...); err != nil {
			return err
		}
	}
	return errors.New("no limit")
}

// many makes orders of 1 Wh, spread over the intervals from i on: a metering
// point can only carry so much in one.
func many(prefix string, i grid.Interval, n int) []client.Order {
	const spread = 80
	orders := make([]client.Order, n)
	for k := range orders {
		at := int(crc32.ChecksumIEEE([]byte(prefix))%spread) + k
		orders[k] = client.Order{ClientID: fmt.Sprint(prefix, k), Interval: i.Shift(at % spread), Side: grid.Bid, Energy: 1, Price: 100}
	}
	return orders
}

// load is orders that agents send over WebSockets until the program is gone.
type load struct {
	mu           sync.Mutex
	senders      sync.WaitGroup
	sent         []client.Order
	acknowledged map[string]string // client id → number
}

// send starts senders of batches.
func (l *load) send(t *testing.T, p *process, prefix string, senders, batch int, i grid.Interval) {
	t.Helper()
	for sender := range senders {
		stream, err := p.client("home-01").Stream(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			for range stream.Changes { // read, or be disconnected
			}
		}()
		l.senders.Go(func() {
			for n := 0; ; n++ {
				orders := many(fmt.Sprintf("%s-s%d-%d-", prefix, sender, n), i, batch)
				l.mu.Lock()
				l.sent = append(l.sent, orders...)
				l.mu.Unlock()
				answers, err := stream.Submit(t.Context(), orders...)
				if err != nil {
					return // killed
				}
				l.note(t, answers)
			}
		})
	}
}

// until waits until so many orders were acknowledged, however busy the machine.
func (l *load) until(t *testing.T, orders int) {
	t.Helper()
	n := 0
	if !eventually(func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		n = len(l.acknowledged)
		return n >= orders
	}) {
		t.Fatalf("%d orders were acknowledged within %s", n, patience)
	}
}

func (l *load) note(t *testing.T, answers []client.Answer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, a := range answers {
		if a.Order == nil || a.Order.Status != client.Waiting {
			t.Errorf("refused: %+v %s", a.Order, a.Error)
			continue
		}
		l.acknowledged[a.Order.ClientID] = a.Order.Number
	}
}

// again submits everything a second time: what was acknowledged has its number,
// and no two orders share one.
func (l *load) again(t *testing.T, p *process) {
	t.Helper()
	if len(l.acknowledged) < 100 {
		t.Fatalf("only %d orders were acknowledged", len(l.acknowledged))
	}
	numbers := map[string]string{}
	for orders := range slices.Chunk(l.sent, 500) {
		answers, err := p.client("home-01").Submit(t.Context(), orders...)
		if err != nil {
			t.Fatal(err)
		}
		for k, a := range answers {
			id := orders[k].ClientID
			if a.Order == nil || a.Order.ClientID != id || a.Order.Status != client.Waiting {
				t.Fatalf("%s: %+v %s", id, a.Order, a.Error)
			}
			if number, known := l.acknowledged[id]; known && number != a.Order.Number {
				t.Errorf("%s was acknowledged as %s and is %s", id, number, a.Order.Number)
			}
			if other, twice := numbers[a.Order.Number]; twice {
				t.Errorf("%s and %s are both order %s", id, other, a.Order.Number)
			}
			numbers[a.Order.Number] = id
		}
	}
}

// TestKillUnderLoad kills the program while agents submit orders over
// WebSockets, three times: every acknowledged order is there afterwards, under
// its number, and once; submitting all again adds none twice.
func TestKillUnderLoad(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("SKIPPED by -short: boots the program; make test runs it")
	}
	dir := t.TempDir()
	l := &load{acknowledged: map[string]string{}}
	for round := range 3 {
		p := traded(t, dir)
		l.send(t, p, fmt.Sprint("r", round), 4, 20, p.later(t))
		const inARound = 1000
		if l.until(t, (round+1)*inARound); round == 2 {
			l.until(t, host.SnapshotAfter+500)
		}
		p.kill()
		l.senders.Wait()
	}
	p := traded(t, dir)
	l.again(t, p)
	p.stop()
	entered := map[string]int{}
	m, err := community.NewMarket(community.Config{Community: "demo", Minutes: 15}, grid.SingleNode(), tariff.Tariff{Version: "1", Currency: "EUR", Retail: 300_000, FeedIn: 60_000})
	if err != nil {
		t.Fatal(err)
	}
	if snapshots, err := filepath.Glob(filepath.Join(dir, "orders", "*.snapshot")); err != nil || len(snapshots) == 0 {
		t.Errorf("no snapshot was taken under load: %v", err)
	}
	// Without its snapshots the journal tells all from the beginning.
	whole := t.TempDir()
	segments, err := filepath.Glob(filepath.Join(dir, "orders", "*.journal"))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range segments {
		if err := os.Link(s, filepath.Join(whole, filepath.Base(s))); err != nil {
			t.Fatal(err)
		}
	}
	j, _, err := journal.Open(whole, journal.DefaultSegment, &watched{m, func(ev community.Event) {
		if ev.Kind == community.Accepted {
			entered[ev.ClientID]++
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	_ = j.Close()
	for _, o := range l.sent {
		if entered[o.ClientID] != 1 {
			t.Errorf("%s was entered %d times", o.ClientID, entered[o.ClientID])
		}
	}
	t.Logf("%d orders sent, %d acknowledged before a kill", len(l.sent), len(l.acknowledged))
}

// TestExampleAgent lets the worked example trade in the demonstration.
func TestExampleAgent(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("SKIPPED by -short: boots the program; make test runs it")
	}
	dir, example := t.TempDir(), filepath.Join(t.TempDir(), "example")
	build := exec.Command("go", "build", "-o", example, "../../client/example")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // as make builds it
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	p := launch(t, dir, "--homes", "6", "--speed", "300")
	p.until("devices", func(s api.Status) bool { return s.DevicesOnline >= 12 })
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	agent := exec.CommandContext(ctx, example, "-url", p.base(), "-key", filepath.Join(dir, "agent.key"))
	agent.Stderr = os.Stderr
	out, err := agent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := agent.Start(); err != nil {
		t.Fatal(err)
	}
	placed := 0
	lines := bufio.NewScanner(out)
	if !lines.Scan() || !strings.HasPrefix(lines.Text(), "Trading for home-01 at http") {
		t.Errorf("the agent begins with %q", lines.Text())
	}
	for placed < 4 && lines.Scan() {
		if !strings.Contains(lines.Text(), "waiting") && !strings.Contains(lines.Text(), "filled") {
			t.Errorf("the agent says %q", lines.Text())
		}
		placed++
	}
	if placed < 4 {
		t.Errorf("the agent placed %d orders", placed)
	}
	cancel()
	_ = agent.Wait() // killed
	p.stop()
}
