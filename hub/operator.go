package hub

import (
	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/hub/shown"
	"github.com/commonwatt/commonwatt/members"
	"github.com/commonwatt/commonwatt/web"
	"github.com/commonwatt/commonwatt/web/api"
)

// office is where those who run the community are served.
type office struct {
	site    *site
	market  *market
	money   *money
	version string // of the program
	fares   operation
}

// operator makes what the API serves to who has the operator's key.
func (o office) operator(dir *disk.Dir) (web.Operator, error) {
	key, err := dir.Secret(OperatorKeyFile)
	persons := shown.Members{
		Purse: o.money.purse, Currency: o.site.plan.Tariff.Currency,
		Desk: members.Desk{Register: o.market.records.ledger.Persons(), Points: func(member string) int { return len(o.market.records.metering.Points(member)) }},
	}
	return web.Operator{
		Key: key, Community: o.community, Tariffs: o.prices(), Members: persons, Fund: persons,
		Values: shown.Values{Desk: o.money.values, Currency: o.site.plan.Tariff.Currency}, Bills: shown.Bills{Desk: o.money.desk},
		Operation: o.fares.state, Backup: (&backups{site: o.site, market: o.market, dir: dir, version: o.version}).take,
	}, err
}

func (o office) prices() shown.Tariffs {
	return shown.Tariffs{Shelf: o.market.tariffs, Zone: o.site.plan.Money.Zone, Minutes: o.site.plan.Market.Minutes, Clock: o.site.clock, Reprice: o.market.reprice()}
}

func (o office) community() api.Community {
	plan := o.site.plan
	return api.Community{Community: plan.Community, Currency: plan.Tariff.Currency, Minutes: plan.Market.Minutes, WorldTime: o.site.clock().UTC()}
}
