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
func (r *Runner) finish(ctx context.Context, now time.Time) error {
	for _, day := range slices.Sorted(maps.Keys(r.epochs)) {
		e := r.epochs[day]
		for _, name := range slices.Sorted(maps.Keys(e.Sealed)) {
			i, err := grid.ParseInterval(name)
			if err != nil {
				return err
			}
			if slices.Contains(e.Reported, name) || e.Closed || now.Before(i.End().Add(r.Deadline)) {
				continue
			}
			if err := r.refresh(ctx, e, day); err != nil {
				return err
			}
			if err := r.prove(ctx, e, i); err != nil {
				return err
			}
			if err := r.report(ctx, e, i); err != nil {
				return err
			}
			e.Reported = append(e.Reported, name)
		}
	}
	return nil
}

// refresh reads what others may have put on the ledger of an epoch.
func (r *Runner) refresh(ctx context.Context, e *epoch, day string) error {
	now, err := r.operator().Rewards.GetOpenEpoch(ctx, day)
	if err != nil {
		return err
	}
	e.Flagged, e.Pledges, e.Met, e.Delivered = now.Flagged, now.Pledges, now.Met, now.Delivered
	return nil
}

// report says which batteries were offered and reachable from begin to end.
func (r *Runner) report(ctx context.Context, e *epoch, i grid.Interval) error {
	said := chaincode.Report{Community: r.Community, Interval: i.String(), Available: []string{}}
	var shown [][]byte
	for _, b := range r.Batteries {
		battery, err := r.pseudonym(b)
		if err != nil {
			return err
		}
		g, pledged := e.pledged(battery)
		if !pledged {
			continue
		}
		able, by, err := r.able(ctx, b, g, i)
		if err != nil {
			return err
		}
		_, after, err := r.Evidence.Around(ctx, b.Member, b.ID, i.End())
		if err != nil {
			return err
		}
		if able && after != "" {
			said.Available = append(said.Available, battery)
			shown = append(shown, []byte(by), []byte(after))
			if err := r.Evidence.Name(ctx, by, after); err != nil {
				return err
			}
		}
	}
	slices.Sort(said.Available)
	var err error
	if said.ReadingRoot, err = proof.Root(shown); err != nil {
		return err
	}
	err = r.operator().Rewards.ReportInterval(ctx, said)
	if ledger.Refused(err, chaincode.CodeConflict) {
		return nil // it was reported before; readings came since
	}
	return err
}

// prove hands in the proof of each challenge, and of each delivery if the interval
// is flagged.
func (r *Runner) prove(ctx context.Context, e *epoch, i grid.Interval) error {
	name := i.String()
	operator := r.operator()
	asked, err := operator.Rewards.GetChallenges(ctx, i)
	if err != nil {
		return err
	}
	for _, c := range asked {
		if err := r.mark(ctx, c); err != nil { // whoever was away when it began has not yet
			return err
		}
	}
	for _, b := range r.Batteries {
		battery, err := r.pseudonym(b)
		if err != nil {
			return err
		}
		at := slices.IndexFunc(asked, func(c chaincode.Challenge) bool { return c.Battery == battery })
		if at >= 0 && !slices.Contains(e.Met, name+" "+battery) {
			if err := r.handIn(ctx, operator.Rewards.ProveChallenge, i, b, battery, asked[at].Instants()); err != nil {
				return err
			}
		}
		_, pledged := e.pledged(battery)
		if pledged && slices.Contains(e.Flagged, name) && !slices.Contains(e.Delivered, name+" "+battery) {
			if err := r.handIn(ctx, operator.Rewards.ProveDelivery, i, b, battery, []time.Time{i.Begin(), i.End()}); err != nil {
				return err
			}
		}
	}
	return nil
}

// handIn hands in the batches around some instants. What does not prove it is
// refused by the contract, and logged.
func (r *Runner) handIn(ctx context.Context, prove func(context.Context, chaincode.Proof, []byte) error, i grid.Interval, b Battery, battery string, instants []time.Time) error {
	evidence, err := r.gather(ctx, b, instants)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(evidence)
	err = prove(ctx, chaincode.Proof{Community: r.Community, Interval: i.String(), Battery: battery, Evidence: hex.EncodeToString(sum[:])}, evidence)
	if refused := (*ledger.ContractError)(nil); errors.As(err, &refused) {
		r.Log.InfoContext(ctx, "not proven", slog.String("device", b.ID), slog.String("interval", i.String()), slog.String("error", refused.Message))
		return nil
	}
	return err
}

func (r *Runner) gather(ctx context.Context, b Battery, instants []time.Time) ([]byte, error) {
	salt, err := r.Ledger.Names.Salt(b.Member)
	if err != nil {
		return nil, err
	}
	ev := chaincode.Evidence{Salt: hex.EncodeToString(salt), Device: b.ID, Meter: b.Meter.ID, Batches: []json.RawMessage{}}
	taken := map[proof.Digest]bool{"": true}
	for _, t := range instants {
		for _, device := range []string{b.ID, b.Meter.ID} {
			before, after, err := r.Evidence.Around(ctx, b.Member, device, t)
			if err != nil {
				return nil, err
			}
			for _, digest := range []proof.Digest{before, after} {
				if taken[digest] {
					continue
				}
				taken[digest] = true
				signed, err := r.Evidence.Signed(ctx, digest)
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
func (r *Runner) proveAgain(ctx context.Context, e *epoch, day string, now time.Time) error {
	if err := r.refresh(ctx, e, day); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(e.Sealed)) {
		i, err := grid.ParseInterval(name)
		if err != nil {
			return err
		}
		if now.Before(i.End().Add(r.Deadline)) {
			return fmt.Errorf("epoch %s: the readings of %s are not complete", day, name)
		}
		if err := r.prove(ctx, e, i); err != nil {
			return err
		}
	}
	return nil
}

// Close finishes the intervals that are over, and closes every epoch whose
// corrections are, in order.
func (r *Runner) Close(ctx context.Context, now time.Time) error {
	if err := r.finish(ctx, now); err != nil {
		return err
	}
	last := now.Add(-max(r.Corrections, r.Deadline)).AddDate(0, 0, -1)
	if nameOf(last) <= r.closed {
		return nil
	}
	var open []string
	for day := last; nameOf(day) > r.closed; day = day.AddDate(0, 0, -1) {
		e, err := r.open(ctx, nameOf(day))
		if ledger.Refused(err, chaincode.CodeMissing) {
			break // before the programme
		}
		if err != nil {
			return err
		}
		if e.Closed {
			if err := r.remember(ctx, nameOf(day)); err != nil {
				return err
			}
			break
		}
		open = append(open, nameOf(day))
	}
	if err := r.finish(ctx, now); err != nil { // of epochs that were opened just now
		return err
	}
	for _, day := range slices.Backward(open) {
		if err := r.proveAgain(ctx, r.epochs[day], day, now); err != nil {
			return err
		}
		err := r.operator().Rewards.CloseEpoch(ctx, day)
		if ledger.Refused(err, chaincode.CodeMissing) {
			return nil // the ledger does not know yet that it is over: it will with the next reveal
		}
		if err != nil {
			return err
		}
		if err := r.remember(ctx, day); err != nil {
			return err
		}
		delete(r.epochs, day)
		r.closed = day
		r.Log.InfoContext(ctx, "epoch closed", slog.String("epoch", day))
	}
	r.closed = nameOf(last)
	return nil
}
