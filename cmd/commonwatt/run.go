package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/commonwatt/commonwatt/bus"
	"github.com/commonwatt/commonwatt/clock"
	"github.com/commonwatt/commonwatt/meters"
	"github.com/commonwatt/commonwatt/usage"
)

type runFlags struct {
	config, data, listen string
	speed                float64
	duration             time.Duration
	homes                int
	seed                 uint64
	verbose, standby     bool
}

func runCommand() *cobra.Command {
	var f runFlags
	c := &cobra.Command{
		Use:   "run",
		Short: "Run a community: read devices, trade, settle, serve the pages",
		Long: `Run a community. Without --config a simulated neighbourhood is read over real
Modbus TCP sockets on this machine, and everything else is embedded. The world
begins on a June morning and goes on where it stopped on the same --data.

A community with real devices, configured or paired, needs its own name and tariff:
in the configuration, as

  community: NAME
  tariff: {version: "2026", currency: EUR, retail: 0.30 EUR/kWh, feed_in: 0.08 EUR/kWh}

or on the first start, which asks for them on a terminal. The data directory keeps
them.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			conf, err := f.resolve(cmd)
			if err != nil {
				return err
			}
			level := slog.LevelWarn
			if f.verbose {
				level = slog.LevelDebug
			}
			log := slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: level}))
			if err := conf.needTerms(cmd.Context(), cmd.InOrStdin(), cmd.ErrOrStderr(), isTerminal(os.Stdin) && isTerminal(os.Stderr), log); err != nil {
				return err
			}
			if text := conf.unasked(true); text != "" {
				fmt.Fprintln(cmd.ErrOrStderr(), text)
			}
			return runNode(cmd.Context(), conf, f.duration, log, cmd.ErrOrStderr())
		},
	}
	d := defaults()
	c.Flags().StringVar(&f.config, "config", "", "configuration file (see commonwatt config check --help)")
	c.Flags().StringVar(&f.data, "data", d.Data, "directory of everything that is kept")
	c.Flags().StringVar(&f.listen, "listen", d.Listen, "address of the pages and the API")
	c.Flags().Float64Var(&f.speed, "speed", d.Speed, "world seconds a second")
	c.Flags().DurationVar(&f.duration, "duration", 0, "stop after this wall time from readiness, such as 60s (0: run until stopped)")
	c.Flags().IntVar(&f.homes, "homes", defaultSimulation().Homes, "simulated homes")
	c.Flags().Uint64Var(&f.seed, "seed", defaultSimulation().Seed, "seed of the simulation")
	c.Flags().BoolVar(&f.standby, "standby", false, "wait until the process that runs the market is gone, then go on with it (needs bus.order_log)")
	c.Flags().BoolVarP(&f.verbose, "verbose", "v", false, "log what happens")
	return c
}

// resolve joins the file and the flags; a flag that was given wins.
func (f runFlags) resolve(cmd *cobra.Command) (config, error) {
	c := defaults()
	if f.config != "" {
		var err error
		if c, err = readConfig(f.config); err != nil {
			return config{}, err
		}
	} else {
		c.Simulation = defaultSimulation()
	}
	given := cmd.Flags().Changed
	if given("data") {
		c.Data = f.data
	}
	if given("listen") {
		c.Listen = f.listen
	}
	if given("speed") {
		c.Speed = f.speed
	}
	if err := c.addPaired(given("speed")); err != nil {
		return config{}, err
	}
	if err := c.takeTerms(); err != nil {
		return config{}, err
	}
	if (given("homes") || given("seed")) && c.Simulation == nil {
		return config{}, usage.Errorf("--homes, --seed: the configuration has real devices, there is nothing to simulate")
	}
	if given("homes") {
		c.Simulation.Homes, c.given["simulation"] = f.homes, true
	}
	if given("seed") {
		c.Simulation.Seed = f.seed
	}
	c.standby = f.standby
	if f.duration < 0 {
		return config{}, usage.Errorf("--duration: %s is negative", f.duration)
	}
	if err := c.validate(); err != nil {
		return config{}, usage.Mark(err)
	}
	return c, usage.Mark(c.sought(c.validateMembers()))
}

// stage is a goroutine that ends when its context does, and whose failure ends
// the program.
type stage struct {
	cancel context.CancelFunc
	done   chan struct{}
}

func (s stage) stop() {
	s.cancel()
	<-s.done
}

const (
	readyWithin = 15 * time.Second
	drainWithin = 10 * time.Second
)

// runNode runs until ctx ends, the duration passes or a stage fails. It stops
// in the order of the data: the market, the world, the readers, what consumes
// their readings, the pages.
func runNode(ctx context.Context, c config, duration time.Duration, log *slog.Logger, progress io.Writer) (err error) {
	n, err := openNode(ctx, c, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, n.close()) }()

	failed := make(chan error, 1)
	fail := func(err error) {
		select {
		case failed <- err:
		default:
		}
	}
	start := func(run func(context.Context) error) stage {
		ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
		s := stage{cancel: cancel, done: make(chan struct{})}
		go func() {
			defer close(s.done)
			if err := run(ctx); err != nil {
				fail(err)
			}
		}()
		return s
	}
	warn := func(err error) { log.Warn("will try again", slog.String("error", err.Error())) } //nolint:sloglint // no context at hand

	lease := start(n.keepLease)
	defer lease.stop()
	sequencer := start(n.market.Run)
	defer sequencer.stop()
	var ready atomic.Bool
	pages := start(func(ctx context.Context) error { return n.runWeb(ctx, ready.Load) })
	defer pages.stop()
	push := start(n.live.Run)
	defer push.stop()
	view := start(n.watch)
	defer view.stop()
	keep := start(func(ctx context.Context) error {
		if err := n.evidence.Reconsider(ctx, n.clock(), n.take); err != nil {
			warn(err) // at the next start
		}
		return n.bus.Consume(ctx, bus.Readings, n.readingsSubject("*", "*"), n.storeConsumer(), n.keep, warn)
	})
	defer keep.stop()
	post := start(func(ctx context.Context) error {
		return n.bus.Consume(ctx, bus.Settlement, n.allRuns(), n.ledgerConsumer(), n.post, warn)
	})
	defer post.stop()
	telling := start(n.serveClock)
	defer telling.stop()
	keys := start(n.registerNewKeys)
	defer keys.stop()
	folding := start(n.foldBalances)
	defer folding.stop()
	tend := start(n.tendEvidence)
	defer tend.stop()
	trim := start(n.trimReadings)
	defer trim.stop()
	retire := start(n.retireReadings)
	defer retire.stop()
	defer n.drain(log)
	readers := start(func(ctx context.Context) error {
		return errors.Join(n.fleet.Run(ctx, n.targets, n.store), n.signer.Close(context.WithoutCancel(ctx)))
	})
	defer readers.stop()
	if n.sim != nil {
		physics := start(func(ctx context.Context) error { return n.sim.Run(ctx, clock.Fast(n.sim.Now(), n.config.Speed)) })
		defer func() {
			physics.stop()
			time.Sleep(n.controlEvery() + meters.Period/2) // each device is read once more, at rest
		}()
	}
	moving := start(n.batteries.run)
	defer moving.stop()
	orders := start(n.market.Serve)
	defer orders.stop()

	// Nothing is settled before the meters were asked: after a long stop their
	// registers say what flowed meanwhile.
	if err := n.waitReady(ctx, failed); err != nil {
		return err
	}
	n.settle.Begun = n.clock()
	settling := start(n.workers.Settlements.Run)
	defer settling.stop()
	quoting := start(n.workers.Quotes.Run)
	defer quoting.stop()
	if err := n.tick(ctx); err != nil { // products are open before anybody hears of it
		return fmt.Errorf("market: %w", err)
	}
	market := start(n.runMarket)
	defer market.stop()
	rewarding := start(n.runRewards)
	defer rewarding.stop()
	ready.Store(true)
	kind := "home"
	if n.sim != nil {
		kind = "simulated home"
	}
	fmt.Fprintf(progress, "commonwatt %s: %s, %s, world time %s at %g× speed\nOpen http://%s/ in a browser: flow, price and trades move there. Stop with Ctrl-C.\n",
		version(), number(n.desk.Homes(), kind), number(n.live.Devices(), "device"), n.clock().Format("2006-01-02 15:04"), c.Speed, n.listener.Addr())
	if n.sim == nil {
		fmt.Fprintf(progress, "Devices are paired at http://%s/installer.html with the key in %s\n", n.listener.Addr(), n.dir.File(installerKeyFile))
	}
	outages := start(n.runOutages)
	defer outages.stop()
	return n.wait(ctx, duration, failed, progress)
}

// wait returns when it is time to stop.
func (n *node) wait(ctx context.Context, duration time.Duration, failed <-chan error, progress io.Writer) error {
	var over <-chan time.Time
	if duration > 0 {
		over = time.After(duration)
	}
	select {
	case <-ctx.Done():
	case <-over:
	case err := <-failed:
		return err
	}
	s := n.status(context.WithoutCancel(ctx))
	fmt.Fprintf(progress, "Stopping at %s: %s cleared, %d settled, %s, ledger height %d.\n",
		s.WorldTime.Format("2006-01-02 15:04"), number(s.IntervalsCleared, "interval"), s.IntervalsSettled, number(s.TradesTotal, "trade"), s.Ledger.Height)
	return nil
}

// number says how many there are of a thing: 1 home, 2 homes.
func number[N int | int64](n N, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}

// waitReady waits until every device has answered, not for ever.
func (n *node) waitReady(ctx context.Context, failed <-chan error) error {
	deadline := time.After(readyWithin)
	ticker := time.NewTicker(tickEvery)
	defer ticker.Stop()
	for n.live.DevicesOnline() < n.live.Devices() {
		select {
		case <-ctx.Done():
			return nil
		case err := <-failed:
			return err
		case <-deadline:
			n.log.WarnContext(ctx, "not every device has answered", slog.Int("online", n.live.DevicesOnline()), slog.Int("devices", n.live.Devices()))
			return nil
		case <-ticker.C:
		}
	}
	return nil
}

// watch keeps the dashboard current from the bus.
func (n *node) watch(ctx context.Context) error {
	return n.bus.Watch(ctx, n.market.EventsSubject(), n.seeEventsMessage)
}

// drain lets the consumers finish what is on the bus.
func (n *node) drain(log *slog.Logger) {
	ctx, cancel := context.WithTimeout(context.Background(), drainWithin)
	defer cancel()
	for stream, consumer := range map[string]string{bus.Readings: n.storeConsumer(), bus.Settlement: n.ledgerConsumer()} {
		for {
			left, err := n.bus.Pending(ctx, stream, consumer)
			if err != nil {
				log.WarnContext(ctx, "stopping with messages on the bus; the next start takes them", slog.String("error", err.Error()))
				break
			}
			if left == 0 {
				break
			}
			time.Sleep(tickEvery / 2)
		}
	}
}

// runOutages takes simulated devices off the network as configured.
func (n *node) runOutages(ctx context.Context) error {
	if n.sim == nil {
		return nil
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	errs := make(chan error, len(n.config.Simulation.Outages))
	for _, o := range n.config.Simulation.Outages {
		wg.Go(func() { errs <- n.outage(ctx, o) })
	}
	for range n.config.Simulation.Outages {
		if err := <-errs; err != nil {
			return fmt.Errorf("simulated outage: %w", err)
		}
	}
	return nil
}

func (n *node) outage(ctx context.Context, o outage) error {
	d := n.simulated(o.Device)
	if !pause(ctx, o.After) {
		return nil
	}
	if err := d.Stop(); err != nil {
		return err
	}
	pause(ctx, o.Lasts)
	return d.Start()
}

func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
