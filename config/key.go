package config

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/settlement/sharing/packs"
)

// ByMarket is the sharing of a community that has no allocation key.
const ByMarket = "market"

// KeyText is how people write an allocation key, in configurations, scenarios and files of
// their own: "market", which is none, or its fields.
type KeyText struct {
	Pack     string   `yaml:"pack" eg:"at-eeg" doc:"the rules of a country: at-eeg, ch-leg, de-42c, es-rd244, fr-acc, it-cer, lu or pt; what they set need not be written"`
	Price    Quantity `yaml:"price" eg:"0.12 EUR/kWh" doc:"what allocated energy costs; or midpoint: half each of what lies between the taker's avoided price and the giver's feed-in; or free: the members own the plants together"`
	OwnFirst *bool    `yaml:"own_first" eg:"false" doc:"true: a member's own energy goes first, before the key; with a pack that is as the pack has it"`

	packs.SchemeText `yaml:",inline"`

	given bool // there is a key
}

// UnmarshalYAML reads both forms.
func (k *KeyText) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Kind == yaml.ScalarNode && (n.Value == ByMarket || n.ShortTag() == "!!null") {
		return nil
	}
	if n.Kind != yaml.MappingNode {
		return fmt.Errorf("line %d: sharing: %q: write market, or the fields of a key, as in sharing: {pack: at-eeg, price: 0.12 EUR/kWh}", n.Line, n.Value)
	}
	if err := fieldsKnown(n, reflect.TypeFor[KeyText](), "sharing"); err != nil {
		return err
	}
	type plain KeyText
	k.given = true
	return n.Decode((*plain)(k))
}

// IsKey tells whether there is an allocation key, and no market.
func (k KeyText) IsKey() bool { return k.given }

// Rules returns the key, for delivery intervals of so many minutes; nil: there is none. The
// error begins with the name of the field.
func (k KeyText) Rules(currency string, minutes int) (*settlement.Key, error) {
	if !k.given {
		return nil, nil
	}
	key, err := k.rules(minutes)
	if err != nil {
		return nil, fmt.Errorf("sharing.%w", err)
	}
	switch text := settlement.PriceBy(k.Price.Text); text {
	case "":
		return nil, errors.New("sharing.price: missing: write what allocated energy costs, such as 0.12 EUR/kWh, or midpoint, or free")
	case settlement.ByMidpoint, settlement.ByNothing:
		key.Price.By = text
	default:
		key.Price.By = settlement.ByAmount
		if key.Price.Fixed, err = k.Price.Price("sharing.price", currency); err != nil {
			return nil, fmt.Errorf("%w, or midpoint, or free", err)
		}
	}
	return key, nil
}

// rules reads all but the price. minutes of 0: the length of an interval is not known.
func (k KeyText) rules(minutes int) (*settlement.Key, error) {
	var pack *packs.Pack
	if k.Pack != "" {
		set, err := packs.Embedded()
		if err != nil {
			return nil, err
		}
		if pack, err = set.Find(k.Pack); err != nil {
			return nil, fmt.Errorf("pack: %w", err)
		}
		if minutes > 0 && !slices.Contains(pack.Minutes, minutes) {
			return nil, fmt.Errorf("pack: %s divides the energy of %s minutes, not of %d: set interval: %d", k.Pack, strings.Trim(fmt.Sprint(pack.Minutes), "[]"), minutes, pack.Minutes[0])
		}
	}
	key := &settlement.Key{Pack: k.Pack}
	var err error
	if key.Scheme, err = k.Scheme(pack); err != nil {
		return nil, err
	}
	switch {
	case k.OwnFirst != nil && pack != nil && *k.OwnFirst != pack.OwnFirst:
		return nil, fmt.Errorf("own_first: %t: by the pack %s it is %t: leave it out", *k.OwnFirst, k.Pack, pack.OwnFirst)
	case k.OwnFirst != nil:
		key.OwnFirst = *k.OwnFirst
	case pack != nil:
		key.OwnFirst = pack.OwnFirst
	}
	return key, nil
}

// fieldsKnown refuses what the YAML library lets pass below a type that reads itself: unknown
// fields, and fractions where a whole number belongs. The error names line and path.
func fieldsKnown(n *yaml.Node, t reflect.Type, path string) error {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case n.Kind == yaml.AliasNode:
		return fieldsKnown(n.Alias, t, path)
	case t == nil || path != "sharing" && reflect.PointerTo(t).Implements(reflect.TypeFor[yaml.Unmarshaler]()):
		return nil
	case n.Kind == yaml.ScalarNode && t.Kind() == reflect.Int && n.ShortTag() != "!!int":
		return fmt.Errorf("line %d: %s: %q is not a whole number", n.Line, path, n.Value)
	case n.Kind == yaml.SequenceNode && t.Kind() == reflect.Slice:
		for i, child := range n.Content {
			if err := fieldsKnown(child, t.Elem(), fmt.Sprintf("%s[%d]", path, i)); err != nil {
				return err
			}
		}
	case n.Kind == yaml.MappingNode && (t.Kind() == reflect.Struct || t.Kind() == reflect.Map):
		for i := 0; i+1 < len(n.Content); i += 2 {
			name := n.Content[i].Value
			field := below(t, name)
			if field == nil {
				return fmt.Errorf("line %d: %s.%s: unknown field", n.Content[i].Line, path, name)
			}
			if err := fieldsKnown(n.Content[i+1], field, path+"."+name); err != nil {
				return err
			}
		}
	}
	return nil
}

// ParseKey reads a file that has an allocation key: the fields that stand under sharing: in a
// configuration. Of these the price may be missing. The error names the line or the field.
func ParseKey(text []byte) (*settlement.Key, error) {
	var k KeyText
	if err := yaml.Unmarshal(text, &k); err != nil {
		return nil, Plain(err, text, `"commonwatt clear --help"`)
	}
	if !k.given {
		return nil, errors.New("sharing: is empty, or the market: write a key, such as {key: dynamic}")
	}
	return k.free()
}

// NewKeyText returns the sharing that people name on a command line: "market", a pack, or the
// text of a file with the fields of a key; price is what allocated energy costs, empty: as the
// file has it.
func NewKeyText(name string, file []byte, price string) (k KeyText, err error) {
	switch {
	case file != nil:
		if err := yaml.Unmarshal(file, &k); err != nil {
			return k, Plain(err, file, `"commonwatt run --help"`)
		}
	case name != ByMarket:
		k.given, k.Pack = true, name
	}
	if price != "" {
		k.Price = Quantity{Text: price}
	}
	return k, nil
}

// PackKey returns the allocation key of a pack, as far as it needs no agreement.
func PackKey(id string) (*settlement.Key, error) { return KeyText{given: true, Pack: id}.free() }

// free reads a key for which nothing is paid.
func (k KeyText) free() (*settlement.Key, error) {
	key, err := k.rules(0)
	if err != nil {
		return nil, fmt.Errorf("sharing.%w", err)
	}
	key.Price.By = settlement.ByNothing
	return key, nil
}

// Strangers checks that the metering points which the key names exist. The error begins with
// the name of the field.
func (k KeyText) Strangers(isPoint func(name string) bool) error {
	if _, err := k.rules(0); !k.given || err != nil {
		return nil //nolint:nilerr // the error is that of Rules
	}
	for _, n := range k.Names() {
		if !isPoint(n.Point) {
			return fmt.Errorf("sharing.%s: there is no metering point %q: write one that there is, or leave it out", n.Field, n.Point)
		}
	}
	return nil
}
