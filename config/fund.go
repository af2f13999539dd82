package config

import (
	"fmt"
	"slices"
)

// FundText says what the community's fund stands in for, and who trades on what it has paid
// in.
type FundText struct {
	Guarantee string       `yaml:"guarantee" eg:"month" doc:"month: the fund tops up, a month after its end, who would have paid less without the community; absent: nobody (docs/money.md)"`
	Prepaid   *PrepaidText `yaml:"prepaid" doc:"members trade on what they have paid in (\"commonwatt member deposit\"); absent: nobody does"`
}

// PrepaidText says who trades on a prepaid balance.
type PrepaidText struct {
	Members []string `yaml:"members" eg:"[ann]" doc:"absent: all members do"`
}

// check checks the texts. The error begins with the name of the field.
func (t FundText) check() error {
	if t.Guarantee != "" && t.Guarantee != "month" {
		return fmt.Errorf("guarantee: must be month, or be left out, not %q", t.Guarantee)
	}
	return nil
}

// strangers checks that the members exist who are named.
func (t FundText) strangers(isMember func(string) bool) error {
	if t.Prepaid == nil {
		return nil
	}
	for i, m := range t.Prepaid.Members {
		if !isMember(m) {
			return fmt.Errorf("prepaid.members[%d]: there is no member %q", i, m)
		}
		if slices.Contains(t.Prepaid.Members[:i], m) {
			return fmt.Errorf("prepaid.members[%d]: %q is there twice", i, m)
		}
	}
	return nil
}

// IsPrepaid tells whether a member trades on what it has paid in.
func (t FundText) IsPrepaid(member string) bool {
	return t.Prepaid != nil && (len(t.Prepaid.Members) == 0 || slices.Contains(t.Prepaid.Members, member))
}
