package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/disk/backup"
	"github.com/commonwatt/commonwatt/hub"
	"github.com/commonwatt/commonwatt/proof"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/settlement/ledger/embedded"
	"github.com/commonwatt/commonwatt/terminal"
	"github.com/commonwatt/commonwatt/usage"
)

// restoring is a backup that becomes a data directory.
type restoring struct {
	file, data, checkpoint, key string
	stdout, stderr              io.Writer
}

func restoreCommand() *cobra.Command {
	var r restoring
	var s sealedBy
	c := &cobra.Command{
		Use:   "restore FILE",
		Short: "Make a data directory of a backup",
		Long: `Make a data directory of a backup (commonwatt backup). The file is first read to its end:
one that is torn or was changed is refused before anything is written. Then it is unpacked
beside the directory, its databases and the ledger are verified, and only then it gets the
directory's name. A directory that has something is never touched.

--checkpoint is a checkpoint of the ledger that was kept elsewhere, as the utility's page
and /api/v1/ledger show it, or the file of that name in a proof bundle: a backup that is
older than it is refused, since what the ledger has said meanwhile would be said anew. It
must be signed with the ledger's own key, or, with --key, by that one.

Stop the community that the backup is of before its copy runs: there must be one.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			r.file, r.stdout, r.stderr = args[0], cmd.OutOrStdout(), cmd.ErrOrStderr()
			if err := r.isFree(); err != nil {
				return err
			}
			passphrase, err := s.passphrase(cmd, false)
			if err != nil {
				return err
			}
			return r.run(cmd.Context(), passphrase)
		},
	}
	s.flags(c)
	c.Flags().StringVar(&r.data, "data", "", "data directory to make; must be new or empty")
	c.Flags().StringVar(&r.checkpoint, "checkpoint", "", "file with a checkpoint of the ledger that the backup must have")
	c.Flags().StringVar(&r.key, "key", "", "file with the verifier key of the checkpoint, kept apart from the ledger")
	require(c, "data")
	return c
}

// isFree refuses a directory that has something, and what cannot be read.
func (r restoring) isFree() error {
	if _, err := os.Stat(r.file); err != nil {
		return usage.Errorf("FILE: %w", err)
	}
	entries, err := os.ReadDir(r.data)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return usage.Errorf("--data: %w", err)
	case len(entries) > 0:
		return usage.Errorf("--data: %s has something, such as %s: give a new directory; nothing is ever restored over another", r.data, entries[0].Name())
	}
	return nil
}

func (r restoring) run(ctx context.Context, passphrase string) (err error) {
	if _, err := r.read("checked", func(f io.Reader, bar *terminal.Bar) (backup.Head, error) {
		return backup.Read(f, passphrase, showing(bar))
	}); err != nil {
		return err
	}
	above, err := filepath.Abs(filepath.Dir(filepath.Clean(r.data)))
	if err != nil {
		return err
	}
	if err := disk.MakeFolder(above); err != nil {
		return usage.Errorf("--data: %w", err)
	}
	folder, err := os.MkdirTemp(above, filepath.Base(r.data)+".restoring-")
	if err != nil {
		return usage.Errorf("--data: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(folder))
		}
	}()
	h, err := r.read("unpacked", func(f io.Reader, bar *terminal.Bar) (backup.Head, error) {
		return backup.Unpack(f, passphrase, folder, func(done, all int64) { bar.Set(int(percent * done / max(all, 1))) })
	})
	if err != nil {
		return err
	}
	if err := r.verify(ctx, folder); err != nil {
		return err
	}
	return r.finish(folder, h)
}

// read reads the file from its beginning.
func (r restoring) read(what string, do func(f io.Reader, bar *terminal.Bar) (backup.Head, error)) (h backup.Head, err error) {
	f, err := os.Open(r.file)
	if err != nil {
		return h, usage.Errorf("FILE: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	bar := terminal.NewBar(r.stderr, what, percent)
	defer bar.End()
	if h, err = do(f, bar); err != nil {
		return h, fmt.Errorf("%s: %w", r.file, err)
	}
	return h, nil
}

// verify checks what was unpacked: its databases, that its parts belong together, and the
// ledger.
func (r restoring) verify(ctx context.Context, folder string) error {
	databases, err := filepath.Glob(filepath.Join(folder, "*.db"))
	if err != nil {
		return err
	}
	for _, path := range databases {
		if err := disk.Sound(ctx, path); err != nil {
			return err
		}
	}
	dir, err := disk.OpenDir(folder)
	if err != nil {
		return err
	}
	if err := errors.Join(dir.Replace(hub.RestoredFile, []byte(filepath.Base(r.file)+"\n")), dir.Close()); err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(folder, embedded.File)); err == nil {
		if err := (audited{data: folder}).verify(ctx, r.key, false, io.Discard, r.stderr); err != nil {
			return fmt.Errorf("what is in the backup does not hold: %w", err)
		}
	}
	if r.checkpoint == "" {
		return nil
	}
	return r.continues(ctx, folder)
}

// continues refuses a ledger that is older than the checkpoint.
func (r restoring) continues(ctx context.Context, folder string) (err error) {
	key, err := ledger.ReadVerifier(cmp.Or(r.key, filepath.Join(folder, ledger.PublicKey)))
	if err != nil {
		return usage.Errorf("--key: %w", err)
	}
	text, err := os.ReadFile(r.checkpoint)
	if err != nil {
		return usage.Errorf("--checkpoint: %w", err)
	}
	before, err := proof.OpenCheckpoint(append(bytes.TrimRight(text, "\n"), '\n'), key)
	if err != nil {
		return usage.Errorf("--checkpoint: %w", err)
	}
	x, err := ledger.ReadIndex(ctx, folder)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, x.Close()) }()
	err = x.Continues(before)
	if older := (*ledger.OlderError)(nil); errors.As(err, &older) {
		return usage.Errorf("--checkpoint: %w: restore a later backup; nothing was written", err)
	}
	return err
}

// finish gives what was unpacked its name.
func (r restoring) finish(folder string, h backup.Head) error {
	if err := os.Remove(r.data); err != nil && !errors.Is(err, fs.ErrNotExist) { // it is empty
		return usage.Errorf("--data: %w", err)
	}
	if err := disk.Rename(folder, filepath.Clean(r.data)); err != nil {
		return err
	}
	of := "a community that had been stopped"
	if h.Community != "" {
		of = fmt.Sprintf("%s at %s", h.Community, h.World.Format("2006-01-02 15:04"))
	}
	_, err := fmt.Fprintf(r.stdout, "%s: %s, taken %s, %d files; its ledger was verified\nGo on with: commonwatt run --data %s, and the configuration that it had\n",
		r.data, of, h.Taken.Format("2006-01-02 15:04 MST"), h.Files, r.data)
	if err == nil && h.StreamsElsewhere {
		_, err = fmt.Fprintln(r.stdout, "Restore the bus elsewhere (bus.url) of the same moment first: its streams are not in the backup")
	}
	return err
}
