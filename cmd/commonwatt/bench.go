package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/commonwatt/commonwatt/bench"
	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/config"
	"github.com/commonwatt/commonwatt/matching/tape"
	"github.com/commonwatt/commonwatt/meters"
	"github.com/commonwatt/commonwatt/meters/intake"
	"github.com/commonwatt/commonwatt/meters/store"
	"github.com/commonwatt/commonwatt/usage"
)

func benchCommand() *cobra.Command {
	c := &cobra.Command{Use: "bench", Short: "Measure parts of Commonwatt on recorded input"}
	c.AddCommand(benchMatchingCommand(), benchDurableCommand(), benchTapeCommand(), feedCommand(), benchDevicesCommand(), benchDiskCommand(),
		benchReplayCommand(), benchStartCommand(), benchSettleCommand(), benchBillCommand(), benchPlanCommand(), benchWorldCommand(), benchDashboardsCommand())
	return c
}

func benchMatchingCommand() *cobra.Command {
	var file string
	c := measurement(&cobra.Command{
		Use:   "matching --tape FILE",
		Short: "Play a command tape on the matching engine",
		Long:  bench.AboutMatching,
	}, func(*cobra.Command) (r bench.MatchingResult, err error) {
		t, err := bench.ReadTape(file)
		if err != nil {
			return r, err
		}
		if r, err = bench.Matching(t); err != nil {
			return r, usage.Errorf("%s: %w", file, err)
		}
		return r, nil
	})
	c.Flags().StringVar(&file, "tape", "", "the tape (format OBWL1)")
	require(c, "tape")
	return c
}

func benchDurableCommand() *cobra.Command {
	var o bench.DurableOptions
	c := measurement(&cobra.Command{
		Use:   "durable --tape FILE",
		Short: "Play a command tape through the journal at a fixed rate",
		Long:  bench.AboutDurable,
	}, func(cmd *cobra.Command) (r bench.DurableResult, err error) {
		if o.Tape, err = bench.ReadTape(o.File); err != nil {
			return r, err
		}
		if o.Rate < 1 {
			return r, usage.Errorf("--rate: %d: must be at least 1 command a second", o.Rate)
		}
		return bench.Durable(cmd.Context(), o)
	})
	c.Flags().StringVar(&o.File, "tape", "", "the tape (format OBWL1)")
	c.Flags().StringVar(&o.Dir, "dir", os.TempDir(), "directory on the disk to measure")
	c.Flags().IntVar(&o.Rate, "rate", 1_000_000, "commands a second")
	require(c, "tape")
	return c
}

// feedCommand is the load generator of bench durable, a process of its own.
func feedCommand() *cobra.Command {
	return &cobra.Command{
		Use: "feed TAPE RATE START", Hidden: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			return bench.Feed(cmd.OutOrStdout(), [3]string(args))
		},
	}
}

func benchTapeCommand() *cobra.Command {
	var out string
	spec := tape.Spec{Seed: 1, Commands: 1_000_000, Resting: 20_000, Products: 1, MaxTick: 10_000, Add: 600, Cancel: 350, Cross: 300}
	c := &cobra.Command{
		Use:   "tape --out FILE",
		Short: "Make a random command tape for bench matching",
		Long:  bench.AboutTape,
		RunE: func(cmd *cobra.Command, _ []string) error {
			t, err := tape.Generate(spec)
			if err != nil {
				return usage.Mark(err)
			}
			f, err := os.Create(out) //nolint:gosec // the path is the user's
			if err != nil {
				return usage.Mark(err)
			}
			if err := errors.Join(t.Write(f), f.Close()); err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.ErrOrStderr(), "%s: %d commands, %d of them to fill the book\n", out, len(t.Records), t.Prefill)
			return err
		},
	}
	f := c.Flags()
	f.StringVar(&out, "out", "", "the file to write")
	f.Uint64Var(&spec.Seed, "seed", spec.Seed, "seed")
	f.IntVar(&spec.Commands, "commands", spec.Commands, "timed commands")
	f.IntVar(&spec.Resting, "resting", spec.Resting, "orders in the book before the timed commands")
	f.IntVar(&spec.Products, "products", spec.Products, "products, at most 65536")
	f.IntVar(&spec.MaxTick, "ticks", spec.MaxTick, "price range in ticks")
	f.IntVar(&spec.Add, "add", spec.Add, "share of orders that may rest, per mille")
	f.IntVar(&spec.Cancel, "cancel", spec.Cancel, "share of cancels, per mille")
	f.IntVar(&spec.Cross, "cross", spec.Cross, "share of those orders that cross the middle, per mille")
	require(c, "out")
	return c
}

func benchDevicesCommand() *cobra.Command {
	o := bench.DevicesOptions{Connect: 3 * time.Second}
	var serve bool
	c := measurement(&cobra.Command{
		Use:   "devices",
		Short: "Read many Modbus TCP devices once a second",
		Long:  bench.AboutDevices,
	}, func(cmd *cobra.Command) (r bench.DevicesResult, err error) {
		return bench.Devices(cmd.Context(), o)
	})
	measure := c.RunE
	c.RunE = func(cmd *cobra.Command, args []string) error {
		if o.Count < 1 || o.Count > 8000 || o.Duration <= 0 {
			return usage.Errorf("--count: %d: must be 1 to 8000; --duration: %s: must be above 0s", o.Count, o.Duration)
		}
		if serve {
			return bench.ServeMeters(cmd.Context(), o.Count, os.Stdin, cmd.OutOrStdout())
		}
		return measure(cmd, args)
	}
	c.Flags().IntVar(&o.Count, "count", 5000, "meters to read")
	c.Flags().DurationVar(&o.Duration, "duration", 20*time.Second, "how long to measure, after 3 s to connect")
	c.Flags().BoolVar(&serve, "serve", false, "be the meters")
	_ = c.Flags().MarkHidden("serve") // the flag is defined above
	return c
}

func benchDiskCommand() *cobra.Command {
	o := bench.DiskOptions{Upkeep: bench.DiskUpkeep{Trim: intake.TrimEvery, Thin: intake.ThinEvery, Whole: intake.Whole, Keep: store.Keep(config.Store{}.Kept())}}
	c := measurement(&cobra.Command{
		Use:   "disk",
		Short: "Measure what readings once a second take up on the disk",
		Long:  bench.AboutDisk,
	}, func(cmd *cobra.Command) (r bench.DiskResult, err error) {
		if days := o.Days > 0 && o.Days <= 366; o.Homes < 1 || !days || o.Batch <= 0 || o.AtOnce < o.Batch {
			return r, usage.Errorf("--homes, --days (366 at most) and --batch must be above 0, --at-once at least --batch")
		}
		return bench.Disk(cmd.Context(), o)
	})
	c.Flags().IntVar(&o.Homes, "homes", 12, "simulated homes")
	c.Flags().Float64Var(&o.Days, "days", 7, "days of world time")
	c.Flags().DurationVar(&o.Batch, "batch", intake.Together(1, community.DefaultDeadline, meters.Period/2), "readings of a home that are signed together")
	c.Flags().DurationVar(&o.AtOnce, "at-once", 15*time.Minute, "world time that is sent before it is waited for")
	c.Flags().StringVar(&o.Dir, "dir", os.TempDir(), "directory on the disk to measure")
	return c
}

func benchReplayCommand() *cobra.Command {
	var o bench.ReplayOptions
	c := measurement(&cobra.Command{
		Use:   "replay",
		Short: "Replay a day of communities of different sizes",
		Long:  bench.AboutReplay,
	}, func(cmd *cobra.Command) (r bench.ReplayResult, err error) {
		if len(o.Homes) == 0 || slices.Min(o.Homes) < 1 || slices.Max(o.Homes) > 1000 {
			return r, usage.Errorf("--homes: %v: must be 1 to 1000", o.Homes)
		}
		if o.Rounds < 1 {
			return r, usage.Errorf("--rounds: %d: must be at least 1", o.Rounds)
		}
		return bench.Replay(cmd.Context(), o)
	})
	c.Flags().IntSliceVar(&o.Homes, "homes", []int{10, 100}, "numbers of homes")
	c.Flags().IntVar(&o.Rounds, "rounds", 3, "replays of each, of which the median counts")
	return c
}

func benchStartCommand() *cobra.Command {
	var o bench.StartOptions
	c := measurement(&cobra.Command{
		Use:   "start",
		Short: "Measure from the start of the program until it is ready",
		Long:  bench.AboutStart,
	}, func(cmd *cobra.Command) (r bench.StartResult, err error) {
		if o.Homes < 1 || o.Rounds < 1 || o.Ran < 0 {
			return r, usage.Errorf("--homes and --rounds must be above 0, --ran not negative")
		}
		return bench.Start(cmd.Context(), o)
	})
	c.Flags().IntVar(&o.Homes, "homes", config.DefaultSimulation().Homes, "simulated homes")
	c.Flags().IntVar(&o.Rounds, "rounds", 3, "directories, of which the median counts")
	c.Flags().DurationVar(&o.Ran, "ran", 10*time.Second, "how long the program runs between the two starts")
	c.Flags().StringVar(&o.Dir, "dir", os.TempDir(), "directory on the disk to measure")
	return c
}

func benchSettleCommand() *cobra.Command {
	var o bench.SettleOptions
	c := measurement(&cobra.Command{
		Use:   "settle",
		Short: "Measure the settlement of an interval after readings of hours or days",
		Long:  bench.AboutSettle,
	}, func(cmd *cobra.Command) (r bench.SettleResult, err error) {
		if o.Homes < 1 || o.Rounds < 1 || len(o.Histories) == 0 || slices.Min(o.Histories) < time.Hour {
			return r, usage.Errorf("--homes and --rounds must be above 0, each --history at least 1h")
		}
		o.Progress = cmd.ErrOrStderr()
		return bench.Settle(cmd.Context(), o)
	})
	c.Flags().IntVar(&o.Homes, "homes", 200, "homes")
	c.Flags().DurationSliceVar(&o.Histories, "history", []time.Duration{2 * time.Hour, 48 * time.Hour}, "how long the homes were read before")
	c.Flags().IntVar(&o.Rounds, "rounds", 3, "intervals, of which the median counts")
	c.Flags().StringVar(&o.Dir, "dir", os.TempDir(), "directory on the disk to measure")
	return c
}

func benchBillCommand() *cobra.Command {
	var o bench.BillOptions
	c := measurement(&cobra.Command{
		Use:   "bill",
		Short: "Bill a year of a street, month by month, from a generated statement book",
		Long: `Bill a year of a street, month by month: draft, approve, print. The statement book is
generated beforehand, which takes a while and does not count.`,
	}, func(cmd *cobra.Command) (bench.BillResult, error) {
		o.Progress = cmd.ErrOrStderr()
		return bench.Bill(cmd.Context(), o)
	})
	c.Flags().IntVar(&o.Homes, "homes", 100, "homes")   //nolint:mnd // the bar's
	c.Flags().IntVar(&o.Months, "months", 12, "months") //nolint:mnd // the bar's
	c.Flags().StringVar(&o.Dir, "dir", "", "directory on the disk to measure (default: that of temporary files)")
	return c
}
