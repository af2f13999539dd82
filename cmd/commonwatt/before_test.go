package main

import (
	"archive/tar"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/commonwatt/commonwatt/web/api"
)

// before.tar.zst is what a community of two simulated homes left before the program was
// laid out in rooms (the revision 133162c): data, its directory, with intervals that were
// settled again and a closed epoch of the rewards, and bundle, all that it exported then.
func before(t *testing.T) (data, bundle string) {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", "before.tar.zst"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	unpacked, err := zstd.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	defer unpacked.Close()
	dir := t.TempDir()
	for files := tar.NewReader(unpacked); ; {
		h, err := files.Next()
		if errors.Is(err, io.EOF) {
			return filepath.Join(dir, "data"), filepath.Join(dir, "bundle")
		}
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, filepath.FromSlash(h.Name))
		if h.FileInfo().IsDir() {
			err = os.MkdirAll(path, 0o700)
		} else {
			var b []byte
			if b, err = io.ReadAll(files); err == nil {
				err = os.WriteFile(path, b, 0o600)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// postings are all that a ledger shows, the oldest first.
func postings(t *testing.T, dir string) []string {
	t.Helper()
	code, out, errs := execute(t, "ledger", "export", "--data", dir, "--out", filepath.Join(t.TempDir(), "postings.csv"))
	if code != 0 {
		t.Fatalf("%d: %s%s", code, out, errs)
	}
	if code, out, errs = execute(t, "ledger", "show", "--data", dir, "--limit", "0"); code != 0 {
		t.Fatalf("%d: %s", code, errs)
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")[1:]
	for i, j := 0, len(lines)-1; i < j; i, j = i+1, j-1 {
		lines[i], lines[j] = lines[j], lines[i]
	}
	return lines
}

// TestADirectoryOfBefore goes on with a data directory that an earlier revision left: what
// was billed stays, the whole is verified, and a bundle of then still proves what it did.
func TestADirectoryOfBefore(t *testing.T) {
	t.Parallel()
	data, bundle := before(t)
	verified(t, data)
	was := postings(t, data)
	if len(was) < 20 {
		t.Fatalf("%d postings", len(was))
	}
	if code, out, errs := execute(t, "ledger", "verify", "--bundle", bundle, "--key", filepath.Join(data, "ledger.pub")); code != 0 || !strings.Contains(out, "computed anew") {
		t.Errorf("the bundle: %d: %s%s", code, out, errs)
	}
	if testing.Short() {
		return // what follows boots the program
	}
	config := filepath.Join(t.TempDir(), "community.yaml")
	write(t, config, "community: elm\nsimulation: {homes: 2, start: 2026-06-01T17:45:00Z}\n")
	p := launch(t, data, "--config", config, "--speed", "120")
	first := p.until("its status", func(s api.Status) bool { return s.IntervalsSettled > 0 })
	p.until("one more settled interval", func(s api.Status) bool { return s.IntervalsSettled > first.IntervalsSettled })
	p.stop()
	if is := postings(t, data); len(is) < len(was) || strings.Join(is[:len(was)], "\n") != strings.Join(was, "\n") {
		t.Errorf("the postings of before are\n%s\nnow, and were\n%s", strings.Join(is, "\n"), strings.Join(was, "\n"))
	}
	verified(t, data)
}
