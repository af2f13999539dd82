package hub

import (
	"net"
	"strings"

	"github.com/commonwatt/commonwatt/config"
)

// publicAddress is where people reach the pages, as the configuration says, without a slash at its
// end: what a request says of it counts for nothing, since whoever asks says that. at is where the
// pages listen. Empty: it is not known.
func publicAddress(a config.Access, at net.Addr) string {
	if a.PublicURL != "" || a.Name == "" {
		return a.PublicURL
	}
	scheme, usual := "http://", "80"
	if a.Certificate != nil || len(a.Proxies) > 0 {
		scheme, usual = "https://", "443"
	}
	_, port, err := net.SplitHostPort(at.String())
	if err == nil && len(a.Proxies) == 0 && port != usual {
		return scheme + net.JoinHostPort(a.Name, port)
	}
	if strings.Contains(a.Name, ":") {
		return scheme + "[" + a.Name + "]"
	}
	return scheme + a.Name
}

// addressWanted is what is said at the start where links would be sent and nobody knows where they
// lead to.
const addressWanted = "nobody knows at which address people reach the pages: no invitation, no link to a new password and no notice is sent by e-mail, and nobody signs in with another service's account: give public_url, as in https://hub.example"
