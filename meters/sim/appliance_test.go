package sim_test

import (
	"slices"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/modbus"
	"github.com/commonwatt/commonwatt/scenarios/world"
)

// TestAnApplianceWaitsAndRuns has a dishwasher that is told to wait before it is loaded, over the socket that
// its home's reader uses: it shows that it waits, starts when it is told to, does not stop for anything, and
// counts what it takes. What it is told lasts no longer than it said.
func TestAnApplianceWaitsAndRuns(t *testing.T) {
	t.Parallel()
	begin := time.Date(2026, 6, 1, 19, 0, 0, 0, time.UTC)
	spec := world.Spec{Seed: 1, Start: begin, Latitude: 50, Homes: []world.Home{
		{ID: "home-01", Persons: 2, Appliance: world.Appliance{Power: 500, Minutes: 30, Loaded: 19.6, Ready: 7, Chance: 1}},
	}}
	const fast = 600
	n := startWith(t, t.TempDir(), fast, spec, nil)
	d := n.Device("home-01/appliance")
	write := func(addr uint16, words ...uint16) {
		t.Helper()
		if err := d.SetRegisters(addr, words); err != nil {
			t.Fatalf("%d: %v", addr, err)
		}
	}
	state := func() []uint16 {
		t.Helper()
		words, err := d.Registers(modbus.Holding, 1033, 10) // state, done, …, asked, start, valid
		if err != nil {
			t.Fatal(err)
		}
		return words
	}
	until := func(what string, ok func(s []uint16) bool) {
		t.Helper()
		for deadline := time.Now().Add(patience); !ok(state()); time.Sleep(5 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("never: %s: %v, %+v", what, state(), n.State("home-01").Chores)
			}
		}
	}
	s := read(t, n)
	write(1040, 1, 0, 0)
	if got := state(); got[0] != 0 || got[1] != 0xffff || got[7] != 1 || got[8] != 0 {
		t.Errorf("empty, and told to wait for good, it shows %v", got)
	}
	until("it is loaded and waits", func(s []uint16) bool { return s[0] == 1 && s[1] == 0 })
	before := n.State("home-01")
	if before.Appliance != 0 || before.Alone.Programme == before.Programme {
		t.Errorf("it waits, and takes %d W; alone it would have started: %+v", before.Appliance, before.Alone.Programme)
	}
	write(1041, 1)
	until("it runs", func(s []uint16) bool { return s[0] == 2 })
	write(1041, 0)
	until("it is done", func(s []uint16) bool { return s[0] == 0 && s[1] == 0xffff })
	if took := world.Energy(n.State("home-01").Ran) - world.Energy(before.Ran); took != 250 {
		t.Errorf("half an hour of 500 W came to %d Wh", took)
	}
	s.wait(t, func(all []grid.Reading) bool {
		own := of(all, "home-01/appliance")
		ran := slices.ContainsFunc(own, func(r grid.Reading) bool { return r.Charge != nil && *r.Power == 500 })
		return ran && own[len(own)-1].Charge == nil
	})

	write(1040, 1, 0, 60)
	until("what it is told is over", func(s []uint16) bool { return s[7] == 0 && n.State("home-01").StartAsk == nil })
	for addr, words := range map[uint16][]uint16{1041: {2}, 1043: {1}, 1026: {1}, 1042: {1, 1}} {
		if err := d.SetRegisters(addr, words); err == nil {
			t.Errorf("it takes %v at %d", words, addr)
		}
	}
}
