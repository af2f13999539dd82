package official_test

import (
	"strings"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/official"
)

func at(k int) int64 { return time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC).Unix() + int64(k)*900 }

func quarter(point string, k int, d official.Direction, wh grid.Energy, line int) official.Value {
	return official.Value{Key: official.Key{Point: point, Start: at(k), Code: official.Total, Direction: d}, Minutes: 15, Energy: wh, Quality: official.Measured, Line: line}
}

// elm is a community with ann's and bob's points, where 100 Wh were metered of each in the
// first four quarter-hours.
func elm(minutes int) official.Community {
	return official.Community{
		Minutes: minutes, Points: map[string]bool{"ann": true, "bob": true}, Known: map[official.Key]official.Told{},
		Signed: func(i grid.Interval) map[string]grid.Flow {
			if i.Start < at(0) || i.Start >= at(4) {
				return nil
			}
			return map[string]grid.Flow{"ann": {Import: 100}, "bob": {Import: 100}}
		},
	}
}

// TestAPreviewSaysWhatIsNew counts what is new, changed and the same, and compares with what
// was metered here. A value that was estimated and is measured now has changed.
func TestAPreviewSaysWhatIsNew(t *testing.T) {
	c := elm(15)
	estimated := quarter("bob", 3, official.Import, 40, 1)
	estimated.Quality = official.Estimated
	for _, v := range []official.Value{quarter("ann", 0, official.Import, 100, 1), quarter("ann", 1, official.Import, 90, 1), estimated} {
		c.Known[v.Key] = official.Told{Value: v, File: "before"}
	}
	f := official.File{Values: []official.Value{
		quarter("ann", 0, official.Import, 100, 2), quarter("ann", 1, official.Import, 95, 3), quarter("ann", 2, official.Import, 110, 4),
		quarter("bob", 2, official.Export, 7, 5), quarter("bob", 3, official.Import, 40, 6),
	}}
	p := official.Look(f, c)
	if p.Values != 5 || p.New != 2 || p.Changed != 2 || p.Same != 1 || len(p.News) != 4 || len(p.Problems) > 0 || p.From != at(0) || p.Until != at(4) {
		t.Errorf("%+v", p)
	}
	if len(p.Changes) != 2 || p.Changes[0].Before.Energy != 90 || p.Changes[0].After.Energy != 95 || p.Changes[1].Before.Quality != official.Estimated || p.Changes[1].After.Quality != official.Measured {
		t.Errorf("%+v", p.Changes)
	}
	if len(p.Points) != 2 || p.Points[0].Signed != (grid.Flow{Import: 300}) || p.Points[0].Official != (grid.Flow{Import: 305}) || p.Points[1].Official != (grid.Flow{Import: 40, Export: 7}) || p.Points[1].Signed != (grid.Flow{Import: 100}) {
		t.Errorf("%+v", p.Points)
	}
}

// TestWhatDoesNotFit names another's point, another year, and values that are too coarse.
func TestWhatDoesNotFit(t *testing.T) {
	hour := quarter("ann", 0, official.Import, 400, 9)
	hour.Minutes = 60
	f := official.File{Values: []official.Value{quarter("eve", 0, official.Import, 1, 2), quarter("eve", 1, official.Import, 1, 3), quarter("ann", -35_040, official.Import, 1, 4), quarter("bob", 4, official.Import, 1, 5), hour}}
	p := official.Look(f, elm(15))
	text := p.Problems.Error()
	for _, want := range []string{
		"line 2: point: eve is no metering point", "line 4: time: nothing was settled at 2025-06-01T00:00Z", "line 5: time: nothing was settled at 2026-06-01T01:00Z",
		"line 9: minutes: G.01 import of ann at 2026-06-01T00:00Z is of 60 minutes, and intervals here have 15",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("lacks %q:\n%s", want, text)
		}
	}
	if len(p.Problems) != 4 {
		t.Errorf("%d problems:\n%s", len(p.Problems), text)
	}
	if p := official.Look(official.File{Values: []official.Value{hour}}, elm(60)); len(p.Problems) != 0 {
		t.Errorf("in intervals of an hour: %v", p.Problems)
	}
}

// TestFlowsOfAnInterval sums up finer values to the intervals of the community, where all of
// them are there; the worst quality counts.
func TestFlowsOfAnInterval(t *testing.T) {
	var values []official.Told
	for k := range 4 {
		v := official.Told{Value: quarter("ann", k, official.Import, grid.Energy(10*k), 0), File: []string{"b", "a"}[k%2]}
		if k == 2 {
			v.Quality = official.Estimated
		}
		values = append(values, v)
		if k > 0 {
			values = append(values, official.Told{Value: quarter("ann", k, official.Export, 1, 0)}, official.Told{Value: quarter("bob", k, official.Import, 1, 0)})
		}
	}
	shared := official.Told{Value: quarter("ann", 0, official.Import, 1000, 0)}
	shared.Code = official.Covered
	i := grid.Interval{Start: at(0), Minutes: 60}
	flows := official.Flows(i, append(values, shared))
	ann := flows["ann"]
	if len(flows) != 1 || ann.Import == nil || *ann.Import != 60 || ann.Export != nil || ann.Quality != official.Estimated || strings.Join(ann.Files, "") != "ab" {
		t.Errorf("%+v", flows)
	}
}

// TestSharesOfACommunity holds what the grid operator's codes say of a community of three: of
// all generators together P.01 is G.01 less the G.03 of all consumers.
func TestSharesOfACommunity(t *testing.T) {
	say := func(point string, code official.Code, d official.Direction, wh grid.Energy) official.Value {
		return official.Value{Key: official.Key{Point: point, Start: at(0), Code: code, Direction: d}, Minutes: 15, Energy: wh, Quality: official.Measured, Line: 7}
	}
	values := []official.Value{
		say("pv", official.Total, official.Export, 1000), say("pv", official.Rest, official.Export, 300),
		say("ann", official.Total, official.Import, 500), say("ann", official.Share, official.Export, 600), say("ann", official.Covered, official.Export, 500),
		say("bob", official.Total, official.Import, 200), say("bob", official.Share, official.Export, 400), say("bob", official.Covered, official.Export, 200),
	}
	if notes := official.Shares(values); len(notes) != 0 {
		t.Errorf("%v", notes)
	}
	values[1].Energy = 301
	if notes := official.Shares(values); len(notes) != 1 || !strings.Contains(notes[0].Text, "G.01 1000 Wh less G.03 700 Wh is not P.01 301 Wh") {
		t.Errorf("%v", notes)
	}
	// Where a consumer's values are missing nothing can be said: its own share is not known.
	if notes := official.Shares(values[:5]); len(notes) != 0 {
		t.Errorf("%v", notes)
	}
}
