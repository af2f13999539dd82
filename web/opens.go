package web

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/commonwatt/commonwatt/web/auth/accounts"
)

// opener is what opens an account since a moment ago.
type opener int

const (
	newPassword opener = iota
	newPasskey
	newIdentity // an account of another service
)

// tell tells who has an account by letter that something new opens it, and what else does: it may
// have been somebody else who changed that. Nobody is told where no letters are sent.
func (p People) tell(account string, site Site, what opener) {
	if p.Post != nil {
		p.Post.opens(account, site, what, time.Now())
	}
}

// opens sends what tell tells.
func (p *Post) opens(account string, site Site, what opener, at time.Time) {
	p.add(func(ctx context.Context) error {
		a, err := p.book.People.Account(ctx, account)
		if errors.Is(err, accounts.ErrNone) {
			return nil
		}
		if err != nil {
			return err
		}
		words := openersOf(cmp.Or(a.Language, site.Language))
		others, err := p.openers(ctx, a, words)
		if err != nil {
			return err
		}
		text := lines(
			fmt.Sprintf(words.what[what], called(site), at.UTC().Format("2006-01-02 15:04 UTC")), "",
			words.others, strings.Join(others, "\n"), "",
			fmt.Sprintf(words.ifNot, site.Address+"/signin.html"))
		return p.letters.Send(ctx, a.EMail, fmt.Sprintf(words.subject, called(site)), text)
	})
}

// openers are what opens an account beside its password, a line each.
func (p *Post) openers(ctx context.Context, a accounts.Account, words openerWords) (all []string, err error) {
	passkeys, err1 := p.book.Passkeys.Of(ctx, a.ID)
	identities, err2 := p.book.Identities.Of(ctx, a.ID)
	keys, err3 := p.book.Keys.Of(ctx, a.Member)
	for _, k := range passkeys {
		all = append(all, fmt.Sprintf(words.passkey, k.Name, k.Made.Format(time.DateOnly)))
	}
	for _, i := range identities {
		all = append(all, fmt.Sprintf(words.identity, i.EMail, i.Issuer))
	}
	for _, k := range keys {
		if k.Maker == a.ID {
			all = append(all, fmt.Sprintf(words.key, k.Name, k.Ends.Format(time.DateOnly)))
		}
	}
	if len(all) == 0 {
		all = []string{words.nothing}
	}
	return all, errors.Join(err1, err2, err3)
}

// openerWords are those of such letters in a language.
type openerWords struct {
	subject, others, nothing, passkey, identity, key, ifNot string
	what                                                    [3]string // by opener
}

func openersOf(language string) openerWords {
	if language == "de" {
		return openerWords{ //nolint:gosec // words about passwords, and none
			subject: "Ihr Zugang: %s",
			what: [3]string{
				"Ihr Zugang bei %s hat ein neues Passwort, seit %s.",
				"Ihr Zugang bei %s hat einen neuen Passkey, seit %s.",
				"In Ihren Zugang bei %s führt das Konto eines anderen Dienstes, seit %s.",
			},
			others: "Außer dem Passwort öffnet ihn:", nothing: "- nichts",
			passkey: "- Passkey %s, angelegt %s", identity: "- Konto %s bei %s", key: "- Schlüssel für %s, gültig bis %s",
			ifNot: "Wenn Sie das nicht waren: Lassen Sie sich unter %s ein neues Passwort geben und dabei alles andere wegnehmen.",
		}
	}
	return openerWords{ //nolint:gosec // words about passwords, and none
		subject: "Your account: %s",
		what: [3]string{
			"Your account with %s has a new password, since %s.",
			"Your account with %s has a new passkey, since %s.",
			"An account of another service opens your account with %s, since %s.",
		},
		others: "Beside the password it is opened by:", nothing: "- nothing",
		passkey: "- passkey %s, made %s", identity: "- account %s at %s", key: "- key for %s, good until %s",
		ifNot: "If it was not you: ask for a new password at %s, and have all else taken away with it.",
	}
}
