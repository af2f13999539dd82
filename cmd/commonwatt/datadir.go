package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// dataVersion names the layout of the data directory.
const dataVersion = "5"

// dataDir is a data directory held by this process.
type dataDir struct {
	path string
	lock *os.File
}

// openDataDir makes or takes the directory. Another version and another
// process in it are usage errors.
func openDataDir(path string) (*dataDir, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, usage("data directory: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(path, "lock"), os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // the path is the operator's
	if err != nil {
		return nil, usage("data directory: %w", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(usage("data directory %s: another commonwatt is running on it", path), lock.Close())
	}
	d := &dataDir{path: path, lock: lock}
	if err := d.checkVersion(); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return d, nil
}

func (d *dataDir) checkVersion() error {
	file := d.file("version")
	found, err := os.ReadFile(file) //nolint:gosec // the path is the operator's
	if errors.Is(err, os.ErrNotExist) {
		entries, err := os.ReadDir(d.path)
		if err != nil {
			return usage("data directory: %w", err)
		}
		for _, e := range entries {
			if e.Name() != "lock" && e.Name() != "version.new" {
				return usage("data directory %s: has files but no version: it is not one of commonwatt's; choose another --data", d.path)
			}
		}
		// Whole or not at all: an empty file would be another version for ever.
		if err := os.WriteFile(file+".new", []byte(dataVersion+"\n"), 0o600); err != nil {
			return fmt.Errorf("data directory: %w", err)
		}
		if err := os.Rename(file+".new", file); err != nil {
			return fmt.Errorf("data directory: %w", err)
		}
		return nil
	}
	if err != nil {
		return usage("data directory: %w", err)
	}
	if v := strings.TrimSpace(string(found)); v != dataVersion {
		return usage("data directory %s: is of version %q, this program keeps version %q: choose another --data or the program that made it", d.path, v, dataVersion)
	}
	return nil
}

func (d *dataDir) file(name string) string { return filepath.Join(d.path, name) }

// Close lets go of the directory.
func (d *dataDir) Close() error { return d.lock.Close() }

// key returns the secret kept in a file, which it makes at first.
func (d *dataDir) key(name string) (string, error) {
	file := d.file(name)
	if _, err := os.Stat(file); errors.Is(err, os.ErrNotExist) {
		if err := os.WriteFile(file, []byte(rand.Text()+rand.Text()+"\n"), 0o600); err != nil {
			return "", fmt.Errorf("make %s: %w", name, err)
		}
	}
	b, err := os.ReadFile(file) //nolint:gosec // in the data directory
	if err != nil {
		return "", fmt.Errorf("read %s: %w", name, err)
	}
	return strings.TrimSpace(string(b)), nil
}

// replace writes a file whole or not at all.
func (d *dataDir) replace(name string, b []byte) error {
	f, err := os.OpenFile(d.file(name+".new"), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if err := os.Rename(d.file(name+".new"), d.file(name)); err != nil {
		return err
	}
	return d.sync()
}

// sync makes renames durable.
func (d *dataDir) sync() error {
	folder, err := os.Open(d.path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
