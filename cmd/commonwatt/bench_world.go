package main

import (
	"github.com/spf13/cobra"

	"github.com/commonwatt/commonwatt/bench"
	"github.com/commonwatt/commonwatt/scenarios/world"
)

func benchWorldCommand() *cobra.Command {
	o := bench.WorldOptions{Street: string(world.AllElectric), Homes: 12, Seed: 1}
	c := measurement(&cobra.Command{
		Use:   "world --dir FOLDER",
		Short: "Compare simulated homes with recorded ones",
		Long:  bench.AboutWorld,
	}, func(*cobra.Command) (bench.WorldResult, error) { return bench.World(o) })
	f := c.Flags()
	f.StringVar(&o.Dir, "dir", "", "the folder of the CityLearn Challenge 2022")
	f.StringVar(&o.Street, "street", o.Street, "usual, or all-electric")
	f.IntVar(&o.Homes, "homes", o.Homes, "how many simulated homes")
	f.Uint64Var(&o.Seed, "seed", o.Seed, "of the street")
	require(c, "dir")
	return c
}
