package intake_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters"
	"github.com/commonwatt/commonwatt/meters/evidence"
	"github.com/commonwatt/commonwatt/meters/intake"
	"github.com/commonwatt/commonwatt/meters/store"
)

// wire keeps what was published, and hands it over when it is consumed.
type wire struct{ messages [][]byte }

func (*wire) Last(context.Context, string, string) ([]byte, error) { return nil, nil }

func (w *wire) Publish(_ context.Context, _, _ string, data []byte) error {
	w.messages = append(w.messages, data)
	return nil
}

func (w *wire) Consume(ctx context.Context, _, _, _ string, handle func(context.Context, [][]byte) error, _ func(error)) error {
	err := handle(ctx, w.messages)
	w.messages = nil
	return err
}

// street is the intake of ann's meter, which this process reads, and of bob's, which the
// gateway gw-2 reads.
type street struct {
	*intake.Intake

	wire      *wire
	signers   map[string]*meters.Signer
	elsewhere []string // members whose readings another machine read
}

func noon() time.Time { return time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC) }

func newStreet(t *testing.T) *street {
	t.Helper()
	dir := t.TempDir()
	kept, err := evidence.Open(t.Context(), filepath.Join(dir, "evidence.db"), "elm")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = kept.Close() })
	telemetry, err := store.OpenSQLite(t.Context(), filepath.Join(dir, "telemetry.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = telemetry.Close() })
	s := &street{wire: &wire{}, signers: map[string]*meters.Signer{}}
	s.Intake, err = intake.Open(t.Context(), intake.Options{
		Community: "elm", Gateway: "gw-1", Bus: s.wire, Stream: "READINGS", Evidence: kept, Store: telemetry, Clock: noon, Log: slog.New(slog.DiscardHandler),
		Devices: []grid.Device{{ID: "ann/meter", Member: "ann"}, {ID: "bob/meter", Member: "bob"}}, ReadBy: map[string]string{"bob/meter": "gw-2"},
		Watch: intake.Watch{Readings: func(_ context.Context, member string, _ []grid.Reading, elsewhere bool) {
			if elsewhere {
				s.elsewhere = append(s.elsewhere, member)
			}
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, gateway := range []string{"gw-1", "gw-2"} {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if err := kept.Admit(t.Context(), gateway, &key.PublicKey); err != nil {
			t.Fatal(err)
		}
		s.signers[gateway] = &meters.Signer{Community: "elm", Gateway: gateway, Key: key, Out: s}
	}
	return s
}

// say has a gateway send a reading, and takes it in.
func (s *street) say(t *testing.T, gateway, member, device string) {
	t.Helper()
	b := meters.Batch{Member: member, Readings: []grid.Reading{{Device: device, Time: noon(), Power: new(grid.Power(400)), Quality: grid.Good}}}
	if err := s.signers[gateway].PublishBatch(t.Context(), "", b); err != nil {
		t.Fatal(err)
	}
	if err := s.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestWhoWasHeard counts devices as heard when they answered here, or what they said came
// from elsewhere: the start waits for that. Of a gateway it is known when it was heard.
func TestWhoWasHeard(t *testing.T) {
	s := newStreet(t)
	if got := strings.Join(s.Silent(), " "); got != "ann/meter bob/meter" || !s.Heard("gw-2").At.IsZero() {
		t.Errorf("before the first reading: silent %s, gateway heard at %s", got, s.Heard("gw-2").At)
	}
	s.say(t, "gw-1", "ann", "ann/meter")
	if got := strings.Join(s.Silent(), " "); got != "bob/meter" || s.Stored() != 1 || len(s.elsewhere) > 0 {
		t.Errorf("silent %s, %d stored, read elsewhere %v", got, s.Stored(), s.elsewhere)
	}
	s.say(t, "gw-2", "bob", "bob/meter")
	if heard := s.Heard("gw-2"); len(s.Silent()) > 0 || heard.At.IsZero() || !heard.Last.Equal(noon()) || !slices.Equal(s.elsewhere, []string{"bob"}) {
		t.Errorf("silent %v, gateway heard %+v, read elsewhere %v", s.Silent(), heard, s.elsewhere)
	}
	s.Add(grid.Device{ID: "dee/meter", Member: "dee"})
	if s.Answered("dee/meter"); len(s.Silent()) > 0 {
		t.Errorf("a device that answered is silent: %v", s.Silent())
	}
	s.Add(grid.Device{ID: "cy/meter", Member: "cy"})
	if got := strings.Join(s.Silent(), " "); got != "cy/meter" || s.Member("cy/meter") != "cy" {
		t.Errorf("after a pairing: silent %s", got)
	}
}

// TestOnlyItsOwnDevices refuses what a gateway says of devices that another one reads, of
// a member whose device it is not, and of devices that nobody knows; only this process may
// still say what it read of a device that was taken out.
func TestOnlyItsOwnDevices(t *testing.T) {
	for _, c := range []struct {
		gateway, member, device string
		taken                   bool
	}{
		{"gw-1", "ann", "ann/meter", true},
		{"gw-2", "bob", "bob/meter", true},
		{"gw-1", "old", "old/meter", true},
		{"gw-2", "ann", "ann/meter", false},
		{"gw-1", "bob", "bob/meter", false},
		{"gw-2", "ann", "bob/meter", false},
		{"gw-2", "old", "old/meter", false},
	} {
		s := newStreet(t)
		s.say(t, c.gateway, c.member, c.device)
		if taken := s.Stored() == 1 && s.Refused() == 0; taken != c.taken {
			t.Errorf("%+v: %d stored, %d refused", c, s.Stored(), s.Refused())
		}
	}
}
