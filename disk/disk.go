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

// PrivateFolder is the mode of folders that are nobody else's business.
const PrivateFolder os.FileMode = 0o700

// MakeFolder makes a folder, and those above it, where they are not there yet: durably, so
// that what is put into it later cannot be lost with its name.
func MakeFolder(path string) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	switch info, err := os.Stat(path); {
	case err == nil && info.IsDir():
		return nil
	case err == nil:
		return fmt.Errorf("%s is no folder", path)
	case !errors.Is(err, os.ErrNotExist):
		return err
	}
	above := filepath.Dir(path)
	if err := MakeFolder(above); err != nil {
		return err
	}
	if err := os.Mkdir(path, PrivateFolder); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	if err := Sync(above); err != nil && !errors.Is(err, os.ErrPermission) { // a folder that may be written to, and not be read
		return err
	}
	return nil
}

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
