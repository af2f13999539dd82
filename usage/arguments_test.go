package usage_test

import (
	"strings"
	"testing"

	"github.com/commonwatt/commonwatt/usage"
)

func TestWhatIsMissingIsNamed(t *testing.T) {
	for _, c := range []struct{ use, args, want string }{
		{"clear FILE|-", "case.json", ""},
		{"clear FILE|-", "", `FILE|- is missing: write it as in "x clear FILE|-"`},
		{"feed TAPE RATE START", "tape", `RATE and START is missing`},
		{"clear FILE|-", "a b", `"b" is one argument too many: write "x clear FILE|-"`},
		{"gateway --config FILE", "", ""},
		{"gateway --config FILE", "a", `"a" is one argument too many: write "x gateway"`},
		{"run", "", ""},
	} {
		err := usage.Arguments("x "+strings.Fields(c.use)[0], c.use, strings.Fields(c.args))
		if (err == nil) != (c.want == "") || err != nil && (!strings.Contains(err.Error(), c.want) || !usage.Is(err) || !strings.Contains(err.Error(), "--help")) {
			t.Errorf("%s with %q: %v, want %q", c.use, c.args, err, c.want)
		}
	}
	for word, want := range map[string]string{
		"verfy": `unknown command "verfy" for "x ledger": did you mean "verify"? It has show, verify`,
		"fly":   `unknown command "fly" for "x ledger": it has show, verify`,
	} {
		if err := usage.Choose("x ledger", []string{word}, []string{"show", "verify"}); !usage.Is(err) || !strings.Contains(err.Error(), want) {
			t.Error(err)
		}
	}
	if err := usage.Flag("x replay", "out", "directory for the results"); !usage.Is(err) || !strings.Contains(err.Error(), "give --out: directory for the results") {
		t.Error(err)
	}
}

// TestNearest mistypes words: a letter too few, one too many, another one, two that changed places, and all of it.
func TestNearest(t *testing.T) {
	for word, want := range map[string]string{
		"verfy": "verify", "verifyy": "verify", "verefy": "verify", "vreify": "verify", "shwo": "show", "show": "show", "VERIFY": "", "fly": "", "": "", "lost": "list",
	} {
		if got := usage.Nearest(word, []string{"show", "list", "verify", "export"}); got != want {
			t.Errorf("nearest to %q is %q, want %q", word, got, want)
		}
	}
	if got := usage.Nearest("expor", []string{"import", "export"}); got != "export" {
		t.Errorf("nearest to expor is %q: import is near too, but not as near", got)
	}
}
