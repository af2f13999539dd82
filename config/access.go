package config

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
)

// AccessText says how the pages and the API are reached by others.
type AccessText struct {
	TLS         TLSText  `yaml:"tls" doc:"without it, or behind_proxy, only listen on loopback is allowed"`
	BehindProxy []string `yaml:"behind_proxy" eg:"[\"192.0.2.1\"]" doc:"addresses of the proxies that speak TLS with others, from which alone requests are taken then"`
	OIDC        OIDCText `yaml:"oidc" doc:"another service (OpenID Connect) whose accounts people may sign in with, once they have bound it to the one here (docs/access.md)"`
	DisplayName string   `yaml:"display_name" eg:"Am Anger" doc:"as people call the community on its pages; absent: its name"`
	Language    string   `yaml:"language" eg:"en" doc:"of the pages for who has chosen none: en or de"`
	Hosts       []string `yaml:"hosts" eg:"[hub.example]" doc:"names by which the pages are asked for, beside those in the certificate"`
	PublicURL   string   `yaml:"public_url" eg:"https://hub.example" doc:"where people reach the pages: links in letters lead there; absent: at the first of hosts, else the first name in the certificate, else where listen is (docs/access.md)"`
}

// OIDCText is another service with whose accounts people sign in.
type OIDCText struct {
	Issuer     string `yaml:"issuer" eg:"https://accounts.example" doc:"its address; what it says of itself is at /.well-known/openid-configuration below"`
	ClientID   string `yaml:"client_id" eg:"commonwatt" doc:"by which it knows this community; it sends people back to /api/v1/session/oidc/callback"`
	SecretFile string `yaml:"secret_file" eg:"F"`
	// LinkByEMail trusts the service with every account here whose address it says is somebody's.
	LinkByEMail bool `yaml:"link_by_email" eg:"false" doc:"true: who comes from there for the first time is who has an account here by the e-mail address that the service has verified; else people bind their account there themselves, when they have signed in"`
}

// OIDC is another service with whose accounts people sign in.
type OIDC struct {
	Issuer, ClientID, Secret string
	LinkByEMail              bool // a verified address is enough to be bound to an account
}

// read checks the fields, and reads the secret. The error begins with the name of the field.
func (t OIDCText) read() (*OIDC, error) {
	if t == (OIDCText{}) {
		return nil, nil //nolint:nilnil // there is none
	}
	u, err := url.Parse(t.Issuer)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(net.JoinHostPort(u.Hostname(), "80"))):
		return nil, fmt.Errorf("oidc.issuer: %q is no address, as in https://accounts.example: over http others would read who signs in", t.Issuer)
	case t.ClientID == "":
		return nil, errors.New("oidc.client_id: missing: the name by which the service knows this community")
	case t.SecretFile == "":
		return nil, errors.New("oidc.secret_file: missing: the file with what the service gave for it")
	}
	text, err := os.ReadFile(t.SecretFile)
	if err != nil {
		return nil, fmt.Errorf("oidc.secret_file: %w", err)
	}
	secret := strings.TrimSpace(string(text))
	if secret == "" {
		return nil, fmt.Errorf("oidc.secret_file: %s is empty", t.SecretFile)
	}
	return &OIDC{t.Issuer, t.ClientID, secret, t.LinkByEMail}, nil
}

// TLSText names the files by which the pages speak TLS.
type TLSText struct {
	Cert string `yaml:"cert" eg:"F" doc:"PEM, with what signed it; read again when it changes, as when it is renewed"`
	Key  string `yaml:"key" eg:"F" doc:"PEM"`
}

// Access is how the pages and the API are reached.
type Access struct {
	Certificate *tls.Certificate // as it was read at first; nil: no TLS
	TLS         TLSText          // its files
	Proxies     []netip.Addr     // requests come from them alone; none: from everybody
	Hosts       []string         // names by which the pages are asked for, beside loopback's
	PublicURL   string           // where people reach the pages, without a slash at its end; empty: it is not said
	Name        string           // the first name or address that is the pages' own; empty: none is known
	OIDC        *OIDC            // nil: there is none
	DisplayName string           // as people call the community; empty: its name
	Language    string           // en or de
	Open        bool             // whoever is on this machine, and nobody else, reaches the pages
}

// mostDisplayName in bytes is what fits above a page.
const mostDisplayName = 80

// access reads how the pages are reached at an address. The error begins with the name of
// the field.
func (t AccessText) access(listen string) (a Access, err error) {
	a.DisplayName, a.Language = t.DisplayName, cmp.Or(t.Language, "en")
	if a.Language != "en" && a.Language != "de" {
		return a, fmt.Errorf("language: %q: the pages are in en and de", t.Language)
	}
	if a.OIDC, err = t.OIDC.read(); err != nil {
		return a, err
	}
	if len(a.DisplayName) > mostDisplayName {
		return a, fmt.Errorf("display_name: is longer than %d bytes, and would not fit on a page: shorten it", mostDisplayName)
	}
	a.Open = isLoopback(listen) && len(t.BehindProxy) == 0
	for i, text := range t.BehindProxy {
		proxy, err := netip.ParseAddr(text)
		if err != nil || proxy.IsUnspecified() { // from which nothing ever comes
			return a, fmt.Errorf("behind_proxy[%d]: %q is not the address of a machine, as in 192.0.2.1", i, text)
		}
		a.Proxies = append(a.Proxies, proxy.Unmap())
	}
	for i, name := range t.Hosts {
		if !hostName().MatchString(name) {
			return a, fmt.Errorf("hosts[%d]: %q is not the name of a machine, as in hub.example", i, name)
		}
	}
	if a.PublicURL, err = publicURL(t.PublicURL); err != nil {
		return a, err
	}
	a.Hosts = append([]string{}, t.Hosts...)
	if u, err := url.Parse(a.PublicURL); err == nil && u.Hostname() != "" {
		a.Hosts = append(a.Hosts, u.Hostname())
	}
	own := append([]string{}, t.Hosts...) // what the pages may be called by, the best first
	switch {
	case t.TLS.Cert == "" && t.TLS.Key == "":
	case t.TLS.Cert == "" || t.TLS.Key == "":
		return a, errors.New("tls.cert, tls.key: give both or none")
	default:
		pair, err := tls.LoadX509KeyPair(t.TLS.Cert, t.TLS.Key)
		if err != nil {
			return a, fmt.Errorf("tls.cert, tls.key: %w", err)
		}
		a.Certificate, a.TLS = &pair, t.TLS
		a.Hosts, own = append(a.Hosts, named(pair)...), append(own, named(pair)...)
	}
	if host, _, err := net.SplitHostPort(listen); err == nil && !net.ParseIP(host).IsUnspecified() && host != "" {
		a.Hosts = append(a.Hosts, host)
		if len(a.Proxies) == 0 { // else only the proxies ask for it by that name
			own = append(own, host)
		}
	}
	a.Name = firstName(own)
	if a.Certificate == nil && len(a.Proxies) == 0 && !isLoopback(listen) {
		return a, fmt.Errorf("listen: %s is open to others, and readings, keys and orders would go over the network for everybody to read: give tls: {cert: FILE, key: FILE}, or behind_proxy (--behind-proxy) where a proxy speaks TLS, or listen on 127.0.0.1", listen)
	}
	return a, nil
}

// publicURL reads the address at which people reach the pages. The error begins with the name of
// the field.
func publicURL(text string) (string, error) {
	if text == "" {
		return "", nil
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Opaque != "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" || !hostName().MatchString(u.Hostname()):
		return "", fmt.Errorf("public_url: %q is not the address of pages, as in https://hub.example: give the scheme and the name alone, with a port where there is one", text)
	case u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(net.JoinHostPort(u.Hostname(), "80"))):
		return "", fmt.Errorf("public_url: %q begins with neither https:// nor http://localhost: over http others would read the links in letters, and come in by them", text)
	}
	return u.Scheme + "://" + u.Host, nil
}

// hostName is the form of a machine's name or address.
func hostName() *regexp.Regexp { return regexp.MustCompile(`^[a-zA-Z0-9.-]+$|^\[?[0-9a-fA-F:]+\]?$`) }

// firstName returns the first of some names that is one: *.example is any of many, among them
// those of others. Empty: none is.
func firstName(names []string) string {
	if k := slices.IndexFunc(names, func(name string) bool { return !strings.HasPrefix(name, "*") }); k >= 0 {
		return strings.Trim(names[k], "[]")
	}
	return ""
}

// named returns the names and addresses that a certificate is for.
func named(pair tls.Certificate) (names []string) {
	if pair.Leaf == nil {
		return nil
	}
	names = append(names, pair.Leaf.DNSNames...)
	for _, ip := range pair.Leaf.IPAddresses {
		names = append(names, ip.String())
	}
	return names
}

// isLoopback tells whether HOST:PORT is reached from this machine alone.
func isLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	ip := net.ParseIP(host)
	return err == nil && (host == "localhost" || ip != nil && ip.IsLoopback())
}
