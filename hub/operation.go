package hub

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/commonwatt/commonwatt/web/api"
)

// operation says whether all is well, to who runs the community.
type operation struct {
	site    *site
	machine *machine
	status  func(context.Context) api.Status
	devices func() int
	began   time.Time // wall time
}

// state returns how all fares now.
func (o operation) state(ctx context.Context) api.Operation {
	s := o.status(ctx)
	free, all := o.machine.space.Left()
	members := map[string]bool{}
	for _, m := range o.site.meters() {
		members[m.Member] = true
	}
	out := api.Operation{
		Version: s.Version, Started: o.began.UTC(), WorldTime: s.WorldTime, Speed: s.Speed, Community: o.site.plan.Community, Currency: o.site.plan.Tariff.Currency,
		Members: len(members), Devices: o.devices(), DevicesOnline: s.DevicesOnline, DiskFree: free, DiskSize: all, Data: o.machine.dir.Path,
		LedgerKind: s.Ledger.Kind, LedgerHeight: s.Ledger.Height, Cleared: s.IntervalsCleared, Settled: s.IntervalsSettled, Gateways: s.Gateways,
	}
	_, out.Ready = o.machine.alarms()
	out.Checks = o.checks(s, out.Devices)
	return out
}

func (o operation) checks(s api.Status, devices int) []api.Check {
	clock, silent, telemetry := "", "", ""
	if o.machine.judge != nil {
		clock = o.machine.judge.Trouble()
	}
	if n := devices - s.DevicesOnline; n > 0 {
		silent = fmt.Sprintf("%d of %d devices do not answer: the installer's page names them", n, devices)
	}
	if s.Store.Problem != nil {
		telemetry = "the telemetry database is away: " + *s.Store.Problem + "; readings wait on this machine's disk"
	}
	return []api.Check{
		check(api.CheckDisk, o.machine.space.Alarm()), check(api.CheckClock, clock), check(api.CheckDevices, silent),
		check(api.CheckTelemetry, telemetry), check(api.CheckGateways, away(s.Gateways)),
	}
}

// away says which gateways are not heard of.
func away(all *[]api.GatewayStatus) string {
	if all == nil {
		return ""
	}
	var silent []string
	for _, g := range *all {
		if !g.Online {
			silent = append(silent, g.Id)
		}
	}
	if len(silent) == 0 {
		return ""
	}
	return "nothing is heard of " + strings.Join(silent, ", ") + ": look at the machine and its network"
}

// check is one of the checks; no text: all is well.
func check(name api.CheckName, text string) api.Check {
	c := api.Check{Name: name, Good: text == ""}
	if text != "" {
		c.Text = &text
	}
	return c
}
