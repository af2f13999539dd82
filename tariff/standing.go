package tariff

import (
	"fmt"
	"math/big"

	"github.com/commonwatt/commonwatt/grid"
)

// Standing is what a component comes to that is paid by the day or month, whatever flows.
type Standing struct {
	Component string
	Kind      Kind
	Version   string     // of the tariff
	From, To  Date       // for which days it is, To excluded
	Days      int        // that there are
	Amount    grid.Money // + the member owes, rounded once, half away from zero
	VAT       Share
	Gross     bool
}

// Standing returns what a metering point owes for the days from one date up to another,
// which is excluded, whatever flows: a line for each version, month and component. What is
// paid by the month counts by the days of it that the version was valid for: days over those
// that the month has. A percentage of such components is one here too.
func (s Schedule) Standing(from, to Date) ([]Standing, error) {
	var all []Standing
	for from.Compare(to) < 0 {
		v, err := s.On(from)
		if err != nil {
			return nil, err
		}
		end := s.until(from, to)
		lines, err := v.standing(from, end)
		if err != nil {
			return nil, fmt.Errorf("tariff %q: %s: %w", s.Name, from, err)
		}
		all = append(all, lines...)
		from = end
	}
	return all, nil
}

// until returns the end of the days from one on that are of one month and one version.
func (s Schedule) until(from, to Date) Date {
	end := Date{from.Year, from.Month, 1}.Add(from.monthLength())
	if to.Compare(end) < 0 {
		end = to
	}
	for _, v := range s.Versions {
		if v.ValidFrom.Compare(from) > 0 && v.ValidFrom.Compare(end) < 0 {
			end = v.ValidFrom
		}
	}
	return end
}

// standing returns the lines of days that are of one month.
func (v Version) standing(from, to Date) (lines []Standing, err error) {
	days := from.Until(to)
	for _, c := range v.Components {
		x := v.standingOf(c, days, from.monthLength())
		if x == nil {
			continue
		}
		line := Standing{Component: c.Name, Kind: c.Kind, Version: v.Version, From: from, To: to, Days: days}
		amount, err := roundRat(x)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.Name, err)
		}
		line.Amount = grid.Money(amount)
		line.VAT, line.Gross = v.vatOf(c)
		lines = append(lines, line)
	}
	return lines, nil
}

// standingOf is the exact amount, nil of what is paid by the kWh alone.
func (v Version) standingOf(c Component, days, month int) *big.Rat {
	amount := new(big.Rat).SetInt64(int64(c.Amount))
	switch c.Per {
	case PerDay:
		return amount.Mul(amount, big.NewRat(int64(days), 1))
	case PerMonth:
		return amount.Mul(amount, big.NewRat(int64(days), int64(month)))
	case Percent:
		var sum *big.Rat
		for _, name := range c.Of {
			base, _ := v.component(name)
			if x := v.standingOf(base, days, month); x != nil {
				if sum == nil {
					sum = new(big.Rat)
				}
				sum.Add(sum, x)
			}
		}
		if sum != nil {
			sum.Mul(sum, big.NewRat(int64(c.Share), int64(Whole)))
		}
		return sum
	case PerKWh:
	}
	return nil
}
