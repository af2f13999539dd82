// Package clock is world time: the time in which a community lives. With real devices it
// is the time of day; a simulation's runs faster; and a gateway on another machine asks
// its hub for it, to know by how much its own is off.
package clock

import (
	"context"
	"fmt"
	"strconv"
	"time"
)

// A Clock tells the time.
type Clock func() time.Time

// Fast returns a clock that shows origin now and goes speed times as fast as life.
func Fast(origin time.Time, speed float64) Clock {
	began := time.Now()
	return func() time.Time {
		return origin.Add(time.Duration(float64(time.Since(began)) * speed))
	}
}

// Subject is where a community's gateways ask for its time.
func Subject(community string) string { return "clock." + community }

// Answer is what a hub answers: unix milliseconds.
func Answer(now time.Time) []byte { return strconv.AppendInt(nil, now.UnixMilli(), 10) }

// Skew asks a hub for the time and returns by how much a clock is ahead of it. The answer is taken to be of the middle between question and answer.
func Skew(ctx context.Context, own Clock, ask func(ctx context.Context) ([]byte, error)) (time.Duration, error) {
	shown, before := own(), time.Now()
	answer, err := ask(ctx)
	if err != nil {
		return 0, err
	}
	const half = 2
	middle := shown.Add(time.Since(before) / half)
	ms, err := strconv.ParseInt(string(answer), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("the hub's time: %w", err)
	}
	return middle.Sub(time.UnixMilli(ms)), nil
}
