package disk

import "golang.org/x/sys/unix"

// room returns how many bytes are left for this process on the disk of a directory, and how
// many it has.
func room(dir string) (free, all int64, err error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, 0, err
	}
	return int64(s.Bavail) * s.Bsize, int64(s.Blocks) * s.Bsize, nil
}
