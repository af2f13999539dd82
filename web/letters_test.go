package web_test

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/commonwatt/commonwatt/web"
	"github.com/commonwatt/commonwatt/web/api"
	"github.com/commonwatt/commonwatt/web/auth/accounts"
	"github.com/commonwatt/commonwatt/web/auth/openid"
	"github.com/commonwatt/commonwatt/web/auth/passkeys"
)

// delivered returns all letters that were to be sent before: a last one is asked for at a server that
// sends some, and letters go out one after the other.
func delivered(t *testing.T, h http.Handler, post *web.Post, box *postbox) []string {
	t.Helper()
	const last = "homeownerb@x.example"
	if w := knock(t, h, http.MethodPost, "/api/v1/recovery", `{"email":"`+last+`"}`, asJSON); w.Code != http.StatusNoContent {
		t.Fatal(w.Code, w.Body)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- post.Run(ctx) }()
	at := -1
	for deadline := time.Now().Add(time.Minute); at < 0 && time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		box.mu.Lock()
		at = slices.IndexFunc(box.all, func(one string) bool { return strings.HasPrefix(one, last) })
		box.mu.Unlock()
	}
	cancel()
	if err := <-done; err != nil || at < 0 {
		t.Fatalf("the last letter did not come: %v", err)
	}
	return box.all[:at]
}

// TestLinksLeadWhereTheCommunityIs asks for links as somebody does who says that the pages are somewhere
// else, in each header in which that can be said: whoever asks, the letter, the QR code's link and the
// way back from another service lead to the address that is configured.
func TestLinksLeadWhereTheCommunityIs(t *testing.T) {
	for _, header := range []string{"Host: evil.example", "Host: elm.example:6666", "Host: elm.example@evil.example", "X-Forwarded-Host: evil.example", "Forwarded: host=evil.example", "X-Forwarded-Proto: http", "X-Original-Host: evil.example"} {
		book, box, s := newBook(t), &postbox{}, newIdentities(t)
		post := web.NewPost(box, book, slog.New(slog.DiscardHandler))
		h := peopled(t, book, web.People{Post: post, OpenID: openid.New(openid.Options{Issuer: s.URL, ClientID: "commonwatt", Secret: "x"})})
		if w := knock(t, h, http.MethodPost, "/api/v1/recovery", `{"email":"`+annSigns+`"}`, asJSON, header); w.Code != http.StatusNoContent {
			t.Fatalf("%s: %d %s", header, w.Code, w.Body)
		}
		operator := signIn(t, h, operatorSigns)
		elsewhere := answer[api.Invited](t, knock(t, h, http.MethodPost, "/api/v1/accounts", `{"role":"utility","email":"u@x.example"}`, operator, asJSON, header), http.StatusOK)
		begun := answer[api.OidcBegin](t, knock(t, h, http.MethodPost, "/api/v1/session/oidc/begin", "", header), http.StatusOK)
		all := delivered(t, h, post, box)
		if len(all) != 2 || !strings.Contains(all[0], "\nhttps://elm.example/signin.html#recovery=") || !strings.Contains(all[1], "\nhttps://elm.example"+elsewhere.Link+"\n") {
			t.Errorf("%s: the letters %q", header, all)
		}
		if strings.Contains(strings.Join(all, ""), "evil") || strings.Contains(strings.Join(all, ""), "6666") || strings.Contains(strings.Join(all, ""), "http://") {
			t.Errorf("%s: a letter leads elsewhere: %q", header, all)
		}
		if !strings.Contains(begun.Location, "redirect_uri=https%3A%2F%2Felm.example%2Fapi%2Fv1%2Fsession%2Foidc%2Fcallback") {
			t.Errorf("%s: back from the other service to %s", header, begun.Location)
		}
	}
}

// TestTheCodeOfALinkIsTheCommunitys makes the code of a link under a short and under a very long name of
// the pages: were it made of that, it would be larger.
func TestTheCodeOfALinkIsTheCommunitys(t *testing.T) {
	h := peopled(t, newBook(t), web.People{})
	operator := signIn(t, h, operatorSigns)
	size := func(host string) string {
		i := answer[api.Invited](t, knock(t, h, http.MethodPost, "/api/v1/accounts", `{"role":"utility"}`, operator, asJSON, "Host: "+host), http.StatusOK)
		_, box, _ := strings.Cut(i.Qr, `viewBox="`)
		box, _, found := strings.Cut(box, `"`)
		if !found {
			t.Fatalf("no code: %.200s", i.Qr)
		}
		return box
	}
	if usual, long := size("elm.example"), size(strings.Repeat("very-", 20)+"long.example"); usual != long {
		t.Errorf("the code is made of the request's name: %s and %s", usual, long)
	}
}

// TestNobodyIsSentALinkToNowhere: where it is not configured at which address people reach the pages no
// letter goes out, nobody is told that one does, and nobody goes to another service.
func TestNobodyIsSentALinkToNowhere(t *testing.T) {
	book, box := newBook(t), &postbox{}
	post := web.NewPost(box, book, slog.New(slog.DiscardHandler))
	sends := peopled(t, book, web.People{Post: post})
	h := behindPeopled(t, web.Access{Closed: true}, newWishes().planning(), web.People{Book: book, Post: post, OpenID: openid.New(openid.Options{Issuer: "https://accounts.example"})})
	if w := knock(t, h, http.MethodPost, "/api/v1/recovery", `{"email":"`+annSigns+`"}`, asJSON); w.Code != http.StatusNoContent {
		t.Error(w.Code, w.Body)
	}
	invited := answer[api.Invited](t, knock(t, h, http.MethodPost, "/api/v1/accounts", `{"role":"utility","email":"u@x.example"}`, signIn(t, h, operatorSigns), asJSON), http.StatusOK)
	if invited.Sent || invited.Qr != "" || invited.Url != nil || !strings.HasPrefix(invited.Link, "/signin.html#invitation=") {
		t.Errorf("%+v", invited)
	}
	if all := delivered(t, sends, post, box); len(all) > 0 {
		t.Errorf("sent %q", all)
	}
	if info := signedIn(t, h, "X: y"); *info.Recovery != api.RecoveryByOperator || len(info.Methods) != 1 {
		t.Errorf("recovery by %s, methods %v", *info.Recovery, info.Methods)
	}
	if w := knock(t, h, http.MethodPost, "/api/v1/session/oidc/begin", ""); w.Code != http.StatusNotFound {
		t.Errorf("to another service: %d %s", w.Code, w.Body)
	}
}

// comesIn is an account that is come into by a passkey, another service's account and a key as well, and
// one of somebody else, for whom the same is there.
func comesIn(t *testing.T, book *accounts.Book) (ann, bob accounts.Account, key string) {
	t.Helper()
	for _, of := range []struct {
		email string
		into  *accounts.Account
	}{{annSigns, &ann}, {"homeownerb@x.example", &bob}} {
		a, err := book.People.ByEMail(t.Context(), of.email)
		if err != nil {
			t.Fatal(err)
		}
		*of.into = a
		secret, _, err1 := book.Keys.Make(t.Context(), accounts.Key{Name: "display", Member: a.Member, Scopes: []accounts.Scope{accounts.Read}}, accounts.By{Account: a.ID})
		err2 := book.Passkeys.Add(t.Context(), accounts.Passkey{ID: []byte(of.email), Account: a.ID, Name: "old phone", Data: []byte("{}")})
		err3 := book.Identities.Bind(t.Context(), accounts.Identity{Issuer: "https://accounts.example", Subject: of.email, EMail: of.email, Account: a.ID}, accounts.By{})
		if err1 != nil || err2 != nil || err3 != nil {
			t.Fatal(err1, err2, err3)
		}
		if a.EMail == annSigns {
			key = secret
		}
	}
	return ann, bob, key
}

// openers is how many passkeys, accounts of other services and keys open an account.
func openers(t *testing.T, book *accounts.Book, a accounts.Account) [3]int {
	t.Helper()
	passkeys, err1 := book.Passkeys.Of(t.Context(), a.ID)
	identities, err2 := book.Identities.Of(t.Context(), a.ID)
	keys, err3 := book.Keys.Of(t.Context(), a.Member)
	if err1 != nil || err2 != nil || err3 != nil {
		t.Fatal(err1, err2, err3)
	}
	return [3]int{len(passkeys), len(identities), len(keys)}
}

// TestANewPasswordAlone changes the password, by the one of before and by a link: all sessions end; what
// else opens the account stays and is named in the letter that goes out, or is taken away with it when
// that is asked for, and the letter says that too. That of others stays.
func TestANewPasswordAlone(t *testing.T) {
	for _, alone := range []bool{false, true} {
		for _, byLink := range []bool{false, true} {
			book, box := newBook(t), &postbox{}
			post := web.NewPost(box, book, slog.New(slog.DiscardHandler))
			h := peopled(t, book, web.People{Post: post})
			ann, bob, key := comesIn(t, book)
			before, others := signIn(t, h, annSigns), signIn(t, h, "homeownerb@x.example")
			body := map[bool]string{false: `"password":"four rather small words"`, true: `"password":"four rather small words","alone":true`}[alone]
			path, with := "/api/v1/account/password", `{"before":"`+password+`",`+body+`}`
			if byLink {
				secret, _, err := book.Entrance.Recover(t.Context(), ann.ID, accounts.By{})
				if err != nil {
					t.Fatal(err)
				}
				path, with = "/api/v1/recovery/"+secret, "{"+body+"}"
			}
			w := knock(t, h, http.MethodPost, path, with, before, asJSON)
			if w.Code != http.StatusNoContent || !signedIn(t, h, cookieOf(w)).SignedIn {
				t.Fatal(w.Code, w.Body)
			}
			if signedIn(t, h, before).SignedIn || !signedIn(t, h, others).SignedIn {
				t.Error("a session of before goes on, or somebody else's has ended")
			}
			want, good := [3]int{1, 1, 1}, true
			if alone {
				want, good = [3]int{}, false
			}
			if got := openers(t, book, ann); got != want || openers(t, book, bob) != [3]int{1, 1, 1} {
				t.Errorf("alone %t, by link %t: %v open it, want %v; %v that of others", alone, byLink, got, want, openers(t, book, bob))
			}
			if w := knock(t, h, http.MethodGet, "/api/v1/homes/a/history?from=2026-06-01T00:00:00Z&to=2026-06-02T00:00:00Z", "", "Authorization: Bearer "+key); (w.Code == http.StatusOK) != good {
				t.Errorf("alone %t, by link %t: the key: %d %s", alone, byLink, w.Code, w.Body)
			}
			all := delivered(t, h, post, box)
			if len(all) != 1 || !strings.HasPrefix(all[0], annSigns+"\nYour account: Elm Street\n") || !strings.Contains(all[0], "has a new password") || !strings.Contains(all[0], "https://elm.example/signin.html") {
				t.Fatalf("letters %q", all)
			}
			for _, one := range []string{"passkey old phone", annSigns + " at https://accounts.example", "key for display"} {
				if strings.Contains(all[0], one) == alone {
					t.Errorf("alone %t: the letter has %q: %s", alone, one, all[0])
				}
			}
		}
	}
}

// TestWhatOpensAnAccountIsTold by letter when it is new, in the language of its owner.
func TestWhatOpensAnAccountIsTold(t *testing.T) {
	book, box := newBook(t), &postbox{}
	post := web.NewPost(box, book, slog.New(slog.DiscardHandler))
	s := newIdentities(t)
	h := peopled(t, book, web.People{Post: post, OpenID: openid.New(openid.Options{Issuer: s.URL, ClientID: "commonwatt", Secret: "x"}), Passkeys: passkeys.New("Elm", book, time.Now)})
	cookie := signIn(t, h, annSigns)
	if w := knock(t, h, http.MethodPut, "/api/v1/account", `{"name":"Ann","language":"de"}`, cookie, asJSON); w.Code != http.StatusOK {
		t.Fatal(w.Code, w.Body)
	}
	s.binds(h, cookie)
	all := delivered(t, h, post, box)
	if len(all) != 1 || !strings.HasPrefix(all[0], annSigns+"\nIhr Zugang: Elm Street\n") || !strings.Contains(all[0], "Konto eines anderen Dienstes") || !strings.Contains(all[0], "Konto "+annSigns+" bei "+s.URL) {
		t.Errorf("letters %q", all)
	}
}

// TestAKeyEnds has a key of two days: it is good until then, and for nothing after. It is listed with its end, and where that is near as one
// that ends soon.
func TestAKeyEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		book, err := accounts.Open(t.Context(), "", accounts.Options{Clock: time.Now, Cost: accounts.Cost{Memory: 64, Passes: 1, Threads: 1}})
		if err != nil {
			t.Fatal(err)
		}
		defer book.Close()
		h := peopled(t, book, web.People{})
		operator := signIn(t, h, operatorSigns)
		if w := knock(t, h, http.MethodPost, "/api/v1/account/keys", `{"name":"k","member":"a","scopes":["read"],"days":1826}`, operator, asJSON); w.Code != http.StatusBadRequest {
			t.Errorf("for longer than five years: %d %s", w.Code, w.Body)
		}
		made := answer[api.MadeKey](t, knock(t, h, http.MethodPost, "/api/v1/account/keys", `{"name":"k","member":"a","scopes":["read"],"days":2}`, operator, asJSON), http.StatusOK)
		usual := answer[api.MadeKey](t, knock(t, h, http.MethodPost, "/api/v1/account/keys", `{"name":"l","member":"b","scopes":["read"]}`, operator, asJSON), http.StatusOK)
		if left := time.Until(usual.Made.Ends); left != 365*24*time.Hour || usual.Made.State != api.KeyGood || made.Made.State != api.KeySoon {
			t.Errorf("the usual key ends in %s: %+v, %+v", left, usual, made)
		}
		const path = "/api/v1/homes/a/history?from=2026-06-01T00:00:00Z&to=2026-06-02T00:00:00Z"
		for _, after := range []struct {
			wait time.Duration
			code int
		}{{2*24*time.Hour - time.Second, http.StatusOK}, {time.Second, http.StatusUnauthorized}} {
			time.Sleep(after.wait)
			if w := knock(t, h, http.MethodGet, path, "", "Authorization: Bearer "+made.Key); w.Code != after.code {
				t.Errorf("%s before its end: %d %s", time.Until(made.Made.Ends), w.Code, w.Body)
			}
		}
		operator = signIn(t, h, operatorSigns)
		states := map[string]api.KeyState{}
		for _, k := range answer[api.Keys](t, knock(t, h, http.MethodGet, "/api/v1/account/keys", "", operator), http.StatusOK).Keys {
			states[k.Name] = k.State
		}
		if states["k"] != api.KeyEnded || states["l"] != api.KeyGood {
			t.Errorf("the list says %v", states)
		}
		own := answer[api.Keys](t, knock(t, h, http.MethodGet, "/api/v1/account/keys", "", signIn(t, h, annSigns)), http.StatusOK).Keys
		if len(own) != 1 || own[0].Name != "k" {
			t.Errorf("a homeowner sees %+v", own)
		}
	})
}
