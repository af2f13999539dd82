package hub

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/config"
	"github.com/commonwatt/commonwatt/web/auth/accounts"
)

// TestWherePeopleReachThePages reads it out of configurations: as it is said, else by the first name that the
// pages have, and where there is none nobody knows it. Behind a proxy the pages' own address is none of
// people's, and of all names below a domain none is theirs.
func TestWherePeopleReachThePages(t *testing.T) {
	for text, want := range map[string]string{
		`listen: "127.0.0.1:8080"`: "http://127.0.0.1:8080",
		`listen: "[::1]:8080"`:     "http://[::1]:8080",
		`listen: "localhost:80"`:   "http://localhost",
		`{listen: "127.0.0.1:8080", public_url: "https://hub.example/"}`:                                                        "https://hub.example",
		`{listen: "127.0.0.1:8080", public_url: "http://localhost:9000"}`:                                                       "http://localhost:9000",
		`{listen: "0.0.0.0:8080", behind_proxy: ["192.0.2.1"]}`:                                                                 "",
		`{listen: "127.0.0.1:8080", behind_proxy: ["127.0.0.1"]}`:                                                               "",
		`{listen: "192.0.2.7:8080", behind_proxy: ["192.0.2.1"]}`:                                                               "",
		`{listen: "0.0.0.0:8080", behind_proxy: ["192.0.2.1"], hosts: [hub.example, other.example]}`:                            "https://hub.example",
		`{listen: "0.0.0.0:8080", behind_proxy: ["192.0.2.1"], hosts: ["2001:db8::1"]}`:                                         "https://[2001:db8::1]",
		`{listen: "0.0.0.0:8080", behind_proxy: ["192.0.2.1"], hosts: [hub.example], public_url: "https://power.example:8443"}`: "https://power.example:8443",
	} {
		file := filepath.Join(t.TempDir(), "community.yaml")
		write(t, file, text+"\n")
		c, err := ReadConfig(file)
		if err != nil {
			t.Fatal(err)
		}
		plan, err := Resolve(c)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		at, err := net.ResolveTCPAddr("tcp", c.Listen)
		if err != nil {
			t.Fatal(err)
		}
		if got := publicAddress(plan.Access, at); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
	for _, c := range []struct {
		a    config.Access
		want string
	}{
		{config.Access{Name: "hub.example", Proxies: []netip.Addr{netip.MustParseAddr("192.0.2.1")}}, "https://hub.example"},
		{config.Access{}, ""},
	} {
		if got := publicAddress(c.a, &net.TCPAddr{IP: net.IPv4zero, Port: 443}); got != c.want {
			t.Errorf("%+v: %q, want %q", c.a, got, c.want)
		}
	}
}

// TestKeysThatEndSoon are those of the next two weeks by the wall clock, whose time has not come.
func TestKeysThatEndSoon(t *testing.T) {
	now := time.Now()
	told := &telling{programs: func(_ context.Context, member string) ([]accounts.Key, error) {
		var all []accounts.Key
		for _, days := range []int{-1, 0, 1, 14, 15} {
			all = append(all, accounts.Key{ID: fmt.Sprint(member, " ", days), Ends: now.AddDate(0, 0, days)})
		}
		return all, nil
	}}
	all, err := told.ending(t.Context(), "ann", now)
	var ids []string
	for _, k := range all {
		ids = append(ids, k.ID)
	}
	if err != nil || !slices.Equal(ids, []string{"ann 1", "ann 14"}) {
		t.Errorf("%+v, %v", all, err)
	}
}
