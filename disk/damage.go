package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// damaged is what stands behind the name of a file that was set aside.
const damaged = ".damaged"

// IsDamaged tells whether a database could not be read as one.
func IsDamaged(err error) bool {
	failed := (*sqlite.Error)(nil)
	const primary = 0xff // of a code, above which are details
	return errors.As(err, &failed) && (failed.Code()&primary == sqlite3.SQLITE_CORRUPT || failed.Code()&primary == sqlite3.SQLITE_NOTADB)
}

// Unreadable says of a database that is damaged what to do; other errors it only says where
// they are.
func Unreadable(path string, err error) error {
	if IsDamaged(err) {
		return Mismatch(path, fmt.Sprintf("is damaged (%v)", err))
	}
	return fmt.Errorf("open %s: %w", path, err)
}

// SetAside gives files that are damaged, and can be made again, other names, so that they can
// be looked at; a database takes along what lies beside it. What was set aside before goes.
func SetAside(paths ...string) error {
	for _, path := range paths {
		for _, beside := range []string{"-wal", "-shm", ""} {
			if err := os.Rename(path+beside, path+damaged+beside); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("set a damaged file aside: %w", err)
			}
		}
	}
	return nil
}
