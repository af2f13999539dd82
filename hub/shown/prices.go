package shown

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching"
	"github.com/commonwatt/commonwatt/matching/explain"
	"github.com/commonwatt/commonwatt/web"
	"github.com/commonwatt/commonwatt/web/api"
)

// Calls is what the market knows of its call auctions.
type Calls interface {
	Held() []grid.Interval
	AtGate(i grid.Interval) (c community.GateCall, members map[string][]string, held bool)
	Ordered(member string, i grid.Interval) []community.Order
	Best(member, point string, i grid.Interval) (community.Best, error)
	Rules() (rules matching.Config, calendar community.Config, first, last grid.Interval, some bool)
}

// Prices shows why prices are what they are. It implements web.Clearings.
type Prices struct {
	Calls  Calls
	Points func(member string) []string // metering points of a member
	Secret []byte                       // by which orders get their pseudonyms
}

// fewest is how many members a sum is of at least, and how many stand at a place that is shown.
const fewest = 3

// pseudonym is what an order is called in the record of its interval.
func (p Prices) pseudonym(number uint64) string { return explain.Pseudonym(p.Secret, number) }

// call returns the record of the call of an interval, and when its gate closes or closed; nil where
// that is still to come. Errors: *web.RefusedError where the interval is not known.
func (p Prices) call(i grid.Interval) (r *explain.Record, gate time.Time, err error) {
	rules, calendar, first, last, some := p.Calls.Rules()
	gate = i.Begin().Add(-calendar.GateClosure)
	held, members, known := p.Calls.AtGate(i)
	if !known {
		if some && i.Minutes == calendar.Minutes && first.Compare(i) <= 0 && i.Compare(last) <= 0 {
			return nil, gate, nil
		}
		return nil, gate, &web.RefusedError{Code: http.StatusNotFound, Text: fmt.Sprintf("start, minutes: nothing is known of a trade for %s: intervals have %d minutes, and what was traded is told until a day after", i, calendar.Minutes)}
	}
	a := explain.Auction{Feeder: rules.Feeder, Committed: held.Committed, Members: members}
	for _, o := range held.Orders {
		a.Orders = append(a.Orders, explain.Order{
			Order:  grid.Order{ID: fmt.Sprintf("%020d", o.Number), Member: o.Member, Node: o.Node, Side: o.Side, Energy: o.Offered, Price: o.Limit},
			Filled: o.Obtained, Traded: o.At,
		})
	}
	record, err := explain.Of(a)
	return &record, held.Time, err
}

// shownTo returns a record as somebody sees it.
func shownTo(r explain.Record, of web.Reader) explain.Record {
	if of.Merged {
		r = r.Merged(fewest)
	}
	if of.Summed {
		r = r.Summed(fewest, of.Member)
	}
	return r
}

// Record implements web.Clearings.
func (p Prices) Record(i grid.Interval, of web.Reader) (api.IntervalRecord, error) {
	whole, gate, err := p.call(i)
	if err != nil {
		return api.IntervalRecord{}, err
	}
	if whole == nil {
		return api.IntervalRecord{}, &web.RefusedError{Code: http.StatusConflict, Text: fmt.Sprintf("start: the gate of %s closes at %s, and before that there is no record", i, gate.Format(time.RFC3339))}
	}
	r := shownTo(*whole, of)
	shown := api.IntervalRecord{
		Interval: api.Interval{Start: i.Begin(), Minutes: i.Minutes}, Gate: gate, Merged: of.Merged, Summed: of.Summed,
		Nodes: []api.RecordNode{}, Steps: []api.RecordStep{},
	}
	for _, n := range r.Nodes {
		shown.Nodes = append(shown.Nodes, api.RecordNode{
			Node: n.ID, Parent: n.Parent, Fee: int64(n.Fee), ExportLimit: (*int64)(n.ExportLimit), ImportLimit: (*int64)(n.ImportLimit),
			Committed: int64(n.Committed), Flow: int64(n.Flow), Price: (*int64)(n.Price),
		})
	}
	for _, s := range r.Steps {
		step := api.RecordStep{Node: s.Node, Side: api.RecordStepSide(s.Side.String()), Price: int64(s.Price), Energy: int64(s.Energy), Filled: int64(s.Filled)}
		if number, err := strconv.ParseUint(s.ID, 10, 64); err == nil {
			step.Pseudonym, step.Own = p.pseudonym(number), of.Member != "" && s.Member == of.Member
		}
		shown.Steps = append(shown.Steps, step)
	}
	return shown, nil
}

// List implements web.Clearings.
func (p Prices) List(l web.Listing, of web.Reader) (api.Auctions, error) {
	all := slices.DeleteFunc(p.Calls.Held(), func(i grid.Interval) bool { return !l.Has(i.Begin()) })
	shown := api.Auctions{Total: len(all)}
	for _, i := range web.PageOf(l, all) {
		whole, gate, err := p.call(i)
		if refused := (*web.RefusedError)(nil); errors.As(err, &refused) {
			continue // it was forgotten meanwhile
		}
		if err != nil {
			return shown, err
		}
		shown.Rows = append(shown.Rows, summary(shownTo(*whole, of), i, gate))
	}
	return shown, nil
}

// summary is the row of an auction in a list.
func summary(r explain.Record, i grid.Interval, gate time.Time) api.AuctionSummary {
	row := api.AuctionSummary{Interval: api.Interval{Start: i.Begin(), Minutes: i.Minutes}, Gate: gate, Volume: int64(r.Volume()), Full: []string{}}
	for k := range r.Nodes {
		n := &r.Nodes[k]
		if n.Parent == "" && row.Volume > 0 {
			row.Price = (*int64)(n.Price)
		}
		if n.Full() && n.Committed+n.Flow != 0 {
			row.Full = append(row.Full, n.ID)
		}
	}
	for _, s := range r.Steps {
		if s.Side == grid.Bid {
			row.Bids++
		} else {
			row.Offers++
		}
	}
	return row
}

// Why implements web.Clearings.
func (p Prices) Why(i grid.Interval, of web.Reader) (api.WhyPrice, error) {
	whole, gate, err := p.call(i)
	shown := api.WhyPrice{
		Interval: api.Interval{Start: i.Begin(), Minutes: i.Minutes}, Gate: gate, Closed: whole != nil, Reason: api.PriceReason{Kind: api.PriceReasonKindOpen},
		Supply: []api.CurveStep{}, Demand: []api.CurveStep{}, Lines: []api.FullLine{}, Nodes: []api.NodePrice{}, Own: []api.OwnOrder{},
	}
	if err != nil {
		return shown, err
	}
	if of.Member != "" {
		shown.Own = p.own(i, of.Member)
	}
	if whole == nil {
		shown.Best, err = p.best(i, of.Member)
		return shown, err
	}
	return shown, p.explain(&shown, *whole, of)
}

// best returns the best prices as seen from a member's first metering point.
func (p Prices) best(i grid.Interval, member string) (best api.BestOf, err error) {
	if member == "" {
		return best, nil
	}
	points := p.Points(member)
	if len(points) == 0 {
		return best, nil
	}
	b, err := p.Calls.Best(member, points[0], i)
	if err != nil {
		return best, fmt.Errorf("best prices of %s: %w", i, err)
	}
	if b.Bid != nil {
		best.Bid = new(int64(b.Bid.Price))
	}
	if b.Offer != nil {
		best.Offer = new(int64(b.Offer.Price))
	}
	return best, nil
}

// own returns a member's orders for an interval.
func (p Prices) own(i grid.Interval, member string) []api.OwnOrder {
	all := []api.OwnOrder{}
	for _, o := range p.Calls.Ordered(member, i) {
		own := api.OwnOrder{
			ClientId: o.ClientID, MeteringPoint: o.MeteringPoint, Side: api.OwnOrderSide(o.Side.String()), Energy: int64(o.Energy), Price: int64(o.Limit),
			Status: string(o.Status), Filled: int64(o.Filled), Pseudonym: p.pseudonym(o.Number),
		}
		if mean, some := o.Mean.Price(); some {
			own.Mean = new(int64(mean))
		}
		all = append(all, own)
	}
	return all
}

// explain adds why the price at the reader's place is what it is.
func (p Prices) explain(shown *api.WhyPrice, whole explain.Record, of web.Reader) error {
	r := shownTo(whole, of)
	w, err := r.Why(r.Shown(whole.Place(of.Member)))
	if err != nil {
		return err
	}
	shown.Node, shown.Reason = &w.Node, api.PriceReason{Kind: api.PriceReasonKind(w.Reason), Low: (*int64)(w.Low), High: (*int64)(w.High)}
	shown.Volume = new(int64(whole.Volume()))
	if *shown.Volume > 0 {
		shown.Price = (*int64)(w.Price)
	}
	shown.Supply, shown.Demand = steps(w.Supply, of.Member), steps(w.Demand, of.Member)
	for _, l := range w.Lines {
		shown.Lines = append(shown.Lines, api.FullLine{Node: l.Node, Out: l.Out, Limit: int64(l.Limit), Gain: int64(l.Gain), Rent: int64(l.Rent)})
	}
	for _, n := range r.Nodes {
		shown.Nodes = append(shown.Nodes, api.NodePrice{Node: n.ID, Price: (*int64)(n.Price)})
	}
	slices.SortFunc(shown.Nodes, func(a, b api.NodePrice) int { return strings.Compare(a.Node, b.Node) })
	return nil
}

func steps(curve []explain.Curve, own string) []api.CurveStep {
	all := make([]api.CurveStep, len(curve))
	for k, c := range curve {
		all[k] = api.CurveStep{Price: int64(c.Price), Energy: int64(c.Energy), Filled: int64(c.Filled), Own: own != "" && c.Member == own, Line: c.Line}
	}
	return all
}
