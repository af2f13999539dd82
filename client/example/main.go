// Command example is a small trading agent: for each delivery interval it bids
// for, or offers, the energy that its home's meter would count if the present
// power lasted. It begins at the middle of the utility's two prices and gives
// way as gate closure comes nearer.
//
//	commonwatt run --data data &
//	go run ./client/example -key data/agent.key
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/commonwatt/commonwatt/client"
	"github.com/commonwatt/commonwatt/grid"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout)
	if err != nil && ctx.Err() == nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "example:", err)
		os.Exit(1) //nolint:gocritic // nothing is left to be stopped
	}
}

const (
	lead  = 10 * time.Minute // before gate closure, the first try
	tries = 3
)

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("example", flag.ContinueOnError)
	base := flags.String("url", "http://127.0.0.1:8080", "the community")
	keyFile := flags.String("key", "data/agent.key", "file with the agent's key")
	if err := flags.Parse(args); err != nil {
		return err
	}
	key, err := os.ReadFile(*keyFile)
	if err != nil {
		return fmt.Errorf("-key: %w", err)
	}
	a := &agent{client: client.New(*base, strings.TrimSpace(string(key))), out: out}
	trader, err := a.client.Trader(ctx)
	if err != nil {
		return err
	}
	if a.market, err = a.client.Market(ctx); err != nil {
		return err
	}
	a.member = trader.Member
	fmt.Fprintf(out, "Trading for %s at %s; Ctrl-C cancels what is left and ends.\n", a.member, *base)
	for {
		pause, err := a.step(ctx)
		if ctx.Err() != nil {
			return a.leave()
		}
		if err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return a.leave()
		case <-time.After(pause):
		}
	}
}

type agent struct {
	client *client.Client
	market client.Market
	member string
	out    io.Writer
	last   string      // client id of the last try
	traded grid.Energy // by earlier tries for the same interval
}

// step makes the try that is due and returns how long to wait, in wall time.
func (a *agent) step(ctx context.Context) (time.Duration, error) {
	c, err := a.client.Community(ctx)
	if err != nil {
		return 0, err
	}
	now := c.Status.WorldTime
	gateClosure := time.Duration(a.market.GateClosure) * time.Second
	next := grid.IntervalAt(now.Add(gateClosure), a.market.Minutes).Shift(1)
	left := next.Begin().Add(-gateClosure).Sub(now)
	try := int((lead - left) * tries / lead) // 0, 1, 2
	id := fmt.Sprintf("%s-%d-%d", a.member, next.Start, try)
	wall := func(world time.Duration) time.Duration {
		return time.Duration(float64(world)/c.Status.Speed) + time.Millisecond
	}
	if left > lead || id == a.last {
		return min(wall(lead/tries/2), time.Second), nil
	}
	order, ok := a.order(c, next, id, try)
	if !ok {
		return wall(lead / tries), nil
	}
	if err := a.replaceLast(ctx, order); err != nil {
		return 0, err
	}
	a.last = id
	return wall(lead / tries), nil
}

// order is what the home would need or give, a third of the way further from
// the middle price with each try.
func (a *agent) order(c client.Community, i grid.Interval, id string, try int) (client.Order, bool) {
	for _, h := range c.Homes {
		for _, d := range h.Devices {
			if h.ID != a.member || d.Kind != "meter" || d.Power == nil {
				continue
			}
			o := client.Order{ClientID: id, Interval: i, Side: grid.Bid, Energy: grid.Energy(int(*d.Power) * a.market.Minutes / 60)}
			middle := (c.Tariff.Retail + c.Tariff.FeedIn) / 2
			give := (c.Tariff.Retail - middle) * grid.Price(try) / tries
			if o.Price = middle + give; o.Energy < 0 {
				o.Side, o.Energy, o.Price = grid.Offer, -o.Energy, middle-give
			}
			o.Price -= o.Price % a.market.Tick
			return o, o.Energy > 0
		}
	}
	return client.Order{}, false
}

// replaceLast cancels what is left of the try before and submits the new one
// for what has not traded yet.
func (a *agent) replaceLast(ctx context.Context, o client.Order) error {
	if a.last != "" {
		before, err := a.client.Cancel(ctx, a.last)
		switch refused := (*client.APIError)(nil); {
		case errors.As(err, &refused): // forgotten: of a day before
		case err != nil:
			return err
		case before.Interval == o.Interval && before.Side == o.Side:
			a.traded += before.Filled
		default:
			a.traded = 0
		}
	}
	o.Energy -= a.traded
	if o.Energy <= 0 {
		return nil
	}
	answers, err := a.client.Submit(ctx, o)
	if err != nil {
		return err
	}
	if answers[0].Order == nil {
		fmt.Fprintf(a.out, "%s: %s of %d Wh refused: %s\n", o.Interval, o.Side, o.Energy, answers[0].Error)
		return nil
	}
	s := answers[0].Order
	fmt.Fprintf(a.out, "%s: %s of %d Wh at %.2f ct/kWh: %s, %d Wh traded at once\n",
		o.Interval, o.Side, o.Energy, float64(o.Price)/10_000, s.Status, s.Filled)
	return nil
}

// leave cancels what is left of the last order.
func (a *agent) leave() error {
	if a.last == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_, err := a.client.Cancel(ctx, a.last)
	if refused := (*client.APIError)(nil); errors.As(err, &refused) {
		return nil // it is not there any more
	}
	return err
}
