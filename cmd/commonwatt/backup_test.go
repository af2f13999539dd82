package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/web/api"
)

// passphraseIn writes a passphrase of backups.
func passphraseIn(t *testing.T) (file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "passphrase")
	if err := os.WriteFile(file, []byte("oak street, number nine\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func succeeds(t *testing.T, args ...string) (stdout string) {
	t.Helper()
	code, out, errs := execute(t, args...)
	if code != 0 {
		t.Fatalf("commonwatt %s: exit code %d\n%s%s", strings.Join(args, " "), code, out, errs)
	}
	return out
}

func refuses(t *testing.T, want string, args ...string) {
	t.Helper()
	code, out, errs := execute(t, args...)
	if code != exitUsage || !strings.Contains(errs, want) {
		t.Errorf("commonwatt %s: exit code %d, want 2 and %q\n%s%s", strings.Join(args, " "), code, want, out, errs)
	}
}

// posted returns the postings of a directory's ledger, a line each.
func posted(t *testing.T, dir string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "postings.csv")
	succeeds(t, "ledger", "export", "--format", "csv", "--out", out, "--data", dir)
	text, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestABackupGoesOnWhereItWasTaken backs up a community under load, three times. Each copy has
// what the community had posted then, to the last unit, verifies, and goes on by itself; the
// community does not notice.
func TestABackupGoesOnWhereItWasTaken(t *testing.T) {
	t.Parallel()
	pass, dir, files := passphraseIn(t), t.TempDir(), t.TempDir()
	p := launch(t, dir, "--homes", "6", "--speed", "120")
	var restored []string
	for k := range 3 {
		settled := p.until("another settled interval", func(s api.Status) bool { return s.IntervalsSettled > int64(k) }).IntervalsSettled
		file, copied := filepath.Join(files, fmt.Sprint(k)), filepath.Join(files, fmt.Sprint("restored-", k))
		succeeds(t, "backup", "--data", dir, "--out", file, "--passphrase-file", pass)
		succeeds(t, "restore", file, "--data", copied, "--passphrase-file", pass)
		restored = append(restored, copied)
		if out := verified(t, copied); !strings.Contains(out, "0 whose readings are not here; 0 runs not") {
			t.Errorf("copy %d after %d settled intervals: %s", k, settled, out)
		}
	}
	p.stop()
	all := posted(t, dir)
	before := 0
	for k, copied := range restored {
		had := posted(t, copied)
		if !strings.HasPrefix(all, had) || len(had) <= before {
			t.Errorf("copy %d has other postings than the community had, or none more than the copy before:\n%s", k, had)
		}
		before = len(had)
	}
	last := restored[len(restored)-1]
	again := launch(t, last, "--homes", "6", "--speed", "120")
	first := again.until("an answer", func(api.Status) bool { return true })
	again.until("two more settled intervals", func(s api.Status) bool { return s.IntervalsSettled >= first.IntervalsSettled+2 })
	again.stop()
	verified(t, last)
	if grown := posted(t, last); !strings.HasPrefix(grown, posted(t, restored[2])[:before]) || len(grown) <= before {
		t.Error("the copy did not go on from what it had")
	}
}

// TestNoHalfABackup kills the command, and then the community, while a backup is made: there is
// a whole file or none. What is torn, changed, or older than a checkpoint is refused, and a
// directory that has something is not touched.
func TestNoHalfABackup(t *testing.T) {
	t.Parallel()
	pass, dir, files := passphraseIn(t), t.TempDir(), t.TempDir()
	p := launch(t, dir, "--homes", "3", "--speed", "120")
	p.until("a settled interval", func(s api.Status) bool { return s.IntervalsSettled > 0 })
	early := filepath.Join(files, "early")
	succeeds(t, "backup", "--data", dir, "--out", early, "--passphrase-file", pass)
	for k := range 8 {
		file := filepath.Join(files, fmt.Sprint("killed-", k))
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(20+40*k)*time.Millisecond)
		_ = exec.CommandContext(ctx, binary, "backup", "--data", dir, "--out", file, "--passphrase-file", pass).Run()
		cancel()
		wholeOrNone(t, file, pass)
	}
	p.until("another settled interval", func(s api.Status) bool { return s.IntervalsSettled > 1 })
	bundle := filepath.Join(files, "bundle")
	succeeds(t, "ledger", "export", "--format", "bundle", "--out", bundle, "--data", dir)
	late := filepath.Join(files, "late")
	succeeds(t, "backup", "--data", dir, "--out", late, "--passphrase-file", pass)
	cut := filepath.Join(files, "cut short")
	making := exec.Command(binary, "backup", "--data", dir, "--out", cut, "--passphrase-file", pass)
	if err := making.Start(); err != nil {
		t.Fatal(err)
	}
	p.kill()
	_ = making.Wait()
	wholeOrNone(t, cut, pass)
	refuseWhatIsWrong(t, files, pass)
	succeeds(t, "backup", "--data", dir, "--out", filepath.Join(files, "of a stopped one"), "--passphrase-file", pass)
	succeeds(t, "restore", filepath.Join(files, "of a stopped one"), "--data", filepath.Join(files, "again"), "--passphrase-file", pass, "--checkpoint", filepath.Join(bundle, "checkpoint"), "--key", filepath.Join(dir, "ledger.pub"))
	verified(t, filepath.Join(files, "again"))
}

// wholeOrNone checks what is there after a kill.
func wholeOrNone(t *testing.T, file, pass string) {
	t.Helper()
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		return
	}
	succeeds(t, "restore", file, "--data", file+"-restored", "--passphrase-file", pass)
}

// refuseWhatIsWrong tries to restore what must not be.
func refuseWhatIsWrong(t *testing.T, files, pass string) {
	t.Helper()
	early, late, bundle, to := filepath.Join(files, "early"), filepath.Join(files, "late"), filepath.Join(files, "bundle"), filepath.Join(files, "new")
	text, err := os.ReadFile(late)
	if err != nil {
		t.Fatal(err)
	}
	torn, changed := filepath.Join(files, "torn"), filepath.Join(files, "changed")
	err = os.WriteFile(torn, text[:len(text)-1000], 0o600)
	text[len(text)/2] ^= 1
	if err := errors.Join(err, os.WriteFile(changed, text, 0o600)); err != nil {
		t.Fatal(err)
	}
	refuses(t, "cut short or was changed", "restore", torn, "--data", to, "--passphrase-file", pass)
	refuses(t, "cut short or was changed", "restore", changed, "--data", to, "--passphrase-file", pass)
	refuses(t, "does not open this backup", "restore", late, "--data", to, "--passphrase-file", filepath.Join(bundle, "checkpoint"))
	refuses(t, "it is older: restore a later backup", "restore", early, "--data", to, "--passphrase-file", pass, "--checkpoint", filepath.Join(bundle, "checkpoint"))
	refuses(t, "nothing is ever restored over another", "restore", late, "--data", files, "--passphrase-file", pass)
	refuses(t, "it is there already", "backup", "--data", to, "--out", late, "--passphrase-file", pass)
	left, err := filepath.Glob(to + "*")
	if err != nil || len(left) > 0 {
		t.Errorf("what was refused left %q, %v", left, err)
	}
	succeeds(t, "restore", late, "--data", to, "--passphrase-file", pass, "--checkpoint", filepath.Join(bundle, "checkpoint"))
}
