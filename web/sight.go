package web

import (
	"context"

	"github.com/commonwatt/commonwatt/web/api"
	"github.com/commonwatt/commonwatt/web/auth"
)

// extent is how much of the community somebody sees.
type extent int

// The extents. Who may look at nothing does not come so far.
const (
	allHomes    extent = iota // everything, by name
	ownHome                   // the own home, and the community's intervals and sums
	communityIs               // the community's intervals and sums
	allDevices                // what stands in the homes, without trades and money
)

// sight is what somebody sees of the live state. Equal sights see the same.
type sight struct {
	extent extent
	home   string // of ownHome
	joined bool   // of allHomes: with the accounts that the homes have on the ledger
}

// sightOf returns what somebody sees, who is known unless they just look at a demonstration.
// A person sees what the role does. The key of an agent is about one member, and sees no
// other; other keys see all homes.
func sightOf(who auth.Principal, known bool) sight {
	switch {
	case who.Role == auth.Homeowner, who.Role == auth.Trader:
		return sight{extent: ownHome, home: who.Member}
	case who.Role == auth.Researcher:
		return sight{extent: communityIs}
	case who.Role == auth.Installer && who.Person():
		return sight{extent: allDevices}
	default:
		return sight{extent: allHomes, joined: known}
	}
}

// sees returns what who sent the request of a context sees.
func sees(ctx context.Context) sight { return sightOf(auth.From(ctx)) }

// status returns what of a status may be seen: what is wrong with a machine or a gateway, and
// what these are called, is for those who run them.
func (s sight) status(of api.Status) api.Status {
	if s.extent == allHomes || s.extent == allDevices {
		return of
	}
	of.Alarms, of.AlarmsSaid, of.Gateways = []string{}, nil, nil
	of.Store = api.StoreStatus{Kind: of.Store.Kind}
	return of
}

// withoutMoney returns what an installer sees of a home.
func withoutMoney(h api.Home) api.Home {
	return api.Home{Id: h.Id, MeteringPoint: h.MeteringPoint, Devices: h.Devices, Flow: h.Flow}
}
