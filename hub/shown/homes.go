package shown

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/commonwatt/commonwatt/agent"
	"github.com/commonwatt/commonwatt/agent/limits"
	"github.com/commonwatt/commonwatt/agent/limits/kept"
	"github.com/commonwatt/commonwatt/forecast"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/web/api"
)

// Homes shows what the homes' agents plan and what the homeowners want of them, and takes
// their limits. It implements web.Wishes and web.Plans.
type Homes struct {
	Kept     *kept.Kept
	Traders  *agent.Traders
	Strategy func(member string) agent.Strategy
	Clock    func() time.Time // world time
	Zone     *time.Location
	Currency string
}

// home returns what a member's limits can be about; known is false where nobody trades for the
// member.
func (h Homes) home(member string) (of limits.Home, known bool) {
	for _, d := range h.Traders.Devices(member) {
		of.Add(d)
	}
	return of, len(h.Traders.Points(member)) > 0
}

// Limits implements web.Wishes.
func (h Homes) Limits(member string) (api.HomeLimits, bool) {
	of, known := h.home(member)
	if !known {
		return api.HomeLimits{}, false
	}
	l, since := h.Kept.Of(member)
	shown := api.HomeLimits{
		Home: member, Reserve: int(l.Reserve), Prefer: api.Preference(cmp.Or(l.Prefer, limits.Preference(api.Price))), ZeroExport: l.ZeroExport,
		Cars: []api.CarLimit{}, SetBy: api.Nobody, Zone: h.Zone.String(), Time: h.Clock().UTC(),
		Batteries: listed(of.Batteries), Chargers: listed(of.Chargers), FeedsIn: len(of.Roofs)+len(of.Batteries) > 0, Sentences: []api.LimitSentence{},
	}
	for _, charger := range l.Chargers() {
		car := l.Cars[charger]
		shown.Cars = append(shown.Cars, api.CarLimit{Charger: charger, ReadyBy: car.ReadyBy.String(), Target: int(car.Target)})
	}
	if l.Floor != nil {
		shown.Floor = new(int64(*l.Floor))
	}
	if l.Ceiling != nil {
		shown.Ceiling = new(int64(*l.Ceiling))
	}
	if l.AwayUntil != nil && l.Away(h.Clock()) {
		shown.AwayUntil = new(l.AwayUntil.UTC())
	}
	switch {
	case !since.IsZero():
		shown.SetBy, shown.Since = api.Homeowner, &since
	case !l.Equal(limits.Limits{}):
		shown.SetBy = api.Configuration
	}
	if !l.Away(h.Clock()) {
		l.AwayUntil = nil // it is over
	}
	if s := h.Strategy(member); s != agent.ByPlanner {
		shown.Sentences = append(shown.Sentences, api.LimitSentence{Text: fmt.Sprintf("This home's agent (%s) plans nothing: limits bind the planner alone.", s)})
	}
	for _, s := range l.Sentences(limits.Words{Zone: h.Zone, Currency: h.Currency, Minor: grid.Hundredth(h.Currency)}) {
		said := api.LimitSentence{Text: s.Text}
		if s.Field != "" {
			said.Field = new(fieldOf(s.Field, l.Chargers()))
		}
		shown.Sentences = append(shown.Sentences, said)
	}
	return shown, true
}

// listed is a list that is never null.
func listed(all []string) []string { return append([]string{}, all...) }

// fieldOf is the path of a limit as the API has it: its cars are a list.
func fieldOf(field string, chargers []string) string {
	for k, charger := range chargers {
		path := "cars." + charger
		if rest, of := strings.CutPrefix(field, path); of && (rest == "" || rest[0] == '.') {
			return fmt.Sprintf("cars[%d]%s", k, rest)
		}
	}
	return field
}

// SetLimits implements web.Wishes.
func (h Homes) SetLimits(member string, r api.LimitsRequest) error {
	l, chargers, err := wanted(r)
	if err != nil {
		return err
	}
	of, _ := h.home(member)
	if err := l.CheckFor(of, h.Clock()); err != nil {
		if wrong := (*limits.FieldError)(nil); errors.As(err, &wrong) {
			return &limits.FieldError{Field: fieldOf(wrong.Field, chargers), Text: wrong.Text}
		}
		return err
	}
	return h.Kept.Set(member, l, h.Clock())
}

// ResetLimits implements web.Wishes.
func (h Homes) ResetLimits(member string) error { return h.Kept.Reset(member) }

// wanted reads what was sent, and returns the chargers in its order.
func wanted(r api.LimitsRequest) (l limits.Limits, chargers []string, err error) {
	l = limits.Limits{AwayUntil: r.AwayUntil}
	if r.Reserve != nil {
		l.Reserve = grid.PerMille(*r.Reserve)
	}
	if r.Prefer != nil && *r.Prefer != api.Price {
		l.Prefer = limits.Preference(*r.Prefer)
	}
	if r.ZeroExport != nil {
		l.ZeroExport = *r.ZeroExport
	}
	if r.Floor != nil {
		l.Floor = new(grid.Price(*r.Floor))
	}
	if r.Ceiling != nil {
		l.Ceiling = new(grid.Price(*r.Ceiling))
	}
	if r.Cars == nil {
		return l, nil, nil
	}
	l.Cars = map[string]limits.Car{}
	for k, c := range *r.Cars {
		at, err := limits.ParseTimeOfDay(c.ReadyBy)
		path := fieldOf("cars."+c.Charger, append(make([]string, k), c.Charger))
		if err != nil {
			return l, nil, &limits.FieldError{Field: path + ".ready_by", Text: err.Error()}
		}
		if _, twice := l.Cars[c.Charger]; twice {
			return l, nil, &limits.FieldError{Field: path + ".charger", Text: "is given twice: each charger has one car and one time"}
		}
		l.Cars[c.Charger] = limits.Car{ReadyBy: at, Target: grid.PerMille(c.Target)}
		chargers = append(chargers, c.Charger)
	}
	return l, chargers, nil
}

// Plan implements web.Plans.
func (h Homes) Plan(member string) (api.HomePlan, bool) {
	points := h.Traders.Points(member)
	shown := api.HomePlan{Home: member, Zone: h.Zone.String(), Time: h.Clock().UTC(), Points: []api.PointPlan{}}
	reserve, of := h.Kept.Limits(member).Reserve, h.Traders.Devices(member)
	for _, point := range points {
		p := h.point(member, point)
		if slices.ContainsFunc(of, func(d grid.Device) bool { return d.Kind == grid.Battery && d.MeteringPoint == point }) {
			p.Reserve = new(int(reserve))
		}
		shown.Points = append(shown.Points, p)
	}
	return shown, len(points) > 0
}

// point is what is planned for a metering point, from now on.
func (h Homes) point(member, point string) api.PointPlan {
	shown := api.PointPlan{MeteringPoint: point, Unmet: []string{}, Steps: []api.PlanStep{}}
	p, known := h.Traders.Planned(point)
	if !known {
		shown.Why = h.Strategy(member).Unplanned()
		return shown
	}
	shown.Strategy, shown.Made, shown.Why = new(string(p.Strategy)), new(p.Made.UTC()), p.Why
	for _, text := range p.Unmet { // which the sentence begins with
		shown.Unmet, shown.Why = append(shown.Unmet, text), strings.TrimPrefix(strings.TrimPrefix(shown.Why, text), " ")
	}
	if shown.Why == "" {
		shown.Why = "Nothing else is moved."
	}
	for _, s := range p.Steps {
		if s.Interval.End().After(h.Clock()) {
			shown.Steps = append(shown.Steps, step(s))
		}
	}
	return shown
}

func step(s agent.Step) api.PlanStep {
	shown := api.PlanStep{
		Start: s.Interval.Begin().UTC(), Minutes: s.Interval.Minutes, Forecast: band(s.Forecast), Net: band(s.Net), Devices: []api.PlannedDevice{},
		Buy: int64(s.Buy), Sell: int64(s.Sell),
	}
	if s.Charge != nil {
		shown.Charge = new(band(*s.Charge))
	}
	for _, device := range slices.Sorted(maps.Keys(s.Devices)) {
		shown.Devices = append(shown.Devices, api.PlannedDevice{Device: device, Energy: int64(s.Devices[device])})
	}
	return shown
}

func band(b agent.Band) api.PlanBand {
	return api.PlanBand{Low: whole(b.Low), Mean: whole(b.Mean), High: whole(b.High)}
}

// whole rounds; what is no number is 0, which no forecast that was made has.
func whole(x float64) int64 {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return 0
	}
	return int64(math.Round(x))
}

// methods are the skills on a series, the best first.
func methods(all []forecast.Skill) []api.MethodSkill {
	const perMille = 1000
	shown := make([]api.MethodSkill, len(all))
	for k, s := range all {
		shown[k] = api.MethodSkill{
			Method: s.Method, Days: s.Days, Mae: whole(s.MAE), RMae: whole(s.RMAE * perMille), RPinball: whole(s.RPinball * perMille), Coverage: int(whole(s.Cov80 * perMille)),
		}
	}
	slices.SortStableFunc(shown, func(a, b api.MethodSkill) int { return cmp.Compare(a.RPinball, b.RPinball) })
	return shown
}

// Skill implements web.Plans.
func (h Homes) Skill(member string) (api.HomeSkill, bool) {
	points := h.Traders.Points(member)
	shown := api.HomeSkill{Home: member, Series: []api.SeriesSkill{}}
	for _, point := range points {
		for _, s := range h.Traders.Skill(point) {
			shown.Series = append(shown.Series, api.SeriesSkill{MeteringPoint: point, Of: s.Series, Used: s.Chosen, Methods: methods(s.Skills)})
		}
	}
	return shown, len(points) > 0
}
