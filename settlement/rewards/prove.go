package rewards

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/proof"
	"github.com/commonwatt/commonwatt/settlement/ledger"
)

// finish reports the intervals that are over, and hands in what proves their
// challenges and deliveries.
func (d *Desk) finish(ctx context.Context, now time.Time) error {
	for _, day := range slices.Sorted(maps.Keys(d.epochs)) {
		e := d.epochs[day]
		for _, name := range slices.Sorted(maps.Keys(e.Sealed)) {
			i, err := grid.ParseInterval(name)
			if err != nil {
				return err
			}
			if slices.Contains(e.Reported, name) || e.Closed || now.Before(i.End().Add(d.Deadline)) {
				continue
			}
			if err := d.refresh(ctx, e, day); err != nil {
				return err
			}
			if err := d.prove(ctx, e, i); err != nil {
				return err
			}
			if err := d.report(ctx, e, i); err != nil {
				return err
			}
			e.Reported = append(e.Reported, name)
		}
	}
	return nil
}

// refresh reads what others may have put on the ledger of an epoch.
func (d *Desk) refresh(ctx context.Context, e *epoch, day string) error {
	var now chaincode.OpenEpoch
	if err := d.ask(ctx, &now, "GetOpenEpoch", day); err != nil {
		return err
	}
	e.Flagged, e.Pledges, e.Met, e.Delivered = now.Flagged, now.Pledges, now.Met, now.Delivered
	return nil
}

// report says which batteries were offered and reachable from begin to end.
func (d *Desk) report(ctx context.Context, e *epoch, i grid.Interval) error {
	r := chaincode.Report{Community: d.Community, Interval: i.String(), Available: []string{}}
	var shown [][]byte
	for _, b := range d.Batteries {
		battery, err := d.pseudonym(b)
		if err != nil {
			return err
		}
		g, pledged := e.pledged(battery)
		if !pledged {
			continue
		}
		able, by, err := d.able(ctx, b, g, i)
		if err != nil {
			return err
		}
		_, after, err := d.Evidence.Around(ctx, b.Member, b.ID, i.End())
		if err != nil {
			return err
		}
		if able && after != "" {
			r.Available = append(r.Available, battery)
			shown = append(shown, []byte(by), []byte(after))
			if err := d.Evidence.Name(ctx, by, after); err != nil {
				return err
			}
		}
	}
	slices.Sort(r.Available)
	var err error
	if r.ReadingRoot, err = proof.Root(shown); err != nil {
		return err
	}
	err = d.invoke(ctx, d.Ledger.People.Operator, "ReportInterval", r)
	if ledger.Refused(err, chaincode.CodeConflict) {
		return nil // it was reported before; readings came since
	}
	return err
}

// prove hands in the proof of each challenge, and of each delivery if the interval
// is flagged.
func (d *Desk) prove(ctx context.Context, e *epoch, i grid.Interval) error {
	name := i.String()
	var asked []chaincode.Challenge
	if err := d.ask(ctx, &asked, "GetChallenges", name); err != nil {
		return err
	}
	for _, c := range asked {
		if err := d.mark(ctx, c); err != nil { // whoever was away when it began has not yet
			return err
		}
	}
	for _, b := range d.Batteries {
		battery, err := d.pseudonym(b)
		if err != nil {
			return err
		}
		at := slices.IndexFunc(asked, func(c chaincode.Challenge) bool { return c.Battery == battery })
		if at >= 0 && !slices.Contains(e.Met, name+" "+battery) {
			if err := d.handIn(ctx, "ProveChallenge", i, b, battery, asked[at].Instants()); err != nil {
				return err
			}
		}
		_, pledged := e.pledged(battery)
		if pledged && slices.Contains(e.Flagged, name) && !slices.Contains(e.Delivered, name+" "+battery) {
			if err := d.handIn(ctx, "ProveDelivery", i, b, battery, []time.Time{i.Begin(), i.End()}); err != nil {
				return err
			}
		}
	}
	return nil
}

// handIn hands in the batches around some instants. What does not prove it is
// refused by the contract, and logged.
func (d *Desk) handIn(ctx context.Context, function string, i grid.Interval, b Battery, battery string, instants []time.Time) error {
	evidence, err := d.gather(ctx, b, instants)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(evidence)
	call, err := ledger.NewCall(d.Ledger.People.Operator, "rewards:"+function, chaincode.Proof{
		Community: d.Community, Interval: i.String(), Battery: battery, Evidence: hex.EncodeToString(sum[:]),
	})
	if err != nil {
		return err
	}
	call.Transient = map[string][]byte{chaincode.CollectionEvidence: evidence}
	err = d.Ledger.Invoke(ctx, call)
	if refused := (*ledger.ContractError)(nil); errors.As(err, &refused) {
		d.Log.InfoContext(ctx, "not proven", slog.String("device", b.ID), slog.String("interval", i.String()), slog.String("error", refused.Message))
		return nil
	}
	return err
}

func (d *Desk) gather(ctx context.Context, b Battery, instants []time.Time) ([]byte, error) {
	salt, err := d.Ledger.Names.Salt(b.Member)
	if err != nil {
		return nil, err
	}
	ev := chaincode.Evidence{Salt: hex.EncodeToString(salt), Device: b.ID, Meter: b.Meter.ID, Batches: []json.RawMessage{}}
	taken := map[proof.Digest]bool{"": true}
	for _, t := range instants {
		for _, device := range []string{b.ID, b.Meter.ID} {
			before, after, err := d.Evidence.Around(ctx, b.Member, device, t)
			if err != nil {
				return nil, err
			}
			for _, digest := range []proof.Digest{before, after} {
				if taken[digest] {
					continue
				}
				taken[digest] = true
				signed, err := d.Evidence.Signed(ctx, digest)
				if err != nil {
					return nil, err
				}
				if signed != nil {
					ev.Batches = append(ev.Batches, signed)
				}
			}
		}
	}
	return json.Marshal(ev)
}

// proveAgain hands in once more what was not proven in time: readings may have come
// since.
func (d *Desk) proveAgain(ctx context.Context, e *epoch, day string, now time.Time) error {
	if err := d.refresh(ctx, e, day); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(e.Sealed)) {
		i, err := grid.ParseInterval(name)
		if err != nil {
			return err
		}
		if now.Before(i.End().Add(d.Deadline)) {
			return fmt.Errorf("epoch %s: the readings of %s are not complete", day, name)
		}
		if err := d.prove(ctx, e, i); err != nil {
			return err
		}
	}
	return nil
}

// Close finishes the intervals that are over, and closes every epoch whose
// corrections are, in order.
func (d *Desk) Close(ctx context.Context, now time.Time) error {
	if err := d.finish(ctx, now); err != nil {
		return err
	}
	last := now.Add(-max(d.Corrections, d.Deadline)).AddDate(0, 0, -1)
	if nameOf(last) <= d.closed {
		return nil
	}
	var open []string
	for day := last; nameOf(day) > d.closed; day = day.AddDate(0, 0, -1) {
		e, err := d.open(ctx, nameOf(day))
		if ledger.Refused(err, chaincode.CodeMissing) {
			break // before the programme
		}
		if err != nil {
			return err
		}
		if e.Closed {
			if err := d.remember(ctx, nameOf(day)); err != nil {
				return err
			}
			break
		}
		open = append(open, nameOf(day))
	}
	if err := d.finish(ctx, now); err != nil { // of epochs that were opened just now
		return err
	}
	for _, day := range slices.Backward(open) {
		if err := d.proveAgain(ctx, d.epochs[day], day, now); err != nil {
			return err
		}
		err := d.invoke(ctx, d.Ledger.People.Operator, "CloseEpoch", map[string]string{"community": d.Community, "epoch": day})
		if ledger.Refused(err, chaincode.CodeMissing) {
			return nil // the ledger does not know yet that it is over: it will with the next reveal
		}
		if err != nil {
			return err
		}
		if err := d.remember(ctx, day); err != nil {
			return err
		}
		delete(d.epochs, day)
		d.closed = day
		d.Log.InfoContext(ctx, "epoch closed", slog.String("epoch", day))
	}
	d.closed = nameOf(last)
	return nil
}
