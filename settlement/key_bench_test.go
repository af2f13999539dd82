package settlement_test

import (
	"fmt"
	"testing"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/settlement/sharing"
)

// BenchmarkSettleByKey settles many metering points in one interval by an allocation key.
func BenchmarkSettleByKey(b *testing.B) {
	for _, n := range []int{10_000, 20_000} {
		in := shared(nil)
		static := sharing.Key{Kind: sharing.Static, Unused: sharing.Again}
		for k := range n {
			point := fmt.Sprintf("mp-%05d", k)
			in.Metered = append(in.Metered, metered(point, grid.Energy(k*7%700), grid.Energy(k%3*(k*11%500))))
			r, err := sharing.ParseRatio(fmt.Sprintf("%d/%d", 1+k%3, 3*n))
			if err != nil {
				b.Fatal(err)
			}
			static.Entries = append(static.Entries, sharing.Entry{Point: point, Share: r})
		}
		for name, key := range map[string]sharing.Key{"dynamic": {Kind: sharing.Dynamic}, "static-again": static} {
			in.Rules = &settlement.Rules{Pool: settlement.Off, Key: &settlement.Key{Scheme: sharing.Scheme{Key: key}, Price: settlement.KeyPrice{By: settlement.ByMidpoint}}}
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				for b.Loop() {
					settle(b, in)
				}
			})
		}
	}
}
