package notices

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Letter is a notice as an e-mail.
type Letter struct {
	ID      string // that stays the same when it is sent again
	To      string
	Subject string
	Text    string
	Off     string // the address at which one request turns the kind off (RFC 8058)
}

// Mailer sends e-mails.
type Mailer interface {
	Send(ctx context.Context, l Letter) error
}

// Message is a notice as a browser shows it.
type Message struct {
	Title string `json:"title"`
	Text  string `json:"text"`
	Tag   string `json:"tag"` // one of the same takes the place of another
	Open  string `json:"open"`
	Off   string `json:"off"`
}

// Pusher sends messages to browsers. gone tells that a browser is subscribed no more.
type Pusher interface {
	Send(ctx context.Context, to Browser, m Message, ttl time.Duration) (gone bool, err error)
}

// Contact is how a recipient is reached.
type Contact struct {
	EMail    string // empty: none is known
	Language string
	Gone     bool // there is no such account any more, or it is another home's
}

// How often a recipient is told by a channel, at most.
const (
	Hourly = 4
	Daily  = 12
)

// Runner finds out what there is to tell, and tells it.
type Runner struct {
	Book    *Book
	Place   Place // but the language, which is the recipient's
	Facts   func(ctx context.Context, member string) (Facts, error)
	Contact func(ctx context.Context, r Recipient) (Contact, error)
	Mail    Mailer // nil: there is no mail server
	Push    Pusher
	Base    string           // address of the pages, without a slash at its end
	Name    string           // of the community
	Clock   func() time.Time // world time
	Now     func() time.Time // wall time
	Log     *slog.Logger
}

// lookEvery is how often facts are looked at, in wall time.
const lookEvery = 15 * time.Second

// Run tells recipients until ctx ends.
func (r *Runner) Run(ctx context.Context) error {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		if err := r.Step(ctx); err != nil && ctx.Err() == nil {
			r.Log.WarnContext(ctx, "notices wait", slog.String("error", err.Error()))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// Step looks at the facts once, and sends what waits.
func (r *Runner) Step(ctx context.Context) error {
	recipients, err := r.Book.Recipients(ctx)
	if err != nil {
		return err
	}
	var failed []error // of one recipient: the others are told all the same
	for _, recipient := range recipients {
		failed = append(failed, r.look(ctx, recipient))
	}
	all, err := r.Book.next(ctx, r.Now())
	for _, w := range all {
		failed = append(failed, r.tell(ctx, w))
	}
	return errors.Join(append(failed, err)...)
}

// look puts into the outbox what there is to tell a recipient. Of who is gone it forgets all.
func (r *Runner) look(ctx context.Context, recipient Recipient) error {
	contact, err := r.Contact(ctx, recipient)
	if err != nil {
		return fmt.Errorf("contact of %s: %w", recipient, err)
	}
	if contact.Gone {
		return r.Book.Leave(ctx, recipient)
	}
	s, err := r.Book.Of(ctx, recipient)
	if err != nil || !s.any() {
		return err
	}
	facts, err := r.Facts(ctx, recipient.Member)
	if err != nil {
		return fmt.Errorf("facts of %s: %w", recipient.Member, err)
	}
	for _, n := range Due(facts, s) {
		for _, c := range s.On[n.Kind] {
			if err := r.Book.put(ctx, recipient, c, n); err != nil {
				return err
			}
		}
	}
	return nil
}

// tell sends a notice, if it is still to be sent.
func (r *Runner) tell(ctx context.Context, w waiting) error {
	s, err := r.Book.Of(ctx, w.recipient)
	if err != nil {
		return err
	}
	switch {
	case !s.Wants(w.notice.Kind, w.channel):
		return r.Book.mark(ctx, w, "off", time.Time{}, time.Time{})
	case r.Clock().After(w.notice.Until):
		return r.Book.mark(ctx, w, "over", time.Time{}, time.Time{})
	}
	if enough, err := r.enough(ctx, w); err != nil || enough {
		return err
	}
	if err := r.Book.mark(ctx, w, "sending", r.Now(), time.Time{}); err != nil { // it counts from here on
		return err
	}
	reached, err := r.send(ctx, w)
	switch {
	case err != nil:
		return r.later(ctx, w, err)
	case !reached:
		return r.Book.mark(ctx, w, "nobody", time.Time{}, time.Time{})
	default:
		return r.Book.mark(ctx, w, "sent", r.Now(), time.Time{})
	}
}

// enough tells whether a recipient was told so often by a channel that a notice waits.
func (r *Runner) enough(ctx context.Context, w waiting) (bool, error) {
	hour, err := r.Book.sentSince(ctx, w.recipient, w.channel, r.Now().Add(-time.Hour))
	if err != nil || hour >= Hourly {
		return true, err
	}
	day, err := r.Book.sentSince(ctx, w.recipient, w.channel, r.Now().Add(-24*time.Hour))
	return day >= Daily, err
}

// mostTries is how often a notice is tried that a server did not take; it waits longer each
// time.
const mostTries = 5

func (r *Runner) later(ctx context.Context, w waiting, why error) error {
	w.tries++
	r.Log.WarnContext(ctx, "a notice was not taken", slog.String("channel", string(w.channel)), slog.String("kind", string(w.notice.Kind)), slog.Int("tries", w.tries), slog.String("error", why.Error()))
	if w.tries >= mostTries {
		return r.Book.mark(ctx, w, "failed", time.Time{}, time.Time{})
	}
	return r.Book.mark(ctx, w, "waiting", time.Time{}, r.Now().Add(time.Minute<<(2*w.tries))) //nolint:mnd // four times as long each time
}

// send sends a notice, and tells whether there was anybody to send it to.
func (r *Runner) send(ctx context.Context, w waiting) (reached bool, err error) {
	contact, err := r.Contact(ctx, w.recipient)
	if err != nil || contact.Gone {
		return false, err
	}
	place := r.Place
	place.Language = contact.Language
	words, token := place.Say(w.notice), r.Book.Token(Off{w.recipient.Account, w.recipient.Member, w.notice.Kind, w.channel})
	off := r.Base + "/off.html#" + token
	if w.channel == EMail {
		if r.Mail == nil || contact.EMail == "" {
			return false, nil
		}
		return true, r.Mail.Send(ctx, Letter{
			ID: fmt.Sprintf("notice.%d.%s", w.id, r.Name), To: contact.EMail, Subject: r.Name + ": " + words.Title,
			Text: words.Title + "\n\n" + words.Text + "\n\n" + r.Base + "\n\n-- \n" + place.offText(off) + "\n", Off: r.Base + "/api/v1/notices/off?token=" + token,
		})
	}
	return r.push(ctx, w, Message{Title: words.Title, Text: words.Text, Tag: string(w.notice.Kind) + " " + w.notice.Key, Open: r.Base + "/", Off: off})
}

// push sends a message to all browsers of a recipient. One that took it is enough: it is not sent
// there again because another one did not.
func (r *Runner) push(ctx context.Context, w waiting, m Message) (reached bool, failed error) {
	browsers, err := r.Book.Browsers(ctx, w.recipient)
	if err != nil || r.Push == nil {
		return false, err
	}
	for _, to := range browsers {
		gone, err := r.Push.Send(ctx, to, m, max(w.notice.Until.Sub(r.Clock()), time.Minute))
		switch {
		case gone:
			if err := r.Book.Unsubscribe(ctx, w.recipient, to.Endpoint); err != nil {
				return reached, err
			}
		case err != nil:
			failed = err
		default:
			reached = true
		}
	}
	if reached {
		return true, nil
	}
	return false, failed
}
