package limits

import (
	"fmt"
	"strings"
	"time"

	"github.com/commonwatt/commonwatt/grid"
)

// Sentence says what a limit does, for the homeowner.
type Sentence struct {
	Field string // as of FieldError; empty: it is about none in particular
	Text  string
}

// Words are what sentences are made with.
type Words struct {
	Zone     *time.Location // the community's local time
	Currency string         // ISO 4217 code
	Minor    string         // the name of a hundredth of it, such as ct; empty: prices are in the unit itself
}

// Sentences explain the limits, one each. Without any, one says so.
func (l Limits) Sentences(w Words) (all []Sentence) {
	say := func(field, text string, args ...any) { all = append(all, Sentence{field, fmt.Sprintf(text, args...)}) }
	if l.Reserve > 0 {
		say("reserve", "The battery is never planned below %s: that much is kept for a blackout.", percent(l.Reserve))
	}
	if l.Floor != nil {
		say("floor", "Energy is offered to neighbours at %s or more, and the battery gives to them only then; what the roof has left over is shared all the same.", w.price(*l.Floor))
	}
	if l.Ceiling != nil {
		say("ceiling", "Energy is bought from neighbours at %s or less.", w.price(*l.Ceiling))
	}
	switch l.Prefer {
	case PreferNeighbours:
		say("prefer", "Sharing with neighbours goes before the grid where it costs no more than %s extra.", w.price(PreferenceWorth))
	case PreferSolar:
		say("prefer", "Solar energy goes before other energy where it costs no more than %s extra.", w.price(PreferenceWorth))
	case PreferPrice:
	}
	if l.ZeroExport {
		say("zero_export", "Nothing is fed into the grid as far as the devices of this home can be held back; neighbours get nothing either.")
	}
	if l.AwayUntil != nil {
		say("away_until", "Until %s nobody is home: ready-by times rest, and heating keeps the lower end of its band.", l.AwayUntil.In(w.Zone).Format("Monday 2 January 15:04"))
	}
	for _, charger := range l.Chargers() {
		car := l.Cars[charger]
		say("cars."+charger, "The car at %s has %s by %s each day, at the cheapest hours until then.", charger, percent(car.Target), car.ReadyBy)
	}
	if len(all) == 0 {
		say("", "There are no limits: the agent does whatever costs least.")
	}
	return all
}

// percent says a share, as in 72 % or 72.5 %.
func percent(p grid.PerMille) string {
	if p%perCent == 0 {
		return fmt.Sprintf("%d %%", p/perCent)
	}
	return fmt.Sprintf("%d.%d %%", p/perCent, p%perCent)
}

// price says a price, as in 18.40 ct/kWh.
func (w Words) price(p grid.Price) string {
	unit, per := w.Minor, int64(10_000) // millionths in a hundredth
	if unit == "" {
		unit, per = w.Currency, 1_000_000
	}
	sign := ""
	if p < 0 {
		sign, p = "-", -p
	}
	const decimals = 100
	hundredths := (int64(p)*decimals + per/2) / per //nolint:mnd // rounded
	return strings.TrimSpace(fmt.Sprintf("%s%d.%02d %s/kWh", sign, hundredths/decimals, hundredths%decimals, unit))
}
