package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/tariff"
	"github.com/commonwatt/commonwatt/web"
	"github.com/commonwatt/commonwatt/web/api"
)

// serving is what the server of the dashboards says of itself.
type serving struct {
	At       time.Time
	Took     time.Duration // processor time
	Watching int           // dashboards
}

// street is the homes that the dashboards watch: each has a meter, a roof and a battery, which say
// something once a second.
type street struct {
	live  *web.Live
	homes int
}

func homeName(k int) string { return fmt.Sprintf("home-%05d", k) }

// keyOf is the key by which a program looks at a home.
func keyOf(home string) string { return "key of " + home }

// newStreet returns a street and the keys of its homes.
func newStreet(homes int) (street, map[string]web.Trader, error) {
	var devices []grid.Device
	traders := map[string]web.Trader{}
	for k := range homes {
		home := homeName(k)
		traders[keyOf(home)] = web.Trader{Name: home, Member: home}
		for _, kind := range []grid.DeviceKind{grid.Meter, grid.Inverter, grid.Battery} {
			devices = append(devices, grid.Device{ID: home + "/" + string(kind), Kind: kind, Member: home, MeteringPoint: "mp-" + home})
		}
	}
	account := func(_, point string) (string, error) { return "account of " + point, nil }
	status := func(context.Context) api.Status {
		return api.Status{Version: "bench", Speed: 1, WorldTime: time.Now().UTC(), Homes: homes, DevicesOnline: 3 * homes, Alarms: []string{}}
	}
	live, err := web.NewLive("bench", tariff.Tariff{Version: "t", Currency: "EUR", Retail: 300_000, FeedIn: 60_000}, devices, account, time.Now, status)
	return street{live, homes}, traders, err
}

// parts is into how many parts a second is cut, in each of which a part of the homes says something.
const parts = 50

// run lets the homes say something once a second each, and two of them trade, until ctx ends.
func (s street) run(ctx context.Context) {
	ticker := time.NewTicker(time.Second / parts)
	defer ticker.Stop()
	x := rand.New(rand.NewPCG(1, 1)) //nolint:gosec // no secret
	for n := 0; ctx.Err() == nil; n++ {
		for k := n % parts; k < s.homes; k += parts {
			s.say(homeName(k), x.IntN(1000))
		}
		if n%parts == 0 {
			s.live.ShowTrade(grid.Trade{
				Product: grid.Product{Community: "bench", Interval: grid.IntervalAt(time.Now(), 15)}, Seq: uint64(n + 1), //nolint:mnd // quarters of an hour
				Buyer: "mp-" + homeName(x.IntN(s.homes)), Seller: "mp-" + homeName(x.IntN(s.homes)), Energy: 100, BidPrice: 200_000, OfferPrice: 200_000,
			})
		}
		<-ticker.C
	}
}

func (s street) say(home string, power int) {
	now := time.Now().UTC()
	read := func(kind grid.DeviceKind, power int) grid.Reading {
		return grid.Reading{Device: home + "/" + string(kind), Time: now, Power: new(grid.Power(power)), Quality: grid.Good}
	}
	battery := read(grid.Battery, -power)
	battery.Charge = new(grid.PerMille(power))
	s.live.ShowReadings(home, []grid.Reading{read(grid.Meter, power), read(grid.Inverter, -2*power), battery})
}

// ServeDashboards is the process of the server that Dashboards measures: it says its address, and
// for each line from in what it took, until that ends.
func ServeDashboards(ctx context.Context, homes int, in io.Reader, out io.Writer) error {
	s, traders, err := newStreet(homes)
	if err != nil {
		return err
	}
	handler, err := s.handler(traders)
	if err != nil {
		return err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 2)
	go func() { ended <- s.live.Run(ctx) }()
	go func() { ended <- web.Serve(ctx, listener, nil, nil, handler) }()
	go s.run(ctx)
	err = answer(in, out, listener.Addr().String(), func() (any, error) {
		took, err := processTime()
		return serving{time.Now(), took, s.live.Watching()}, err
	})
	cancel()
	return errors.Join(err, <-ended, <-ended)
}

// handler answers the dashboards, as the program would in a demonstration.
func (s street) handler(traders map[string]web.Trader) (http.Handler, error) {
	log := slog.New(slog.DiscardHandler)
	entry, err := web.NewOrderEntry("bench", nil, time.Now, traders, log)
	if err != nil {
		return nil, err
	}
	return web.NewServer(s.live, nil, entry, &web.Installer{}, func() bool { return true }, http.NotFoundHandler(), log).Handler()
}
