package config_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/commonwatt/commonwatt/config"
)

var update = flag.Bool("update", false, "write the golden files anew")

func files(t testing.TB, dir string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join("testdata", dir, "*.yaml"))
	if err != nil || len(found) == 0 {
		t.Fatalf("no files in %s: %v", dir, err)
	}
	return found
}

func TestGoodConfigs(t *testing.T) {
	for _, path := range files(t, "good") {
		c, err := config.Read(path)
		if err == nil {
			_, err = c.Resolve()
		}
		if lacks := c.Lacks(); err != nil || c.Simulation == nil && len(lacks) > 0 {
			t.Errorf("%s: %v, lacks %v", path, err, lacks)
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
		c, err := config.Read(path)
		if err == nil {
			_, err = c.Resolve()
		}
		if err == nil {
			err = c.Strangers()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one with %q", path, err, want)
			continue
		}
		if strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "config.") {
			t.Errorf("%s: not one clear line: %v", path, err)
		}
	}
}

// TestReference holds the list of fields that people read, and that its examples are
// what the program reads: real devices are left out of it, since it has a simulation.
func TestReference(t *testing.T) {
	got := config.Reference()
	golden := filepath.Join("testdata", "reference.golden")
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil || got != string(want) {
		t.Errorf("the reference is not that of %s (%v): look at it, and run the test with -update\n%s", golden, err, got)
	}
	for i, line := range strings.Split(got, "\n") {
		if len([]rune(line)) > 130 {
			t.Errorf("line %d is too long: %s", i+1, line)
		}
	}
	path := filepath.Join(t.TempDir(), "example.yaml")
	if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := config.Read(path); err != nil {
		t.Errorf("the examples cannot be read: %v", err)
	}
	var named map[string]any
	if err := yaml.Unmarshal([]byte(got), &named); err != nil || len(named) < 20 {
		t.Errorf("%d fields: %v", len(named), err)
	}
}
