//go:build unix

package disk

import "syscall"

// spaceOf asks the file system; what is kept for its owner alone does not count as free.
func spaceOf(dir string) (Space, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return Space{}, err
	}
	size := int64(s.Bsize) //nolint:unconvert // its type differs from system to system
	return Space{Free: int64(s.Bavail) * size, Total: int64(s.Blocks) * size}, nil
}
