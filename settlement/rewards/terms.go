package rewards

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/config"
	"github.com/commonwatt/commonwatt/grid"
)

// Terms are a programme as people write it, in configurations and scenarios.
type Terms struct{ config.Rewards }

// window is how long a challenge lasts, and how long it may take to come: short, so
// that the home's loads change little meanwhile.
const window = time.Minute

// Spread returns the terms with challenges that last at least so long, where the terms
// do not say how long, and the interval has room for it: readings far apart need it.
func (t Terms) Spread(least time.Duration, minutes int) Terms {
	const sixth = 6 // five times that fit in, and some is left to draw the start from
	length := max(window, min(least, time.Duration(minutes)*time.Minute/sixth).Truncate(time.Second))
	t.Response, t.Duration = cmp.Or(t.Response, length), cmp.Or(t.Duration, length)
	return t
}

// Programme returns what the ledger is told, for intervals of so many minutes.
// The error names the field.
func (t Terms) Programme(minutes int, currency string) (chaincode.Programme, error) {
	const energy = 20 // Wh: the least that registers show
	p := chaincode.Programme{
		From: time.Unix(0, 0).UTC().Format(time.DateOnly), Minutes: minutes, Budget: t.Budget, Schedule: t.Schedule, Period: t.Period,
		Availability: t.Availability, Grant: t.Grant, Stake: t.Stake, Slash: t.Slash, Smoothing: t.Smoothing, Threshold: t.Threshold,
		Challenging: chaincode.Challenging{
			Challenges: t.Challenges, Response: int64(t.Response / time.Second), Duration: int64(t.Duration / time.Second), Energy: energy,
		},
	}
	p.Response, p.Duration = cmp.Or(p.Response, int64(window/time.Second)), cmp.Or(p.Duration, int64(window/time.Second))
	if t.RevealPenalty != "" {
		penalty, err := grid.ParseMoney(t.RevealPenalty, currency)
		if err != nil {
			return p, fmt.Errorf("reveal_penalty: %w", err)
		}
		p.RevealPenalty = int64(penalty)
	}
	if _, err := t.peaks(); err != nil {
		return p, err
	}
	const perMille = 1000
	switch {
	case t.Pledge < 1 || t.Pledge > perMille:
		return p, fmt.Errorf("pledge: %d: must be 1 to %d per mille", t.Pledge, perMille)
	case t.Corrections < 0 || t.Corrections > 30*24*time.Hour:
		return p, errors.New("corrections: must be 0 to 720h")
	}
	err := p.Validate()
	p.From = "" // the epoch that it is set in
	if err != nil {
		_, text, _ := strings.Cut(err.Error(), ": ") // without the contracts' code
		return p, errors.New(text)
	}
	return p, nil
}

// peak is a time of day, minutes from midnight UTC: [from, until).
type peak struct{ from, until int }

func (t Terms) peaks() ([]peak, error) {
	all := make([]peak, len(t.Peaks))
	form := regexp.MustCompile(`^([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)$`)
	for k, text := range t.Peaks {
		var a, b, c, d int
		if !form.MatchString(text) {
			return nil, fmt.Errorf("peaks[%d]: %q: want a time of day, UTC, as in 17:00-20:00", k, text)
		}
		if _, err := fmt.Sscanf(text, "%d:%d-%d:%d", &a, &b, &c, &d); err != nil {
			return nil, fmt.Errorf("peaks[%d]: %q: %w", k, text, err)
		}
		const minutes = 60
		if all[k] = (peak{a*minutes + b, c*minutes + d}); all[k].until <= all[k].from {
			return nil, fmt.Errorf("peaks[%d]: %q: ends before it begins", k, text)
		}
	}
	return all, nil
}

// IsPeak tells whether an interval begins within a peak.
func (t Terms) IsPeak(i grid.Interval) bool {
	all, err := t.peaks()
	if err != nil {
		return false // it was refused before
	}
	begin := i.Begin()
	for _, w := range all {
		if at := begin.Hour()*60 + begin.Minute(); w.from <= at && at < w.until {
			return true
		}
	}
	return false
}

// Pledged returns what a battery of a rated power and a capacity pledges: its
// share of the power for half an hour, not more than half of what it holds.
func (t Terms) Pledged(rated grid.Power, capacity grid.Energy) (grid.Power, grid.Energy) {
	const perMille, half = 1000, 2
	power := rated * grid.Power(t.Pledge) / perMille
	return power, min(grid.Energy(power)/half, capacity/half)
}
