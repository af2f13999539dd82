package commonwatt_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestFilesAreMadeByDisk holds that no file or folder that a later start needs is made but
// by package disk, which syncs it with the folder that it is in: what is written otherwise
// may be empty, or gone, after the power has failed.
func TestFilesAreMadeByDisk(t *testing.T) {
	t.Parallel()
	makes := []string{"Create", "WriteFile", "OpenFile", "Mkdir", "MkdirAll", "Rename"}
	// What somebody asked for to look at it, logs, and what is filled before it gets its name.
	may := map[string]string{
		"bench/":                                      "a measurement's own",
		"cmd/commonwatt/bench.go":                     "a tape to look at",
		"cmd/commonwatt/bill_export.go":               "an export",
		"cmd/commonwatt/ledger_export.go":             "an export",
		"matching/journal/file.go":                    "synced zeros, renamed by disk",
		"scenarios/write.go":                          "results of a replay",
		"scenarios/compare.go":                        "a comparison of replays",
		"settlement/audit/bundle.go":                  "a bundle",
		"settlement/ledger/index_hashes.go":           "synced with its folder",
		"settlement/ledger/fabric/network/process.go": "a log and the number of a process",
	}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && slices.Contains([]string{".git", "node_modules", "testdata", "disk", "bin"}, d.Name()):
			return filepath.SkipDir
		case !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		for allowed := range may {
			if path == allowed || strings.HasSuffix(allowed, "/") && strings.HasPrefix(path, allowed) {
				return nil
			}
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(f, func(n ast.Node) bool {
			s, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if pkg, ok := s.X.(*ast.Ident); ok && pkg.Name == "os" && slices.Contains(makes, s.Sel.Name) {
				t.Errorf("%s: os.%s: use disk, which makes it durable with its folder", path, s.Sel.Name)
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
