package hold_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/agent/hold"
	"github.com/commonwatt/commonwatt/grid"
)

var update = flag.Bool("update", false, "write the drawing of the step response anew")

// trace is what a home does in each second of an interval.
type trace struct{ rest, battery, meter []grid.Power }

// step runs one interval in which the home sold 250 Wh, 1 kW on average: after five
// minutes a cloud halves its surplus of 2 kW, after ten the kettle is on for two minutes.
func step(l loop) trace {
	begin := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	h := hold.New(5000)
	var t trace
	var battery, told grid.Power
	own := true
	var arrives time.Time
	var imported, exported int64
	type shown struct {
		meter            grid.Power
		imported, export grid.Energy
	}
	var past []shown
	for s := -120; s < 900; s++ {
		now := begin.Add(time.Duration(s) * time.Second)
		rest := grid.Power(-2000)
		if s >= 300 {
			rest = -1000
		}
		if s >= 600 && s < 720 {
			rest += 2000
		}
		if !now.Before(arrives) {
			battery = told
		}
		if own {
			battery = 0 // full: what is too much goes out
		}
		meter := rest + battery
		imported, exported = imported+int64(max(meter, 0)), exported+int64(max(-meter, 0))
		past = append(past, shown{meter, grid.Energy(imported / 3600), grid.Energy(exported / 3600)})
		if s >= 0 {
			t.rest, t.battery, t.meter = append(t.rest, rest), append(t.battery, battery), append(t.meter, meter)
		}
		if s%int(l.poll/time.Second) == 0 {
			m := past[max(0, len(past)-1-int(l.lag/time.Second))]
			h.Meter(grid.Reading{Time: now, Power: &m.meter, Import: &m.imported, Export: &m.export, Quality: grid.Good})
			h.Battery(grid.Reading{Time: now, Power: new(battery), Charge: new(grid.PerMille(900))})
		}
		if s%int(l.control/time.Second) != 0 {
			continue
		}
		contracted := grid.Energy(0)
		if s >= 0 {
			contracted = -250
		}
		p, ok := h.Step(now, grid.IntervalAt(now, 15), contracted, s >= 0)
		if ok && (own || p != told) {
			own, told, arrives = false, p, now.Add(l.write)
		}
		if !ok {
			own = true
		}
	}
	return t
}

// TestStepResponse holds the answer to a step against what it has to be, for a quick home
// and for one whose meter lags ten seconds behind, and draws both.
func TestStepResponse(t *testing.T) {
	quick := step(loop{poll: time.Second, control: time.Second, write: time.Second})
	slow := step(loop{poll: 5 * time.Second, control: time.Second, write: 2 * time.Second, lag: 10 * time.Second})
	for name, x := range map[string]trace{"quick": quick, "slow": slow} {
		var net, in grid.Power
		changes := 0
		for s := range x.meter {
			net += x.meter[s]
			in += max(x.meter[s], 0)
			if s > 0 && x.battery[s] != x.battery[s-1] {
				changes++
			}
			if s > 330 && s < 600 && x.battery[s] < -400 {
				t.Fatalf("%s: the battery gives %d W in second %d: the cloud took 1000 W of which all was sold", name, -x.battery[s], s)
			}
		}
		if e := net / 3600; e < -265 || e > -225 {
			t.Errorf("%s: %d Wh were delivered, 250 were sold", name, -e)
		}
		if in/3600 > 12 || changes > 40 {
			t.Errorf("%s: %d Wh came in while energy was sold, and the battery was moved %d times", name, in/3600, changes)
		}
	}
	file := filepath.Join("..", "..", "docs", "step-response.svg")
	drawn := draw(quick, slow)
	if *update {
		if err := os.WriteFile(file, drawn, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if kept, err := os.ReadFile(file); err != nil || !bytes.Equal(kept, drawn) {
		t.Errorf("%s is not what the program does: write it with -update and look at it (%v)", file, err)
	}
}

// draw draws the two, one below the other.
func draw(traces ...trace) []byte {
	const width, height, scale = 760, 230, 14.0
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n", width, height*len(traces))
	for k, x := range traces {
		top := k * height
		title := "readings every second"
		if k > 0 {
			title = "readings every 5 s, a meter that lags 10 s behind"
		}
		fmt.Fprintf(&b, "<text x=\"50\" y=\"%d\" font-size=\"14\">%s</text>\n", top+18, title)
		zero := float64(top) + 120
		for kw := -2; kw <= 2; kw++ {
			y := zero - float64(kw)*1000/scale/2
			fmt.Fprintf(&b, "<line x1=\"50\" x2=\"740\" y1=\"%.0f\" y2=\"%.0f\" stroke=\"#ddd\"/><text x=\"44\" y=\"%.0f\" text-anchor=\"end\">%d kW</text>\n", y, y, y+4, kw)
		}
		for minute := 0; minute <= 15; minute += 5 {
			fmt.Fprintf(&b, "<text x=\"%.0f\" y=\"%d\" text-anchor=\"middle\">%d min</text>\n", 50+float64(minute)*46, top+height-12, minute)
		}
		for _, line := range []struct {
			name, colour string
			values       []grid.Power
		}{{"home without battery", "#6b5bd2", x.rest}, {"battery", "#2e9e8f", x.battery}, {"meter", "#3f7fb5", x.meter}} {
			points := make([]string, 0, len(line.values))
			for s, w := range line.values {
				points = append(points, fmt.Sprintf("%.1f,%.1f", 50+float64(s)*690/900, zero-float64(w)/scale/2))
			}
			fmt.Fprintf(&b, "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"1.5\" points=\"%s\"><title>%s</title></polyline>\n", line.colour, strings.Join(points, " "), line.name)
		}
		if k == 0 {
			for n, name := range []string{"home without battery", "battery", "meter"} {
				fmt.Fprintf(&b, "<text x=\"%d\" y=\"%d\" fill=\"%s\">%s</text>\n", 430+n*130, top+18, []string{"#6b5bd2", "#2e9e8f", "#3f7fb5"}[n], name)
			}
		}
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}
