package community

import (
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching"
)

// Funds returns how a member's prepaid balance stands in the market.
func (m *Market) Funds(member string) matching.Funds { return m.engine.Funds(m.roster.members[member]) }

// Prepay returns the command that gives a member's prepaid balance as of now, and what energy
// costs that it sells and does not deliver; some is false where nothing changes, or the member
// is not known.
func (m *Market) Prepay(member string, balance grid.Money, missing grid.Price, now time.Time) (c matching.Command, some bool) {
	number, has := m.roster.members[member], m.Funds(member)
	if number == 0 || has.Prepaid && has.Balance == balance && has.Missing == missing {
		return c, false
	}
	return matching.Command{Kind: matching.Fund, Time: now.UnixMilli(), Member: number, Money: balance, Price: missing}, true
}

// Revoke returns the commands by which the operator cancels all that waits of a member.
func (m *Market) Revoke(member string, now time.Time) (commands []matching.Command) {
	for _, o := range m.Waiting(member) {
		commands = append(commands, matching.Command{Kind: matching.Cancel, Time: now.UnixMilli(), Order: o.Number})
	}
	return commands
}

// Unreleased returns the intervals whose gate has closed and for whose trades something is
// reserved of prepaid balances, by time.
func (m *Market) Unreleased() (all []grid.Interval) {
	for _, label := range m.engine.Unreleased() {
		all = append(all, m.product(label).Interval)
	}
	return all
}

// Release returns the command that frees what is reserved for the trades of an interval.
func (m *Market) Release(i grid.Interval, now time.Time) matching.Command {
	return matching.Command{Kind: matching.Release, Time: now.UnixMilli(), Product: m.label(i)}
}
