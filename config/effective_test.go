package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/commonwatt/commonwatt/config"
	"github.com/commonwatt/commonwatt/meters/profile"
)

// TestADeviceAndItsLimits reads a device with unit 0 and limits of its own, one that leaves
// all to its profile, and a battery whose capacity has no effect yet.
func TestADeviceAndItsLimits(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.yaml")
	const text = `devices:
  - {id: a, member: a, metering_point: mp-a, address: "192.0.2.1", unit: 0, profile: sunspec-meter, part: 2, max_regs: 50, gap_ms: 0}
  - {id: b, member: a, metering_point: mp-a, address: "192.0.2.2", profile: goodwe-et}
  - {id: c, member: a, metering_point: mp-a, address: "192.0.2.3", profile: sunspec-storage, capacity: 10 kWh}
`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := c.Resolve()
	if err != nil {
		t.Fatal(err)
	}
	first, second := plan.Devices[0], plan.Devices[1]
	if first.Unit != 0 || first.Part != 2 || *first.Own.MaxRegs != 50 || *first.Own.GapMS != 0 || first.Own.TimeoutMS != nil {
		t.Errorf("limits %+v of unit %d", first.Own, first.Unit)
	}
	if second.Unit != 247 || second.Own != (profile.Own{}) {
		t.Errorf("without any: unit %d, limits %+v", second.Unit, second.Own)
	}
	if notes := c.Notes(true); !strings.Contains(notes, "devices[2].capacity: it has no effect") {
		t.Errorf("notes %q", notes)
	}
}
