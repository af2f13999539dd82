package strict_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/commonwatt/commonwatt/strict"
)

func TestAFieldIsGivenOnce(t *testing.T) {
	for text, path := range map[string]string{
		`{"a": 1, "a": 2}`:                              "a",
		`{"a": 1, "b": {"c": null, "c": null}}`:         "b.c",
		`[{"a": 1}, {"b": [{"c": 1, "d": 2, "c": 1}]}]`: "[1].b[0].c",
		`{"a": 1, "\u0061": 2}`:                         "a", // the same name, written otherwise
		`{"": 1, "": 2}`:                                "",
	} {
		duplicate := (*strict.DuplicateError)(nil)
		if err := strict.JSON([]byte(text)); !errors.As(err, &duplicate) || duplicate.Path != path {
			t.Errorf("%s: %v, want that %q is given twice", text, err, path)
		}
	}
	for _, text := range []string{`{"a": {"a": 1}, "b": {"a": 1}}`, `[{"a": 1}, {"a": 1}]`, "null", ` 1e400 `, `"a"`, `{}`, `[]`} {
		if err := strict.JSON([]byte(text)); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestOneWholeValue(t *testing.T) {
	for _, text := range []string{"", "{} {}", `{"a": 1`, `{"a" 1}`, "[1,]", `{1: 2}`, "nul", strings.Repeat("[", 2000) + strings.Repeat("]", 2000)} {
		if err := strict.JSON([]byte(text)); err == nil {
			t.Errorf("%.20s: was taken", text)
		}
	}
}

// FuzzJSON holds it to the standard library, which takes more: what passes here can be read
// there.
func FuzzJSON(f *testing.F) {
	for _, text := range []string{`{"a": 1, "a": 2}`, `[{"b": [null, true, "x", -1.5e3]}]`, `{"a`, "1 2"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if strict.JSON(b) == nil && !json.Valid(b) {
			t.Errorf("%q passes and is no JSON", b)
		}
	})
}
