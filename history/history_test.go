package history_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/history"
	"github.com/commonwatt/commonwatt/meters/store"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/settlement/billing"
	"github.com/commonwatt/commonwatt/settlement/statements"
	"github.com/commonwatt/commonwatt/tariff"
)

var prices = tariff.Tariff{Version: "t1", Currency: "EUR", Retail: 300_000, FeedIn: 60_000}

// flat is a tariff with a standing charge and VAT that is added.
type flat struct{}

func (flat) Parts(string, grid.Interval) ([]billing.Part, error) {
	return []billing.Part{{Name: "energy", Kind: "energy", Price: 300_000, VAT: 190_000}, {Name: "feed-in", Kind: "energy", Export: true, Price: 60_000}}, nil
}

func (flat) Standing(_, from, to string) ([]billing.Fixed, error) {
	a, _ := time.Parse(time.DateOnly, from)
	b, err := time.Parse(time.DateOnly, to)
	days := int(b.Sub(a).Hours() / 24)
	return []billing.Fixed{{Component: "metering", Version: "t1", From: from, To: to, Days: days, Amount: grid.Money(days) * 100_000, VAT: 190_000}}, err
}

func (flat) Others(billing.Period) ([]billing.Other, error) { return nil, nil }

// site is a community of three members, of whom the first has two metering points and devices.
type site struct {
	t       testing.TB
	rng     *rand.Rand
	zone    *time.Location
	book    *statements.Book
	runs    map[grid.Interval][]settlement.Run
	store   *store.SQLite
	now     time.Time
	options history.Options
}

func owner(point string) (member, account string, err error) {
	return "m" + point[len(point)-1:], "account " + point, nil
}

func points() []string { return []string{"mp-a1", "mp-b1", "mp-a2", "mp-a3"} }

func devices() []grid.Device {
	all := []grid.Device{
		{ID: "pv-1", Kind: grid.Inverter, Member: "m1", MeteringPoint: "mp-a1"}, {ID: "battery-1", Kind: grid.Battery, Member: "m1", MeteringPoint: "mp-a1"},
	}
	for _, p := range points() {
		member, _, _ := owner(p)
		all = append(all, grid.Device{ID: "meter-" + p, Kind: grid.Meter, Member: member, MeteringPoint: p})
	}
	return all
}

func newSite(t testing.TB, seed uint64) *site {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Vienna")
	if err != nil {
		t.Fatal(err)
	}
	book, err := statements.Open(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	telemetry, err := store.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "telemetry.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = book.Close(), telemetry.Close() })
	s := &site{t: t, rng: rand.New(rand.NewPCG(seed, 3)), zone: zone, book: book, runs: map[grid.Interval][]settlement.Run{}, store: telemetry, now: time.Date(2026, 12, 1, 0, 0, 0, 0, zone)}
	s.options = history.Options{
		Community: "c", Currency: "EUR", Digits: 2, Zone: zone, Minutes: 15, Book: book, Telemetry: telemetry, Tariffs: flat{}, Devices: devices,
		Clock: func() time.Time { return s.now }, Log: slog.New(slog.DiscardHandler),
	}
	return s
}

func (s *site) open(path string) *history.Keeper {
	s.t.Helper()
	k, err := history.Open(s.t.Context(), path, s.options)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = k.Close() })
	return k
}

func (s *site) take(k *history.Keeper) {
	s.t.Helper()
	if err := k.Take(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
}

// settle makes the next run of an interval, of random values.
func (s *site) settle(i grid.Interval, quality grid.Quality) {
	s.t.Helper()
	rules := settlement.DefaultRules()
	in := settlement.Input{Community: "c", Interval: i, Run: len(s.runs[i]) + 1, Tariff: prices, Rules: &rules, Points: map[string]settlement.Point{}, ReadingRoot: "r"}
	for _, p := range points() {
		member, account, _ := owner(p)
		in.Points[p] = settlement.Point{Account: account, Member: member}
		in.Metered = append(in.Metered, record.Metered{MeteringPoint: p, Flow: grid.Flow{Import: grid.Energy(s.rng.IntN(900)), Export: grid.Energy(s.rng.IntN(900))}, Quality: quality})
	}
	for n := range s.rng.IntN(4) {
		bid := grid.Price(s.rng.IntN(400_000) - 50_000)
		in.Trades = append(in.Trades, grid.Trade{
			Product: grid.Product{Community: "c", Interval: i}, Seq: uint64(n + 1), Buyer: []string{"mp-a1", "mp-a2"}[s.rng.IntN(2)], Seller: []string{"mp-b1", "mp-a3"}[s.rng.IntN(2)],
			Energy: grid.Energy(1 + s.rng.IntN(500)), BidPrice: bid, OfferPrice: bid - grid.Price(s.rng.IntN(2)*20_000),
		})
	}
	if before := s.runs[i]; len(before) > 0 {
		in.First = &before[0].Basis
		for _, run := range before {
			in.Previous = append(in.Previous, run.Postings()...)
		}
	}
	run, err := settlement.Settle(in)
	if err != nil {
		s.t.Fatal(err)
	}
	s.runs[i] = append(s.runs[i], run)
	if err := s.book.Add(s.t.Context(), owner, run); err != nil {
		s.t.Fatal(err)
	}
}

// fill settles every interval of [from, to), some of them again.
func (s *site) fill(from, to time.Time) {
	s.t.Helper()
	for i := grid.IntervalAt(from, 15); i.Begin().Before(to); i = i.Shift(1) {
		s.settle(i, grid.Good)
		if s.rng.IntN(20) == 0 {
			s.settle(i, grid.Good)
		}
	}
}

func (s *site) day(y, m, d int) time.Time { return time.Date(y, time.Month(m), d, 0, 0, 0, 0, s.zone) }

func (s *site) of(k *history.Keeper, member string, from, to time.Time, step history.Step) []history.Point {
	s.t.Helper()
	all, err := k.Of(s.t.Context(), member, from, to, step)
	if err != nil {
		s.t.Fatal(err)
	}
	return all
}

// summed is what the statement book has of a member in [from, to), added up here.
func (s *site) summed(member string, from, to time.Time) (f grid.Flow, net, without grid.Money, intervals int) {
	s.t.Helper()
	err := s.book.Each(s.t.Context(), from, to, func(i *statements.Interval) error {
		intervals++
		for _, p := range i.Points {
			if p.Member == member {
				f.Import += p.Metered.Import
				f.Export += p.Metered.Export
				net += p.Net
				without += p.Without
			}
		}
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return f, net, without, intervals
}

// TestStepsSayWhatTheBookSays holds each step of every kind to what the book has of it, over both
// days on which the clocks change, of which one has 92 and the other 100 quarter-hours.
func TestStepsSayWhatTheBookSays(t *testing.T) {
	for n, span := range [][2]int{{3, 92}, {10, 100}} {
		s := newSite(t, uint64(n))
		last := map[int]int{3: 29, 10: 25}[span[0]] // the last Sunday of the month, in 2026
		from, to := s.day(2026, span[0], last-1), s.day(2026, span[0], last+2)
		s.fill(from, to)
		k := s.open("")
		s.take(k)
		for _, step := range []history.Step{history.Quarter, history.Hour, history.Day, history.Month} {
			for _, member := range []string{"m1", "m2"} {
				end := from
				for _, p := range s.of(k, member, from, to, step) {
					f, net, without, intervals := s.summed(member, p.Start, p.End)
					if p.Flow == nil || *p.Flow != f || p.Money.Earned-p.Money.Cost != net || p.Money.Without != without || p.Intervals != intervals || p.Settled != intervals {
						t.Fatalf("%s of %s at %s: %+v %+v, the book has %+v, %d, %d of %d intervals", step, member, p.Start, p.Flow, p.Money, f, net, without, intervals)
					}
					if p.Money.Savings() != net-without {
						t.Errorf("%s of %s at %s: savings %d", step, member, p.Start, p.Money.Savings())
					}
					end = p.End
				}
				if end.Before(to) {
					t.Errorf("%s ends at %s", step, end)
				}
			}
		}
		days := s.of(k, "m1", from, to, history.Day)
		if len(days) != 3 || days[1].Expected != span[1] || days[1].Intervals != span[1] || days[0].Expected != 96 {
			t.Errorf("month %d: days of %d and %d intervals", span[0], days[0].Expected, days[1].Expected)
		}
	}
}

// TestALaterRunChangesTheStep settles an interval again after it was taken.
func TestALaterRunChangesTheStep(t *testing.T) {
	s := newSite(t, 5)
	from, to := s.day(2026, 6, 1), s.day(2026, 6, 2)
	s.fill(from, to)
	k := s.open("")
	s.take(k)
	before := s.of(k, "m1", from, to, history.Day)[0]
	s.settle(grid.IntervalAt(from, 15).Shift(7), grid.Estimated)
	s.take(k)
	after := s.of(k, "m1", from, to, history.Day)[0]
	f, net, _, _ := s.summed("m1", from, to)
	if *after.Flow != f || after.Money.Earned-after.Money.Cost != net || *after.Flow == *before.Flow || before.Quality != history.Measured || after.Quality != history.Estimated {
		t.Errorf("%s %+v %+v, was %s %+v; the book has %+v and %d", after.Quality, after.Flow, after.Money, before.Quality, before.Flow, f, net)
	}
}

// TestWhatIsNotKnownIsNotZero leaves gaps in a day, and asks for days of which nothing is known
// and for the time to come.
func TestWhatIsNotKnownIsNotZero(t *testing.T) {
	s := newSite(t, 6)
	from := s.day(2026, 6, 1)
	s.fill(from, from.Add(3*time.Hour))
	s.fill(from.Add(5*time.Hour), from.Add(24*time.Hour))
	s.now = from.Add(60 * time.Hour)
	k := s.open("")
	s.take(k)
	days := s.of(k, "m2", from.AddDate(0, 0, -1), from.AddDate(0, 0, 9), history.Day)
	if len(days) != 4 {
		t.Fatalf("%d days: want those that have begun", len(days))
	}
	if d := days[0]; d.Quality != history.Missing || d.Flow != nil || d.Money != nil || d.Behind != nil {
		t.Errorf("a day of which nothing is known: %+v", d)
	}
	if d := days[1]; d.Quality != history.Partial || d.Intervals != 88 || d.Expected != 96 {
		t.Errorf("a day with a gap: %+v", d)
	}
	if d := days[3]; d.Quality != history.Missing || d.Expected != 48 {
		t.Errorf("today: %+v", d)
	}
	hours := s.of(k, "m2", from, from.AddDate(0, 0, 1), history.Hour)
	if len(hours) != 24 || hours[3].Quality != history.Missing || hours[4].Flow != nil || hours[5].Quality != history.Measured {
		t.Errorf("hours %+v", hours[2:6])
	}
	if future := s.of(k, "m2", s.now.AddDate(0, 0, 3), s.now.AddDate(0, 0, 5), history.Day); future != nil {
		t.Errorf("the time to come: %+v", future)
	}
	if other := s.of(k, "nobody", from, from.AddDate(0, 0, 1), history.Day); other[0].Quality != history.Missing {
		t.Errorf("of nobody: %+v", other)
	}
}

// TestWrongRanges asks for what cannot be answered.
func TestWrongRanges(t *testing.T) {
	s := newSite(t, 7)
	s.options.Minutes = 30
	k := s.open("")
	from := s.day(2026, 6, 1)
	for _, w := range []struct {
		to   time.Time
		step history.Step
		want string
	}{
		{from, history.Day, "to: it has to be later than from"},
		{from.AddDate(0, 0, 1), "2h", `step: "2h" is none: ask for 5m, 15m, 1h, 1d or 1mo`},
		{from.AddDate(0, 0, 1), history.Quarter, "step: intervals are of 30 minutes here: ask for a step that is not shorter, or for 5m, which is without money"},
		{from.AddDate(0, 0, 9), history.FiveMinutes, "step: 5m reaches over eight days at most: ask for 15m or more"},
		{from.AddDate(6, 0, 0), history.Hour, "step: the range has more than 36000 of them: ask for a longer step"},
	} {
		if _, err := k.Of(t.Context(), "m1", from, w.to, w.step); err == nil || err.Error() != w.want {
			t.Errorf("%s until %s: %v, want %s", w.step, w.to, err, w.want)
		}
	}
}

// say has devices count for some hours: a meter that imports 200 W, a roof that gives 1 kW, and a
// battery that takes 600 W.
func (s *site) say(from, to time.Time, device string, imports, exports grid.Power) {
	s.t.Helper()
	var all []grid.Reading
	for at := from; !at.After(to); at = at.Add(time.Minute) {
		count := func(p grid.Power) *grid.Energy {
			return new(grid.Energy(float64(p) * at.Sub(from).Hours()))
		}
		all = append(all, grid.Reading{Device: device, Time: at.UTC(), Power: new(imports - exports), Import: count(imports), Export: count(exports), Quality: grid.Good})
	}
	if err := s.store.Write(s.t.Context(), all); err != nil {
		s.t.Fatal(err)
	}
}

// TestBehindTheMeter holds what the home used to what the devices counted, settled or not, and
// has it lacking where a device was silent.
func TestBehindTheMeter(t *testing.T) {
	s := newSite(t, 8)
	noon := s.day(2026, 6, 1).Add(12 * time.Hour)
	s.now = noon.Add(4 * time.Hour)
	for _, m := range []string{"meter-mp-a1", "meter-mp-b1"} {
		s.say(noon.Add(-time.Hour), s.now, m, 200, 0)
	}
	s.say(noon.Add(-time.Hour), s.now, "pv-1", 0, 1000)
	s.say(noon.Add(-time.Hour), noon.Add(2*time.Hour), "battery-1", 600, 0)
	k := s.open("")
	near := func(got grid.Energy, want float64) bool { return max(float64(got)-want, want-float64(got)) <= 20 } // a minute of it
	for _, step := range []history.Step{history.Quarter, history.FiveMinutes} {
		all := s.of(k, "m1", noon, s.now, step)
		if step == history.Quarter && len(all) != 16 || step == history.FiveMinutes && len(all) != 48 {
			t.Fatalf("%s: %d steps", step, len(all))
		}
		hours := all[0].End.Sub(all[0].Start).Hours()
		for n, p := range all[:len(all)-1] {
			if p.Quality != history.Provisional || p.Money != nil || !near(p.Flow.Import, 400*hours) || !near(p.Behind[history.Solar], 1000*hours) {
				t.Fatalf("%s %d: %+v", step, n, p)
			}
			if p.End.After(noon.Add(2 * time.Hour)) { // the battery is silent
				if _, known := p.Behind[history.HomeUse]; known || fmt.Sprint(p.Lacking) != "[battery_in battery_out home]" {
					t.Errorf("%s %d: %v and %v of a silent battery", step, n, p.Behind, p.Lacking)
				}
				continue
			}
			if len(p.Lacking) > 0 || !near(p.Behind[history.BatteryIn], 600*hours) || !near(p.Behind[history.HomeUse], 800*hours) {
				t.Errorf("%s %d: %v, lacking %v", step, n, p.Behind, p.Lacking)
			}
		}
	}
	s.fill(noon, noon.Add(3*time.Hour)) // now most of it is settled
	s.take(k)
	all := s.of(k, "m1", noon, s.now, history.Hour)
	if all[0].Quality != history.Measured || all[0].Money == nil || !near(all[0].Behind[history.Solar], 1000) || fmt.Sprint(all[2].Lacking) != "[battery_in battery_out home]" {
		t.Errorf("settled hours: %+v", all)
	}
	if all[3].Quality == history.Measured || all[3].Money != nil || !near(all[3].Flow.Import, 400) && !near(all[3].Flow.Import, 300) {
		t.Errorf("the hour that is not settled: %+v", all[3])
	}
}

// TestWhatABatteryKeptIsToldBesideTheMoney: a battery that charges all day is not counted in what
// the day came to; what it took is told up to what is settled, and not where a part is unknown.
func TestWhatABatteryKeptIsToldBesideTheMoney(t *testing.T) {
	s := newSite(t, 8)
	noon := s.day(2026, 6, 1).Add(12 * time.Hour)
	s.now = noon.Add(5 * time.Hour)
	s.say(noon.Add(-time.Hour), noon.Add(4*time.Hour), "battery-1", 600, 0)
	s.fill(noon, noon.Add(3*time.Hour))
	k := s.open("")
	kept := func(member string) *grid.Energy {
		s.take(k)
		got, err := k.Reckon(t.Context(), member)
		if err != nil {
			t.Fatal(err)
		}
		if got.LastMonth.Stored != nil {
			t.Errorf("%s kept %d Wh in a month of which nothing is settled", member, *got.LastMonth.Stored)
		}
		return got.Today.Stored
	}
	if got := kept("m1"); got == nil || *got < 1780 || *got > 1820 {
		t.Errorf("600 W for three settled hours are %v Wh", got)
	}
	if got := kept("m3"); got != nil {
		t.Errorf("a home without a battery kept %d Wh", *got)
	}
	s.fill(noon.Add(3*time.Hour), noon.Add(5*time.Hour)) // the battery was silent in the last hour
	if got := kept("m1"); got != nil {
		t.Errorf("of a battery that was silent it is said that it kept %d Wh", *got)
	}
}

// TestMoneyIsTheBills holds what is reckoned of a month to the bill that is drafted of it from
// the whole book, as the desk does: what it compares, and its lines.
func TestMoneyIsTheBills(t *testing.T) {
	for seed := range uint64(6) {
		s := newSite(t, 20+seed)
		s.fill(s.day(2026, 5, 30), s.day(2026, 6, 4))
		s.fill(s.day(2026, 6, 28), s.day(2026, 7, 2).Add(9*time.Hour))
		s.now = s.day(2026, 7, 2).Add(9*time.Hour + 20*time.Minute)
		k := s.open("")
		s.take(k)
		for _, member := range []string{"m1", "m2", "m3"} {
			got, err := k.Reckon(t.Context(), member)
			if err != nil {
				t.Fatal(err)
			}
			for name, r := range map[string]history.Reckoned{"2026-06": got.LastMonth, "2026-07": got.Month} {
				p, err := billing.Month(name, s.zone)
				if err != nil {
					t.Fatal(err)
				}
				b := s.bill(p, member)
				for _, c := range b.Compared {
					if c.Name == billing.This && c.Amount != r.Net || c.Name == billing.Alone && c.Amount != r.Without {
						t.Errorf("seed %d, %s of %s: %+v, the bill compares %s with %d", seed, name, member, r, c.Name, c.Amount)
					}
				}
				if r.Earned-r.Spent != b.Energy || r.Earned < 0 || r.Net != r.Earned-r.Spent-r.Standing-r.VAT || r.Standing == 0 || r.VAT == 0 || r.Intervals == 0 {
					t.Errorf("seed %d, %s of %s: %+v, the bill's lines come to %d", seed, name, member, r, b.Energy)
				}
			}
			month := s.of(k, member, s.day(2026, 6, 1), s.day(2026, 7, 1), history.Month)[0]
			if month.Money.Earned != got.LastMonth.Earned || month.Money.Cost != got.LastMonth.Spent {
				t.Errorf("the history of June has %+v, the money %+v", month.Money, got.LastMonth)
			}
			if got.Today.Period.Name != "2026-07-02" || got.Today.Intervals == 0 || got.Today.Net == got.Month.Net || !got.SettledUntil.Equal(s.day(2026, 7, 2).Add(9*time.Hour)) {
				t.Errorf("today %+v, settled until %s", got.Today, got.SettledUntil)
			}
		}
	}
}

// bill drafts a member's bill from all of the book.
func (s *site) bill(p billing.Period, member string) billing.Bill {
	s.t.Helper()
	d, err := billing.NewDrafter(billing.Options{Community: "c", Currency: "EUR", Digits: 2, Zone: s.zone, Period: p, Cut: billing.Cut{Place: statements.Always}, Tariffs: flat{}})
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.book.Each(s.t.Context(), p.From, p.To, d.Interval); err != nil {
		s.t.Fatal(err)
	}
	bills, err := d.Bills()
	if err != nil {
		s.t.Fatal(err)
	}
	return bills[slices.IndexFunc(bills, func(b billing.Bill) bool { return b.Member == member })]
}

// TestTheFileIsMadeAgain opens the past again: as it is, of another zone, and of a book that
// begins anew.
func TestTheFileIsMadeAgain(t *testing.T) {
	s := newSite(t, 9)
	from, to := s.day(2026, 6, 1), s.day(2026, 6, 3)
	s.fill(from, to)
	path := filepath.Join(t.TempDir(), history.File)
	k := s.open(path)
	s.take(k)
	want := s.of(k, "m1", from, to, history.Day)
	again := func() []history.Point {
		if err := k.Close(); err != nil {
			t.Fatal(err)
		}
		k = s.open(path)
		return s.of(k, "m1", from, to, history.Day)
	}
	if got := again(); *got[0].Flow != *want[0].Flow {
		t.Errorf("opened again: %+v", got[0])
	}
	s.options.Zone = time.UTC
	if got := again(); got[0].Flow != nil {
		t.Errorf("of another zone, before it is taken anew: %+v", got[0])
	}
	s.options.Zone = s.zone
	_ = again()
	s.take(k)
	if err := k.Close(); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{path, path + "nothing"} {
		if err := history.Forget(t.Context(), file, "m1"); err != nil {
			t.Fatal(err)
		}
	}
	if got := again(); got[0].Flow != nil || s.of(k, "m2", from, to, history.Day)[0].Flow == nil {
		t.Errorf("of a member who was forgotten: %+v", got[0])
	}
}

// TestBefore holds ranges to those that they are compared with.
func TestBefore(t *testing.T) {
	s := newSite(t, 10)
	for _, r := range [][4]time.Time{
		{s.day(2026, 3, 1), s.day(2026, 4, 1), s.day(2026, 2, 1), s.day(2026, 3, 1)},
		{s.day(2026, 1, 1), s.day(2027, 1, 1), s.day(2025, 1, 1), s.day(2026, 1, 1)},
		{s.day(2026, 3, 23), s.day(2026, 3, 30), s.day(2026, 3, 16), s.day(2026, 3, 23)}, // 167 hours
		{s.day(2026, 3, 29), s.day(2026, 3, 30), s.day(2026, 3, 28), s.day(2026, 3, 29)},
		{s.day(2026, 6, 1).Add(time.Hour), s.day(2026, 6, 1).Add(3 * time.Hour), s.day(2026, 5, 31).Add(23 * time.Hour), s.day(2026, 6, 1).Add(time.Hour)},
	} {
		if from, to := history.Before(r[0], r[1], s.zone); !from.Equal(r[2]) || !to.Equal(r[3]) {
			t.Errorf("before %s–%s: %s–%s", r[0], r[1], from, to)
		}
	}
}

// TestRunTakesWhatComes has a Keeper at work take what the book gets.
func TestRunTakesWhatComes(t *testing.T) {
	s := newSite(t, 11)
	k := s.open("")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- k.Run(ctx) }()
	from := s.day(2026, 6, 1)
	s.settle(grid.IntervalAt(from, 15), grid.Good)
	k.Added()
	for {
		if p := s.of(k, "m1", from, from.Add(15*time.Minute), history.Quarter); p[0].Flow != nil {
			break
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
