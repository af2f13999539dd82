package audit_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/commonwatt/commonwatt/settlement/audit"
)

// TestEveryReasonIsDescribed holds the list of reasons against the constants of the
// sources and against the table of the documentation.
func TestEveryReasonIsDescribed(t *testing.T) {
	var want, have []string
	for _, file := range []string{"../../settlement/book.go", "../../chaincode/settlement.go", "../../chaincode/bills.go"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?m)^\tReason\w+ += "([a-z-]+)"`).FindAllStringSubmatch(string(text), -1) {
			want = append(want, m[1])
		}
	}
	table, err := os.ReadFile("../../docs/settlement.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range audit.Reasons() {
		have = append(have, r.Name)
		if !strings.Contains(string(table), "| `"+r.Name+"` |") {
			t.Errorf("docs/settlement.md has no row for %s", r.Name)
		}
	}
	slices.Sort(want)
	slices.Sort(have)
	if !slices.Equal(have, want) {
		t.Errorf("%v are described, want %v", have, want)
	}
}

// TestReasonsAreChecked refuses a reason that no posting can have, and names those there
// are.
func TestReasonsAreChecked(t *testing.T) {
	for _, name := range []string{"", "trade", "penalty"} {
		if err := audit.CheckReason(name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	if err := audit.CheckReason("gift"); err == nil || !strings.HasPrefix(err.Error(), `no posting has the reason "gift"; the reasons are trade, lines, `) {
		t.Errorf("a gift: %v", err)
	}
}
