package web

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"time"
)

const (
	headerWithin = 5 * time.Second
	readWithin   = 30 * time.Second
	idleWithin   = 2 * time.Minute
	mostHeader   = 32 << 10
	// mostConns is how many connections there may be at most, where the system allows as
	// many; spareFiles are left for everything else.
	mostConns  = 16 << 10
	spareFiles = 512
	leastConns = 64
	// mostOfOne is how many connections one machine may have that is neither this one nor a
	// proxy.
	mostOfOne = 256
)

// Serve answers at a listener until ctx ends, over TLS when there is a certificate. Of
// connections there are so many at most that files can still be opened; who comes then is
// hung up on at once.
func Serve(ctx context.Context, at net.Listener, certificate *Certificate, proxies []netip.Addr, handler http.Handler) error {
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: headerWithin, ReadTimeout: readWithin, WriteTimeout: usualWait, IdleTimeout: idleWithin, MaxHeaderBytes: mostHeader,
	}
	at = &limited{Listener: at, most: connections(), proxies: proxies, of: map[netip.Addr]int{}}
	if certificate != nil {
		at = tls.NewListener(at, certificate.config())
	}
	var stopping sync.WaitGroup
	stopping.Go(func() {
		<-ctx.Done()
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		if err := server.Shutdown(bounded); err != nil {
			_ = server.Close() // a stalled client does not hold the program up
		}
	})
	if err := server.Serve(at); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	stopping.Wait()
	return nil
}

// connections is how many connections this process can have.
func connections() int {
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		return leastConns
	}
	return int(min(max(files.Cur, spareFiles+leastConns)-spareFiles, mostConns))
}

// limited is a listener that hangs up on who comes when there are connections enough.
type limited struct {
	net.Listener

	most    int
	proxies []netip.Addr

	mu   sync.Mutex // guards what follows
	open int
	of   map[netip.Addr]int // by machine, of those that are counted
}

// Accept implements net.Listener.
func (l *limited) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		from := machine(c)
		if !l.enter(from) {
			_ = c.Close() // who is hung up on is told nothing
			continue
		}
		return &counted{Conn: c, leave: sync.OnceFunc(func() { l.leave(from) })}, nil
	}
}

func machine(c net.Conn) netip.Addr {
	from, err := netip.ParseAddrPort(c.RemoteAddr().String())
	if err != nil {
		return netip.Addr{}
	}
	return from.Addr().Unmap()
}

func (l *limited) enter(from netip.Addr) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	shared := from.IsLoopback() || slices.Contains(l.proxies, from)
	if l.open >= l.most || !shared && l.of[from] >= mostOfOne {
		return false
	}
	l.open++
	l.of[from]++
	return true
}

func (l *limited) leave(from netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open--
	if l.of[from]--; l.of[from] == 0 {
		delete(l.of, from)
	}
}

// counted is a connection that gives its place back when it is closed.
type counted struct {
	net.Conn

	leave func()
}

// Close implements net.Conn.
func (c *counted) Close() error {
	c.leave()
	return c.Conn.Close()
}

// SetWriteBuffer sets the size of what the system keeps for the other side, where it can be
// set.
func (c *counted) SetWriteBuffer(bytes int) error {
	if tcp, ok := c.Conn.(interface{ SetWriteBuffer(bytes int) error }); ok {
		return tcp.SetWriteBuffer(bytes)
	}
	return nil
}
