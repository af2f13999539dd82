package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/disk/backup"
	"github.com/commonwatt/commonwatt/hub"
	"github.com/commonwatt/commonwatt/terminal"
	"github.com/commonwatt/commonwatt/usage"
	"github.com/commonwatt/commonwatt/web/api"
)

func backupCommand() *cobra.Command {
	var o operator
	var out string
	var s sealedBy
	c := &cobra.Command{
		Use:   "backup",
		Short: "Back up a community into one encrypted file, while it runs or not",
		Long: `Back up the data directory of a community into one file, encrypted with a passphrase:
orders, bus, databases, keys and names, all of one moment. A community that runs goes on
meanwhile. The file is read again as it is written, and has its name only when it is whole.

Not in it are the configuration, the results of replays (runs/), an InfluxDB, a Fabric
network, and the streams of a community that are on a bus elsewhere (bus.url): such a community
is backed up while it is stopped, together with that bus. Without --passphrase-file the passphrase is asked for. Keep it apart from the file:
nobody can open the file without it. commonwatt restore makes a data directory of it.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			passphrase, err := s.passphrase(cmd, true)
			if err != nil {
				return err
			}
			file, err := disk.Begin(out)
			if err != nil {
				return usage.Errorf("--out: %w", err)
			}
			h, err := o.backUp(cmd.Context(), passphrase, file, cmd.ErrOrStderr())
			if err != nil {
				return errors.Join(err, file.Drop())
			}
			if err := file.Finish(); err != nil {
				return err
			}
			if err := printBackup(cmd.OutOrStdout(), h, out); err != nil || !h.StreamsElsewhere {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), streamsElsewhere)
			return err
		},
	}
	o.flags(c)
	s.flags(c)
	c.Flags().StringVar(&out, "out", "", "file to write, which must not be there yet")
	require(c, "out")
	return c
}

// sealedBy is where the passphrase of a backup is.
type sealedBy struct{ file string }

func (s *sealedBy) flags(c *cobra.Command) {
	c.Flags().StringVar(&s.file, "passphrase-file", "", "file with the passphrase in its first line (default: it is asked for)")
}

// passphrase reads it, or asks for it, twice for one that is new.
func (s sealedBy) passphrase(cmd *cobra.Command, isNew bool) (string, error) {
	check := func(p string) error {
		if !isNew {
			return nil
		}
		return backup.CheckPassphrase(p)
	}
	if s.file != "" {
		text, err := os.ReadFile(s.file)
		if err != nil {
			return "", usage.Errorf("--passphrase-file: %w", err)
		}
		line, _, _ := strings.Cut(string(text), "\n")
		line = strings.TrimSuffix(line, "\r")
		return line, check(line)
	}
	if !terminal.Is(os.Stdin) || !terminal.Is(os.Stderr) {
		return "", usage.Errorf("--passphrase-file: give the file with the passphrase: nobody is here to be asked for it")
	}
	show, err := terminal.Hide(os.Stdin)
	if err != nil {
		return "", err
	}
	defer show()
	a := terminal.NewAsker(cmd.InOrStdin(), cmd.ErrOrStderr())
	first, err := a.Ask(cmd.Context(), "Passphrase of the backup (it is not shown):", check)
	if err != nil || !isNew {
		return first, err
	}
	_, err = a.Ask(cmd.Context(), "\nOnce more:", func(p string) error {
		if p != first {
			return errors.New("that is another one")
		}
		return nil
	})
	fmt.Fprintln(cmd.ErrOrStderr())
	return first, err
}

// backUp writes a backup of the community, that runs or not, and reads it meanwhile.
func (o operator) backUp(ctx context.Context, passphrase string, to io.Writer, stderr io.Writer) (h backup.Head, err error) {
	from, err := o.openBackup(ctx, passphrase)
	if err != nil {
		return h, err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	bar := terminal.NewBar(stderr, "backed up", percent)
	defer bar.End()
	return backup.Read(io.TeeReader(from, to), passphrase, showing(bar))
}

// showing shows how much of a backup was read.
func showing(bar *terminal.Bar) func(backup.Head, string, int64, io.Reader) error {
	done := int64(0)
	return func(h backup.Head, _ string, _ int64, content io.Reader) error {
		buffer := make([]byte, 1<<20)
		for {
			n, err := content.Read(buffer)
			done += int64(n)
			bar.Set(int(percent * done / max(h.Bytes, 1)))
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
		}
	}
}

// openBackup asks the community that runs for a backup, or makes one of a directory on which
// none does.
func (o operator) openBackup(ctx context.Context, passphrase string) (io.ReadCloser, error) {
	held, err := disk.Held(o.data)
	if err != nil {
		return nil, err
	}
	if !held && o.url == "" {
		return stopped(ctx, o.data, passphrase)
	}
	d, err := o.dial()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(api.BackupRequest{Passphrase: passphrase})
	if err != nil {
		return nil, err
	}
	return d.open(ctx, http.MethodPost, "/api/v1/backup", "application/json", bytes.NewReader(text))
}

// quiet is a backup of a directory on which nobody runs, as it is made. The directory is held
// until it is closed.
type quiet struct {
	*io.PipeReader

	dir    *disk.Dir
	moment *backup.Moment
	making sync.WaitGroup
}

// stopped begins a backup of a directory on which nobody runs.
func stopped(ctx context.Context, path, passphrase string) (io.ReadCloser, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, usage.Errorf("--data: %w: give the data directory of the community", err)
	}
	dir, err := disk.OpenDir(path)
	if err != nil {
		return nil, err
	}
	moment, err := backup.Take(ctx, path, nil)
	if err != nil {
		return nil, errors.Join(err, dir.Close())
	}
	reader, writer := io.Pipe()
	q := &quiet{PipeReader: reader, dir: dir, moment: moment}
	q.making.Go(func() {
		err := moment.Write(ctx, writer, backup.Head{Program: version(), Taken: time.Now().UTC().Truncate(time.Second), StreamsElsewhere: dir.Has(hub.StreamsFile)}, passphrase)
		_ = writer.CloseWithError(err) // it never fails
	})
	return q, nil
}

// Close implements io.Closer.
func (q *quiet) Close() error {
	err := q.PipeReader.Close()
	q.making.Wait()
	return errors.Join(err, q.moment.Close(), q.dir.Close())
}

// streamsElsewhere is said of a backup that is half of one.
const streamsElsewhere = `Its streams are not in it: they are on the bus elsewhere that the configuration names (bus.url). Back that bus
up as well before the community starts again, and restore both together: the first start after that
refuses a directory and a bus that are not of the same moment.`

const megabyte = 1e6

func printBackup(w io.Writer, h backup.Head, path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	of := ""
	if h.Community != "" {
		of = fmt.Sprintf(" of %s at %s", h.Community, h.World.Format("2006-01-02 15:04"))
	}
	_, err = fmt.Fprintf(w, "%s: %d files%s, %.1f MB in %.1f MB\nKeep it on another machine, and the passphrase and the configuration elsewhere.\n", path, h.Files, of, float64(h.Bytes)/megabyte, float64(info.Size())/megabyte)
	return err
}
