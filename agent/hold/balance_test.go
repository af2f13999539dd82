package hold_test

import (
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/agent/hold"
	"github.com/commonwatt/commonwatt/grid"
)

// place is a metering point of a street that is read every second, and whose battery, if it
// has one, follows at once as far as it is able.
type place struct {
	point   string
	holder  *hold.Holder // nil: it has no battery
	limits  hold.Limits
	rest    grid.Power
	charge  grid.PerMille
	able    grid.Power // the most that it does, either way; 0: all
	silent  bool
	wish    hold.Wish
	told    hold.Setpoint
	battery grid.Power
	flow    [2]int64 // Ws
}

// meter is what its meter shows.
func (p *place) meter() grid.Power { return p.rest + p.battery }

// block is a street of such places.
type block struct {
	*hold.Street

	now    time.Time
	places []*place
}

var noon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// newBlock returns a street at the begin of an interval, before which it was read for a
// minute. Batteries hold 10 kWh and are rated for 5 kW.
func newBlock(places ...*place) *block {
	b := &block{Street: hold.NewStreet(), now: noon.Add(-time.Minute), places: places}
	for k, p := range places {
		p.point = string(rune('a' + k))
		if p.charge > 0 {
			p.holder = hold.New(5000)
			p.limits.Rated, p.limits.Capacity = 5000, 10_000
		}
		b.Join(p.point, p.holder, p.limits)
	}
	for b.now.Before(noon) {
		b.second()
	}
	return b
}

// wants gives all homes with a battery the same plan for the interval that begins at noon.
func (b *block) wants(in hold.Intent) *block {
	in.Interval = grid.IntervalAt(noon, 15)
	for _, p := range b.places {
		p.wish.Intent = &in
	}
	return b
}

// seconds lets time pass.
func (b *block) seconds(n int) {
	for range n {
		b.second()
	}
}

func (b *block) second() {
	for _, p := range b.places {
		if p.silent {
			continue
		}
		if p.holder != nil {
			p.holder.Battery(grid.Reading{Time: b.now, Power: new(p.battery), Charge: new(p.charge)})
		}
		b.Meter(p.point, grid.Reading{Time: b.now, Power: new(p.meter()), Import: new(grid.Energy(p.flow[0] / 3600)), Export: new(grid.Energy(p.flow[1] / 3600)), Quality: grid.Good})
	}
	var wishes []hold.Wish
	for _, p := range b.places {
		if p.holder != nil {
			wishes = append(wishes, p.wish)
		}
	}
	told := b.Step(b.now, grid.IntervalAt(b.now, 15), wishes)
	for _, p := range b.places {
		if p.holder != nil {
			p.told, told = told[0], told[1:]
			p.follow()
		}
		p.flow[0], p.flow[1] = p.flow[0]+int64(max(p.meter(), 0)), p.flow[1]+int64(max(-p.meter(), 0))
	}
	b.now = b.now.Add(time.Second)
}

// follow moves the battery as it was told, or on its own logic.
func (p *place) follow() {
	p.battery = min(max(-p.rest, -5000), 5000)
	if p.told.Held {
		p.battery = p.told.Power
	}
	if p.able > 0 {
		p.battery = min(max(p.battery, -p.able), p.able)
	}
}

// net is what the street has taken, Wh.
func (b *block) net() (sum int64) {
	for _, p := range b.places {
		sum += p.flow[0] - p.flow[1]
	}
	return sum / 3600
}

func about(a, b, within grid.Power) bool { return a-b <= within && b-a <= within }

// TestNeighboursAreCovered lets a home lack 3 kW, while the batteries of two others hold twice
// and once as much as each other: they give in that proportion, the community's energy comes to
// nothing at the end of the interval, and a kettle on the way is made up for.
func TestNeighboursAreCovered(t *testing.T) {
	b := newBlock(&place{rest: 3000}, &place{charge: 800}, &place{charge: 400}).wants(hold.Intent{TakeTo: 1000})
	before := b.net()
	b.seconds(5 * 60)
	one, two := -b.places[1].battery, -b.places[2].battery
	if !about(one+two, 3000, 250) || !about(one, 2*two, 300) {
		t.Errorf("%d and %d W are given, want 2000 and 1000", one, two)
	}
	b.places[0].rest += 2000
	b.seconds(3 * 60)
	b.places[0].rest -= 2000
	b.seconds(7 * 60)
	if wh := b.net() - before; wh < -10 || wh > 10 {
		t.Errorf("the community has taken %d Wh in the interval, want none", wh)
	}
}

// TestTheIntervalIsMadeGood has a plan come five minutes late: what the neighbours have taken
// until then is given back by the end of the interval.
func TestTheIntervalIsMadeGood(t *testing.T) {
	b := newBlock(&place{rest: 2000}, &place{charge: 800})
	before := b.net()
	b.seconds(5 * 60)
	if late := b.net() - before; late < 150 {
		t.Fatalf("the community has taken %d Wh: the test shows nothing", late)
	}
	b.wants(hold.Intent{TakeTo: 1000}).seconds(10 * 60)
	if wh := b.net() - before; wh < -10 || wh > 10 {
		t.Errorf("the community has taken %d Wh in the interval, want none", wh)
	}
}

// TestLevels holds batteries to the charges between which their plan has them work for others.
func TestLevels(t *testing.T) {
	for name, c := range map[string]struct {
		rest   grid.Power // of the neighbour
		in     hold.Intent
		charge grid.PerMille
		want   grid.Power // of the battery, whose own home takes nothing
	}{
		"above the level it gives":       {2000, hold.Intent{GiveTo: 300, TakeTo: 1000}, 320, -2000},
		"at the level it does not":       {2000, hold.Intent{GiveTo: 300, TakeTo: 1000}, 300, 0},
		"never":                          {2000, hold.Intent{GiveTo: 1000, TakeTo: 1000}, 990, 0},
		"the reserve counts too":         {2000, hold.Intent{Reserve: 300, TakeTo: 1000}, 300, 0},
		"below the level it takes":       {-2000, hold.Intent{TakeTo: 700}, 680, 2000},
		"at the other level it does not": {-2000, hold.Intent{TakeTo: 700}, 700, 0},
		"takes nothing":                  {-2000, hold.Intent{}, 100, 0},
	} {
		b := newBlock(&place{rest: c.rest}, &place{charge: c.charge}).wants(c.in)
		b.seconds(120)
		if got := b.places[1].battery; !about(got, c.want, 200) {
			t.Errorf("%s: the battery does %d W, want %d", name, got, c.want)
		}
	}
}

// TestTheReserveIsKept has a home lack power whose battery is at its reserve: it stands still,
// though on its own logic it would cover the home. It covers it again when it holds well more,
// and goes on taking the home's sun meanwhile.
func TestTheReserveIsKept(t *testing.T) {
	b := newBlock(&place{rest: 800, charge: 300}).wants(hold.Intent{GiveTo: 1000, Reserve: 300})
	b.seconds(60)
	p := b.places[0]
	if !p.told.Held || p.battery != 0 {
		t.Errorf("at the reserve: %+v, the battery does %d W", p.told, p.battery)
	}
	p.rest = -1500
	b.seconds(60)
	if !about(p.battery, 1500, 150) {
		t.Errorf("with sun: %+v, the battery does %d W", p.told, p.battery)
	}
	p.rest, p.charge = 800, 320
	b.seconds(120)
	if p.battery != -800 {
		t.Errorf("above the reserve: %+v, the battery does %d W", p.told, p.battery)
	}
}

// TestWhoPlansIsGone lets the intent run out: shortly its levels count on, and then the battery
// goes back to its own logic.
func TestWhoPlansIsGone(t *testing.T) {
	b := newBlock(&place{rest: 2000}, &place{charge: 800}).wants(hold.Intent{TakeTo: 1000})
	b.seconds(15*60 + 60)
	if p := b.places[1]; !p.told.Held || p.battery > -1500 {
		t.Errorf("a minute into the next interval: %+v", p.told)
	}
	b.seconds(3 * 60)
	if p := b.places[1]; p.told.Held || p.battery != 0 {
		t.Errorf("four minutes into it: %+v", p.told)
	}
}

// TestTheOwnPromiseComesFirst has a home sell 250 Wh. While the community is even beside that,
// it gives what it sold; where the others then lack 2 kW more, it gives that as well.
func TestTheOwnPromiseComesFirst(t *testing.T) {
	b := newBlock(&place{rest: 1000}, &place{charge: 800}).wants(hold.Intent{TakeTo: 1000})
	b.places[1].wish.Contracted, b.places[1].wish.Traded = -250, true
	b.seconds(4 * 60)
	if got := b.places[1].battery; !about(got, -1000, 200) {
		t.Errorf("the battery does %d W for a kilowatt that was sold", got)
	}
	b.places[0].rest = 3000
	b.seconds(3 * 60)
	if got := b.places[1].battery; got > -2800 {
		t.Errorf("the battery does %d W, want 3000 W given", got)
	}
	b.places[0].rest = 1000
	b.seconds(4 * 60)
	if got := b.places[1].battery; !about(got, -1000, 300) {
		t.Errorf("the battery does %d W, want the kilowatt that was sold alone, and nothing taken back", got)
	}
}

// TestNobodyTakesWhatIsGiven has a home sell 250 Wh of which the community needs half. Though
// its plan takes nothing from others, the rest stays in its battery, which goes on covering its
// home.
func TestNobodyTakesWhatIsGiven(t *testing.T) {
	b := newBlock(&place{rest: 500}, &place{rest: 400, charge: 800}).wants(hold.Intent{})
	b.places[1].wish.Contracted, b.places[1].wish.Traded = -250, true
	before := b.net()
	b.seconds(5 * 60)
	if got := b.places[1].battery; !about(got, -900, 200) {
		t.Errorf("the battery does %d W, want 400 for its home and 500 that are taken", got)
	}
	gave := b.places[1].flow
	b.places[0].rest = -3000
	b.seconds(5 * 60)
	if got := b.places[1].battery; got < -400 || got > 300 {
		t.Errorf("with 3 kW left over the battery does %d W, want less than its home needs, to take back what it gave", got)
	}
	b.seconds(5*60 - 1)
	if wh := (b.places[1].flow[0] - gave[0] - (b.places[1].flow[1] - gave[1]) - gave[1]) / 3600; wh < -15 || wh > 5 {
		t.Errorf("its home comes to %d Wh in the interval, want to come out even", wh)
	}
	if wh := b.net() - before; wh > 5 {
		t.Errorf("the community has taken %d Wh", wh)
	}
}

// TestApart has a home sell 250 Wh where nothing is shared after delivery: it gives them, no
// less where nobody takes them and no more where a neighbour lacks 3 kW.
func TestApart(t *testing.T) {
	for _, rest := range []grid.Power{-3000, 3000} {
		b := newBlock(&place{rest: rest}, &place{charge: 800}).wants(hold.Intent{TakeTo: 1000, Apart: true})
		b.places[1].wish.Contracted, b.places[1].wish.Traded = -250, true
		b.seconds(5 * 60)
		if got := b.places[1].battery; !about(got, -1000, 150) {
			t.Errorf("beside a home that takes %d W the battery does %d W, want 1000 W given", rest, got)
		}
	}
}

// TestSmallPartsAddUp has ten batteries divide a kilowatt, each part of which is less than a
// dead band: some of them give it.
func TestSmallPartsAddUp(t *testing.T) {
	places := []*place{{rest: 1000}}
	for range 10 {
		places = append(places, &place{charge: 700})
	}
	b := newBlock(places...).wants(hold.Intent{TakeTo: 1000})
	b.seconds(45)
	sum := grid.Power(0)
	for _, p := range b.places {
		sum += p.battery
	}
	if !about(sum, -1000, 200) {
		t.Errorf("%d W are given, want 1000", -sum)
	}
}

// TestAChallengeGoesFirst has a challenge ask one of two batteries to charge while they cover a
// neighbour: it does, and the other makes up for that too.
func TestAChallengeGoesFirst(t *testing.T) {
	b := newBlock(&place{rest: 2000}, &place{charge: 600}, &place{charge: 600}).wants(hold.Intent{TakeTo: 1000})
	b.seconds(2 * 60)
	b.places[1].wish.Asked = new(grid.Power(1500))
	b.seconds(2 * 60)
	if one, two := b.places[1].battery, b.places[2].battery; one != 1500 || !about(two, -3500, 700) {
		t.Errorf("asked for 1500 W one does %d W, and the other %d W, want about -3500", one, two)
	}
	b.places[1].wish.Asked = nil
	b.seconds(4 * 60)
	if one := b.places[1].battery; one > -300 {
		t.Errorf("after the challenge it does %d W, want its share of what the neighbour lacks", one)
	}
}

// TestNothingIsFedIn has a home that may feed in nothing share a street with one that lacks
// 3 kW: its battery covers the home alone, whatever is given by others, and takes its sun.
func TestNothingIsFedIn(t *testing.T) {
	b := newBlock(&place{rest: 3000}, &place{rest: 700, charge: 800}, &place{charge: 800})
	b.wants(hold.Intent{TakeTo: 1000})
	b.places[1].wish.Intent = &hold.Intent{Interval: grid.IntervalAt(noon, 15), TakeTo: 1000, Export: new(grid.Power(0))}
	for range 14 * 60 {
		b.second()
		if m := b.places[1].meter(); m < 0 {
			t.Fatalf("at %s it gives %d W", b.now.Format(time.TimeOnly), -m)
		}
	}
	if got := b.places[1].battery; got > -500 {
		t.Errorf("the battery does %d W, want it to cover its home's 700", got)
	}
}

// TestTheConnectionCarries bounds what a battery gives to its neighbours.
func TestTheConnectionCarries(t *testing.T) {
	b := newBlock(&place{rest: 6000}, &place{charge: 800, limits: hold.Limits{Export: new(grid.Power(1200))}}).wants(hold.Intent{TakeTo: 1000})
	b.seconds(5 * 60)
	if m := b.places[1].meter(); m < -1200 || m > -1000 {
		t.Errorf("it gives %d W, want the 1200 that its connection carries", -m)
	}
}

// TestASilentMeter stops one home's readings: its battery goes back to its own logic, and the
// others do not reckon with what nobody knows.
func TestASilentMeter(t *testing.T) {
	b := newBlock(&place{rest: 1000}, &place{charge: 800}, &place{charge: 800}).wants(hold.Intent{TakeTo: 1000})
	b.seconds(60)
	b.places[1].silent = true
	b.seconds(4 * 60)
	if one, two := b.places[1], b.places[2]; one.told.Held || !about(two.battery, -1000, 300) {
		t.Errorf("the silent one: %+v, the other does %d W, want -1000", one.told, two.battery)
	}
	b.places[0].silent = true
	b.seconds(5 * 60)
	if two := b.places[2]; two.battery < -300 {
		t.Errorf("%d W are given to somebody of whom nothing is known", -two.battery)
	}
}

// TestABatteryThatCannot has one of two batteries give no more than 300 W, as a cold or empty
// one: the other makes up for it.
func TestABatteryThatCannot(t *testing.T) {
	b := newBlock(&place{rest: 3000}, &place{charge: 800, able: 300}, &place{charge: 800}).wants(hold.Intent{TakeTo: 1000})
	b.seconds(3 * 60)
	if one, two := b.places[1].battery, b.places[2].battery; one+two > -2700 {
		t.Errorf("%d and %d W are given, want 3000", -one, -two)
	}
}

// TestTogetherTheyDoNotOvershoot has ten batteries answer a step of 8 kW: what the street takes
// never swings over by more than a dead band each, nor is a battery turned round.
func TestTogetherTheyDoNotOvershoot(t *testing.T) {
	places := []*place{{rest: 500}}
	for range 10 {
		places = append(places, &place{rest: 100, charge: 700})
	}
	b := newBlock(places...).wants(hold.Intent{TakeTo: 1000})
	b.seconds(120)
	b.places[0].rest = 8500
	b.seconds(60)
	for range 10 * 60 {
		b.second()
		sum := grid.Power(0)
		for _, p := range b.places {
			sum += p.meter()
			if p.battery > 0 {
				t.Fatalf("at %s a battery charges with %d W", b.now.Format(time.TimeOnly), p.battery)
			}
		}
		if sum < -2500 || sum > 2500 {
			t.Fatalf("at %s the street takes %d W", b.now.Format(time.TimeOnly), sum)
		}
	}
}

// TestTurns has the street swing to and fro every 20 s: a battery is turned round at most once
// a minute, and stands still in between.
func TestTurns(t *testing.T) {
	b := newBlock(&place{rest: 3000}, &place{charge: 500}).wants(hold.Intent{TakeTo: 1000})
	var sign, last grid.Power
	at := b.now
	for k := range 10 * 60 {
		b.places[0].rest = 3000
		if k/20%2 == 1 {
			b.places[0].rest = -4000
		}
		b.second()
		p := b.places[1].battery
		if p != 0 && (p > 0) != (sign > 0) {
			if sign != 0 && b.now.Sub(at) < time.Minute {
				t.Fatalf("turned round from %d to %d W after %s", last, p, b.now.Sub(at))
			}
			sign, at = p, b.now
		}
		last = p
	}
	if sign == 0 {
		t.Error("it was not moved")
	}
}
