package hub

import (
	"testing"

	"github.com/commonwatt/commonwatt/config"
	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/grid"
)

// TestModelsOfAMemberAreForgotten keeps models of two members and erases one.
func TestModelsOfAMemberAreForgotten(t *testing.T) {
	dir, err := disk.OpenDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = dir.Close() })
	plan := config.Plan{Devices: []config.Target{
		{Device: grid.Device{ID: "ann/meter", Kind: grid.Meter, Member: "ann", MeteringPoint: "mp"}},
		{Device: grid.Device{ID: "bob/meter", Kind: grid.Meter, Member: "bob", MeteringPoint: "mp-2"}},
	}}
	if err := ForgetModels(plan, dir, "ann"); err != nil {
		t.Errorf("without models: %v", err)
	}
	kept := keptModels{dir}
	ann, bob := "6d70-load", "6d702d32-load"
	for _, name := range []string{ann, bob} {
		if err := kept.Save(name, []byte(name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := ForgetModels(plan, dir, "ann"); err != nil {
		t.Fatal(err)
	}
	if b, err := kept.Load(ann); b != nil || err != nil {
		t.Errorf("what is left of who was erased: %q, %v", b, err)
	}
	if b, err := kept.Load(bob); string(b) != bob || err != nil {
		t.Errorf("the other's model is %q, %v", b, err)
	}
}
