package scenarios

import (
	"cmp"
	"fmt"
	"math"
	"strings"

	"github.com/commonwatt/commonwatt/agent"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/settlement"
)

// Summary is summary.json. Energies are in Wh, money in millionths of the
// currency unit; shares are in per mille.
type Summary struct {
	Replayed

	Currency  string `json:"currency"`
	Homes     int    `json:"homes"`
	Intervals int    `json:"intervals"`
	Orders    int64  `json:"orders"`
	Trades    int    `json:"trades"`
	Postings  int    `json:"postings"`

	KPIs
	Shared
	Gain
	Measures

	Without KPIs `json:"without"` // the same seed without market, control and rewards

	Deviation *Deviations `json:"deviation,omitempty"` // what members would have gained by trading otherwise

	Rewards map[string]int64 `json:"rewards,omitempty"` // tokens of the storage rewards, by home

	LedgerHeight int64  `json:"ledger_height"`
	LedgerRoot   string `json:"ledger_root"`
}

// Replayed is what was replayed, and by which rules.
type Replayed struct {
	Version        string `json:"version"` // of the program
	Scenario       string `json:"scenario"`
	ScenarioDigest string `json:"scenario_digest"` // SHA-256 of the file
	Seed           uint64 `json:"seed"`
	Mechanism      string `json:"mechanism"`
	Deviate        int    `json:"deviate,omitempty"` // of how many members it was tried what they gain by trading otherwise

	SharingRules        // by which it was settled, defaults filled in
	Strategy     string `json:"strategy"` // of all homes but those in Strategies

	Strategies map[string]string `json:"strategies"` // of single homes; empty: none
}

// Shared is the energy that stayed in the community.
type Shared struct {
	Traded grid.Energy `json:"traded"`
	// Shareable is what perfect sharing of the metered energy would move: in each
	// interval the lesser of all import and all export.
	Shareable grid.Energy `json:"shareable_energy"`
	// Delivered is the part of it that trades moved: what was traded ahead and then
	// metered, on both sides.
	Delivered grid.Energy `json:"traded_and_delivered"`
	Imbalance grid.Energy `json:"imbalance_energy"` // that no trade covers, before own energy and pool
	OwnEnergy grid.Energy `json:"own_energy"`
	Pool      grid.Energy `json:"pool_energy"`
	KeyEnergy grid.Energy `json:"key_energy,omitempty"` // that an allocation key gave to who consumed it
	// LocalShare is the share of the connection meters' import that was not bought
	// from the utility.
	LocalShare int64 `json:"local_share"`
}

// Gain is what the members have of it in money.
type Gain struct {
	RetailOnly grid.Money  `json:"retail_only"` // what was metered, at the tariff alone
	MeanPrice  *grid.Price `json:"mean_price"`  // of trades, volume-weighted; null without trade
	// PerfectSharing is the share of what perfect sharing of the metered energy is
	// worth against everybody alone; null when there is nothing to share.
	PerfectSharing *int64 `json:"perfect_sharing_share"`
	WorseOff       int    `json:"members_worse_off"` // see settlement.WorseOff
}

// SharingRules are the rules in the form of a scenario.
type SharingRules struct {
	Pool struct {
		Price settlement.PoolPrice `json:"price"`
		Share int64                `json:"share,omitempty"` // of its gain that the fund gets, per mille
	} `json:"pool"`
	Own struct {
		SamePoint bool `json:"same_point"`
	} `json:"own"`
	Sharing *settlement.Key `json:"sharing,omitempty"` // an allocation key; absent: the market
}

// KPIs are what can be told of a community and of the same homes without one.
type KPIs struct {
	Produced grid.Energy `json:"produced"` // by PV
	Consumed grid.Energy `json:"consumed"` // by loads and cars, and lost in batteries
	Imported grid.Energy `json:"imported"` // over the connection meters
	Exported grid.Energy `json:"exported"`
	Retail   grid.Energy `json:"retail"`  // from the utility
	FeedIn   grid.Energy `json:"feed_in"` // to the utility

	// SelfSufficiency is the share of consumption not bought from the utility.
	SelfSufficiency int64 `json:"self_sufficiency"`
	// SelfConsumption is the share of production not given to the utility.
	SelfConsumption int64 `json:"self_consumption"`

	Net grid.Money `json:"net"` // of all members
}

// finish computes what follows from the sums.
func (k *KPIs) finish(produced grid.Energy) {
	k.Produced = produced
	k.Consumed = produced + k.Imported - k.Exported
	k.SelfSufficiency = perMille(k.Consumed-k.Retail, k.Consumed)
	k.SelfConsumption = perMille(produced-k.FeedIn, produced)
}

// replayed says what is replayed by a scenario, and by which rules.
func (s Scenario) replayed(version string) (r Replayed, err error) {
	r = Replayed{
		Version: version, Scenario: s.Name, ScenarioDigest: s.Digest, Seed: s.Seed, Mechanism: s.Mechanism, Deviate: s.Deviate,
		Strategy: cmp.Or(s.Strategy, string(agent.ByPlanner)), Strategies: s.Strategies,
	}
	rules, err := s.Rules(s.Currency(), s.Interval)
	r.Pool.Price, r.Pool.Share, r.Own.SamePoint, r.Sharing = rules.Pool, rules.Share, rules.SamePoint, rules.Key
	if r.Strategies == nil {
		r.Strategies = map[string]string{}
	}
	return r, err
}

// Summarize computes the summary. Errors: grid.ErrOverflow.
func (r *Result) Summarize(version string) (Summary, error) {
	s := Summary{
		Currency: r.Tariff.Currency, Homes: r.Scenario.Homes,
		Intervals: len(r.Intervals), Orders: r.Orders, Trades: len(r.Trades), LedgerHeight: r.Height, LedgerRoot: r.Root, Deviation: r.Deviations,
	}
	var err error
	if s.Replayed, err = r.Scenario.replayed(version); err != nil {
		return s, err
	}
	for _, i := range r.Intervals {
		s.Traded += i.Traded
		s.Postings += i.Postings
	}
	for _, st := range r.Statements {
		s.Imported += st.Metered.Import
		s.Exported += st.Metered.Export
		s.Retail += st.Retail
		s.FeedIn += st.FeedIn
		s.Imbalance += st.Uncovered
		s.OwnEnergy += st.Own
		s.Pool += st.PoolBought
		s.KeyEnergy += st.KeyBought
		s.Without.Imported += st.Apart.Import
		s.Without.Exported += st.Apart.Export
		for _, m := range []struct {
			sum *grid.Money
			add grid.Money
		}{{&s.Net, st.Net}, {&s.RetailOnly, st.RetailOnly}, {&s.Without.Net, st.Alone()}} {
			if *m.sum, err = m.sum.Add(m.add); err != nil {
				return s, fmt.Errorf("all members together, up to %s in %s: %w", st.MeteringPoint, st.Interval, err)
			}
		}
	}
	s.Without.Retail, s.Without.FeedIn = s.Without.Imported, s.Without.Exported
	produced := r.produced()
	s.finish(produced)
	s.Without.finish(produced)
	s.LocalShare = perMille(s.Imported-s.Retail, s.Imported)
	if err := r.compare(&s); err != nil {
		return s, err
	}
	if err := r.measure(&s); err != nil {
		return s, err
	}
	if len(r.Epochs) > 0 {
		s.Rewards = r.rewards()
	}
	var mean grid.Mean
	for _, t := range r.Trades {
		mean = mean.Add(t.BidPrice, t.Energy)
	}
	if price, some := mean.Price(); some {
		s.MeanPrice = &price
	}
	return s, nil
}

// compare holds what came out against perfect sharing of what was metered, and each
// member against itself without the community.
func (r *Result) compare(s *Summary) error {
	intervals, bought, sold := map[grid.Interval][]Statement{}, map[grid.Interval]grid.Energy{}, map[grid.Interval]grid.Energy{}
	members := map[string]standing{}
	for _, st := range r.Statements {
		intervals[st.Interval] = append(intervals[st.Interval], st)
		contracted := st.Bought - st.Sold
		bought[st.Interval] += min(max(contracted, 0), st.Metered.Import)
		sold[st.Interval] += min(max(-contracted, 0), st.Metered.Export)
		var err error
		if members[st.Member], err = members[st.Member].with(st); err != nil {
			return fmt.Errorf("member %s: %w", st.Member, err)
		}
	}
	s.serve(members)
	var perfect grid.Money
	for i, statements := range intervals {
		var all grid.Flow
		for _, st := range statements {
			all = grid.Flow{Import: all.Import + st.Metered.Import, Export: all.Export + st.Metered.Export}
		}
		s.Shareable += min(all.Import, all.Export)
		s.Delivered += min(bought[i], sold[i])
		value, err := perfectSharing(statements, s.Own.SamePoint)
		if err != nil {
			return err
		}
		if perfect, err = perfect.Add(value); err != nil {
			return err
		}
	}
	if gain := perfect - s.RetailOnly; gain > 0 {
		s.PerfectSharing = new(int64(math.Round(float64(s.Net-s.RetailOnly) * 1000 / float64(gain))))
	}
	return nil
}

// rewards returns the tokens that the homes' batteries got.
func (r *Result) rewards() map[string]int64 {
	tokens := map[string]int64{}
	for _, e := range r.Epochs {
		for _, w := range e.Rewards {
			home, _, _ := strings.Cut(w.Battery, "/")
			tokens[home] += w.Tokens
		}
	}
	return tokens
}

// produced returns what the inverters' registers gained over the settled
// intervals.
func (r *Result) produced() grid.Energy {
	if len(r.Intervals) == 0 {
		return 0
	}
	begin, end := r.Intervals[0].Interval.Begin(), r.Intervals[len(r.Intervals)-1].Interval.End()
	var sum grid.Energy
	for _, reading := range r.Readings {
		if reading.Export == nil || reading.Import != nil { // an inverter has an export register alone
			continue
		}
		switch {
		case reading.Time.Equal(begin):
			sum -= *reading.Export
		case reading.Time.Equal(end):
			sum += *reading.Export
		}
	}
	return sum
}

func perMille(part, whole grid.Energy) int64 {
	if whole == 0 {
		return 0
	}
	return int64(math.Round(float64(part) * 1000 / float64(whole)))
}
