package pairing

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/commonwatt/commonwatt/meters/modbus"
)

// Ports returns the TCP ports on which Modbus devices usually listen.
func Ports() []uint16 { return []uint16{502, 1502} }

const (
	mostHosts     = 1024
	atOnce        = 16 // connections that are tried at the same time
	connectWithin = 700 * time.Millisecond
)

// Places turns what an installer types into endpoints to try: hosts, HOST:PORT,
// targets as tcp://HOST, or a network as 192.168.1.0/24, with commas between.
// Without a port those of Ports are tried. All together they are no more hosts than one
// network may have.
func Places(text string) ([]modbus.Endpoint, error) {
	var all []modbus.Endpoint
	searched := 0
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimSpace(part)
		hosts := []string{part}
		if network, err := netip.ParsePrefix(part); err == nil {
			if hosts, err = hostsOf(network); err != nil {
				return nil, err
			}
		}
		if searched += len(hosts); searched > mostHosts+2 {
			return nil, fmt.Errorf("more than %d hosts in all: search fewer or smaller networks at once", mostHosts)
		}
		for _, h := range hosts {
			found, err := places(h)
			if err != nil {
				return nil, err
			}
			all = append(all, found...)
		}
	}
	return all, nil
}

func places(host string) ([]modbus.Endpoint, error) {
	_, _, portErr := net.SplitHostPort(host)
	if strings.Contains(host, "://") || portErr == nil {
		e, err := modbus.ParseEndpoint(host)
		if err == nil && e.Scheme == modbus.RTU {
			err = fmt.Errorf("%s: a serial line is not searched: probe it with its unit id", host)
		}
		return []modbus.Endpoint{e}, err
	}
	var all []modbus.Endpoint
	for _, port := range Ports() {
		e, err := modbus.ParseEndpoint(net.JoinHostPort(strings.Trim(host, "[]"), strconv.Itoa(int(port))))
		if err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	return all, nil
}

// Resolve names the first host that the network does not know, nil when it knows
// them all.
func Resolve(ctx context.Context, places []modbus.Endpoint) error {
	ctx, cancel := context.WithTimeout(ctx, resolveWithin)
	defer cancel()
	for _, e := range places {
		host, _, err := net.SplitHostPort(e.Address)
		if err != nil || net.ParseIP(host) != nil {
			continue
		}
		if _, err := net.DefaultResolver.LookupHost(ctx, host); err != nil {
			return fmt.Errorf("%s: there is no such host", host)
		}
	}
	return nil
}

const resolveWithin = 5 * time.Second

func hostsOf(network netip.Prefix) (hosts []string, err error) {
	network = network.Masked()
	for a := network.Addr(); network.Contains(a); a = a.Next() {
		if hosts = append(hosts, a.String()); len(hosts) > mostHosts+2 {
			return nil, fmt.Errorf("%s: more than %d hosts: search a smaller network, as 192.168.1.0/24", network, mostHosts)
		}
	}
	if network.Addr().Is4() && len(hosts) > 2 {
		hosts = hosts[1 : len(hosts)-1] // without the network's own address and broadcast
	}
	return hosts, nil
}

// Listening returns those endpoints that accept a connection, in the given
// order. Each is connected to once, a few at a time, and nothing is sent. Those
// in skip are left out: a device with a single connection would lose its reader.
// progress is told of each endpoint that was tried.
func Listening(ctx context.Context, places []modbus.Endpoint, skip func(modbus.Endpoint) bool, progress func()) []modbus.Endpoint {
	open := make([]bool, len(places))
	turns := make(chan struct{}, atOnce)
	var tries sync.WaitGroup
	for i, e := range places {
		if skip(e) || ctx.Err() != nil {
			progress()
			continue
		}
		turns <- struct{}{}
		tries.Go(func() {
			defer func() { <-turns; progress() }()
			ctx, cancel := context.WithTimeout(ctx, connectWithin)
			defer cancel()
			conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", e.Address)
			if err == nil {
				open[i] = conn.Close() == nil
			}
		})
	}
	tries.Wait()
	var found []modbus.Endpoint
	for i, e := range places {
		if open[i] && !slices.Contains(found, e) {
			found = append(found, e)
		}
	}
	return found
}
