package hub

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/commonwatt/commonwatt/config"
	"github.com/commonwatt/commonwatt/disk"
)

// modelsFolder is where the data directory keeps the forecast models of the homes. What is missing
// or cannot be read is fitted anew.
const modelsFolder = "models"

// keptModels keeps forecast models in the data directory. It implements agent.Kept.
type keptModels struct{ dir *disk.Dir }

// Load implements agent.Kept.
func (k keptModels) Load(name string) ([]byte, error) {
	b, err := os.ReadFile(k.dir.File(filepath.Join(modelsFolder, name)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return b, err
}

// Save implements agent.Kept.
func (k keptModels) Save(name string, model []byte) error {
	if err := disk.MakeFolder(k.dir.File(modelsFolder)); err != nil {
		return err
	}
	return k.dir.Replace(filepath.Join(modelsFolder, name), model)
}

// ForgetModels removes the forecast models of a member's metering points, which tell of its days.
func ForgetModels(plan config.Plan, dir *disk.Dir, member string) error {
	points := map[string]bool{}
	for _, d := range plan.Devices {
		if d.Member == member {
			points[d.MeteringPoint] = true
		}
	}
	if plan.Simulation != nil {
		points["mp-"+member] = true // as the simulation names them
	}
	entries, err := os.ReadDir(dir.File(modelsFolder))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for point := range points {
		for _, e := range entries {
			if !strings.HasPrefix(e.Name(), fmt.Sprintf("%x-", point)) {
				continue
			}
			if err := os.Remove(dir.File(filepath.Join(modelsFolder, e.Name()))); err != nil {
				return err
			}
		}
	}
	return disk.Sync(dir.File(modelsFolder))
}
