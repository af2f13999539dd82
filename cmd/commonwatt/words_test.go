package main

import (
	"bytes"
	"context"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/commonwatt/commonwatt/usage"
)

// TestAnUnknownCommandIsNamed mistypes the word after every command that has commands: alone, with a flag that only the
// right command knows, before --help and after help. Nothing is printed but the word and what it has instead.
func TestAnUnknownCommandIsNamed(t *testing.T) {
	t.Parallel()
	var parents [][]string
	for _, path := range []string{"", "account", "bench", "bill", "completion", "config", "fabric", "forecast", "gateway", "ledger", "member", "pair", "tariff", "values"} {
		parents = append(parents, strings.Fields(path))
	}
	for _, path := range parents {
		for _, args := range [][]string{{"zzzz"}, {"zzzz", "--data", "x"}, {"zzzz", "--help"}, {"--help", "zzzz"}, {"zzzz", "further", "words"}} {
			isUnknown(t, slices.Concat(path, args), "zzzz", strings.Join(append([]string{"commonwatt"}, path...), " "))
		}
		isUnknown(t, slices.Concat([]string{"help"}, path, []string{"zzzz"}), "zzzz", strings.Join(append([]string{"commonwatt"}, path...), " "))
	}
	for near, args := range map[string][]string{
		"verify": {"ledger", "verfy"}, "sharing": {"compare", "sharng"}, "replay": {"repaly", "--out", "x"}, "list": {"bill", "lst", "--help"}, "key": {"gateway", "kye"},
		"probe": {"help", "pair", "prob"}, "bash": {"completion", "bsh"}, "discover": {"pair", "discovr", "--json"}, "backup": {"bakcup", "--help"},
	} {
		if err := called(args...).err; err == nil || !strings.Contains(err.Error(), `did you mean "`+near+`"?`) {
			t.Errorf("%v: %v, want the nearest, %s", args, err, near)
		}
	}
}

// TestHelpOfWhatThereIs asks for help in each way that there is.
func TestHelpOfWhatThereIs(t *testing.T) {
	t.Parallel()
	for want, args := range map[string][]string{
		"commonwatt [command]":               nil,
		"commonwatt ledger verify [flags]":   {"help", "ledger", "verify"},
		"commonwatt ledger show [flags]":     {"ledger", "show", "--help"},
		"commonwatt compare sharing [flags]": {"compare", "sharing", "-h"},
	} {
		if got := called(args...); got.err != nil || !strings.Contains(got.out, want) {
			t.Errorf("%v: %v, and prints %s", args, got.err, got.out)
		}
	}
}

// call is what a command line came to.
type call struct {
	out string
	err error
}

func called(args ...string) call {
	var out bytes.Buffer
	err := run(context.Background(), args, &out, io.Discard)
	return call{out.String(), err}
}

func isUnknown(t *testing.T, args []string, word, of string) {
	t.Helper()
	got := called(args...)
	if got.err == nil || !usage.Is(got.err) || got.out != "" || !strings.Contains(got.err.Error(), `unknown command "`+word+`" for "`+of+`": `) {
		t.Errorf("%v: %v, and prints %q", args, got.err, got.out)
	}
}
