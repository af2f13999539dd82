package main

import (
	"os"
	"slices"
	"strings"

	"github.com/commonwatt/commonwatt/config"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/settlement/sharing"
	"github.com/commonwatt/commonwatt/usage"
)

// keyHelp tells a person how an interval is divided by an allocation key.
const keyHelp = `

With --key an interval is divided by an allocation key, as a community with sharing: does
that has no market. KEY is a pack (at-eeg, ch-leg, de-42c, es-rd244, fr-acc, it-cer, lu, pt)
whose rule needs no agreement, or a file with the fields of sharing: in a configuration
(YAML; "commonwatt run --help" lists them), such as
  {pack: es-rd244, shares: {mp-ann: 0.3, mp-bob: 0.7}}
FILE then has what was metered, in Wh of the interval:

  {"interval": {"start": "2026-06-01T12:00:00Z", "minutes": 15},
   "points": [{"id": "mp-ann", "member": "ann", "import": 400},
              {"id": "mp-bob", "member": "bob", "import": 1900},
              {"id": "mp-roof", "export": 2000}]}

and the result what each point bought and sold by the key, what it has as its own surplus
(surplus, of energy that others gave), and what is left with the utility (retail, feed_in).
member, import and export may be left out. What cannot be divided goes to the least id;
with an account of each point, to the least SHA-256(interval ‖ account), as in a settlement.
With several --key the points are in several communities, each with the part that the
participation of its key says; --in-order hands what one leaves over on to the next.`

// readKey reads an allocation key, that of a pack or a file, for the metering points of a case.
// What is wrong is the caller's to mend.
func readKey(name string, c sharing.Case) (*settlement.Key, error) {
	if !isKeyFile(name) {
		key, err := config.PackKey(name)
		if err != nil {
			return nil, usage.Errorf("--key %s: %w", name, err)
		}
		return key, nil
	}
	b, err := os.ReadFile(name) //nolint:gosec // the path is the user's
	if err != nil {
		return nil, usage.Errorf("--key: %w", err)
	}
	key, err := config.ParseKey(b)
	if err != nil {
		return nil, usage.Errorf("--key %s: %w", name, err)
	}
	written, err := config.NewKeyText(name, b, "")
	if err == nil {
		err = written.Strangers(func(point string) bool {
			return slices.ContainsFunc(c.Points, func(p sharing.CasePoint) bool { return p.ID == point })
		})
	}
	if err != nil {
		return nil, usage.Errorf("--key %s: %w", name, err)
	}
	return key, nil
}

// isKeyFile tells a file from a pack: its name has a dot or a directory.
func isKeyFile(name string) bool { return strings.ContainsAny(name, "./\\") }

// divide divides the interval of a case by a key, or among the communities of several. What is
// wrong is the caller's to mend.
func divide(file string, text []byte, keys []string, inOrder bool) (result any, err error) {
	c, err := sharing.ParseCase(text)
	if err != nil {
		return nil, usage.Errorf("%s: %w", file, err)
	}
	var communities []sharing.Community
	var ownFirst bool
	for _, name := range keys {
		key, err := readKey(name, c)
		if err != nil {
			return nil, err
		}
		if ownFirst = key.OwnFirst; ownFirst && len(keys) > 1 {
			return nil, usage.Errorf("--key %s: own_first: own energy goes first in one community alone: leave it out where there are several", name)
		}
		communities = append(communities, sharing.Community{Name: name, Scheme: key.Scheme})
	}
	if len(keys) == 1 {
		result, err = c.Divide(communities[0].Scheme, ownFirst)
	} else {
		result, err = c.DivideAmong(communities, inOrder)
	}
	if err != nil {
		return nil, usage.Errorf("%s: %w", file, err)
	}
	return result, nil
}
