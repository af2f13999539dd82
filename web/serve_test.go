package web

import (
	"net"
	"net/netip"
	"testing"
)

// TestThereIsALimitOfConnections hangs up on who comes when there are connections enough,
// of one machine and of all, and takes others again when some have gone.
func TestThereIsALimitOfConnections(t *testing.T) {
	l := &limited{most: mostOfOne + 10, of: map[netip.Addr]int{}, proxies: []netip.Addr{netip.MustParseAddr("192.0.2.9")}}
	one, other, proxy := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2"), netip.MustParseAddr("192.0.2.9")
	for range mostOfOne {
		if !l.enter(one) {
			t.Fatal("refused below the limit")
		}
	}
	if l.enter(one) || !l.enter(other) {
		t.Error("a machine that has enough is let in, or another is not")
	}
	for range 9 {
		if !l.enter(proxy) {
			t.Error("the proxy is refused")
		}
	}
	if l.enter(proxy) || l.enter(other) {
		t.Error("more than there may be in all")
	}
	if l.leave(one); !l.enter(other) || l.of[one] != mostOfOne-1 {
		t.Error("a place that is free is not given")
	}
	if connections() < leastConns || connections() > mostConns {
		t.Errorf("%d connections", connections())
	}
}

// TestAPlaceIsGivenBackOnce closes a connection twice.
func TestAPlaceIsGivenBackOnce(t *testing.T) {
	inner, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &limited{Listener: inner, most: 1, of: map[netip.Addr]int{}}
	defer l.Close()
	dial := func() net.Conn {
		c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", inner.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	defer dial().Close()
	c, err := l.Accept()
	if err != nil || l.open != 1 {
		t.Fatal(err, l.open)
	}
	_, _ = c.Close(), c.Close()
	if l.open != 0 || len(l.of) != 0 {
		t.Errorf("%d open, %v", l.open, l.of)
	}
}
