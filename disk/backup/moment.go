// Package backup makes one file of a data directory, and a data directory of that file.
//
// A backup is the directory at one moment. The caller has everything stand still for the
// blink in which the files are opened: databases as they are then, of other files as many
// bytes as they have. What is copied after that no longer moves, however much is written
// meanwhile. Files are either replaced whole or only grow, so that this is what the power's
// end would have left at that moment, and from that every part goes on by itself.
//
// The file is a tar archive, compressed and encrypted with a passphrase (age), which shows
// when a byte of it was changed or is missing. It holds keys and the members' names.
//
// Nothing runs by itself here; who takes a Moment closes it.
package backup

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/commonwatt/commonwatt/disk"
)

// Moment is a data directory as it was at one moment.
type Moment struct {
	Size int64 // bytes of all files

	parts []part
}

// part is a file of a directory at a moment.
type part struct {
	name  string // within the directory, with slashes
	size  int64
	copy  func(ctx context.Context, w io.Writer) error
	close func() error
}

// Take opens a data directory as it is while nothing moves in it: still has everything stand
// for as long as the function runs that it is given. Nil is a directory on which nobody runs.
// That somebody writes for too long, or that a file is gone meanwhile, is tried again.
func Take(ctx context.Context, dir string, still func(f func() error) error) (m *Moment, err error) {
	if still == nil {
		still = func(f func() error) error { return f() }
	}
	const attempts = 5
	for range attempts {
		m = &Moment{}
		if err = still(func() error { return m.take(ctx, dir) }); err == nil {
			return m, nil
		}
		err = errors.Join(err, m.Close())
		if ctx.Err() != nil {
			break
		}
	}
	return nil, err
}

func (m *Moment) take(ctx context.Context, dir string) (err error) {
	found, err := list(dir)
	if err != nil {
		return err
	}
	for _, f := range found {
		if !f.database {
			continue
		}
		letGo, err := disk.HoldSQLite(ctx, f.path)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, letGo()) }()
	}
	for _, f := range found {
		open := grown
		if f.database {
			open = frozen
		}
		p, err := open(ctx, f)
		if err != nil {
			return err
		}
		m.parts = append(m.parts, p)
		m.Size += p.size
	}
	return nil
}

// Close lets go of the directory.
func (m *Moment) Close() error {
	var problems []error
	for _, p := range m.parts {
		problems = append(problems, p.close())
	}
	m.parts = nil
	return errors.Join(problems...)
}

// file is one that belongs into a backup.
type file struct {
	name, path string
	database   bool
}

// list returns the files of a directory in the order in which they are opened: what tells of
// others before them, so that it never tells of more than there is. The note of the parts
// comes first, and of the bus what it knows of its messages before the messages.
func list(dir string) (all []file, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		switch {
		case d.IsDir() && isApart(name):
			return filepath.SkipDir
		case !d.Type().IsRegular() || isPassing(name):
			return nil
		}
		database, err := isDatabase(path)
		all = append(all, file{name, path, database})
		return err
	})
	slices.SortStableFunc(all, func(a, b file) int { return cmp.Compare(a.rank(), b.rank()) })
	return all, err
}

func (f file) rank() int {
	const parts, states, messages, others = 0, 1, 2, 3
	switch {
	case f.name == disk.PartsFile:
		return parts
	case strings.HasPrefix(f.name, "bus/") && strings.HasSuffix(f.name, ".blk"):
		return messages
	case strings.HasPrefix(f.name, "bus/"):
		return states
	default:
		return others
	}
}

// isApart tells whether a folder is no part of a community's data: results that can be
// computed again, and a network of other programs.
func isApart(name string) bool { return name == RunsFolder || name == "fabric" }

// RunsFolder has the results of replays, which belong into no backup.
const RunsFolder = "runs"

// isPassing tells whether a file is of use only to a process that runs, or half of one.
func isPassing(name string) bool {
	base := filepath.Base(name)
	for _, end := range []string{"-wal", "-shm", ".new", ".tmp", ".zeros"} {
		if strings.HasSuffix(base, end) {
			return true
		}
	}
	return name == "lock" || name == "address" || strings.Contains(base, ".damaged")
}

func isDatabase(path string) (bool, error) {
	const magic = "SQLite format 3\x00"
	f, err := os.Open(path) //nolint:gosec // in the data directory
	if err != nil {
		return false, err
	}
	head := make([]byte, len(magic))
	_, err = io.ReadFull(f, head)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return bytes.Equal(head, []byte(magic)), errors.Join(err, f.Close())
}

// frozen is a database as it is now.
func frozen(ctx context.Context, f file) (part, error) {
	db, err := disk.FreezeSQLite(ctx, f.path)
	if err != nil {
		return part{}, err
	}
	return part{f.name, db.Size, db.Write, db.Close}, nil
}

// grown is another file with the bytes that it has now. It is open, so that one which takes
// its place does not matter.
func grown(_ context.Context, f file) (part, error) {
	opened, err := os.Open(f.path)
	if err != nil {
		return part{}, err
	}
	info, err := opened.Stat()
	if err != nil {
		return part{}, errors.Join(err, opened.Close())
	}
	size := info.Size()
	return part{f.name, size, func(_ context.Context, w io.Writer) error {
		_, err := io.Copy(w, io.NewSectionReader(opened, 0, size))
		return err
	}, opened.Close}, nil
}
