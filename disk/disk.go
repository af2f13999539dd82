// Package disk is what the program knows of disks: how a file is replaced so that a
// crash leaves the old one or the new one, how secrets are made and kept, how a data
// directory is laid out, held by one process and brought to the present version, and how
// its databases are opened. It starts nothing; who opens a directory or a database closes
// it.
package disk

import (
	"errors"
	"fmt"
	"io"
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

// Unfinished is a file that has its name only when it is whole: whatever happens before, there
// is none under that name. Who began one ends it, by Finish or by Drop.
type Unfinished struct {
	path string
	f    *os.File
}

// Begin begins a file that must not be there yet.
func Begin(path string) (*Unfinished, error) {
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		if err == nil {
			err = errors.New("it is there already")
		}
		return nil, fmt.Errorf("write %s: %w", path, err)
	}
	f, err := os.OpenFile(path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, Private) //nolint:gosec // the path is the caller's
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", path, err)
	}
	return &Unfinished{path, f}, nil
}

// Write implements io.Writer.
func (u *Unfinished) Write(p []byte) (int, error) { return u.f.Write(p) }

// Finish gives the file its name, durably.
func (u *Unfinished) Finish() error {
	if err := errors.Join(u.f.Sync(), u.f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", u.path, err)
	}
	return Rename(u.path+".new", u.path)
}

// Drop removes what there is of the file.
func (u *Unfinished) Drop() error { return errors.Join(u.f.Close(), os.Remove(u.path+".new")) }

// Fill writes a new file from what is read. Its content is durable when Fill has returned, its
// name when the folder is synced. Errors: those of who is read as they are.
func Fill(path string, from io.Reader) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, Private) //nolint:gosec // the path is the caller's
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	_, err = io.Copy(f, from)
	return errors.Join(err, f.Sync(), f.Close())
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
