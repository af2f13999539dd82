package bus

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// syncFolders makes the names in a folder and in all below it durable: the server syncs the
// files that it writes, and not the folders that it makes for them.
func syncFolders(dir string) error {
	if dir == "" {
		return nil
	}
	sync := func(path string) error {
		f, err := os.Open(path) //nolint:gosec // our own
		if err != nil {
			return err
		}
		return errors.Join(f.Sync(), f.Close())
	}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) { // the server removes what it has done with
			return nil
		}
		if err != nil || !d.IsDir() {
			return err
		}
		if err := sync(path); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	})
	if err == nil {
		err = sync(filepath.Dir(dir))
	}
	if err != nil {
		return fmt.Errorf("make the folders of %s durable: %w", dir, err)
	}
	return nil
}
