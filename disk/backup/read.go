package backup

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"filippo.io/age"
	"github.com/klauspost/compress/zstd"

	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/usage"
)

// errTorn is what is said of a file of which something is missing or changed.
func errTorn(err error) error {
	return usage.Errorf("the backup is cut short or was changed: take another copy of it, or an earlier backup (%w)", err)
}

// Read reads a backup to its end, so that every byte of it is checked, and shows each file on
// the way. see may be nil; it need not read the content. Errors: usage.Error where the file is
// no backup, is torn or was changed, or the passphrase is another, and those of see.
func Read(r io.Reader, passphrase string, see func(h Head, name string, size int64, content io.Reader) error) (h Head, err error) {
	archive, err := open(r, passphrase)
	if err != nil {
		return h, err
	}
	defer archive.unpacked.Close()
	if h, err = readHead(archive.Reader); err != nil {
		return h, err
	}
	files, bytes := 0, int64(0)
	for {
		entry, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return h, errTorn(err)
		}
		if !filepath.IsLocal(entry.Name) || entry.Typeflag != tar.TypeReg {
			return h, usage.Errorf("the backup holds %q, which is no file of a data directory: it was not made by this program", entry.Name)
		}
		files, bytes = files+1, bytes+entry.Size
		content := &whole{archive, nil}
		if see != nil {
			if err := see(h, entry.Name, entry.Size, content); err != nil {
				return h, errors.Join(content.torn, err)
			}
		}
	}
	if files != h.Files || bytes != h.Bytes {
		return h, usage.Errorf("the backup has %d files of %d bytes, and says that it has %d of %d: it was not made by this program", files, bytes, h.Files, h.Bytes)
	}
	return h, archive.finish()
}

// whole says of content that cannot be read why.
type whole struct {
	from io.Reader
	torn error
}

func (w *whole) Read(p []byte) (int, error) {
	n, err := w.from.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		w.torn = errTorn(err)
		err = w.torn
	}
	return n, err
}

// opened is a backup that is decrypted and unpacked as it is read.
type opened struct {
	*tar.Reader

	unpacked *zstd.Decoder
	plain    io.Reader
}

func open(r io.Reader, passphrase string) (o opened, err error) {
	identity, err := age.NewScryptIdentity(passphrase)
	if err != nil {
		return o, usage.Errorf("the passphrase is empty: give the one with which the backup was made")
	}
	o.plain, err = age.Decrypt(r, identity)
	wrong := (*age.NoIdentityMatchError)(nil)
	switch {
	case errors.As(err, &wrong):
		return o, usage.Errorf("the passphrase does not open this backup: give the one with which it was made")
	case err != nil:
		return o, usage.Errorf("this is no backup, or its beginning is damaged: %w", err)
	}
	if o.unpacked, err = zstd.NewReader(o.plain, zstd.WithDecoderConcurrency(1)); err != nil {
		return o, errTorn(err)
	}
	o.Reader = tar.NewReader(o.unpacked)
	return o, nil
}

// finish reads what is left, so that the end is known to be there.
func (o opened) finish() error {
	for _, r := range []io.Reader{o.unpacked, o.plain} {
		if _, err := io.Copy(io.Discard, r); err != nil {
			return errTorn(err)
		}
	}
	return nil
}

func readHead(archive *tar.Reader) (h Head, err error) {
	entry, err := archive.Next()
	if err != nil {
		return h, errTorn(err)
	}
	if entry.Name != headFile {
		return h, usage.Errorf("the backup begins with %q instead of %s: it was not made by this program", entry.Name, headFile)
	}
	text, err := io.ReadAll(archive)
	if err == nil {
		err = json.Unmarshal(text, &h)
	}
	if err != nil {
		return h, errTorn(err)
	}
	if h.Format != format || h.Layout > disk.Version {
		return h, usage.Errorf("the backup is of format %d with a data directory of version %d, made by commonwatt %s: restore it with that program or a newer one", h.Format, h.Layout, h.Program)
	}
	return h, nil
}

// Unpack writes the files of a backup into an empty folder, durably.
func Unpack(r io.Reader, passphrase, folder string, progress func(done, all int64)) (Head, error) {
	done := int64(0)
	folders := map[string]bool{folder: true}
	h, err := Read(r, passphrase, func(h Head, name string, size int64, content io.Reader) error {
		path := filepath.Join(folder, filepath.FromSlash(name))
		if err := disk.MakeFolder(filepath.Dir(path)); err != nil {
			return err
		}
		folders[filepath.Dir(path)] = true
		if err := disk.Fill(path, content); err != nil {
			return err
		}
		done += size
		progress(done, h.Bytes)
		return nil
	})
	for f := range folders {
		err = errors.Join(err, disk.Sync(f))
	}
	if err != nil {
		return h, fmt.Errorf("restore: %w", err)
	}
	return h, nil
}
