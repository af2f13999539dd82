package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/commonwatt/commonwatt/settlement"
)

// SharingText is how people write settlement.Rules, in configurations and scenarios.
type SharingText struct {
	Pool PoolText `yaml:"pool" doc:"what no trade covers is shared after delivery (docs/settlement.md)"`
	Own  OwnText  `yaml:"own"`

	Sharing KeyText `yaml:"sharing" doc:"market, the default; or an allocation key in its place: then nobody trades, there is no pool, and price must be given (docs/money.md)"`
}

// PoolText is the pool's price and the fund's share: {price: midpoint, share: 50}, or the price
// alone.
type PoolText struct {
	Price settlement.PoolPrice `yaml:"price" eg:"midpoint" doc:"the middle of retail and feed-in; marginal: what one kWh more would be worth at the node, by the exact clearing; off: it goes to the utility"`
	Share int64                `yaml:"share" eg:"50" doc:"that the fund gets of what each taker and giver gains by the pool, per mille; absent: nothing"`
}

// OwnText says what counts as a member's own energy.
type OwnText struct {
	SamePoint *bool `yaml:"same_point" eg:"true" doc:"import and export of one metering point within an interval cancel"`
}

// UnmarshalYAML reads both forms.
func (p *PoolText) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		p.Price = settlement.PoolPrice(n.Value)
		return nil
	}
	if err := onlyFields(n, "pool", "{price: midpoint}", "price", "share"); err != nil {
		return err
	}
	type plain PoolText
	return n.Decode((*plain)(p))
}

// UnmarshalYAML says what it takes.
func (o *OwnText) UnmarshalYAML(n *yaml.Node) error {
	if err := onlyFields(n, "own", "{same_point: false}", "same_point"); err != nil {
		return err
	}
	type plain OwnText
	return n.Decode((*plain)(o))
}

// onlyFields checks a mapping with a few fields, of which form is an example.
func onlyFields(n *yaml.Node, name, form string, fields ...string) error {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Kind != yaml.MappingNode {
		return fmt.Errorf("line %d: %s: is not a mapping of fields: write %s: %s", n.Line, name, name, form)
	}
	for k := 0; k+1 < len(n.Content); k += 2 {
		if key := n.Content[k]; !slices.Contains(fields, key.Value) {
			return fmt.Errorf("line %d: %s.%s: unknown field: %s has %s, as in %s: %s", key.Line, name, key.Value, name, only(fields), name, form)
		}
	}
	return nil
}

// only names the fields that there are.
func only(fields []string) string {
	if len(fields) == 1 {
		return "the field " + fields[0] + " alone"
	}
	return "the fields " + strings.Join(fields, " and ")
}

// Rules returns the rules, of prices in the currency and intervals of so many minutes. The
// error begins with the name of the field.
func (t SharingText) Rules(currency string, minutes int) (settlement.Rules, error) {
	r := settlement.DefaultRules()
	r.NodesByRank = true
	var err error
	if r.Key, err = t.Sharing.Rules(currency, minutes); err != nil {
		return r, err
	}
	if r.Key != nil {
		if t.Pool != (PoolText{}) {
			return r, errors.New("pool: beside an allocation key (sharing) nothing is left for a pool: leave out one of them")
		}
		r.Pool = settlement.Off
	}
	if t.Pool.Price != "" {
		r.Pool = t.Pool.Price
	}
	if t.Own.SamePoint != nil {
		r.SamePoint = *t.Own.SamePoint
	}
	r.Share = t.Pool.Share
	if err := r.Validate(); err != nil && slices.Contains([]settlement.PoolPrice{settlement.Midpoint, settlement.Marginal, settlement.Off}, r.Pool) {
		return r, err
	} else if err != nil {
		return r, fmt.Errorf("pool.price: must be %s, %s or %s, not %q", settlement.Midpoint, settlement.Marginal, settlement.Off, r.Pool)
	}
	return r, nil
}
