package chaincode

import (
	"encoding/json"
	"slices"

	"github.com/hyperledger/fabric-contract-api-go/v2/contractapi"
)

// Report says which pledged batteries were offered and reachable in an interval.
type Report struct {
	Community   string   `json:"community"`
	Interval    string   `json:"interval"`
	ReadingRoot string   `json:"reading_root"` // by which it can be checked
	Available   []string `json:"available"`    // sorted
}

// Flag marks an interval in which the feeder needs what batteries deliver.
type Flag struct {
	Community string `json:"community"`
	Interval  string `json:"interval"`
	Reason    string `json:"reason"` // peak, congestion or blackout
}

// ReportInterval takes a Report of an interval that is over.
func (*Rewards) ReportInterval(ctx contractapi.TransactionContextInterface, arg string) error {
	var r Report
	if err := decode(arg, &r); err != nil {
		return err
	}
	if _, err := allow(ctx, r.Community, RoleOperator); err != nil {
		return err
	}
	epoch, _, err := intervalPlace(ctx, r.Community, r.Interval)
	if err != nil {
		return err
	}
	var sealed Beacon
	if found, err := get(ctx, &sealed, kindBeacon, r.Community, epoch, r.Interval); err != nil || !found {
		return cmpErr(err, fail(CodeMissing, "interval %s is not sealed", r.Interval))
	}
	if !slices.IsSorted(r.Available) || len(slices.Compact(slices.Clone(r.Available))) != len(r.Available) {
		return fail(CodeInvalid, "available: must be sorted, each once")
	}
	created, err := put(ctx, r, kindReport, r.Community, epoch, r.Interval)
	if err != nil || !created {
		return err
	}
	return emit(ctx, "interval-reported", r)
}

// FlagInterval takes a Flag, from either side of the feeder, before the
// interval is sealed.
func (*Rewards) FlagInterval(ctx contractapi.TransactionContextInterface, arg string) error {
	var f Flag
	if err := decode(arg, &f); err != nil {
		return err
	}
	if _, err := allow(ctx, f.Community, RoleUtility, RoleOperator); err != nil {
		return err
	}
	if !slices.Contains([]string{"peak", "congestion", "blackout"}, f.Reason) {
		return fail(CodeInvalid, "reason: %q: must be peak, congestion or blackout", f.Reason)
	}
	epoch, _, err := intervalPlace(ctx, f.Community, f.Interval)
	if err != nil {
		return err
	}
	created, err := put(ctx, f, kindFlag, f.Community, epoch, f.Interval)
	if err != nil || !created {
		return err
	}
	return emit(ctx, "interval-flagged", f)
}

// judge goes through the intervals: what was available, delivered, challenged
// and met, and what that does to reputation and stake.
func (e *epoch) judge(ctx context, c *EpochClosing) error {
	intervals, err := e.intervals()
	if err != nil {
		return err
	}
	available := map[string]bool{} // interval and battery
	err = each(ctx, kindReport, []string{e.community, e.day}, func(_ string, value []byte) error {
		var r Report
		err := json.Unmarshal(value, &r)
		for _, battery := range r.Available {
			available[r.Interval+" "+battery] = !e.away(battery, r.Interval)
		}
		return err
	})
	if err != nil {
		return err
	}
	met, err := e.proven(ctx, kindChallenge)
	if err != nil {
		return err
	}
	delivered, err := e.proven(ctx, kindDelivery)
	if err != nil {
		return err
	}
	for _, g := range e.pledges {
		s, err := standing(ctx, e.community, g.Battery)
		if err != nil {
			return err
		}
		device, _, err := installed(ctx, e.community, g.Battery)
		if err != nil {
			return err
		}
		r := Reward{Battery: g.Battery}
		for _, i := range intervals {
			name := i.String()
			b, sealed := e.beacons[name]
			if !sealed || !device.counts(i.Begin()) {
				continue
			}
			r.Delivered += delivered[name+" "+g.Battery]
			if available[name+" "+g.Battery] {
				r.Intervals++
			}
			if _, challenged := e.Challenge(b, i, g, e.noted[g.Battery]); !challenged || e.away(g.Battery, name) {
				continue
			}
			_, passed := met[name+" "+g.Battery]
			e.score(&r, &s, passed)
		}
		r.Reputation = s.Reputation
		c.Slashed += r.Slashed
		c.Rewards = append(c.Rewards, r)
		if err := set(ctx, s, kindStanding, e.community, g.Battery); err != nil {
			return err
		}
	}
	return nil
}

// score counts one challenge.
func (e *epoch) score(r *Reward, s *Standing, met bool) {
	r.Challenged++
	target := int64(0)
	if met {
		r.Met++
		target = perMille
	} else {
		lost := share(s.Stake, e.Slash, perMille)
		if lost == 0 && s.Stake > 0 && e.Slash > 0 {
			lost = 1 // a small stake is not spared by rounding
		}
		s.Stake -= lost
		s.Granted = min(s.Granted, s.Stake)
		r.Slashed += lost
	}
	s.Reputation += (target - s.Reputation) * e.Smoothing / perMille
}

// proven returns what was proven of a kind, by interval and battery.
func (e *epoch) proven(ctx context, kind string) (map[string]int64, error) {
	all := map[string]int64{}
	err := each(ctx, kind, []string{e.community, e.day}, func(key string, value []byte) error {
		var p Proven
		err := json.Unmarshal(value, &p)
		all[p.Interval+" "+last(key)] = p.Energy
		return err
	})
	return all, err
}
