package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func files(t *testing.T, dir string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join("testdata", "config", dir, "*.yaml"))
	if err != nil || len(found) == 0 {
		t.Fatalf("no files in %s: %v", dir, err)
	}
	return found
}

func TestGoodConfigs(t *testing.T) {
	for _, path := range files(t, "good") {
		if _, err := readConfig(path); err != nil {
			t.Error(err)
		}
	}
}

// TestBadConfigs reads in each file's first line what its error must say.
func TestBadConfigs(t *testing.T) {
	for _, path := range files(t, "bad") {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		first, _, _ := strings.Cut(string(b), "\n")
		want := strings.TrimPrefix(first, "# ")
		_, err = readConfig(path)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one with %q", path, err, want)
			continue
		}
		if strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "main.") {
			t.Errorf("%s: not one clear line: %v", path, err)
		}
	}
}
