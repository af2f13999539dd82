package scenarios_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/scenarios"
)

// TestScenarioFiles reads every scenario of this folder, as strictly as a replay does. Those of an
// all-electric street have heat pumps, rods and cars that make trips; the others have none.
func TestScenarioFiles(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.yaml")
	if err != nil || len(files) < 6 {
		t.Fatalf("scenarios: %v, %v", files, err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		s, err := scenarios.Parse(b)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		if s.Name+".yaml" != file {
			t.Errorf("%s is named %s", file, s.Name)
		}
		spec, kinds, trips := s.World(), map[grid.DeviceKind]int{}, 0
		for _, h := range spec.Homes {
			for _, kind := range h.Devices() {
				kinds[kind]++
			}
			if h.Car.Capacity > 0 {
				trips++
			}
		}
		electric := s.Street != ""
		if len(spec.Homes) != s.Homes || (kinds[grid.HeatPump] > s.Homes/2) != electric || (kinds[grid.HeatingRod] > 2) != electric || (trips > s.Homes/2) != electric {
			t.Errorf("%s, street %q: %d homes with %v, %d cars make trips", file, s.Street, len(spec.Homes), kinds, trips)
		}
	}
}
