package community_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/grid"
)

var start = time.Date(2026, 6, 1, 10, 0, 0, 0, time.UTC)

func config(members ...string) community.Config {
	return community.Config{
		Community: "c", Minutes: 15, GateClosure: 5 * time.Minute, Deadline: 2 * time.Minute, Ahead: time.Hour, Members: members,
	}
}

// life drives a lifecycle minute by minute and returns what happened to the
// interval that begins at 10:15, with times relative to start.
func life(l *community.Lifecycle, settle func(a community.Action, now time.Time)) (steps []string) {
	for m := range 60 {
		now := start.Add(time.Duration(m) * time.Minute)
		for _, a := range l.Advance(now) {
			if a.Product.Interval.Begin() != start.Add(15*time.Minute) {
				continue
			}
			switch a.Step {
			case community.Open:
				steps = append(steps, fmt.Sprintf("%d open", m))
			case community.Quote:
				steps = append(steps, "quote "+a.Member)
			case community.Close:
				steps = append(steps, fmt.Sprintf("%d close", m))
			case community.Call:
				steps = append(steps, fmt.Sprintf("%d call of %s", m, a.Time.Format("15:04:05")))
			case community.Settle:
				steps = append(steps, fmt.Sprintf("%d settle run %d final %t", m, a.Run, a.Final))
				settle(a, now)
			}
		}
	}
	return steps
}

func TestLifeOfAnInterval(t *testing.T) {
	l := community.New(config("ann"))
	got := life(l, func(a community.Action, now time.Time) {
		if a.Final { // the readings never come; what is missing is substituted
			l.Settled(a.Product.Interval, a.Run, false, now)
		}
	})
	want := "[0 open quote ann 10 close 30 settle run 1 final false 31 settle run 1 final false 32 settle run 1 final true]"
	if fmt.Sprint(got) != want {
		t.Errorf("got  %v\nwant %s", got, want)
	}
}

// TestCallsBeforeTheGate counts call auctions back from the gate; of those that
// were missed the last is held.
func TestCallsBeforeTheGate(t *testing.T) {
	c := config()
	c.CallEvery = 90 * time.Second
	l := community.New(c)
	got := life(l, func(a community.Action, now time.Time) { l.Settled(a.Product.Interval, a.Run, false, now) })
	want := "[0 open 1 call of 10:01:00 3 call of 10:02:30 4 call of 10:04:00 6 call of 10:05:30 7 call of 10:07:00 9 call of 10:08:30 10 close 30 settle run 1 final false]"
	if fmt.Sprint(got) != want {
		t.Errorf("got  %v\nwant %s", got, want)
	}
	c.CallEvery = 20 * time.Second
	l = community.New(c)
	got = life(l, func(a community.Action, now time.Time) { l.Settled(a.Product.Interval, a.Run, false, now) })
	want = "[0 open 1 call of 10:01:00 2 call of 10:02:00 3 call of 10:03:00 4 call of 10:04:00 5 call of 10:05:00 6 call of 10:06:00 7 call of 10:07:00 8 call of 10:08:00 9 call of 10:09:00 10 close 30 settle run 1 final false]"
	if fmt.Sprint(got) != want {
		t.Errorf("got  %v\nwant %s", got, want)
	}
}

func TestAnEstimatedRunIsTriedAgain(t *testing.T) {
	l := community.New(config())
	got := life(l, func(a community.Action, now time.Time) {
		l.Settled(a.Product.Interval, a.Run, a.Run == 1, now) // run 1 is estimated, run 2 is complete
	})
	want := "[0 open 10 close 30 settle run 1 final false 45 settle run 2 final false]"
	if fmt.Sprint(got) != want {
		t.Errorf("got  %v\nwant %s", got, want)
	}
}

// TestWhatHasBegunIsNotDueAgain lets a settlement take three minutes and fail, and the next
// one find that readings are missing: while one is under way no other is due, after a
// failure not before its time, and then at once.
func TestWhatHasBegunIsNotDueAgain(t *testing.T) {
	l := community.New(config("ann"))
	settle := func(minute int) (due []community.Action) {
		for _, a := range l.Advance(start.Add(time.Duration(minute) * time.Minute)) {
			if a.Step == community.Settle && a.Product.Interval.Begin().Equal(start.Add(15*time.Minute)) {
				due = append(due, a)
			}
		}
		return due
	}
	settle(0)
	settle(10) // the gate closes
	first := settle(30)
	if len(first) != 1 || first[0].Final {
		t.Fatalf("after the delivery %+v is due, want one settlement", first)
	}
	l.Begun(first[0])
	for minute := 31; minute < 34; minute++ {
		if due := settle(minute); due != nil {
			t.Errorf("minute %d: %+v is due beside the one that is under way", minute, due)
		}
	}
	l.Failed(first[0], start.Add(36*time.Minute))
	if due := settle(35); due != nil {
		t.Errorf("before its time %+v is due again", due)
	}
	second := settle(36)
	if len(second) != 1 || second[0].Run != 1 || !second[0].Final {
		t.Fatalf("after a failure %+v is due, want the first run again, final by now", second)
	}
	l.Begun(second[0])
	l.Settled(second[0].Product.Interval, 1, true, start.Add(37*time.Minute))
	l.Failed(second[0], start.Add(40*time.Minute))
	if third := settle(60); len(third) != 1 || third[0].Run != 2 {
		t.Errorf("after an estimated run %+v is due, want its correction", third)
	}
	quote := community.Action{Step: community.Quote, Member: "ann", Product: second[0].Product}
	l.Begun(quote)
	l.Failed(quote, start.Add(24*time.Hour))
	if fourth := settle(61); len(fourth) != 0 { // a correction was handed out a minute ago
		t.Errorf("a quote brought %+v", fourth)
	}
}

func TestEveryMemberQuotesOnceBeforeTheGate(t *testing.T) {
	members := []string{"a", "b", "c", "d", "e", "f"}
	l := community.New(config(members...))
	quotes := map[string]int{}
	for s := range 40 * 60 {
		now := start.Add(time.Duration(s) * time.Second)
		for _, a := range l.Advance(now) {
			if a.Step != community.Quote {
				continue
			}
			quotes[a.Member+" "+a.Product.Interval.String()]++
			gate := a.Product.Interval.Begin().Add(-5 * time.Minute)
			if !now.Before(gate) || now.Before(gate.Add(-10*time.Minute)) {
				t.Errorf("%s quotes at %s for %s", a.Member, now, a.Product.Interval)
			}
		}
	}
	for key, n := range quotes {
		if n != 1 {
			t.Errorf("%s: %d quotes", key, n)
		}
	}
	if len(quotes) < 2*len(members) {
		t.Errorf("only %d quotes", len(quotes))
	}
}

// TestAMemberJoins lets a member quote from when it joined, for every product that is
// still open, once.
func TestAMemberJoins(t *testing.T) {
	l := community.New(config("a"))
	quotes := map[string]int{}
	for m := range 60 {
		now := start.Add(time.Duration(m) * time.Minute)
		if m == 20 {
			l.Join("b")
			l.Join("b")
		}
		for _, a := range l.Advance(now) {
			if a.Step == community.Quote && a.Member == "b" {
				quotes[a.Product.Interval.Begin().Format("15:04")]++
			}
		}
	}
	for _, begin := range []string{"10:30", "10:45", "11:00"} {
		if quotes[begin] != 1 {
			t.Errorf("%d quotes for %s", quotes[begin], begin)
		}
	}
	if quotes["10:15"] != 0 {
		t.Error("quotes before it joined")
	}
}

// TestRestart tells a new lifecycle what the journal knows: it goes on, opens
// nothing twice and leaves no interval out.
func TestRestart(t *testing.T) {
	first := community.New(config())
	opened := map[grid.Interval]int{}
	for _, a := range first.Advance(start) {
		opened[a.Product.Interval]++
	}
	second := community.New(config())
	for i := range opened {
		second.Opened(i)
	}
	closed := 0
	for _, a := range second.Advance(start.Add(3 * time.Hour)) {
		switch a.Step {
		case community.Open:
			opened[a.Product.Interval]++
		case community.Close:
			closed++
		case community.Quote, community.Settle, community.Call:
		}
	}
	for i := (grid.Interval{Start: start.Add(15 * time.Minute).Unix(), Minutes: 15}); i.Begin().Before(start.Add(4 * time.Hour)); i = i.Shift(1) {
		if opened[i] != 1 {
			t.Errorf("%s was opened %d times", i, opened[i])
		}
	}
	if closed == 0 {
		t.Error("no gate closed though hours passed")
	}
}

// TestTheLastRun settles an interval whose readings never came once more, for good, when
// corrections are over.
func TestTheLastRun(t *testing.T) {
	l := community.New(config())
	i := grid.IntervalAt(start, 15).Shift(1)
	l.Opened(i)
	l.Settled(i, 1, true, i.End())
	for day := 1; day <= 40; day++ {
		now := i.End().Add(time.Duration(day) * 24 * time.Hour)
		for _, a := range l.Advance(now) {
			if a.Step != community.Settle || a.Product.Interval != i {
				continue
			}
			if a.Run != 2 || a.Last != (day > 30) {
				t.Fatalf("day %d: %+v", day, a)
			}
			if day == 33 { // it failed until now
				l.Settled(i, 2, false, now)
			} else if day > 33 {
				t.Fatalf("day %d: settled again after the last run", day)
			}
		}
	}
}
