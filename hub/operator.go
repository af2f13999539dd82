package hub

import (
	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/hub/shown"
	"github.com/commonwatt/commonwatt/settlement/billing/desk"
	"github.com/commonwatt/commonwatt/settlement/corrections"
	"github.com/commonwatt/commonwatt/tariff"
	"github.com/commonwatt/commonwatt/tariff/shelf"
	"github.com/commonwatt/commonwatt/web"
	"github.com/commonwatt/commonwatt/web/api"
)

// office is where those who run the community are served.
type office struct {
	site    *site
	tariffs *shelf.Shelf
	reprice func(tariff.Extremes) error
	purse   *purse
	values  *corrections.Desk
	desk    *desk.Desk
}

// operator makes what the API serves to who has the operator's key.
func (o office) operator(dir *disk.Dir) (web.Operator, error) {
	key, err := dir.Secret(OperatorKeyFile)
	return web.Operator{Key: key, Community: o.community, Tariffs: o.prices(), Members: o.purse, Fund: o.purse, Values: shown.Values{Desk: o.values, Currency: o.site.plan.Tariff.Currency}, Bills: bills{o.desk}}, err
}

func (o office) prices() shown.Tariffs {
	return shown.Tariffs{Shelf: o.tariffs, Zone: o.site.plan.Money.Zone, Minutes: o.site.plan.Market.Minutes, Clock: o.site.clock, Reprice: o.reprice}
}

func (o office) community() api.Community {
	plan := o.site.plan
	return api.Community{Community: plan.Community, Currency: plan.Tariff.Currency, Minutes: plan.Market.Minutes, WorldTime: o.site.clock().UTC()}
}
