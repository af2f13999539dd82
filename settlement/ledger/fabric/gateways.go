package fabric

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hyperledger/fabric-gateway/pkg/client"
	"github.com/hyperledger/fabric-gateway/pkg/hash"
	fabid "github.com/hyperledger/fabric-gateway/pkg/identity"
	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/grpc"

	"github.com/commonwatt/commonwatt/settlement/ledger/identity"
)

// gateways are those of the peers by which a channel is reached, one peer at a time. They
// are safe for concurrent use.
type gateways struct {
	profile Profile
	reader  *identity.Identity // as whom blocks are read
	conns   []*grpc.ClientConn // by peer
	at      atomic.Int32       // the connection in use
	doubt   atomic.Bool        // the peer in use may be behind what was committed
	seen    atomic.Int64       // height that has all commits that were seen

	mu   sync.Mutex                 // guards open
	open map[string]*client.Gateway // by connection and identity
}

func newGateways(p Profile, reader *identity.Identity) *gateways {
	return &gateways{profile: p, reader: reader, open: map[string]*client.Gateway{}}
}

// dial connects to the peers of the profile.
func (g *gateways) dial() error {
	for _, one := range g.profile.Peers {
		conn, err := Dial(one)
		if err != nil {
			return err
		}
		g.conns = append(g.conns, conn)
	}
	return nil
}

// close ends the connections.
func (g *gateways) close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	var problems []error
	for _, one := range g.open {
		problems = append(problems, one.Close())
	}
	for _, conn := range g.conns {
		problems = append(problems, conn.Close())
	}
	return errors.Join(problems...)
}

const (
	answerWithin = 2 * time.Second // of a peer that is asked for its height
	behindFor    = 8 * time.Second // that a peer may be, before it is left behind
)

// of returns the gateway of an identity at the peer in use.
func (g *gateways) of(who *identity.Identity) (*client.Gateway, error) {
	return g.ofAt(int(g.at.Load()), who)
}

func (g *gateways) ofAt(at int, who *identity.Identity) (*client.Gateway, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	key := strconv.Itoa(at) + string(who.Certificate)
	if one, found := g.open[key]; found {
		return one, nil
	}
	certificate, err := identity.Parse(who.Certificate)
	if err != nil {
		return nil, err
	}
	id, err := fabid.NewX509Identity(who.MSP, certificate)
	if err != nil {
		return nil, fmt.Errorf("identity: %w", err)
	}
	sign, err := fabid.NewPrivateKeySign(who.Key)
	if err != nil {
		return nil, fmt.Errorf("identity: %w", err)
	}
	one, err := client.Connect(id, client.WithSign(sign), client.WithHash(hash.SHA256), client.WithClientConnection(g.conns[at]))
	if err != nil {
		return nil, fmt.Errorf("gateway: %w", err)
	}
	g.open[key] = one
	return one, nil
}

// another takes the next peer, if the one in use is still the one that failed.
func (g *gateways) another(failed int32) {
	g.doubt.Store(true)
	g.at.CompareAndSwap(failed, (failed+1)%int32(len(g.conns)))
}

// sees notes the height at which a commit was seen.
func (g *gateways) sees(height int64) {
	for {
		now := g.seen.Load()
		if height <= now || g.seen.CompareAndSwap(now, height) {
			return
		}
	}
}

// catchUp waits until every peer that answers has what was committed, for a while: a
// peer that was started again is behind for a moment, and would refuse what builds
// on it. One that stays behind does not hold everything up.
func (g *gateways) catchUp(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, behindFor)
	defer cancel()
	for attempt := 0; ; attempt++ {
		behind := false
		for at := range g.conns {
			height, err := g.heightAt(ctx, at)
			behind = behind || err == nil && height < g.seen.Load()
		}
		if !behind {
			g.doubt.Store(false)
			return
		}
		if wait(ctx, attempt) != nil {
			return
		}
	}
}

// heightAt returns the number of blocks of a peer.
func (g *gateways) heightAt(ctx context.Context, at int) (int64, error) {
	one, err := g.ofAt(at, g.reader)
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	b, err := one.GetNetwork(g.profile.Channel).GetContract("qscc").EvaluateWithContext(ctx, "GetChainInfo", client.WithArguments(g.profile.Channel))
	if err != nil {
		return 0, err
	}
	info := &common.BlockchainInfo{}
	err = unmarshal(b, info)
	return int64(info.GetHeight()), err
}

// contract returns the contracts, called by an identity.
func (g *gateways) contract(who *identity.Identity) (*client.Contract, error) {
	one, err := g.of(who)
	if err != nil {
		return nil, err
	}
	return one.GetNetwork(g.profile.Channel).GetContract(g.profile.Chaincode), nil
}

// lookUp asks the peer for a transaction by its id.
func (g *gateways) lookUp(ctx context.Context, id string) (code peer.TxValidationCode, found bool, err error) {
	b, err := g.system(ctx, "GetTransactionByID", g.profile.Channel, id)
	if err != nil {
		return 0, false, err
	}
	t := &peer.ProcessedTransaction{}
	if err := unmarshal(b, t); err != nil {
		return 0, false, err
	}
	return peer.TxValidationCode(t.GetValidationCode()), true, nil
}

// system asks Fabric's own query contract.
func (g *gateways) system(ctx context.Context, function string, args ...string) ([]byte, error) {
	one, err := g.of(g.reader)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, submitWithin)
	defer cancel()
	return one.GetNetwork(g.profile.Channel).GetContract("qscc").EvaluateWithContext(ctx, function, client.WithArguments(args...))
}

// HeightAt asks one peer how many blocks it has.
func HeightAt(ctx context.Context, p Peer, channel string, who *identity.Identity) (height int64, err error) {
	conn, err := Dial(p)
	if err != nil {
		return 0, err
	}
	g := newGateways(Profile{Channel: channel}, who)
	g.conns = []*grpc.ClientConn{conn}
	defer func() { err = errors.Join(err, conn.Close()) }()
	b, err := g.system(ctx, "GetChainInfo", channel)
	if err != nil {
		return 0, err
	}
	info := &common.BlockchainInfo{}
	err = unmarshal(b, info)
	return int64(info.GetHeight()), err
}
