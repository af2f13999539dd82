package measured

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/commonwatt/commonwatt/agent/readiness"
	"github.com/commonwatt/commonwatt/grid"
)

// Readings returns what a device showed in [from, to), a reading a minute at most, by time.
type Readings func(ctx context.Context, device string, from, to time.Time) ([]grid.Reading, error)

// Cars follows the cars of a community, and remembers the deadlines of the last week. It is safe for
// concurrent use.
type Cars struct {
	Chargers func() []readiness.Charger // that there are now
	Readings Readings
	Wanted   readiness.Wanted

	mu        sync.Mutex // guards all below
	followers map[string]*following
	passed    map[string][]readiness.Deadline // by charger, in order of time
}

// following is how far a charger was followed.
type following struct {
	charger readiness.Charger
	car     *readiness.Follower
	until   time.Time // what was shown before was seen
}

const (
	// week is how long a deadline counts, and how far back readings are looked at after a start.
	week = 7 * 24 * time.Hour
	// atOnce is the time whose readings are asked for at once.
	atOnce = 24 * time.Hour
	// settles is how long a reading may be on its way.
	settles = 15 * time.Minute
)

// Follow takes in what the chargers showed up to a time, which is not long ago. A charger that is rated otherwise than before is
// followed anew. Errors: those of the readings; what was taken in before stays.
func (c *Cars) Follow(ctx context.Context, now time.Time) error {
	chargers := c.Chargers()
	for _, charger := range chargers {
		if err := c.follow(ctx, charger, now.Add(-settles).Truncate(time.Minute)); err != nil {
			return fmt.Errorf("deadlines of %s: %w", charger.ID, err)
		}
	}
	return nil
}

// follow takes in what one charger showed.
func (c *Cars) follow(ctx context.Context, charger readiness.Charger, to time.Time) error {
	f := c.of(charger, to)
	for f.until.Before(to) {
		end := f.until.Add(atOnce)
		if end.After(to) {
			end = to
		}
		all, err := c.Readings(ctx, charger.ID, f.until, end)
		if err != nil {
			return err
		}
		c.see(f, all, end)
	}
	return nil
}

// of returns how far a charger was followed.
func (c *Cars) of(charger readiness.Charger, now time.Time) *following {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.followers == nil {
		c.followers, c.passed = map[string]*following{}, map[string][]readiness.Deadline{}
	}
	f := c.followers[charger.ID]
	if f == nil || f.charger != charger {
		f = &following{charger, readiness.New(charger, c.Wanted), now.Add(-week)}
		c.followers[charger.ID], c.passed[charger.ID] = f, nil
	}
	return f
}

// see has a charger's follower take in readings up to a time, and forgets what is old.
func (c *Cars) see(f *following, all []grid.Reading, until time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	passed := c.passed[f.charger.ID]
	for _, r := range all {
		if d, some := f.car.See(r.Time, r.Charge); some {
			passed = append(passed, d)
		}
	}
	for len(passed) > 0 && passed[0].At.Before(until.Add(-week)) {
		passed = passed[1:]
	}
	c.passed[f.charger.ID], f.until = passed, until
}

// Count returns the deadlines of the last week. seen is false as long as no car had one.
func (c *Cars) Count() (count readiness.Count, seen bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, passed := range c.passed {
		for _, d := range passed {
			count, seen = count.Add(d), true
		}
	}
	return count, seen
}

// why says why there is no count.
func (c *Cars) why() string {
	for _, charger := range c.Chargers() {
		if charger.Known() {
			return "In the last week no car has left its charger, and no ready-by time has passed while one was there."
		}
	}
	return "No charger tells what charge its car has, or nobody has said what it gives at most and what its car holds."
}
