package store_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/store"
)

// TestADamagedTelemetryIsBegunAnew opens one that is no database, and one that cannot be
// opened for another reason, which is an error and no store.
func TestADamagedTelemetryIsBegunAnew(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "telemetry.db")
	if err := os.WriteFile(path, []byte(strings.Repeat("no database ", 400)), 0o600); err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	s, err := store.OpenEmbedded(t.Context(), path, slog.New(slog.NewTextHandler(&said, nil)))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Write(t.Context(), []grid.Reading{{Device: "ann/meter", Time: start, Quality: grid.Good}}); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path + ".damaged"); err != nil || !strings.Contains(said.String(), path) {
		t.Errorf("%v, and the log says %q", err, said.String())
	}
	if s, err := store.OpenEmbedded(t.Context(), filepath.Join(path, "below"), slog.New(slog.DiscardHandler)); err == nil || s != nil {
		t.Errorf("below a file: %v, %v", s, err)
	}
}
