package scenarios_test

import (
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/said"
	"github.com/commonwatt/commonwatt/scenarios"
)

// TestWhatAScenarioIsIsSaidInEachLanguage looks every scenario that comes with the program up in the catalogue.
func TestWhatAScenarioIsIsSaidInEachLanguage(t *testing.T) {
	t.Parallel()
	c, err := said.Open()
	if err != nil {
		t.Fatal(err)
	}
	library, err := scenarios.Library()
	if err != nil || len(library) == 0 {
		t.Fatal(len(library), err)
	}
	for _, s := range library {
		if one := c.Tell(s.About, time.UTC); one.Code == "" || one.De == s.About {
			t.Errorf("%s: %q is in no file of said/sentences", s.Name, s.About)
		}
	}
}
