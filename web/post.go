package web

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"time"

	"github.com/commonwatt/commonwatt/web/auth/accounts"
)

// Letters sends e-mail.
type Letters interface {
	// Send hands a letter over to the mail server.
	Send(ctx context.Context, to, subject, text string) error
}

// Post sends links by e-mail, one after the other, so that nobody who asks for one waits for
// the mail server, or learns by how long it takes whether there was somebody to write to. Who
// makes one with NewPost runs it.
type Post struct {
	letters Letters
	book    *accounts.Book
	log     *slog.Logger
	jobs    chan func(context.Context) error
}

const (
	mostWaiting  = 64 // letters; more are not sent, and who wants one asks again
	letterWithin = time.Minute
)

// NewPost returns the post of a book of accounts.
func NewPost(letters Letters, book *accounts.Book, log *slog.Logger) *Post {
	return &Post{letters, book, log, make(chan func(context.Context) error, mostWaiting)}
}

// Run sends letters until ctx ends.
func (p *Post) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case job := <-p.jobs:
			bounded, cancel := context.WithTimeout(ctx, letterWithin)
			if err := job(bounded); err != nil {
				p.log.WarnContext(ctx, "a link was not sent by e-mail", slog.String("error", err.Error()))
			}
			cancel()
		}
	}
}

func (p *Post) add(job func(context.Context) error) {
	select {
	case p.jobs <- job:
	default:
		p.log.Warn("a link is not sent by e-mail: too many wait already")
	}
}

// invite sends an invitation.
func (p *Post) invite(l accounts.Link, site Site, address string) {
	words := wordsOf(site.Language)
	p.add(func(ctx context.Context) error {
		return p.letters.Send(ctx, l.EMail, fmt.Sprintf(words.invited, called(site)), fmt.Sprintf(words.invitation, called(site), address, l.Expires.Format(time.DateOnly)))
	})
}

// recover sends somebody a link to choose a new password, where there is such an account.
func (p *Post) recover(email string, site Site, from netip.Addr) {
	p.add(func(ctx context.Context) error {
		a, err := p.book.People.ByEMail(ctx, email)
		if errors.Is(err, accounts.ErrNone) {
			return nil
		}
		if err != nil {
			return err
		}
		secret, _, err := p.book.Entrance.Recover(ctx, a.ID, accounts.By{From: from.String()})
		if err != nil {
			return err
		}
		words := wordsOf(cmp.Or(a.Language, site.Language))
		return p.letters.Send(ctx, a.EMail, fmt.Sprintf(words.recovery, called(site)), fmt.Sprintf(words.recover, called(site), site.Address+recoveryPage+secret))
	})
}

// called is what people call a community.
func called(site Site) string {
	if site.DisplayName != "" {
		return site.DisplayName
	}
	return site.Community
}

// letterWords are those of letters in a language.
type letterWords struct{ invited, invitation, recovery, recover string }

func wordsOf(language string) letterWords {
	if language == "de" {
		return letterWords{
			invited: "Einladung: %s", recovery: "Neues Passwort: %s",
			invitation: lines("Sie sind eingeladen, sich bei %s anzumelden. Öffnen Sie dazu", "", "%s", "", "Der Link gilt einmal, bis %s."),
			recover:    lines("Jemand, hoffentlich Sie, möchte für Ihren Zugang bei %s ein neues Passwort wählen. Öffnen Sie dazu", "", "%s", "", "Der Link gilt einmal, eine Stunde lang. Wenn Sie das nicht waren, ist nichts zu tun: Ihr Passwort bleibt, wie es ist."),
		}
	}
	return letterWords{
		invited: "Invitation: %s", recovery: "New password: %s",
		invitation: lines("You are invited to sign in to %s. To do so open", "", "%s", "", "The link is good once, until %s."),
		recover:    lines("Somebody, you we hope, wants to choose a new password for your account with %s. To do so open", "", "%s", "", "The link is good once, for an hour. If it was not you there is nothing to do: your password stays as it is."),
	}
}

func lines(all ...string) string { return strings.Join(all, "\n") + "\n" }
