package plan

import (
	"testing"
	"time"
	_ "time/tzdata" // the zones of the tests
)

// A time that a day does not have is the first instant after the gap, one that it has twice
// the first. The instants are those of the IANA time zone database, checked with zdump.
func TestClockAtChanges(t *testing.T) {
	for _, c := range []struct {
		zone, after string
		clock       Clock
		want        string
	}{
		{"Europe/Berlin", "2026-03-28T12:00:00Z", Clock{2, 30}, "2026-03-29T01:00:00Z"}, // 02:00 becomes 03:00
		{"Europe/Berlin", "2026-03-28T12:00:00Z", Clock{7, 0}, "2026-03-29T05:00:00Z"},
		{"Europe/Berlin", "2026-03-29T01:00:01Z", Clock{2, 30}, "2026-03-30T00:30:00Z"},
		{"Europe/Berlin", "2026-10-24T12:00:00Z", Clock{2, 30}, "2026-10-25T00:30:00Z"}, // the first of two
		{"Europe/Berlin", "2026-10-25T00:30:01Z", Clock{2, 30}, "2026-10-26T01:30:00Z"}, // and not the second
		{"Europe/Berlin", "2026-06-01T05:00:00Z", Clock{7, 0}, "2026-06-01T05:00:00Z"},  // now
		{"Europe/Berlin", "2026-06-01T05:00:01Z", Clock{7, 0}, "2026-06-02T05:00:00Z"},
		{"Europe/Berlin", "2026-06-01T22:30:00Z", Clock{0, 15}, "2026-06-02T22:15:00Z"},
		{"Australia/Lord_Howe", "2026-10-03T00:00:00Z", Clock{2, 15}, "2026-10-03T15:30:00Z"}, // 02:00 becomes 02:30
		{"Australia/Lord_Howe", "2026-10-03T00:00:00Z", Clock{2, 30}, "2026-10-03T15:30:00Z"},
		{"Australia/Lord_Howe", "2026-04-04T00:00:00Z", Clock{1, 45}, "2026-04-04T14:45:00Z"}, // 02:00 becomes 01:30
		{"Australia/Lord_Howe", "2026-04-04T14:45:01Z", Clock{1, 45}, "2026-04-05T15:15:00Z"},
	} {
		zone, err := time.LoadLocation(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		after, err := time.Parse(time.RFC3339, c.after)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.clock.Next(after, zone).UTC().Format(time.RFC3339); got != c.want {
			t.Errorf("%s: %02d:%02d after %s is %s, want %s", c.zone, c.clock.Hour, c.clock.Minute, c.after, got, c.want)
		}
	}
}
