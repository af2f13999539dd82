// Package disk is what the program knows of disks: how a file is replaced so that a
// crash leaves the old one or the new one, how secrets are made and kept, how a data
// directory is laid out, held by one process and brought to the present version, and how
// its databases are opened. It starts nothing; who opens a directory or a database closes
// it.
package disk

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Private is the mode of files that are nobody else's business.
const Private os.FileMode = 0o600

// Replace writes a file whole or not at all: whatever happens, the path has the old
// content or the new one, and when Replace has returned it has the new one also after the
// power fails.
func Replace(path string, data []byte, mode os.FileMode) error {
	next := path + ".new"
	f, err := os.OpenFile(next, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, mode) //nolint:gosec // the path is the caller's
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return Rename(next, path)
}

// Rename gives a file or folder, whose content is durable, another name in the same
// folder, durably.
func Rename(from, to string) error {
	if err := os.Rename(from, to); err != nil {
		return err
	}
	return Sync(filepath.Dir(to))
}

// Sync makes the names in a folder durable.
func Sync(folder string) error {
	f, err := os.Open(folder) //nolint:gosec // the path is the caller's
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
