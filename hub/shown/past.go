package shown

import (
	"context"
	"slices"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/history"
	"github.com/commonwatt/commonwatt/settlement/billing/desk"
	"github.com/commonwatt/commonwatt/web"
	"github.com/commonwatt/commonwatt/web/api"
)

// Past shows what homes took, gave, paid and earned. It implements web.Past.
type Past struct {
	Keeper *history.Keeper
	Desk   *desk.Desk
}

// known tells whether there is a home.
func (p Past) known(home string) bool {
	return slices.ContainsFunc(p.Keeper.Devices(), func(d grid.Device) bool { return d.Member == home })
}

// Homes implements HomesPast.
func (p Past) Homes() (homes []string) {
	for _, d := range p.Keeper.Devices() {
		if !slices.Contains(homes, d.Member) {
			homes = append(homes, d.Member)
		}
	}
	return homes
}

// Steps implements HomesPast.
func (p Past) Steps(ctx context.Context, home string, r web.Range) ([]api.HistoryPoint, error) {
	points, _, _, err := p.points(ctx, home, r.From, r.To, r.Step)
	return points, err
}

// Zone implements HomesPast.
func (p Past) Zone() string { return p.Keeper.Zone.String() }

// History implements web.Past.
func (p Past) History(ctx context.Context, home string, r web.Range) (h api.HomeHistory, known bool, err error) {
	if !p.known(home) {
		return h, false, nil
	}
	k := p.Keeper
	h = api.HomeHistory{Home: home, Zone: k.Zone.String(), Currency: k.Currency, Step: r.Step}
	if h.Points, h.From, h.To, err = p.points(ctx, home, r.From, r.To, r.Step); err != nil || !r.Compare {
		return h, true, err
	}
	from, to := history.Before(r.From, r.To, k.Zone)
	h.Before = &api.HistoryBefore{}
	h.Before.Points, h.Before.From, h.Before.To, err = p.points(ctx, home, from, to, r.Step)
	return h, true, err
}

// points returns the steps of a range, and where the first begins and the last ends.
func (p Past) points(ctx context.Context, home string, from, to time.Time, step string) ([]api.HistoryPoint, time.Time, time.Time, error) {
	all, err := p.Keeper.Of(ctx, home, from, to, history.Step(step))
	if err != nil {
		return nil, from, to, err
	}
	points := make([]api.HistoryPoint, len(all))
	for k := range all {
		points[k] = pointOf(&all[k])
	}
	if len(points) > 0 {
		from, to = points[0].Start, points[len(points)-1].End
	}
	return points, from.UTC(), to.UTC(), nil
}

func pointOf(p *history.Point) api.HistoryPoint {
	shown := api.HistoryPoint{
		Start: p.Start.UTC(), End: p.End.UTC(), Quality: api.HistoryQuality(p.Quality), Intervals: p.Intervals, Expected: p.Expected, Settled: p.Settled,
	}
	if p.Flow != nil {
		shown.Import, shown.Export = new(int64(p.Flow.Import)), new(int64(p.Flow.Export))
	}
	for name, to := range map[history.Series]**int64{
		history.Solar: &shown.Solar, history.BatteryIn: &shown.BatteryIn, history.BatteryOut: &shown.BatteryOut, history.Charger: &shown.Charger,
		history.Heat: &shown.Heat, history.HomeUse: &shown.Home,
	} {
		if e, known := p.Behind[name]; known {
			*to = new(int64(e))
		}
	}
	if len(p.Lacking) > 0 {
		lacking := make([]string, len(p.Lacking))
		for k, s := range p.Lacking {
			lacking[k] = string(s)
		}
		shown.Lacking = &lacking
	}
	if m := p.Money; m != nil {
		shown.FromNeighbours, shown.ToNeighbours = new(int64(p.FromNeighbours)), new(int64(p.ToNeighbours))
		shown.Cost, shown.Earned, shown.Without, shown.Savings = new(int64(m.Cost)), new(int64(m.Earned)), new(int64(m.Without)), new(int64(m.Savings()))
		shown.WithoutEstimated = &m.WithoutEstimated
		paid, got := m.Prices()
		shown.Price, shown.EarnedPrice = (*int64)(paid), (*int64)(got)
	}
	return shown
}

// Money implements web.Past.
func (p Past) Money(ctx context.Context, home string) (m api.HomeMoney, known bool, err error) {
	if !p.known(home) {
		return m, false, nil
	}
	k := p.Keeper
	r, err := k.Reckon(ctx, home)
	if err != nil {
		return m, true, err
	}
	now := k.Clock()
	m = api.HomeMoney{Home: home, Zone: k.Zone.String(), Currency: k.Currency, Digits: k.Digits, Time: now.UTC()}
	if !r.SettledUntil.IsZero() {
		m.SettledUntil = new(r.SettledUntil.UTC())
	}
	for of, to := range map[*history.Reckoned]*api.MoneySum{&r.Today: &m.Today, &r.Month: &m.Month, &r.LastMonth: &m.LastMonth} {
		*to = sumOf(of, k.Currency)
		to.Provisional = r.SettledUntil.Before(of.Period.To)
	}
	bills, err := p.Desk.List(ctx, desk.Filter{Period: r.LastMonth.Period.Name, Member: home})
	for _, b := range bills {
		if b.Number != nil && b.CreditOf == "" && b.State != desk.Cancelled && b.State != desk.Cancelling {
			m.LastMonth.Bill = new(b.ID)
		}
	}
	return m, true, err
}

func sumOf(r *history.Reckoned, currency string) api.MoneySum {
	return api.MoneySum{
		Name: r.Period.Name, From: r.Period.From.UTC(), To: r.Period.To.UTC(), Intervals: r.Intervals, Estimated: r.Estimated,
		Earned: int64(r.Earned), Spent: int64(r.Spent), Standing: int64(r.Standing), Vat: int64(r.VAT), Net: int64(r.Net),
		Without: int64(r.Without), WithoutEstimated: r.WithoutEstimated, Method: r.Method, Savings: int64(r.Savings()), Formula: r.Formula(currency), Stored: (*int64)(r.Stored),
	}
}
