package config

import "testing"

// TestTheFirstName of some is that of one machine: of all names below a domain nobody knows which are the
// community's.
func TestTheFirstName(t *testing.T) {
	for want, names := range map[string][]string{
		"hub.example": {"*.example", "hub.example", "other.example"},
		"2001:db8::1": {"*.homes.example", "[2001:db8::1]"},
		"":            {"*.example"},
	} {
		if got := firstName(names); got != want {
			t.Errorf("of %v: %q, want %q", names, got, want)
		}
	}
}
