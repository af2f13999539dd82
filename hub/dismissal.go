package hub

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/commonwatt/commonwatt/agent/steer"
	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/pairing"
	"github.com/commonwatt/commonwatt/web"
)

// elsewhere are the devices that gateways on other machines read.
func (a *adoption) elsewhere() (all []web.Elsewhere) {
	for _, d := range a.site.plan.Devices {
		if d.Gateway != "" {
			all = append(all, web.Elsewhere{Device: d.Device, Gateway: d.Gateway, Profile: d.Profile.ID})
		}
	}
	return all
}

// dismiss lets go of a device that was removed while the community runs: it is read, shown and
// waited for no more. What it measured counts as before.
func (a *adoption) dismiss(b pairing.Binding) {
	a.fleet.Remove(b.ID)
	if b.Kind == grid.Meter {
		a.records.metering.End(b.ID, b.Until)
	}
	a.signs.Remove(b.Device)
	a.market.traders.Remove(b.Device)
	a.records.intake.Dismissed(b.ID)
	a.live.Remove(b.Device)
	if b.Kind == grid.Meter && !a.records.metering.Has(b.MeteringPoint) {
		a.withdraw(b.MeteringPoint)
	}
}

// withdraw takes the orders of a metering point that has no meter any more out of the market.
func (a *adoption) withdraw(point string) {
	now, minutes := a.site.clock(), a.site.plan.Market.Minutes
	i := grid.IntervalAt(now, minutes)
	for k := range int(community.DefaultAhead / i.Length()) {
		product := grid.Product{Community: a.site.plan.Community, Interval: i.Shift(k + 1)}
		if err := a.market.host.Withdraw(context.Background(), product, point, now); err != nil {
			a.log.Warn("orders of a metering point without a meter are not withdrawn", slog.String("metering_point", point), slog.String("interval", product.Interval.String()), slog.String("error", err.Error()))
			return
		}
	}
}

// replace lets go of the device whose place another one takes. What the connection meters count is
// added in the interval in which that is.
func (a *adoption) replace(by pairing.Binding) {
	old := by.Device
	old.ID = by.Replaces
	if by.Kind == grid.Meter {
		a.records.metering.Add(by.Device, by.Since, 0) // what can flow through it is said when it is read
		a.moved.Replace(old.ID, by.Device)
	}
	a.dismiss(pairing.Binding{Device: old, Until: by.Since})
}

// change has a device be read with other bounds.
func (a *adoption) change(ctx context.Context, b pairing.Binding) error {
	target, last, err := a.wanted(ctx, b)
	if err != nil {
		return err
	}
	if b.Kind == grid.Meter {
		a.records.metering.Add(b.Device, b.Since, target.Most)
	}
	a.fleet.Add(target, last)
	return nil
}

// movable tells whether a device may be moved, as its owner says.
func (a *adoption) movable(b pairing.Binding) bool {
	t, _, err := a.wanted(context.Background(), b)
	return err == nil && (b.Control || a.site.movable(t)) && b.Kind != grid.Meter && t.Profile.Acts(b.Kind) != nil
}

// try has a device take a power for a while.
func (a *adoption) try(ctx context.Context, b pairing.Binding, p grid.Power, during time.Duration) (web.Trial, error) {
	t, _, err := a.wanted(ctx, b)
	if err != nil {
		return web.Trial{}, err
	}
	said, err := a.moved.Try(ctx, t, p, during)
	if errors.Is(err, steer.ErrTried) {
		return web.Trial{}, &pairing.ConflictError{Reason: err.Error()}
	}
	return web.Trial(said), err
}
