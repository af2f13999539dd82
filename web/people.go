package web

import (
	"context"
	"net/http"

	qr "github.com/piglig/go-qr"

	"github.com/commonwatt/commonwatt/web/api"
	"github.com/commonwatt/commonwatt/web/auth"
	"github.com/commonwatt/commonwatt/web/auth/accounts"
	"github.com/commonwatt/commonwatt/web/auth/openid"
	"github.com/commonwatt/commonwatt/web/auth/passkeys"
)

// People are who may sign in, and what is needed for that.
type People struct {
	Book   *accounts.Book  // nil: nobody has an account
	OpenID *openid.Service // the service that keeps accounts for people; nil: there is none
	// LinkByEMail trusts that service with every account here whose e-mail address it has verified.
	LinkByEMail bool
	Passkeys    *passkeys.Desk           // nil: there are none
	Post        *Post                    // sends links; nil: no mail server is set up
	Member      func(member string) bool // whether there is such a member
	Trades      func(member string) bool // whether programs of the member may trade, rather than the built-in agent
}

// methods are those by which people sign in under a name of the pages.
func (p People) methods(name string) []api.SignInMethod {
	all := []api.SignInMethod{}
	if p.Book != nil {
		all = append(all, api.ByPassword)
	}
	if p.Passkeys != nil && passkeys.Possible(name) {
		all = append(all, api.ByPasskey)
	}
	if p.OpenID != nil {
		all = append(all, api.ByOidc)
	}
	return all
}

// Peopled has people sign in to a server that is behind its access already. Where it is not known
// at which address people reach the pages nobody is sent a link, nor to another service, which
// sends people back: what a request says of it is said by whoever asks.
func (s *Server) Peopled(p People) *Server {
	if s.access.Site.Address == "" {
		p.Post, p.OpenID = nil, nil
	}
	s.people, s.operations.managers, s.operations.holders = p, managers{p, s.access.Site}, holders{people: p}
	s.operations.keyed = keyed{p, s.access.Site, s.log}
	if p.Book != nil {
		s.door.Sessions = auth.NewSessions(p.Book.ForSessions(), s.access.Secure)
		p.Book.People.OnEnd(s.operations.pages.live.Doubt)
		s.door.More = p.Book.Keys
		s.operations.operators.log = p.Book.Log
		s.operations.holders.ended = s.operations.pages.live.Doubt
	}
	return s
}

// managers answers operators who say who may sign in, and who was invited.
type managers struct {
	people People
	site   Site
}

// ListAccounts implements the API.
func (m managers) ListAccounts(ctx context.Context, _ api.ListAccountsRequestObject) (api.ListAccountsResponseObject, error) {
	answer := api.Accounts{Accounts: []api.Account{}, Invitations: []api.WaitingInvitation{}, Mail: m.people.Post != nil}
	if m.people.Book == nil {
		return api.ListAccounts200JSONResponse(answer), nil
	}
	all, err := m.people.Book.People.Accounts(ctx)
	if err != nil {
		return nil, err
	}
	for _, a := range all {
		answer.Accounts = append(answer.Accounts, accountOf(a))
	}
	waiting, err := m.people.Book.Links.Waiting(ctx)
	for _, l := range waiting {
		answer.Invitations = append(answer.Invitations, api.WaitingInvitation{
			Id: l.ID, Email: given[string](l.EMail), Name: given[string](l.Name), Role: api.Role(l.Role), Member: given[string](l.Member), Made: l.Made, Expires: l.Expires,
		})
	}
	return api.ListAccounts200JSONResponse(answer), err
}

func accountOf(a accounts.Account) api.Account {
	return api.Account{Id: a.ID, Email: a.EMail, Name: a.Name, Role: api.Role(a.Role), Member: given[string](a.Member), Created: a.Created}
}

// InviteAccount implements the API.
func (m managers) InviteAccount(ctx context.Context, r api.InviteAccountRequestObject) (api.InviteAccountResponseObject, error) {
	if m.people.Book == nil {
		return nil, refuse(http.StatusNotFound, noAccounts)
	}
	if err := m.people.lately(ctx); err != nil {
		return nil, err
	}
	l := accounts.Link{EMail: said(r.Body.Email), Name: said(r.Body.Name), Role: auth.Role(r.Body.Role), Member: said(r.Body.Member)}
	if err := m.member(l.Member); err != nil {
		return nil, err
	}
	secret, made, err := m.people.Book.Entrance.Invite(ctx, l, by(ctx))
	if err != nil {
		return nil, ofAccounts(err)
	}
	answer, err := m.told(invitationPage, secret, made)
	if err == nil && m.people.Post != nil && made.EMail != "" {
		answer.Sent = true
		m.people.Post.invite(made, m.site, m.site.Address+answer.Link)
	}
	return api.InviteAccount200JSONResponse(answer), err
}

// member refuses who is none.
func (m managers) member(member string) error {
	if member == "" || m.people.Member == nil || m.people.Member(member) {
		return nil
	}
	return refuse(http.StatusBadRequest, "member: %q has no home here: GET /api/v1/state lists the homes", member)
}

// Where links lead: their secrets stand behind #, which browsers send to nobody.
const (
	firstPage      = "/signin.html#first="
	invitationPage = "/signin.html#invitation="
	recoveryPage   = "/signin.html#recovery="
)

// FirstPage is the path of the page that makes the operator's account by the secret of the
// first start.
func FirstPage(secret string) string { return firstPage + secret }

// told is a link with its QR code, which needs to know where the pages are.
func (m managers) told(page, secret string, l accounts.Link) (api.Invited, error) {
	if m.site.Address == "" {
		return api.Invited{Id: l.ID, Link: page + secret, Expires: l.Expires}, nil
	}
	whole := m.site.Address + page + secret
	code, err := qr.EncodeText(whole, qr.Medium)
	if err != nil {
		return api.Invited{}, err
	}
	const pixels, border = 8, 4
	svg, err := code.ToSVGBytes(qr.NewQrCodeImgConfig(pixels, border, qr.WithOptimalSVG()))
	return api.Invited{Id: l.ID, Link: page + secret, Url: &whole, Qr: string(svg), Expires: l.Expires}, err
}

// WithdrawInvitation implements the API.
func (m managers) WithdrawInvitation(ctx context.Context, r api.WithdrawInvitationRequestObject) (api.WithdrawInvitationResponseObject, error) {
	if m.people.Book == nil {
		return nil, refuse(http.StatusNotFound, noAccounts)
	}
	if err := m.people.Book.Links.Withdraw(ctx, r.Token); err != nil {
		return nil, ofAccounts(err)
	}
	return api.WithdrawInvitation204Response{}, m.people.Book.Log.Add(ctx, by(ctx), accounts.InvitationGone, r.Token)
}

// LookInvitation implements the API.
func (m managers) LookInvitation(ctx context.Context, r api.LookInvitationRequestObject) (api.LookInvitationResponseObject, error) {
	if m.people.Book == nil {
		return nil, refuse(http.StatusNotFound, noAccounts)
	}
	l, err := m.people.Book.Links.Look(ctx, accounts.Invitation, r.Token)
	if err != nil {
		return nil, ofAccounts(err)
	}
	return api.LookInvitation200JSONResponse{Email: given[string](l.EMail), Name: given[string](l.Name), Role: api.Role(l.Role), Member: given[string](l.Member), Expires: l.Expires}, nil
}

// ChangeAccount implements the API.
func (m managers) ChangeAccount(ctx context.Context, r api.ChangeAccountRequestObject) (api.ChangeAccountResponseObject, error) {
	if m.people.Book == nil {
		return nil, refuse(http.StatusNotFound, noAccounts)
	}
	if err := m.people.lately(ctx); err != nil {
		return nil, err
	}
	if err := m.member(said(r.Body.Member)); err != nil {
		return nil, err
	}
	if err := m.people.Book.People.Entitle(ctx, r.Id, auth.Role(r.Body.Role), said(r.Body.Member), by(ctx)); err != nil {
		return nil, ofAccounts(err)
	}
	a, err := m.people.Book.People.Account(ctx, r.Id)
	return api.ChangeAccount200JSONResponse(accountOf(a)), ofAccounts(err)
}

// RemoveAccount implements the API.
func (m managers) RemoveAccount(ctx context.Context, r api.RemoveAccountRequestObject) (api.RemoveAccountResponseObject, error) {
	if m.people.Book == nil {
		return nil, refuse(http.StatusNotFound, noAccounts)
	}
	return api.RemoveAccount204Response{}, ofAccounts(m.people.Book.People.Remove(ctx, r.Id, by(ctx)))
}

// LinkAccount implements the API.
func (m managers) LinkAccount(ctx context.Context, r api.LinkAccountRequestObject) (api.LinkAccountResponseObject, error) {
	if m.people.Book == nil {
		return nil, refuse(http.StatusNotFound, noAccounts)
	}
	if err := m.people.lately(ctx); err != nil {
		return nil, err
	}
	secret, made, err := m.people.Book.Entrance.Recover(ctx, r.Id, by(ctx))
	if err != nil {
		return nil, ofAccounts(err)
	}
	answer, err := m.told(recoveryPage, secret, made)
	return api.LinkAccount200JSONResponse(answer), err
}

// AskRecovery implements the API. What it answers, and how fast, tells nobody who has an
// account.
func (m managers) AskRecovery(ctx context.Context, r api.AskRecoveryRequestObject) (api.AskRecoveryResponseObject, error) {
	if m.people.Book == nil {
		return nil, refuse(http.StatusNotFound, noAccounts)
	}
	if err := m.people.Book.Tries.Letter(ctx, r.Body.Email, visiting(ctx).from); err != nil {
		return nil, ofAccounts(err)
	}
	if m.people.Post != nil {
		m.people.Post.recover(r.Body.Email, m.site, visiting(ctx).from)
	}
	return api.AskRecovery204Response{}, nil
}

// ForgetTries implements the API.
func (m managers) ForgetTries(ctx context.Context, _ api.ForgetTriesRequestObject) (api.ForgetTriesResponseObject, error) {
	if m.people.Book == nil {
		return nil, refuse(http.StatusNotFound, noAccounts)
	}
	if err := m.people.Book.Tries.Unlock(ctx); err != nil {
		return nil, err
	}
	return api.ForgetTries204Response{}, m.people.Book.Log.Add(ctx, by(ctx), accounts.Unlocked, "")
}

// GetAudit implements the API.
func (m managers) GetAudit(ctx context.Context, r api.GetAuditRequestObject) (api.GetAuditResponseObject, error) {
	answer := api.Audit{Entries: []api.AuditEntry{}}
	if m.people.Book == nil {
		return api.GetAudit200JSONResponse(answer), nil
	}
	var before int64
	if r.Params.Before != nil {
		before = *r.Params.Before
	}
	all, err := m.people.Book.Log.Before(ctx, before)
	for _, e := range all {
		answer.Entries = append(answer.Entries, api.AuditEntry{Number: e.Number, Time: e.Time, Who: e.By.Name, Account: e.By.Account, What: e.What, About: e.About, Address: e.By.From})
	}
	return api.GetAudit200JSONResponse(answer), err
}
