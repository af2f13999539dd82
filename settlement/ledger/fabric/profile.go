// Package fabric is the chain on a Hyperledger Fabric network: calls are
// endorsed by both organisations, signed, kept on disk, submitted, and submitted
// again with the same bytes until the network says what became of them.
//
// # Exactly once
//
// A submission that was acknowledged is not durable: a leader that is killed
// loses what it has not ordered. So the signed transaction is kept until its
// commit is seen; on an unknown state the peer is asked for it by its id. Every
// call changes nothing when it is made twice, so that a transaction that was
// refused for what it read (another wrote it meanwhile) is made anew.
package fabric

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"
)

// Profile says how to reach a network.
type Profile struct {
	Channel   string
	Chaincode string
	Peers     []Peer // gateways, the first preferred
}

// Peer is a peer that serves as a gateway.
type Peer struct {
	Address string // host:port
	TLS     string // file with the certificate of its TLS authority
	Name    string // in its certificate, where that is not the host
}

// Validate names the field that is wrong.
func (p Profile) Validate() error {
	switch {
	case p.Channel == "":
		return fmt.Errorf("channel: missing")
	case p.Chaincode == "":
		return fmt.Errorf("chaincode: missing")
	case len(p.Peers) == 0:
		return fmt.Errorf("peers: at least one must be given")
	}
	for i, one := range p.Peers {
		if one.Address == "" || one.TLS == "" {
			return fmt.Errorf("peers[%d]: address and tls must be given", i)
		}
	}
	return nil
}

// maxMessage is what Fabric allows.
const maxMessage = 100 << 20

// Dial connects to a peer; whether it is there shows with the first call.
func Dial(p Peer) (*grpc.ClientConn, error) {
	ca, err := os.ReadFile(p.TLS)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: tls: %w", p.Address, err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca) {
		return nil, fmt.Errorf("connect to %s: tls: %s holds no certificate in PEM", p.Address, p.TLS)
	}
	conn, err := grpc.NewClient("dns:///"+p.Address,
		grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{RootCAs: roots, ServerName: p.Name, MinVersion: tls.VersionTLS12})),
		grpc.WithConnectParams(grpc.ConnectParams{MinConnectTimeout: 3 * time.Second, Backoff: backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 2 * time.Second}}),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 60 * time.Second, Timeout: 10 * time.Second}),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage), grpc.MaxCallSendMsgSize(maxMessage)))
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", p.Address, err)
	}
	return conn, nil
}
