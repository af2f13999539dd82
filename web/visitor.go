package web

import (
	"context"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/commonwatt/commonwatt/web/auth"
	"github.com/commonwatt/commonwatt/web/auth/accounts"
)

// visitor is how a request came.
type visitor struct {
	from  netip.Addr // of who sent it, as the proxies say where there are any
	name  string     // by which the pages were asked for, without its port
	base  string     // address of the pages as asked for, by who asks: it belongs into no link
	token string     // of the session; empty: none
}

type visitorKey struct{}

// visiting returns how the request of a context came.
func visiting(ctx context.Context) visitor {
	v, _ := ctx.Value(visitorKey{}).(visitor)
	return v
}

// by is who does something, for the log.
func by(ctx context.Context) accounts.By {
	p, _ := auth.From(ctx)
	return accounts.By{Account: p.Account, Name: p.Name, From: visiting(ctx).from.String()}
}

// visit notes how a request came.
func (a Access) visit(r *http.Request) *http.Request {
	v := visitor{from: a.from(r), name: hostOnly(r.Host), base: "http://" + r.Host, token: auth.Token(r)}
	if a.Secure {
		v.base = "https://" + r.Host
	}
	return r.WithContext(context.WithValue(r.Context(), visitorKey{}, v))
}

// from is the address of who sent a request: what the proxies say, the last of them that is
// none of them. What others say of where they come from counts for nothing.
func (a Access) from(r *http.Request) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	from := peer.Addr().Unmap()
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		if !slices.Contains(a.Proxies, from) {
			return from
		}
		next, err := netip.ParseAddr(strings.TrimSpace(hop))
		if err != nil {
			return from
		}
		from = next.Unmap()
	}
	return from
}
