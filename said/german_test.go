package said_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// dropped are German names of things that have another one, which is used everywhere.
func dropped() map[string]*regexp.Regexp {
	return map[string]*regexp.Regexp{
		"Hauptbuch":                       regexp.MustCompile(`Kontobuch|Ledger`),
		"Prüfpunkt":                       regexp.MustCompile(`Checkpoint`),
		"Token":                           regexp.MustCompile(`\bMarken?\b`),
		"Wert des Netzbetreibers":         regexp.MustCompile(`[Aa]mtlich`),
		"nachspielen, nachgespielt, Lauf": regexp.MustCompile(`Wiederholung|Replay`),
		"Prüfsumme":                       regexp.MustCompile(`Digest`),
	}
}

// TestAThingHasOneGermanName reads all that is said in German, by the program and by its pages.
func TestAThingHasOneGermanName(t *testing.T) {
	t.Parallel()
	for name, text := range german(t) {
		for k, line := range strings.Split(text, "\n") {
			for want, other := range dropped() {
				if found := other.FindString(line); found != "" {
					t.Errorf("%s: %d: %q is called %s: %s", name, k+1, found, want, line)
				}
			}
		}
	}
}

// german are the texts in German, by the file in which they stand.
func german(t *testing.T) map[string]string {
	t.Helper()
	texts := map[string]string{}
	files, err := filepath.Glob("sentences/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir("../web/ui/src", func(path string, _ fs.DirEntry, err error) error {
		if filepath.Base(filepath.Dir(path)) == "words" && strings.HasSuffix(path, "de.ts") {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		texts[path] = string(b)
		if strings.HasSuffix(path, ".txt") {
			texts[path] = regexp.MustCompile(`(?m)^[^d].*$|^d[^e].*$|^de[^ ].*$`).ReplaceAllString(string(b), "")
		}
	}
	if len(texts) < 15 {
		t.Fatalf("only %d files have German in them: mend this test", len(texts))
	}
	return texts
}
