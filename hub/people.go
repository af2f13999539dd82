package hub

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"os"
	"time"

	"github.com/commonwatt/commonwatt/config"
	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/settlement/billing/desk"
	"github.com/commonwatt/commonwatt/web"
	"github.com/commonwatt/commonwatt/web/auth/accounts"
	"github.com/commonwatt/commonwatt/web/auth/openid"
	"github.com/commonwatt/commonwatt/web/auth/passkeys"
)

// AccountsFile is the database of who may sign in, and FirstLinkFile has the secret of the link
// by which the operator of a new community gets an account, until that is there.
const (
	AccountsFile  = "accounts.db"
	FirstLinkFile = "first.key"
)

// FirstPage is the path of the page that makes the operator's account by that secret.
func FirstPage(secret string) string { return web.FirstPage(secret) }

// people are those who may sign in.
type people struct {
	book  *accounts.Book
	post  *web.Post // nil: no mail server is set up
	first string    // secret of the link of the first start; empty: there is an operator, or whoever comes may sign in
}

// openPeople opens the accounts. closed says that it is no demonstration.
func openPeople(ctx context.Context, dir *disk.Dir, mail desk.Mailer, closed bool, log *slog.Logger) (p people, err error) {
	if p.book, err = accounts.Open(ctx, dir.File(AccountsFile), accounts.Options{}); err != nil {
		return p, err
	}
	if mail != nil {
		p.post = web.NewPost(letters{mail}, p.book, log)
	}
	if closed {
		p.first, err = firstLink(ctx, dir, p.book)
	}
	if err != nil {
		return people{}, errors.Join(err, p.book.Close())
	}
	return p, nil
}

// firstLink returns the secret of the link of the first start, which stays the same until it is
// used or too old; empty where there is an operator.
func firstLink(ctx context.Context, dir *disk.Dir, book *accounts.Book) (string, error) {
	secret, err := dir.Secret(FirstLinkFile)
	if err != nil {
		return "", err
	}
	_, wanted, err := book.Entrance.FirstLink(ctx, secret)
	if errors.Is(err, accounts.ErrWrong) {
		secret = rand.Text()
		if err := dir.Replace(FirstLinkFile, []byte(secret+"\n")); err != nil {
			return "", err
		}
		_, wanted, err = book.Entrance.FirstLink(ctx, secret)
	}
	if err != nil || wanted {
		return secret, err
	}
	return "", os.Remove(dir.File(FirstLinkFile))
}

// served is what the pages need of people.
func (p people) served(called string, other *config.OIDC, member func(string) bool) web.People {
	served := web.People{Book: p.book, Post: p.post, Member: member, Passkeys: passkeys.New(called, p.book, time.Now)}
	if other != nil {
		served.OpenID = openid.New(openid.Options{Issuer: other.Issuer, ClientID: other.ClientID, Secret: other.Secret})
		served.LinkByEMail = other.LinkByEMail
	}
	return served
}

func (p people) close() error {
	if p.book == nil {
		return nil
	}
	return p.book.Close()
}

// run sends letters until ctx ends.
func (p people) run(ctx context.Context) error {
	if p.post == nil {
		return nil
	}
	return p.post.Run(ctx)
}

// letters are sent by the mail server of the bills. It implements web.Letters.
type letters struct{ by desk.Mailer }

// Send implements web.Letters.
func (l letters) Send(ctx context.Context, to, subject, text string) error {
	return l.by.Send(ctx, desk.Letter{ID: rand.Text(), To: to, Subject: subject, Text: text})
}
