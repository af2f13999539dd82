package web

import (
	"context"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/pairing"
	"github.com/commonwatt/commonwatt/tariff"
	"github.com/commonwatt/commonwatt/web/api"
)

// What is refused is not offered: a device can be let go of where it is real and read here.
func TestRemovable(t *testing.T) {
	device := func(id string) grid.Device {
		return grid.Device{ID: id, Kind: grid.Meter, Member: "ann", MeteringPoint: "mp-" + id}
	}
	for _, trial := range []bool{false, true} {
		desk := pairing.Open(t.TempDir(), nil, []pairing.Binding{{Device: device("here"), Target: "tcp://127.0.0.1:502", Unit: 1, Configured: true}})
		desk.Trial = trial
		elsewhere := func() []Elsewhere { return []Elsewhere{{Device: device("there"), Gateway: "cellar"}} }
		live, err := NewLive("demo", tariff.Tariff{}, nil, nil, func() time.Time { return time.Unix(0, 0) }, func(context.Context) api.Status { return api.Status{} })
		if err != nil {
			t.Fatal(err)
		}
		s := installers{&Installer{Desk: desk, Elsewhere: elsewhere}, live}
		all, err := s.ListDevices(t.Context(), api.ListDevicesRequestObject{})
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]bool{}
		for _, d := range all.(api.ListDevices200JSONResponse) {
			got[d.Id] = d.Removable
		}
		if len(got) != 2 || got["here"] == trial || got["there"] {
			t.Errorf("simulated: %t, removable: %v", trial, got)
		}
	}
}
