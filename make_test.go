package commonwatt_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestMakeFuzzLacksNone finds fuzz tests that make fuzz does not run.
func TestMakeFuzzLacksNone(t *testing.T) {
	makefile, err := os.ReadFile("Makefile")
	if err != nil {
		t.Fatal(err)
	}
	declared, found := regexp.MustCompile(`(?m)^func (Fuzz\w+)\(`), 0
	err = filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() && (entry.Name() == "node_modules" || entry.Name() == "bin") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, m := range declared.FindAllStringSubmatch(string(text), -1) {
			found++
			line := regexp.MustCompile(`-fuzz ` + m[1] + ` -fuzztime \w+ \./` + regexp.QuoteMeta(filepath.ToSlash(filepath.Dir(path))) + `\n`)
			if !line.Match(makefile) {
				t.Errorf("make fuzz does not run %s of %s", m[1], filepath.Dir(path))
			}
		}
		return nil
	})
	if err != nil || found == 0 {
		t.Errorf("%d fuzz tests, %v", found, err)
	}
}
