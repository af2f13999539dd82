package notices_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/notices"
)

// told is who sends, and what was sent: letters and messages.
type told struct {
	letters  []notices.Letter
	messages []notices.Message
	fail     error
	gone     map[string]bool
}

func (o *told) Send(_ context.Context, l notices.Letter) error {
	if o.fail == nil {
		o.letters = append(o.letters, l)
	}
	return o.fail
}

type pushed struct{ *told }

func (o pushed) Send(_ context.Context, to notices.Browser, m notices.Message, _ time.Duration) (bool, error) {
	if o.gone[to.Endpoint] {
		return true, nil
	}
	if o.fail == nil {
		o.messages = append(o.messages, m)
	}
	return false, o.fail
}

// hub is a community with the homes of ann and bob, whose facts a test sets.
type hub struct {
	*told

	t     *testing.T
	path  string
	book  *notices.Book
	now   time.Time
	facts map[string]notices.Facts
	left  map[notices.Recipient]bool // whose accounts are gone

	unknown string // whose facts are not known
}

// at is who reads of a home with an account of the same name.
func at(member string) notices.Recipient { return notices.Recipient{Account: member, Member: member} }

func newHub(t *testing.T) *hub {
	t.Helper()
	h := &hub{told: &told{gone: map[string]bool{}}, t: t, path: filepath.Join(t.TempDir(), notices.File), now: time.Date(2026, 6, 1, 10, 0, 0, 0, time.UTC), facts: map[string]notices.Facts{}, left: map[notices.Recipient]bool{}}
	h.open()
	return h
}

func (h *hub) open() {
	h.t.Helper()
	if h.book != nil {
		if err := h.book.Close(); err != nil {
			h.t.Fatal(err)
		}
	}
	var err error
	if h.book, err = notices.Open(h.t.Context(), h.path); err != nil {
		h.t.Fatal(err)
	}
	book := h.book
	h.t.Cleanup(func() { _ = book.Close() })
}

func (h *hub) step() {
	h.t.Helper()
	clock := func() time.Time { return h.now }
	r := notices.Runner{
		Book: h.book, Place: notices.Place{Zone: time.UTC, Currency: "EUR"}, Base: "https://street.example", Name: "Am Anger", Clock: clock, Now: clock, Log: slog.New(slog.DiscardHandler),
		Mail: h.told, Push: pushed{h.told},
		Facts: func(_ context.Context, member string) (notices.Facts, error) {
			if member == h.unknown {
				return notices.Facts{}, errors.New("nothing is known")
			}
			f := h.facts[member]
			f.Now, f.Zone = h.now, time.UTC
			return f, nil
		},
		Contact: func(_ context.Context, r notices.Recipient) (notices.Contact, error) {
			return notices.Contact{EMail: r.Account + "@street.example", Language: map[string]string{"bob": "de"}[r.Account], Gone: h.left[r]}, nil
		},
	}
	if err := r.Step(h.t.Context()); (err != nil) != (h.unknown != "") {
		h.t.Fatal(err)
	}
}

func (h *hub) choose(member string, on map[notices.Kind][]notices.Channel) {
	h.t.Helper()
	h.chooseAs(at(member), on)
}

func (h *hub) chooseAs(r notices.Recipient, on map[notices.Kind][]notices.Channel) {
	h.t.Helper()
	err := h.book.Set(h.t.Context(), r, notices.Settings{On: on, Below: new(grid.Price(100_000)), Above: new(grid.Price(300_000)), Since: h.now})
	if err != nil {
		h.t.Fatal(err)
	}
}

var both = []notices.Channel{notices.EMail, notices.Push}

func all() map[notices.Kind][]notices.Channel {
	on := map[notices.Kind][]notices.Channel{}
	for _, k := range notices.Kinds() {
		on[k] = both
	}
	return on
}

// everything are facts of each kind that there is a source of.
func (h *hub) everything() notices.Facts {
	return notices.Facts{
		Priced: &notices.Priced{Interval: grid.IntervalAt(h.now, 15), Price: 60_000},
		Silent: []notices.Silent{{Device: "roof", Since: h.now.Add(-time.Hour)}, {Device: "battery", Since: h.now.Add(-time.Minute)}},
		Bills:  []notices.Billed{{ID: "2026-000017", Period: "2026-05", Issued: h.now.Add(time.Minute), Due: -12_500_000}, {ID: "2026-000003", Period: "2026-04", Issued: h.now.Add(-time.Hour)}},
		Unmet:  []string{"The car cannot be at 80 % by 07:00: it will be at 71 %."},
	}
}

func (h *hub) subjects() (all []string) {
	for _, l := range h.letters {
		all = append(all, l.Subject)
	}
	return all
}

// TestEachIsToldOnce has everything be the case for hours, over a restart.
func TestEachIsToldOnce(t *testing.T) {
	h := newHub(t)
	h.choose("ann", all())
	if err := h.book.Subscribe(t.Context(), at("ann"), notices.Browser{Endpoint: "https://push.example/1"}); err != nil {
		t.Fatal(err)
	}
	h.facts["ann"], h.facts["bob"] = h.everything(), h.everything()
	for range 8 {
		h.step()
		f := h.facts["ann"]
		f.Priced = &notices.Priced{Interval: grid.IntervalAt(h.now, 15), Price: 60_000}
		f.Unmet = []string{fmt.Sprintf("The car cannot be at 80 %% by 07:00: it will be at %d %%.", h.now.Minute())}
		h.facts["ann"] = f
		h.open()
		h.now = h.now.Add(14 * time.Minute)
	}
	want := "[Am Anger: The price among neighbours is 0.0600 EUR/kWh Am Anger: roof does not answer Am Anger: Bill 2026-000017 Am Anger: A limit of your home cannot be kept Am Anger: battery does not answer]" // the last one when the hour of the others is over
	if got := fmt.Sprint(h.subjects()); got != want {
		t.Errorf("letters %s, want %s", got, want)
	}
	if len(h.messages) != 5 || h.messages[2].Text != "Your bill for 2026-05 is there. You pay 12.50 EUR." || h.messages[1].Text != "It was heard last at 09:00 UTC, 1 June 2026. Its energy is not known until it answers again." {
		t.Errorf("messages %+v", h.messages)
	}
	for _, l := range h.letters {
		if l.To != "ann@street.example" || strings.Contains(l.Text, "bob") || !strings.Contains(l.Text, "https://street.example/off.html#") {
			t.Errorf("a letter of another, or without a link: %+v", l)
		}
	}
}

// TestWhatWasBeingSentIsNotSentAgain has the program end while a letter is handed over.
func TestWhatWasBeingSentIsNotSentAgain(t *testing.T) {
	h := newHub(t)
	h.choose("ann", map[notices.Kind][]notices.Channel{notices.Bill: {notices.EMail}})
	h.facts["ann"] = h.everything()
	func() {
		defer func() { _ = recover() }()
		h.fail = panics{}
		h.step()
	}()
	h.fail = nil
	h.open()
	h.step()
	if len(h.letters) > 0 {
		t.Errorf("sent again: %v", h.subjects())
	}
}

// panics ends the program when somebody asks what it says.
type panics struct{}

func (panics) Error() string { panic("killed") }

// TestNotTooOften has a device fall silent again and again.
func TestNotTooOften(t *testing.T) {
	h := newHub(t)
	h.choose("ann", map[notices.Kind][]notices.Channel{notices.Device: {notices.EMail}})
	for n := range 60 {
		h.facts["ann"] = notices.Facts{Silent: []notices.Silent{{Device: fmt.Sprint("d", n), Since: h.now.Add(-time.Hour)}}}
		h.step()
		h.now = h.now.Add(5 * time.Minute)
		if n == 11 && len(h.letters) != notices.Hourly {
			t.Errorf("%d letters in an hour", len(h.letters))
		}
	}
	if len(h.letters) != notices.Daily {
		t.Errorf("%d letters in five hours", len(h.letters))
	}
}

// TestAServerThatRefuses is tried again later, and given up at last.
func TestAServerThatRefuses(t *testing.T) {
	h := newHub(t)
	h.choose("ann", map[notices.Kind][]notices.Channel{notices.Bill: {notices.EMail}})
	h.facts["ann"] = h.everything()
	h.fail = errors.New("450 try later")
	h.step()
	h.fail = nil
	h.step() // too soon
	if len(h.letters) != 0 {
		t.Error("tried again at once")
	}
	h.now = h.now.Add(5 * time.Minute)
	h.step()
	if len(h.letters) != 1 {
		t.Errorf("%d letters after the server came back", len(h.letters))
	}
	h.facts["ann"] = notices.Facts{Bills: []notices.Billed{{ID: "2026-000018", Issued: h.now}}}
	h.fail = errors.New("550 never")
	for range 6 {
		h.step()
		h.now = h.now.Add(20 * time.Hour)
	}
	h.fail = nil
	h.step()
	if len(h.letters) != 1 {
		t.Errorf("not given up: %v", h.subjects())
	}
}

// TestALinkTurnsOff follows the link of a letter, and tries to make one.
func TestALinkTurnsOff(t *testing.T) {
	h := newHub(t)
	h.choose("ann", all())
	h.choose("bob", all())
	h.facts["ann"] = h.everything()
	h.step()
	_, token, _ := strings.Cut(h.letters[0].Off, "token=")
	h.open() // the key is kept
	for _, wrong := range []string{"", ".", token + "x", "x" + token, token[:len(token)-5], strings.Split(token, ".")[0], strings.Split(h.book.Token(notices.Off{Account: "bob", Member: "bob", Kind: notices.Price, Channel: notices.EMail}), ".")[0] + "." + strings.Split(token, ".")[1]} {
		if _, err := h.book.TurnOff(t.Context(), wrong); !errors.Is(err, notices.ErrToken) {
			t.Errorf("%q: %v", wrong, err)
		}
	}
	for range 2 {
		o, err := h.book.TurnOff(t.Context(), token)
		if err != nil || o != (notices.Off{Account: "ann", Member: "ann", Kind: notices.Price, Channel: notices.EMail}) {
			t.Fatal(o, err)
		}
	}
	ann, _ := h.book.Of(t.Context(), at("ann"))
	bob, _ := h.book.Of(t.Context(), at("bob"))
	if ann.Wants(notices.Price, notices.EMail) || !ann.Wants(notices.Price, notices.Push) || !ann.Wants(notices.Bill, notices.EMail) || !bob.Wants(notices.Price, notices.EMail) {
		t.Errorf("ann %+v, bob %+v", ann, bob)
	}
}

// TestWhatIsOffIsNotSent turns a kind off while a notice of it waits.
func TestWhatIsOffIsNotSent(t *testing.T) {
	h := newHub(t)
	h.choose("ann", map[notices.Kind][]notices.Channel{notices.Bill: both})
	h.facts["ann"] = h.everything()
	h.fail = errors.New("450 try later")
	h.step()
	h.fail = nil
	h.choose("ann", nil)
	h.now = h.now.Add(time.Hour)
	h.step()
	if len(h.letters)+len(h.messages) > 0 {
		t.Errorf("sent: %v", h.subjects())
	}
}

// TestABrowserThatIsGoneIsForgotten and the others are told.
func TestABrowserThatIsGoneIsForgotten(t *testing.T) {
	h := newHub(t)
	h.choose("bob", map[notices.Kind][]notices.Channel{notices.Bill: both})
	for n := range 12 {
		err := h.book.Subscribe(t.Context(), at("bob"), notices.Browser{Endpoint: fmt.Sprint("https://push.example/", n)})
		if wrong := (*notices.FieldError)(nil); n < 10 && err != nil || n >= 10 && !errors.As(err, &wrong) {
			t.Fatal(n, err)
		}
	}
	h.gone["https://push.example/3"] = true
	h.facts["bob"] = h.everything()
	h.step()
	left, err := h.book.Browsers(t.Context(), at("bob"))
	if err != nil || len(left) != 9 || len(h.messages) != 9 || h.messages[0].Title != "Rechnung 2026-000017" || h.messages[0].Text != "Ihre Rechnung für 2026-05 liegt vor. Sie zahlen 12,50 EUR." {
		t.Errorf("%d left, %d told, %+v: %v", len(left), len(h.messages), h.messages, err)
	}
	if err := h.book.Forget(t.Context(), "bob"); err != nil {
		t.Fatal(err)
	}
	left, _ = h.book.Browsers(t.Context(), at("bob"))
	if members, _ := h.book.Recipients(t.Context()); len(left)+len(members) > 0 {
		t.Errorf("%v and %v of who is forgotten", left, members)
	}
}

// TestWhatCannotBeChosen is refused, and nothing of it kept.
func TestWhatCannotBeChosen(t *testing.T) {
	h := newHub(t)
	for want, s := range map[string]notices.Settings{
		`kinds: "weather" is none: there are price, device, bill, vote, limit and key`:          {On: map[notices.Kind][]notices.Channel{"weather": both}},
		`kinds.bill: "pigeon" is no channel: there are email and push`:                          {On: map[notices.Kind][]notices.Channel{notices.Bill: {"pigeon"}}},
		"below: it has to be less than above":                                                   {Below: new(grid.Price(2)), Above: new(grid.Price(1))},
		"below: give a price, or one in above: notices of prices are about passing one of them": {On: map[notices.Kind][]notices.Channel{notices.Price: both}},
	} {
		if err := h.book.Set(t.Context(), at("ann"), s); err == nil || err.Error() != want {
			t.Errorf("%+v: %v, want %s", s, err, want)
		}
	}
	if members, _ := h.book.Recipients(t.Context()); len(members) > 0 {
		t.Error("kept")
	}
}

// TestTwoAccountsOfAHome choose for themselves: each is told what it chose, at its own address and in
// its own browsers, and the link of one turns nothing off for the other.
func TestTwoAccountsOfAHome(t *testing.T) {
	h := newHub(t)
	ann, cleo := notices.Recipient{Account: "ann", Member: "oak"}, notices.Recipient{Account: "cleo", Member: "oak"}
	h.chooseAs(ann, map[notices.Kind][]notices.Channel{notices.Bill: {notices.EMail}, notices.Device: {notices.EMail}})
	h.chooseAs(cleo, map[notices.Kind][]notices.Channel{notices.Bill: both})
	if err := h.book.Subscribe(t.Context(), cleo, notices.Browser{Endpoint: "https://push.example/cleo"}); err != nil {
		t.Fatal(err)
	}
	h.facts["oak"] = h.everything()
	h.step()
	var to []string
	for _, l := range h.letters {
		to = append(to, l.To+" "+l.Subject)
	}
	if got := strings.Join(to, ", "); len(h.messages) != 1 || got != "ann@street.example Am Anger: roof does not answer, ann@street.example Am Anger: Bill 2026-000017, cleo@street.example Am Anger: Bill 2026-000017" {
		t.Errorf("letters %s; messages %+v", got, h.messages)
	}
	_, token, _ := strings.Cut(h.letters[1].Off, "token=")
	if _, err := h.book.TurnOff(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	if err := h.book.Unsubscribe(t.Context(), ann, "https://push.example/cleo"); err != nil {
		t.Fatal(err)
	}
	one, _ := h.book.Of(t.Context(), ann)
	other, _ := h.book.Of(t.Context(), cleo)
	browsers, _ := h.book.Browsers(t.Context(), cleo)
	if one.Wants(notices.Bill, notices.EMail) || !other.Wants(notices.Bill, notices.EMail) || len(browsers) != 1 {
		t.Errorf("ann %+v, cleo %+v with %v", one, other, browsers)
	}
}

// TestALinkOfBefore was made when a home chose as one: it turns the kind off for all who read of it.
func TestALinkOfBefore(t *testing.T) {
	h := newHub(t)
	ann, cleo, bob := notices.Recipient{Account: "ann", Member: "oak"}, notices.Recipient{Account: "cleo", Member: "oak"}, at("bob")
	for _, r := range []notices.Recipient{ann, cleo, bob} {
		h.chooseAs(r, all())
	}
	if _, err := h.book.TurnOff(t.Context(), h.book.Token(notices.Off{Member: "oak", Kind: notices.Bill, Channel: notices.EMail})); err != nil {
		t.Fatal(err)
	}
	for r, want := range map[notices.Recipient]bool{ann: false, cleo: false, bob: true} {
		if s, err := h.book.Of(t.Context(), r); err != nil || s.Wants(notices.Bill, notices.EMail) != want || !s.Wants(notices.Bill, notices.Push) {
			t.Errorf("%s: %+v, %v", r, s, err)
		}
	}
}

// TestWhoIsGoneIsToldNothing has an account removed, or given another home, while a notice waits: it is
// told nothing of the home, nothing of it is kept, and the other account of the home is told on.
func TestWhoIsGoneIsToldNothing(t *testing.T) {
	h := newHub(t)
	ann, cleo := notices.Recipient{Account: "ann", Member: "oak"}, notices.Recipient{Account: "cleo", Member: "oak"}
	h.chooseAs(ann, map[notices.Kind][]notices.Channel{notices.Bill: {notices.EMail}})
	h.chooseAs(cleo, map[notices.Kind][]notices.Channel{notices.Bill: {notices.EMail}})
	h.facts["oak"], h.fail = h.everything(), errors.New("450 try later")
	h.step()
	h.fail, h.left[ann], h.now = nil, true, h.now.Add(time.Hour)
	h.step()
	if len(h.letters) != 1 || h.letters[0].To != "cleo@street.example" {
		t.Errorf("%+v", h.letters)
	}
	if recipients, err := h.book.Recipients(t.Context()); err != nil || len(recipients) != 1 || recipients[0] != cleo {
		t.Errorf("%v, %v", recipients, err)
	}
}

// TestOneWhoseFactsAreNotKnown keeps nobody else from being told.
func TestOneWhoseFactsAreNotKnown(t *testing.T) {
	h := newHub(t)
	h.choose("ann", map[notices.Kind][]notices.Channel{notices.Bill: {notices.EMail}})
	h.choose("bob", map[notices.Kind][]notices.Channel{notices.Bill: {notices.EMail}})
	h.facts["bob"] = h.everything()
	h.unknown = "ann"
	h.step()
	if len(h.letters) != 1 || h.letters[0].To != "bob@street.example" {
		t.Errorf("%+v", h.letters)
	}
}

// TestAKeyThatEndsIsToldOnce to who wants to know it, and not again while it comes nearer.
func TestAKeyThatEndsIsToldOnce(t *testing.T) {
	h := newHub(t)
	h.choose("ann", map[notices.Kind][]notices.Channel{notices.Ending: {notices.EMail}})
	h.choose("bob", map[notices.Kind][]notices.Channel{notices.Bill: {notices.EMail}})
	ends := notices.Facts{Ending: []notices.EndingKey{{ID: "k1", Name: "the display in the hall", Ends: h.now.Add(14 * 24 * time.Hour)}}}
	h.facts["ann"], h.facts["bob"] = ends, ends
	for range 14 {
		h.step()
		h.now = h.now.Add(24 * time.Hour)
	}
	if got := fmt.Sprint(h.subjects()); got != "[Am Anger: The key for the display in the hall ends]" || h.letters[0].To != "ann@street.example" || !strings.Contains(h.letters[0].Text, "is refused from 10:00 UTC, 15 June 2026 on") {
		t.Errorf("letters %s: %+v", got, h.letters)
	}
}
