package foresight

import (
	"fmt"
	"math"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/scenarios/optimum"
)

// Way is one to pass a period.
type Way struct {
	Money grid.Money `json:"money"` // that the members received, as it was settled
	Kept
}

// Best is what could have been.
type Best struct {
	Value grid.Money `json:"value"` // that a schedule reaches
	Bound grid.Money `json:"bound"` // that none exceeds
	Gap   float64    `json:"gap"`   // between them, per mille of the gain that the bound allows
	// Gain is the part of the way from alone to the bound, in per mille; nil where there is nothing to gain.
	Gain *int64 `json:"gain"`
}

// Gain is what a community made of a period. Money is in millionths of the currency unit,
// shares are in per mille.
type Gain struct {
	From      time.Time  `json:"from"`
	To        time.Time  `json:"to"`
	Intervals int        `json:"intervals"`
	Homes     int        `json:"homes"`
	Alone     Way        `json:"alone"`
	Went      Way        `json:"went"`
	Result    grid.Money `json:"result"` // what was received, with what was kept more than alone
	Mean      grid.Price `json:"mean_import_price"`
	Worth     grid.Price `json:"worth_of_charge"` // a kWh in a battery
	Optimum   Best       `json:"optimum"`         // batteries, cars and appliances moved
	Batteries Best       `json:"batteries"`       // batteries alone, cars charge as they come, and appliances run when they are loaded
}

// Gain compares the ways to pass a period: what the members received alone and as it went, and what
// they kept as it went; what they would have kept alone the watch knows. shown is as for Case.
func (w *Watch) Gain(p Period, alone grid.Money, went Way, shown Shown) (g Gain, err error) {
	watched, lonely, err := w.Kept(p)
	if err != nil {
		return g, err
	}
	g = Gain{
		From: p.First.Begin(), To: p.First.Shift(len(p.Retail)).Begin(), Intervals: len(p.Retail), Homes: len(w.homes),
		Alone: Way{alone, lonely}, Went: went, Mean: p.Mean(), Worth: p.Worth(),
	}
	g.Result = went.Money + p.Kept(Kept{went.Stored - lonely.Stored, went.Cars - lonely.Cars, went.Loads - lonely.Loads})
	for _, b := range []struct {
		best *Best
		cars bool
	}{{&g.Optimum, true}, {&g.Batteries, false}} {
		c, err := w.Case(p, b.cars, shown)
		if err != nil {
			return g, err
		}
		if *b.best, err = p.best(c); err != nil {
			return g, fmt.Errorf("from %s to %s: %w", g.From.Format(time.RFC3339), g.To.Format(time.RFC3339), err)
		}
		more := worth(watched.Loads-lonely.Loads, g.Mean) - worth(lonely.Stored, g.Worth)
		if b.cars {
			more += worth(taken(c)-lonely.Cars, g.Mean)
		}
		b.best.Value, b.best.Bound = b.best.Value+more, b.best.Bound+more
		b.best.reckon(alone, g.Result)
	}
	return g, nil
}

// best solves a case.
func (p Period) best(c optimum.Case) (Best, error) {
	solved, err := optimum.Solve(c)
	if err != nil {
		return Best{}, err
	}
	less, err := p.own(c, solved.Moves)
	return Best{Value: solved.Value - less, Bound: solved.Bound}, err
}

// taken is what the cars of a case take.
func taken(c optimum.Case) (sum grid.Energy) {
	for _, h := range c.Homes {
		for _, car := range h.Cars {
			sum += car.Energy
		}
	}
	return sum
}

// worth is what energy is worth at a price.
func worth(e grid.Energy, p grid.Price) grid.Money {
	return grid.Money(math.Round(float64(e) * float64(p) / kilo))
}

// reckon sets gap and gain.
func (b *Best) reckon(alone, result grid.Money) {
	const all = 1000
	possible := float64(b.Bound - alone)
	if possible <= 0 {
		return
	}
	b.Gap = all * float64(b.Bound-b.Value) / possible
	b.Gain = new(int64(math.Floor(all * float64(result-alone) / possible)))
}
