package hub

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"time"

	"github.com/commonwatt/commonwatt/agent/steer"
	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/config"
	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters"
	"github.com/commonwatt/commonwatt/meters/pairing"
	"github.com/commonwatt/commonwatt/meters/profile"
	"github.com/commonwatt/commonwatt/meters/signwatch"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/usage"
	"github.com/commonwatt/commonwatt/web"
)

// InstallerKeyFile holds the key that pairs devices over the API.
const InstallerKeyFile = "installer.key"

// adoption takes in devices that are paired while the community runs.
type adoption struct {
	site    *site
	records *records
	market  *market
	moved   *steer.Devices
	rewards *rewarding
	fleet   *meters.Fleet
	live    *web.Live
	signs   *signwatch.Watch
	log     *slog.Logger

	file []config.Target // devices of the configuration: those that count, and those that were let go of
}

// installer serves the pairing of devices. In a simulated community it goes
// through the steps and adds nothing.
func (a *adoption) installer(dir *disk.Dir) (*web.Installer, error) {
	key, err := dir.Secret(InstallerKeyFile)
	if err != nil {
		return nil, err
	}
	bench := pairing.Open(dir.Path, a.site.plan.Profiles, nil)
	if bench.Configured, err = a.configured(bench); err != nil {
		return nil, err
	}
	bench.Fits = Fits(bench.Profiles, a.site.plan.Tariff.Currency)
	bench.HasRead, bench.Clock = true, a.site.clock
	bench.Trial, bench.Reserved, bench.Adopt, bench.Shared = a.site.sim != nil, record.SystemAccounts(), a.adopt, a.fleet.Conn
	bench.Dismissed, bench.Changed, bench.Totals = a.dismiss, a.change, a.records.evidence.Totals
	return &web.Installer{Desk: bench, Key: key, Elsewhere: a.elsewhere, Movable: a.movable, Try: a.try}, nil
}

// configured returns the devices that this process reads because the configuration says so, and those of which it says
// so and that were let go of.
func (a *adoption) configured(bench *pairing.Bench) (all []pairing.Binding, err error) {
	if a.site.sim != nil {
		for _, t := range a.site.targets {
			all = append(all, pairing.Binding{Device: t.Device, Target: t.Endpoint.String(), Unit: t.Unit, Profile: t.Profile.ID, Configured: true})
		}
		return all, nil
	}
	paired, err := bench.Paired()
	if err != nil {
		return nil, err
	}
	there := slices.DeleteFunc(slices.Clone(a.site.plan.Devices), func(d config.Target) bool {
		return slices.ContainsFunc(paired, func(b pairing.Binding) bool { return b.ID == d.ID })
	})
	a.file = append(there, a.site.plan.Gone...)
	for _, d := range a.file {
		if d.Gateway == "" {
			all = append(all, bindingOf(d))
		}
	}
	return all, nil
}

// bindingOf is a configured device as one that was paired.
func bindingOf(d config.Target) pairing.Binding {
	b := pairing.Binding{
		Device: d.Device, Target: d.Address, Unit: d.Unit, Profile: d.Profile.ID, Inverted: d.Turned.Power, Counters: new(d.Turned.Counters), Configured: true, Since: d.Since,
		How: pairing.How{Part: d.Part, Own: pairing.Own(d.Own), Ratings: pairing.Ratings{ImportLimit: d.Imports, ExportLimit: d.Exports, Control: d.Control}},
	}
	if d.Rated > 0 {
		b.Rated = &d.Rated
	}
	if d.Capacity > 0 {
		b.Capacity = &d.Capacity
	}
	return b
}

// profiles returns those of now: pairing a device may have kept one more.
func (a *adoption) profiles() (*profile.Set, error) {
	kept, err := filepath.Glob(filepath.Join(a.site.plan.Data, KeptProfiles, "*.yaml"))
	if err != nil {
		return nil, err
	}
	return config.Profiles(a.site.plan.Files, kept...)
}

// adopt takes in a device that was paired. What may refuse it comes first: the
// ledger, the market, and the page. Once it is kept, begin has it read; a connection
// meter bills, and its member trades, from the next interval on.
func (a *adoption) adopt(ctx context.Context, b pairing.Binding) (begin func(), err error) {
	d, last, err := a.wanted(ctx, b)
	if err != nil {
		return nil, err
	}
	err = a.records.ledger.Register(ctx, b.Device)
	if refused := (*ledger.ContractError)(nil); errors.As(err, &refused) {
		return nil, &pairing.ConflictError{Reason: err.Error()}
	}
	if err != nil {
		return nil, err
	}
	join := func() {}
	if b.Kind == grid.Meter {
		if join, err = a.market.host.Admit(pointOf(d.Target), a.site.clock()); err != nil {
			return nil, refusedAs(err)
		}
	}
	if err := a.live.Add(b.Device); err != nil {
		return nil, err
	}
	return func() {
		a.put(d)
		a.records.intake.Add(b.Device)
		if b.Replaces != "" {
			a.replace(b)
		}
		if c, changed := a.signs.Add(b.Device); changed {
			tellSign(ctx, a.live, a.log, c)
		}
		if b.Kind == grid.Meter {
			a.records.metering.Add(b.Device, b.Since, d.read.Most)
		}
		a.market.traders.Add(b.Device)
		join()
		a.fleet.Add(d.read, last)
		a.steer(b.MeteringPoint)
	}, nil
}

// put has a device be one of the community's, as it is now.
func (a *adoption) put(d device) {
	if err := a.site.put(d.Target); err != nil { // wanted has read it
		a.log.Error("a device is not taken in", slog.String("device", d.ID), slog.String("error", err.Error()))
	}
}

// steer has the devices of a metering point be moved that it has now, and no others; its batteries take part in
// the storage rewards.
func (a *adoption) steer(point string) {
	defer a.rewards.renew()
	for k, p := range a.site.points() {
		if p.MeteringPoint != point {
			continue
		}
		if err := a.moved.Set(a.site.home(a.site.meters()[k], p)); err != nil {
			a.log.Error("devices are moved as before until the next start", slog.String("metering_point", point), slog.String("error", err.Error()))
		}
		return
	}
}

// refusedAs makes what the market refuses the installer's to mend.
func refusedAs(err error) error {
	if refused := (*usage.Error)(nil); errors.As(err, &refused) {
		return &pairing.ConflictError{Reason: err.Error()}
	}
	return err
}

// wanted says what a paired device is and how it is read, and what its last registers were.
func (a *adoption) wanted(ctx context.Context, b pairing.Binding) (d device, last *grid.Reading, err error) {
	if d.Target, err = a.planned(b); err != nil {
		return d, nil, err
	}
	if d.read, err = Target(d.Target); err != nil {
		return d, nil, err
	}
	last, err = a.records.evidence.Totals(ctx, b.ID)
	return d, last, err
}

// planned is what a device is planned by: as it was paired, or as the configuration has it. A connection meter is where the
// one before it at its metering point was.
func (a *adoption) planned(b pairing.Binding) (t config.Target, err error) {
	if k := slices.IndexFunc(a.file, func(d config.Target) bool { return d.ID == b.ID }); b.Configured && k >= 0 {
		t = a.file[k]
		t.Since = b.Since
		return t, nil
	}
	profiles, err := a.profiles()
	if err != nil {
		return t, err
	}
	p := profiles.Get(b.Profile)
	if p == nil {
		return t, fmt.Errorf("there is no profile %q any more", b.Profile)
	}
	d, err := OfBinding(b)
	if err != nil {
		return t, err
	}
	if t, err = d.Sized(p, a.site.plan.Tariff.Currency); err == nil {
		t.Inherit(a.file...)
	}
	return t, err
}

// elsewhere are the devices that gateways on other machines read.
func (a *adoption) elsewhere() (all []web.Elsewhere) {
	for _, d := range a.site.list() {
		if d.Gateway != "" {
			all = append(all, web.Elsewhere{Device: d.Device, Gateway: d.Gateway, Profile: d.Profile.ID})
		}
	}
	return all
}

// dismiss lets go of a device that was removed while the community runs: it is read, shown and
// waited for no more. What it measured counts as before.
func (a *adoption) dismiss(b pairing.Binding) {
	a.release(b)
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

// release gives a device back to its own logic, while it can still be reached.
func (a *adoption) release(b pairing.Binding) {
	a.site.drop(b.ID)
	if b.Kind != grid.Meter {
		a.steer(b.MeteringPoint)
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
	}
	a.dismiss(pairing.Binding{Device: old, Until: by.Since})
}

// change has a device be made for something else: what is believed of it, what its connection bears in the
// market, and how it is planned and moved follow at once. It is refused while the device is tried.
func (a *adoption) change(ctx context.Context, b pairing.Binding) (begin func(), err error) {
	d, last, err := a.wanted(ctx, b)
	if err != nil {
		return nil, err
	}
	if a.moved.Tries(b.ID) {
		return nil, &pairing.ConflictError{Reason: steer.ErrTried.Error()}
	}
	if b.Kind == grid.Meter {
		if _, err := a.market.host.Admit(pointOf(d.Target), a.site.clock()); err != nil {
			return nil, refusedAs(err)
		}
	}
	return func() {
		a.put(d)
		if b.Kind == grid.Meter {
			a.records.metering.Add(b.Device, b.Since, d.read.Most)
		}
		a.fleet.Add(d.read, last)
		a.steer(b.MeteringPoint)
	}, nil
}

// movable tells whether a device may be moved, as its owner says.
func (a *adoption) movable(b pairing.Binding) bool {
	t := a.targetOf(b.ID)
	return t.ID != "" && a.site.movable(t)
}

// try has a device take a power for a while.
func (a *adoption) try(ctx context.Context, b pairing.Binding, p grid.Power, during time.Duration) (web.Trial, error) {
	said, err := a.moved.Try(ctx, a.targetOf(b.ID), p, during)
	if errors.Is(err, steer.ErrTried) {
		return web.Trial{}, &pairing.ConflictError{Reason: err.Error()}
	}
	return web.Trial(said), err
}

// targetOf says how a device is read now.
func (a *adoption) targetOf(id string) meters.Target {
	for _, t := range a.site.read() {
		if t.ID == id {
			return t
		}
	}
	return meters.Target{}
}

// tellSign tells the installer that a meter is doubted to be mounted the right way round,
// or no longer.
func tellSign(ctx context.Context, live *web.Live, log *slog.Logger, c signwatch.Change) {
	live.Warn(c.Meter, c.Warning)
	if c.Warning == "" {
		log.InfoContext(ctx, "the meter's sign is not doubted any more", slog.String("device", c.Meter))
		return
	}
	log.WarnContext(ctx, c.Warning, slog.String("device", c.Meter))
}
