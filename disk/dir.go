package disk

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/commonwatt/commonwatt/usage"
)

// Version is that of the layout of a data directory.
const Version = 7

// versionFile holds it; lockFile is held by the process that uses the directory.
const (
	versionFile = "version"
	lockFile    = "lock"
)

// A Step brings a data directory from one version to the next. It may be begun again
// after a crash at any point: what it did already it does not do again.
type Step struct {
	From int
	Do   func(d *Dir) error
}

// steps are those that this program knows, in order. Older directories than the first of
// them are refused.
func steps() []Step { return []Step{{From: 5, Do: byAccount}, {From: 6, Do: keysEnd}} }

// Dir is a data directory held by this process.
type Dir struct {
	Path string

	lock   *os.File
	noting sync.Mutex // held while PartsFile changes
}

// OpenDir makes or takes a data directory, and brings it to the present version. That
// another program is running on it, that it is of a version that this program does not
// know, and that it is no data directory are errors of usage.
func OpenDir(path string) (*Dir, error) { return openDir(path, Version, steps()) }

func openDir(path string, version int, steps []Step) (*Dir, error) {
	if err := MakeFolder(path); err != nil {
		return nil, usage.Errorf("data directory: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(path, lockFile), os.O_RDWR|os.O_CREATE, Private) //nolint:gosec // the path is the operator's
	if err != nil {
		return nil, usage.Errorf("data directory: %w", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(usage.Errorf("data directory %s: another commonwatt is running on it", path), lock.Close())
	}
	d := &Dir{Path: path, lock: lock}
	err = d.migrate(version, steps)
	if err == nil {
		err = d.checkParts()
	}
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return d, nil
}

// Held tells whether a process uses a data directory.
func Held(path string) (bool, error) {
	lock, err := os.Open(filepath.Join(path, lockFile)) //nolint:gosec // the path is the operator's
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, usage.Errorf("data directory: %w", err)
	}
	err = syscall.Flock(int(lock.Fd()), syscall.LOCK_SH|syscall.LOCK_NB)
	return err != nil, lock.Close()
}

// migrate carries out the steps from the directory's version to this one. The version is
// written last, after each step.
func (d *Dir) migrate(version int, steps []Step) error {
	at, err := d.version(version)
	if err != nil {
		return err
	}
	for ; at < version; at++ {
		k := slices.IndexFunc(steps, func(s Step) bool { return s.From == at })
		if k < 0 {
			return d.refuse(at, version)
		}
		if err := steps[k].Do(d); err != nil {
			return fmt.Errorf("data directory %s: from version %d to %d: %w", d.Path, at, at+1, err)
		}
		if err := Replace(d.File(versionFile), fmt.Appendln(nil, at+1), Private); err != nil {
			return err
		}
	}
	if at > version {
		return d.refuse(at, version)
	}
	return nil
}

func (d *Dir) refuse(found any, version int) error {
	return usage.Errorf("data directory %s: is of version \"%v\", this program keeps version \"%d\": choose another --data or the program that made it", d.Path, found, version)
}

// version returns the directory's version; one that is empty gets the present one.
func (d *Dir) version(present int) (int, error) {
	text, err := os.ReadFile(d.File(versionFile))
	found := strings.TrimSpace(string(text))
	if errors.Is(err, os.ErrNotExist) || err == nil && found == "" { // which the power's end may have left
		entries, err := os.ReadDir(d.Path)
		if err != nil {
			return 0, usage.Errorf("data directory: %w", err)
		}
		for _, e := range entries {
			if !slices.Contains([]string{lockFile, versionFile, versionFile + ".new"}, e.Name()) {
				return 0, d.withoutVersion()
			}
		}
		return present, Replace(d.File(versionFile), fmt.Appendln(nil, present), Private)
	}
	if err != nil {
		return 0, usage.Errorf("data directory: %w", err)
	}
	at, err := strconv.Atoi(found)
	if err != nil {
		return 0, d.refuse(found, present)
	}
	return at, nil
}

// withoutVersion is the error of a directory that has files and no version: one of this
// program that has lost it, or somebody else's.
func (d *Dir) withoutVersion() error {
	for _, name := range []string{PartsFile, "keys", "ledger.db", "gateway.key"} {
		if _, err := os.Stat(d.File(name)); err == nil {
			return usage.Errorf("data directory %s: has files but no version: %s is missing or empty: restore that file from the same copy as the rest of the data directory", d.Path, d.File(versionFile))
		}
	}
	return usage.Errorf("data directory %s: has files but no version: it is not one of commonwatt's; choose another --data", d.Path)
}

// File returns the path of a file in the directory.
func (d *Dir) File(name string) string { return filepath.Join(d.Path, name) }

// Has tells whether a file is in the directory.
func (d *Dir) Has(name string) bool {
	_, err := os.Stat(d.File(name))
	return err == nil
}

// Close lets go of the directory.
func (d *Dir) Close() error { return d.lock.Close() }

// Replace writes a file of the directory whole or not at all.
func (d *Dir) Replace(name string, data []byte) error { return Replace(d.File(name), data, Private) }

// Secret returns the secret kept in a file of the directory, which it makes at first. A
// file that is empty was never a secret.
func (d *Dir) Secret(name string) (string, error) {
	text, err := os.ReadFile(d.File(name))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("read %s: %w", name, err)
	}
	if secret := strings.TrimSpace(string(text)); secret != "" {
		return secret, nil
	}
	secret := rand.Text() + rand.Text()
	return secret, d.Replace(name, []byte(secret+"\n"))
}
