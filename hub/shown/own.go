package shown

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/members/consent"
	"github.com/commonwatt/commonwatt/meters/evidence"
	"github.com/commonwatt/commonwatt/meters/store"
	"github.com/commonwatt/commonwatt/notices"
	"github.com/commonwatt/commonwatt/notices/push"
	"github.com/commonwatt/commonwatt/proof"
	"github.com/commonwatt/commonwatt/web"
	"github.com/commonwatt/commonwatt/web/api"
)

// Told shows what devices told. It implements web.Told.
type Told struct {
	Devices  func() []grid.Device
	Evidence *evidence.Log
	Store    store.Store
	Clock    func() time.Time // world time
}

// Readings implements web.Told: the signed batches say what was told; where they are not kept any
// more, telemetry has it, or its means.
func (t Told) Readings(ctx context.Context, home, device string, until *time.Time, minutes int) (r api.HomeReadings, known bool, err error) {
	all := t.Devices()
	k := slices.IndexFunc(all, func(d grid.Device) bool { return d.ID == device && d.Member == home })
	if k < 0 {
		return r, false, nil
	}
	to := t.Clock()
	if until != nil {
		to = *until
	}
	from := to.Add(-time.Duration(minutes) * time.Minute)
	r = api.HomeReadings{Home: home, Device: device, Kind: string(all[k].Kind), From: from.UTC(), Until: to.UTC(), Readings: []api.ToldReading{}}
	signed, err := t.Evidence.Told(ctx, home, device, from, to)
	if err != nil {
		return r, true, err
	}
	telemetry, err := t.telemetry(ctx, device, from, to)
	if err != nil && len(signed) == 0 {
		return r, true, err
	}
	at := map[int64]bool{}
	for _, s := range signed {
		shown := readingOf(s.Reading)
		shown.Batch, shown.Gateway, shown.Sequence = new(string(s.Digest)), new(s.Gateway), new(int64(s.Sequence))
		r.Readings = append(r.Readings, shown)
		at[s.Time.UnixMilli()] = true
	}
	for _, one := range telemetry {
		if !at[one.Time.UnixMilli()] {
			r.Readings = append(r.Readings, readingOf(one))
		}
	}
	slices.SortStableFunc(r.Readings, func(a, b api.ToldReading) int { return b.Time.Compare(a.Time) })
	return r, true, nil
}

// telemetry returns the readings of a device, or the means over a minute of those that are not kept
// in full.
func (t Told) telemetry(ctx context.Context, device string, from, to time.Time) ([]grid.Reading, error) {
	all, err := t.Store.Range(ctx, device, from, to, store.Raw)
	if err != nil || len(all) > 0 {
		return all, err
	}
	return t.Store.Range(ctx, device, from, to, store.Minute)
}

func readingOf(r grid.Reading) api.ToldReading {
	shown := api.ToldReading{Time: r.Time.UTC(), Quality: string(r.Quality), Power: (*int64)(r.Power), Import: (*int64)(r.Import), Export: (*int64)(r.Export)}
	if r.Charge != nil {
		shown.Charge = new(int(*r.Charge))
	}
	return shown
}

// Batch implements web.Told.
func (t Told) Batch(ctx context.Context, home, digest string) ([]byte, error) {
	return t.Evidence.SignedOf(ctx, home, proof.Digest(digest))
}

// Consents shows what members allow. It implements web.Consents.
type Consents struct {
	Kept    *consent.Kept
	Devices func() []grid.Device
	Clock   func() time.Time // world time
}

// Consent implements web.Consents.
func (c Consents) Consent(home string) (shown api.HomeConsent, known bool) {
	if !slices.ContainsFunc(c.Devices(), func(d grid.Device) bool { return d.Member == home }) {
		return shown, false
	}
	shown = api.HomeConsent{Home: home, Decisions: []api.ConsentDecision{}}
	decided := c.Kept.Decisions(home)
	for _, d := range decided {
		shown.Decisions = append(shown.Decisions, api.ConsentDecision{Use: string(d.Use), Allowed: d.Allowed, Time: d.Time})
	}
	for _, u := range consent.Uses() {
		shown.Uses = append(shown.Uses, api.ConsentUse{
			Use: string(u), Allowed: c.Kept.Allows(home, u), Text: u.Text(), Decided: slices.ContainsFunc(decided, func(d consent.Decision) bool { return d.Use == u }),
		})
	}
	return shown, true
}

// Decide implements web.Consents.
func (c Consents) Decide(home string, r api.ConsentRequest) error {
	all := map[consent.Use]bool{}
	for use, allowed := range map[consent.Use]*bool{consent.Sums: r.Sums, consent.Research: r.Research} {
		if allowed != nil {
			all[use] = *allowed
		}
	}
	return c.Kept.Decide(home, all, c.Clock())
}

// Notices shows what homeowners are told. It implements web.Notices.
type Notices struct {
	Book     *notices.Book
	Keys     push.Keys
	Currency string
	Contact  func(ctx context.Context, r notices.Recipient) (notices.Contact, error)
	Mail     bool             // there is a mail server
	Clock    func() time.Time // world time
}

// Settings implements web.Notices.
func (n Notices) Settings(ctx context.Context, who web.Recipient) (shown api.NoticeSettings, err error) {
	r := notices.Recipient(who)
	s, err1 := n.Book.Of(ctx, r)
	browsers, err2 := n.Book.Browsers(ctx, r)
	contact, err3 := n.Contact(ctx, r)
	if err := errors.Join(err1, err2, err3); err != nil {
		return shown, err
	}
	shown = api.NoticeSettings{Currency: n.Currency, Mail: n.Mail && contact.EMail != "", PushKey: n.Keys.Public, Email: emailOf(contact), Browsers: []string{}, Below: (*int64)(s.Below), Above: (*int64)(s.Above)}
	for _, k := range notices.Kinds() {
		shown.Kinds = append(shown.Kinds, api.NoticeKind{Kind: string(k), Email: s.Wants(k, notices.EMail), Push: s.Wants(k, notices.Push), Source: k != notices.Vote})
	}
	for _, b := range browsers {
		if at, err := url.Parse(b.Endpoint); err == nil {
			shown.Browsers = append(shown.Browsers, at.Host)
		}
	}
	return shown, nil
}

// emailOf is to which address letters go, nil where none is known.
func emailOf(c notices.Contact) *string {
	if c.EMail == "" {
		return nil
	}
	return &c.EMail
}

// Choose implements web.Notices.
func (n Notices) Choose(ctx context.Context, who web.Recipient, r api.NoticeRequest) error {
	s := notices.Settings{On: map[notices.Kind][]notices.Channel{}, Below: (*grid.Price)(r.Below), Above: (*grid.Price)(r.Above), Since: n.Clock().UTC()}
	for _, c := range r.Kinds {
		kind := notices.Kind(c.Kind)
		for channel, on := range map[notices.Channel]*bool{notices.EMail: c.Email, notices.Push: c.Push} {
			if on != nil && *on && !slices.Contains(s.On[kind], channel) {
				s.On[kind] = append(s.On[kind], channel)
			}
		}
		slices.Sort(s.On[kind])
	}
	return n.Book.Set(ctx, notices.Recipient(who), s)
}

// Subscribe implements web.Notices.
func (n Notices) Subscribe(ctx context.Context, who web.Recipient, s api.PushSubscription) error {
	b := notices.Browser{Endpoint: s.Endpoint, P256dh: s.P256dh, Auth: s.Auth}
	if err := push.Check(b); err != nil {
		return err
	}
	return n.Book.Subscribe(ctx, notices.Recipient(who), b)
}

// Unsubscribe implements web.Notices.
func (n Notices) Unsubscribe(ctx context.Context, who web.Recipient, endpoint string) error {
	return n.Book.Unsubscribe(ctx, notices.Recipient(who), endpoint)
}

// TurnOff implements web.Notices.
func (n Notices) TurnOff(ctx context.Context, token string) (o api.NoticeOff, known bool, err error) {
	off, err := n.Book.TurnOff(ctx, token)
	if errors.Is(err, notices.ErrToken) {
		return o, false, nil
	}
	return api.NoticeOff{Kind: string(off.Kind), Channel: string(off.Channel)}, true, err
}
