package config

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/commonwatt/commonwatt/agent"
)

// StrategyText says how homes trade, in configurations and scenarios.
type StrategyText struct {
	Strategy   string            `yaml:"strategy" eg:"planner" doc:"how the built-in agents trade. planner: plans battery and car and bids what they are worth; price-curve: leaves the devices alone, and bids what is sure at prices that soon find a partner, what is likely nearer to the middle of retail and feed-in; self-consumption: own demand first, what the forecast leaves at that middle; zero-intelligence: the same energy at random prices, for experiments; external: a program outside trades by the API; none: does not trade, what is left over is shared all the same"`
	Strategies map[string]string `yaml:"strategies" eg:"{ann: none}" doc:"of single members, instead of strategy"`

	Members map[string]MemberText `yaml:"members" key:"ann" doc:"what the agents of single members are, and what the homeowners want of them"`
}

// Check checks the names. The error begins with the name of the field.
func (t StrategyText) Check(isMember func(name string) bool) error {
	if _, err := agent.ParseStrategy(t.Strategy); err != nil {
		return fmt.Errorf("strategy: %w", err)
	}
	for _, member := range slices.Sorted(maps.Keys(t.Strategies)) {
		if !isMember(member) {
			return fmt.Errorf("strategies.%s: there is no member %q", member, member)
		}
		if _, err := agent.ParseStrategy(t.Strategies[member]); err != nil {
			return fmt.Errorf("strategies.%s: %w", member, err)
		}
	}
	return t.checkMembers(isMember)
}

// Of returns a member's strategy, once the names were checked.
func (t StrategyText) Of(member string) agent.Strategy {
	name := cmp.Or(t.Members[member].Agent, t.Strategies[member], t.Strategy)
	s, err := agent.ParseStrategy(name)
	if err != nil {
		return agent.ByPlanner
	}
	return s
}
