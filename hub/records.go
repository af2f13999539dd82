package hub

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"github.com/commonwatt/commonwatt/bus"
	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/forecast"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters"
	"github.com/commonwatt/commonwatt/meters/evidence"
	"github.com/commonwatt/commonwatt/meters/gateway"
	"github.com/commonwatt/commonwatt/meters/intake"
	"github.com/commonwatt/commonwatt/meters/metering"
	"github.com/commonwatt/commonwatt/meters/pairing"
	"github.com/commonwatt/commonwatt/meters/store"
	"github.com/commonwatt/commonwatt/proof"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/tariff/shelf"
	"github.com/commonwatt/commonwatt/usage"
)

// records is where readings arrive, and where what was settled is put on the ledger.
type records struct {
	site    *site
	tariffs *shelf.Shelf
	bus     *bus.Bus
	log     *slog.Logger

	store    store.Store
	evidence *evidence.Log
	intake   *intake.Intake
	signer   *meters.Signer // of what this process reads
	metering *metering.Meters
	ledger   *ledger.Ledger

	keysChanged atomic.Bool // a gateway has announced another key
}

// openRecords opens store, evidence, intake and ledger, and registers the devices and
// keys. What it opened when it fails, close closes.
func (r *records) open(ctx context.Context, dir *disk.Dir, watch intake.Watch) (err error) {
	plan := r.site.plan
	id, err := gateway.OpenIdentity(dir) // before any evidence, which is never without
	if err != nil {
		return err
	}
	if r.store, err = openStore(ctx, plan, dir, r.log); err != nil {
		return err
	}
	if r.evidence, err = evidence.Open(ctx, dir.File(EvidenceFile), plan.Community); err != nil {
		return err
	}
	if err := r.openIntake(ctx, id, watch); err != nil {
		return err
	}
	r.metering = metering.New(metering.Options{Evidence: r.evidence, Tariff: plan.Tariff, Rates: r.tariffs, Doubted: r.doubted, Forecast: forecast.Next})
	if err := r.openRemoved(dir); err != nil {
		return err
	}
	for _, m := range r.site.meters() {
		d := r.site.planned(m.ID)
		r.metering.Add(m, d.Since, meters.Bound(d.Ratings()...))
	}
	if r.ledger, err = OpenLedger(ctx, plan, dir, r.log); err != nil {
		return err
	}
	if err := r.covers(ctx, dir); err != nil {
		return err
	}
	err = r.ledger.Register(ctx, r.site.devices...)
	if refused := (*ledger.ContractError)(nil); errors.As(err, &refused) {
		err = usage.Mark(err)
	}
	if err != nil {
		return err
	}
	return r.registerGateways(ctx)
}

// openRemoved has the connection meters that were removed take part in the intervals that began
// before, also those that came again.
func (r *records) openRemoved(dir *disk.Dir) error {
	past, err := pairing.Open(dir.Path, nil, nil).Past()
	if err != nil {
		return err
	}
	for _, b := range past {
		if b.Kind != grid.Meter || b.Until.IsZero() {
			continue
		}
		var known []grid.Power
		for _, p := range []*grid.Power{b.Rated, b.ImportLimit, b.ExportLimit} {
			if p != nil {
				known = append(known, *p)
			}
		}
		r.metering.Add(b.Device, b.Since, meters.Bound(known...))
		r.metering.End(b.ID, b.Until)
	}
	return nil
}

// covers refuses evidence that is older than the ledger. A ledger elsewhere may have what
// another process settled, but for a directory that was restored.
func (r *records) covers(ctx context.Context, dir *disk.Dir) error {
	if r.site.plan.Ledger.IsEmbedded() {
		if err := r.evidence.Covers(ctx, r.ledger.Latest()); err != nil {
			return err
		}
	}
	if !dir.Has(RestoredFile) {
		return nil
	}
	of := restoration{r.site.plan.Community, dir.Path, r.evidence, r.ledger.Runs(), r.site.plan.Bus.OrderLog}
	err := of.fitsLedger(ctx)
	if err == nil && r.site.plan.Bus.URL != "" {
		err = of.fitsBus(ctx, r.bus)
	}
	if err != nil {
		return err
	}
	return os.Remove(dir.File(RestoredFile))
}

// history is what agents know of the past of the devices: what was read, and in a simulation what
// was given beforehand.
func (r *records) history() metering.History {
	h := metering.History{Meters: r.metering, Store: r.store, Owner: r.intake.Member}
	if r.site.sim != nil {
		h.Before = r.site.sim
	}
	return h
}

// doubted says that a meter is not believed.
func (r *records) doubted(ctx context.Context, meter grid.Device, i grid.Interval) {
	r.log.WarnContext(ctx, "registers are not believed as they stand: the interval is estimated of this metering point", slog.String("device", meter.ID), slog.String("interval", i.String()))
}

func (r *records) close() error {
	var problems []error
	if r.ledger != nil {
		problems = append(problems, r.ledger.Close())
	}
	if r.evidence != nil {
		problems = append(problems, r.evidence.Close())
	}
	if r.store != nil {
		problems = append(problems, r.store.Close())
	}
	return errors.Join(problems...)
}

// openIntake opens what takes readings in, and the signer of what this process reads.
func (r *records) openIntake(ctx context.Context, id gateway.Identity, watch intake.Watch) (err error) {
	plan := r.site.plan
	if err := r.evidence.Admit(ctx, id.Name, &id.Key.PublicKey); err != nil {
		return err
	}
	for i, g := range plan.Gateways {
		if err := r.evidence.AdmitGateway(ctx, g.ID, g.Key, g.Revoked); err != nil {
			return usage.Errorf("gateways[%d].%w", i, err)
		}
	}
	readBy := map[string]string{}
	for _, d := range plan.Devices {
		if d.Gateway != "" {
			readBy[d.ID] = d.Gateway
		}
	}
	watch.Key = func() { r.keysChanged.Store(true) }
	r.intake, err = intake.Open(ctx, intake.Options{
		Community: plan.Community, Gateway: id.Name, Bus: r.bus, Stream: bus.Readings, Evidence: r.evidence, Store: r.store,
		Clock: r.site.clock, Log: r.log, Devices: r.site.devices, ReadBy: readBy, Watch: watch,
	})
	if err != nil {
		return err
	}
	r.signer = &meters.Signer{Community: plan.Community, Gateway: id.Name, Key: id.Key, Out: r.intake}
	sequence, last, err := r.intake.Tail(ctx)
	r.signer.Continue(sequence, last)
	return err
}

// registerGateways puts the keys that sign readings on the ledger, and what the
// configuration revokes.
func (r *records) registerGateways(ctx context.Context) error {
	keys, err := r.evidence.Keys(ctx)
	if err != nil {
		return err
	}
	for _, k := range keys {
		if err := r.unlessKnown(ctx, k.Gateway, r.ledger.RegisterGateway(ctx, k.Gateway, k.Key)); err != nil {
			return err
		}
	}
	for _, g := range r.site.plan.Gateways {
		if g.Revoked.IsZero() {
			continue
		}
		if err := r.unlessKnown(ctx, g.ID, r.ledger.RevokeGateway(ctx, g.ID, g.Revoked)); err != nil {
			return err
		}
	}
	return nil
}

// unlessKnown lets what the ledger knows otherwise hold: a key, or from when on one was
// revoked.
func (r *records) unlessKnown(ctx context.Context, gateway string, err error) error {
	if !ledger.Refused(err, chaincode.CodeConflict) {
		return err
	}
	r.log.WarnContext(ctx, "the ledger knows a gateway otherwise", slog.String("gateway", gateway), slog.String("error", err.Error()))
	return nil
}

// communitysOwn stands for a member where something is the community's own secret.
const communitysOwn = "/community"

// blind returns the community's own secret of something.
func (r *records) blind(what string) (string, error) {
	return r.ledger.Names.Blind(communitysOwn, what)
}

// againAfter is the wall time before what failed at the ledger is tried again.
const againAfter = 5 * time.Second

// registerNewKeys registers the keys to which gateways change, until ctx ends.
func (r *records) registerNewKeys(ctx context.Context) error {
	for pause(ctx, time.Second) {
		if !r.keysChanged.Swap(false) {
			continue
		}
		if err := r.registerGateways(ctx); err != nil && ctx.Err() == nil {
			r.log.WarnContext(ctx, "a gateway's key is not registered yet", slog.String("error", err.Error()))
			r.keysChanged.Store(true)
			pause(ctx, againAfter)
		}
	}
	return nil
}

// maintain keeps small what came in, until ctx ends.
func (r *records) maintain(ctx context.Context, unsettled func() []grid.Interval) error {
	trim := bus.Trimmer{Stream: bus.Readings, Subject: proof.ReadingsSubject(r.site.plan.Community, "*", ">"), Durable: r.intake.Consumer()}
	return r.intake.Maintain(ctx, intake.Upkeep{
		Trim:      func(ctx context.Context) error { return r.bus.Trim(ctx, &trim) },
		Unsettled: unsettled, Deadline: r.site.plan.Market.Deadline, Keep: store.Keep(r.site.plan.Store.Keep),
	})
}
