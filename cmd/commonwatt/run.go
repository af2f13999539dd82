package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/commonwatt/commonwatt/config"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/hub"
	"github.com/commonwatt/commonwatt/terminal"
	"github.com/commonwatt/commonwatt/usage"
)

type runFlags struct {
	config, data, listen string
	speed                float64
	duration             time.Duration
	homes                int
	seed                 uint64
	verbose, standby     bool
	proxies              []string
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
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	d := config.Defaults()
	c.Flags().StringVar(&f.config, "config", "", "configuration file (see commonwatt config check --help)")
	c.Flags().StringVar(&f.data, "data", d.Data, "directory of everything that is kept")
	c.Flags().StringVar(&f.listen, "listen", d.Listen, "address of the pages and the API")
	c.Flags().StringSliceVar(&f.proxies, "behind-proxy", nil, "addresses of the proxies that speak TLS with others, from which alone requests are taken; without one, those of this machine")
	c.Flags().Lookup("behind-proxy").NoOptDefVal = "127.0.0.1,::1"
	c.Flags().Float64Var(&f.speed, "speed", d.Speed, "world seconds a second")
	c.Flags().DurationVar(&f.duration, "duration", 0, "stop after this wall time from readiness, such as 60s (0: run until stopped)")
	c.Flags().IntVar(&f.homes, "homes", config.DefaultSimulation().Homes, "simulated homes")
	c.Flags().Uint64Var(&f.seed, "seed", config.DefaultSimulation().Seed, "seed of the simulation")
	c.Flags().BoolVar(&f.standby, "standby", false, "wait until the process that runs the market is gone, then go on with it (needs bus.order_log)")
	c.Flags().BoolVarP(&f.verbose, "verbose", "v", false, "log what happens")
	return c
}

func (f runFlags) run(cmd *cobra.Command) error {
	c, plan, err := f.resolve(cmd)
	if err != nil {
		return err
	}
	level := slog.LevelWarn
	if f.verbose {
		level = slog.LevelDebug
	}
	log := slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: level}))
	terms, asked, err := needTerms(cmd.Context(), c, cmd.InOrStdin(), cmd.ErrOrStderr(), terminal.Is(os.Stdin) && terminal.Is(os.Stderr), log)
	if err != nil {
		return err
	}
	if asked {
		if plan, err = hub.Resolve(c.Fill(*terms)); err != nil {
			return usage.Mark(err)
		}
	}
	if text := c.Notes(true); text != "" {
		fmt.Fprintln(cmd.ErrOrStderr(), text)
	}
	program, err := os.Executable()
	if err != nil {
		log.WarnContext(cmd.Context(), "no replays can be begun from the pages: it is not known where this program is", slog.String("error", err.Error()))
	}
	return runHub(cmd.Context(), hub.Options{Plan: plan, Terms: terms, Standby: f.standby, Version: version(), Program: program, Log: log}, f.duration, cmd.ErrOrStderr(), terminal.Is(os.Stderr))
}

// resolve joins the file, the data directory and the flags; a flag that was given wins.
func (f runFlags) resolve(cmd *cobra.Command) (c config.Config, plan config.Plan, err error) {
	if c, err = f.read(cmd.Flags().Changed); err != nil {
		return c, plan, err
	}
	if c, err = hub.WithPaired(c, cmd.Flags().Changed("speed")); err != nil {
		return c, plan, err
	}
	if c, err = hub.WithTerms(c); err != nil {
		return c, plan, err
	}
	given := cmd.Flags().Changed
	if (given("homes") || given("seed")) && c.Simulation == nil {
		return c, plan, usage.Errorf("--homes, --seed: the configuration has real devices, there is nothing to simulate")
	}
	if given("homes") {
		c.Simulation.Homes = f.homes
		c.Give("simulation")
	}
	if given("seed") {
		c.Simulation.Seed = f.seed
	}
	if f.duration < 0 {
		return c, plan, usage.Errorf("--duration: %s is negative", f.duration)
	}
	if f.standby && !c.Bus.OrderLog {
		return c, plan, usage.Errorf("--standby: wants bus.url and bus.order_log in the configuration, so that there is an order log to go on with")
	}
	if plan, err = hub.Resolve(c); err != nil {
		return c, plan, usage.Mark(err)
	}
	return c, plan, usage.Mark(c.StrangersHere())
}

// read reads the file, and the flags that say where.
func (f runFlags) read(given func(flag string) bool) (c config.Config, err error) {
	if f.config != "" {
		if c, err = hub.ReadConfig(f.config); err != nil {
			return c, err
		}
	} else {
		c = config.Defaults()
		c.Simulation = config.DefaultSimulation()
	}
	if given("data") {
		c.Data = f.data
	}
	if given("listen") {
		c.Listen = f.listen
	}
	if given("behind-proxy") {
		c.BehindProxy = f.proxies
	}
	if given("speed") {
		c.Speed = f.speed
	}
	return c, nil
}

// runHub runs a community, and says when it begins and ends; private says that nobody reads that but who started it.
func runHub(ctx context.Context, o hub.Options, duration time.Duration, progress io.Writer, private bool) (err error) {
	h, err := hub.Open(ctx, o)
	if err != nil {
		return err
	}
	err = h.Run(ctx, duration, func(s hub.State) { sayBegan(progress, s, private) }, func(s hub.State) {
		fmt.Fprintf(progress, "Stopping at %s: %s cleared, %d settled, %s, ledger height %d.\n",
			s.WorldTime.Format("2006-01-02 15:04"), grid.Number(s.IntervalsCleared, "interval"), s.IntervalsSettled, grid.Number(s.TradesTotal, "trade"), s.Ledger.Height)
	})
	return errors.Join(err, h.Close())
}

func sayBegan(progress io.Writer, s hub.State, private bool) {
	kind := "home"
	if s.Simulated {
		kind = "simulated home"
	}
	fmt.Fprintf(progress, "commonwatt %s: %s, %s, world time %s at %g× speed\nOpen %s/ in a browser: flow, price and trades move there. Stop with Ctrl-C.\n",
		s.Version, grid.Number(s.Homes, kind), grid.Number(s.Devices, "device"), s.WorldTime.Format("2006-01-02 15:04"), s.Speed, s.Address)
	if s.ViewerKey != "" {
		fmt.Fprintf(progress, "People sign in to the pages; programs show a key, as the one in %s\n", s.ViewerKey)
	}
	switch {
	case s.FirstLink == "":
	case private: // what may go to a log that others read has no secrets
		fmt.Fprintf(progress, "Nobody has an account yet. Make the operator's, once, at\n  %s\n", s.FirstLink)
	default:
		fmt.Fprintln(progress, "Nobody has an account yet: \"commonwatt account first\" prints the link by which the operator's is made.")
	}
	if !s.Simulated {
		fmt.Fprintf(progress, "Devices are paired at %s/installer.html with the key in %s\n", s.Address, s.InstallerKey)
	}
}
