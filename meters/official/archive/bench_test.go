package archive_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/meters/official"
	"github.com/commonwatt/commonwatt/meters/official/archive"
)

// BenchmarkMonth reads and keeps a month of a hundred homes: 2,880 quarter-hours with two
// values each, 576,000 in all.
func BenchmarkMonth(b *testing.B) {
	var text strings.Builder
	text.WriteString("point,time,in,out\n")
	for home := range 100 {
		for k := range 2880 {
			fmt.Fprintf(&text, "mp-%d,%d,0.%03d,0.0%02d\n", home, begin()+int64(k)*900, (k*7+home)%1000, k%100)
		}
	}
	m, err := official.ReadMapping([]byte(`{unit: kWh, minutes: 15, time: {column: time, format: unix}, point: {column: point}, values: [{column: in, code: "1-1:1.9.0 G.01"}, {column: out, code: "1-1:2.9.0 G.01"}]}`))
	if err != nil {
		b.Fatal(err)
	}
	file := []byte(text.String())
	for b.Loop() {
		f, err := official.Parse(file, official.Options{Mapping: m, Zone: time.UTC})
		if err != nil || len(f.Values) != 576_000 {
			b.Fatal(len(f.Values), err)
		}
		path := filepath.Join(b.TempDir(), "official.db")
		a, err := archive.Open(b.Context(), path)
		if err != nil {
			b.Fatal(err)
		}
		if err := a.Stage(b.Context(), archive.File{Content: "c", Digest: "d", From: time.Unix(begin(), 0), Until: time.Unix(begin()+1, 0)}, brings(15, f.Values...)); err != nil {
			b.Fatal(err)
		}
		if err := a.Close(); err != nil {
			b.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(info.Size())/1e6, "MB")
	}
}
