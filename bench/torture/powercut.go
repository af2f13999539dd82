package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// A disk is a small file system (ext4) in a file, which lies on another one (XFS) that can
// copy a file at one moment. A copy has what the file system had handed to its device by
// then, as a disk has whose power is cut: what was not synced, and was not written back by
// chance, is missing. Nothing is synced before a copy is made.
type simulatedDisk struct {
	host, hostImage string // the file system that copies, and its file
	image, mounted  string // the small one
}

const (
	hostSize = "6G" // sparse
	diskSize = "160M"
)

// skippedError says why power cannot be cut on this machine.
type skippedError struct{ reason string }

func (e *skippedError) Error() string { return e.reason }

// openDisk makes the file systems. Errors: *skippedError where the machine does not let it.
func openDisk(ctx context.Context, dir string) (*simulatedDisk, error) {
	for _, tool := range []string{"mkfs.xfs", "mkfs.ext4", "mount", "umount", "cp", "truncate"} {
		if _, err := exec.LookPath(tool); err != nil {
			return nil, &skippedError{tool + " is not on PATH (Debian's packages xfsprogs, e2fsprogs, mount, coreutils)"}
		}
	}
	if os.Geteuid() != 0 {
		return nil, &skippedError{"only root mounts file systems"}
	}
	host := filepath.Join(dir, "host")
	d := &simulatedDisk{host: host, hostImage: host + ".img", image: filepath.Join(host, "disk.img"), mounted: filepath.Join(dir, "disk")}
	for _, folder := range []string{d.host, d.mounted} {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return nil, err
		}
	}
	for _, step := range [][]string{
		{"truncate", "-s", hostSize, d.hostImage},
		{"mkfs.xfs", "-q", "-f", "-m", "reflink=1", d.hostImage},
		{"mount", "-o", "loop", d.hostImage, d.host},
	} {
		if err := tool(ctx, step...); err != nil {
			return nil, &skippedError{err.Error()}
		}
	}
	return d, d.format(ctx)
}

// tool runs a program of the system.
func tool(ctx context.Context, args ...string) error {
	out, err := exec.CommandContext(ctx, args[0], args[1:]...).CombinedOutput() //nolint:gosec // the caller's
	if err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}

// format mounts an empty disk.
func (d *simulatedDisk) format(ctx context.Context) error {
	for _, step := range [][]string{
		{"truncate", "-s", "0", d.image},
		{"truncate", "-s", diskSize, d.image},
		{"mkfs.ext4", "-q", "-F", d.image},
		{"mount", "-o", "loop", d.image, d.mounted},
	} {
		if err := tool(ctx, step...); err != nil {
			return err
		}
	}
	return nil
}

// copied is where a copy of the disk lies.
func (d *simulatedDisk) copied() string { return d.image + ".cut" }

// copy copies what the disk has at this moment.
func (d *simulatedDisk) copy(ctx context.Context) error {
	return tool(ctx, "cp", "--reflink=always", d.image, d.copied())
}

// powerUp goes on with the copy; the file system replays its own journal. Nothing runs on
// the disk any more.
func (d *simulatedDisk) powerUp(ctx context.Context) error {
	if err := d.unmount(ctx, d.mounted); err != nil {
		return err
	}
	if err := os.Rename(d.copied(), d.image); err != nil {
		return err
	}
	return tool(ctx, "mount", "-o", "loop", d.image, d.mounted)
}

// unmount waits for what was killed to let go of a file system.
func (*simulatedDisk) unmount(ctx context.Context, at string) (err error) {
	for range 100 {
		if err = tool(ctx, "umount", at); err == nil {
			return nil
		}
		if err := pause(ctx, again); err != nil {
			return err
		}
	}
	return err
}

// close takes the file systems away.
func (d *simulatedDisk) close() error {
	ctx := context.Background()
	return errors.Join(d.unmount(ctx, d.mounted), d.unmount(ctx, d.host), os.Remove(d.hostImage))
}

// cutsALife is how many power cuts one disk sees before it is made anew.
const cutsALife = 4

// cutPower cuts the power as often as wanted, and then once more with a sync left out, to
// show that what is looked for would be found.
func cutPower(ctx context.Context, o options) (err error) {
	disk, err := openDisk(ctx, o.dir)
	switch skipped := (*skippedError)(nil); {
	case errors.As(err, &skipped):
		_, err = fmt.Fprintln(os.Stderr, "SKIPPED: power cuts:", skipped)
		return err
	case err != nil:
		return err
	}
	defer func() { err = errors.Join(err, disk.close()) }()
	random := rand.New(rand.NewPCG(o.seed, 0)) //nolint:gosec // repeatable, not secret
	for done := 0; done < o.cuts; done += cutsALife {
		if err := cutLife(ctx, o, disk, nil, done, min(cutsALife, o.cuts-done), random); err != nil {
			return fmt.Errorf("what was acknowledged did not survive: %w", err)
		}
		fmt.Fprintf(os.Stderr, "%d power cuts\n", min(done+cutsALife, o.cuts))
	}
	fmt.Fprintln(os.Stderr, "nothing was lost, nothing was doubled")
	if o.control == 0 {
		return nil
	}
	return control(ctx, o, disk, random)
}

// control leaves out the sync of the order log, by having the system pretend it, and
// expects that something is lost.
func control(ctx context.Context, o options, disk *simulatedDisk, random *rand.Rand) error {
	if _, missing := exec.LookPath("strace"); missing != nil {
		_, err := fmt.Fprintln(os.Stderr, "SKIPPED: the negative control: strace is not on PATH")
		return err
	}
	pretend := []string{"strace", "-f", "--seccomp-bpf", "-o", "/dev/null", "-e", "trace=fdatasync", "-e", "inject=fdatasync:retval=0"}
	for n := range o.control {
		lost := cutLife(ctx, o, disk, pretend, -1-n, 1, random)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if lost != nil {
			first, _, _ := strings.Cut(lost.Error(), "\n")
			_, err := fmt.Fprintf(os.Stderr, "negative control: without fdatasync it fails, as it must: %.300s\n", first)
			return err
		}
	}
	return fmt.Errorf("negative control: %d power cuts without fdatasync lost nothing: the cuts show nothing", o.control)
}

// cutLife cuts the power of a community on a new disk several times.
func cutLife(ctx context.Context, o options, disk *simulatedDisk, wrap []string, life, cuts int, random *rand.Rand) error {
	if err := disk.unmount(ctx, disk.mounted); err != nil {
		return err
	}
	if err := disk.format(ctx); err != nil {
		return err
	}
	s, err := newStreet(o.program, filepath.Join(o.dir, "street"), life, random)
	if err != nil {
		return err
	}
	defer s.cut()
	s.wrap, s.data = wrap, filepath.Join(disk.mounted, "data")
	for n := range cuts {
		within := 15 * time.Second // of the first start
		if n > 0 {
			within = 8 * time.Second
		}
		after := time.Duration(random.Int64N(int64(within)))
		if wrap != nil {
			after = within - within/4 // with orders that it would have to know
		}
		if err := s.cutOnce(ctx, disk, after); err != nil {
			return fmt.Errorf("cut %d of life %d, %s after the start: %w", n, life, after.Round(time.Millisecond), err)
		}
	}
	return nil
}

// cutOnce cuts the power so long after a start, and looks for what had been acknowledged.
func (s *street) cutOnce(ctx context.Context, disk *simulatedDisk, after time.Duration) error {
	booting, cancel := context.WithCancel(ctx)
	defer cancel()
	booted := make(chan error, 1)
	go func() { booted <- s.boot(booting) }()
	if err := pause(ctx, after); err != nil {
		return err
	}
	known := s.notes.copy()
	err := disk.copy(ctx)
	cancel()
	if failed := <-booted; failed != nil && !errors.Is(failed, context.Canceled) {
		err = errors.Join(err, failed)
	}
	s.cut()
	if err != nil {
		return err
	}
	s.notes = known
	if err := disk.powerUp(ctx); err != nil {
		return err
	}
	return s.check(ctx)
}
