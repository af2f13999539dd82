package journal_test

import (
	"fmt"
	"testing"

	"github.com/commonwatt/commonwatt/matching"
	"github.com/commonwatt/commonwatt/matching/journal"
)

// BenchmarkAppend makes groups durable on the disk of the temporary directory.
func BenchmarkAppend(b *testing.B) {
	for _, n := range []int{1, 16, 256, 4096} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			f, _, err := journal.Open(b.TempDir(), journal.DefaultSegment, &machine{})
			if err != nil {
				b.Fatal(err)
			}
			defer f.Close()
			group := make([]matching.Command, n)
			for i := range group {
				group[i] = command(uint64(i))
				group[i].Name = ""
			}
			groups := 0
			for b.Loop() {
				if err := f.Append(group); err != nil {
					b.Fatal(err)
				}
				groups++
			}
			b.ReportMetric(float64(n*groups)/b.Elapsed().Seconds(), "commands/s")
		})
	}
}
