package config

import (
	"os"
	"regexp"
	"slices"
	"testing"
)

// TestThePageAsksForWhatPlansNeed has the installer's page name each field of a device that a plan needs to know, and no other.
func TestThePageAsksForWhatPlansNeed(t *testing.T) {
	text, err := os.ReadFile("../web/ui/src/pages/installer/words/en.ts")
	if err != nil {
		t.Fatal(err)
	}
	section := regexp.MustCompile(`(?s)\n  planning: \{\n(.*?)\n  \},`).FindSubmatch(text)
	if section == nil {
		t.Fatal("the page has no words for what a plan needs to know")
	}
	var asked, known []string
	for _, m := range regexp.MustCompile(`(?m)^    ([a-z_]+): \{ label`).FindAllSubmatch(section[1], -1) {
		asked = append(asked, string(m[1]))
	}
	for _, f := range PlanningFields() {
		known = append(known, f.Name)
	}
	slices.Sort(asked)
	slices.Sort(known)
	if !slices.Equal(asked, known) {
		t.Errorf("the page asks for %v, the configuration knows %v", asked, known)
	}
}
