// Package ledger submits settlement runs exactly once, and reads and proves
// what was recorded, on the embedded chain or on a Fabric network: the contracts
// are the same, and so are the keys under which they write.
//
// A run is submitted as its manifest, its batches and its closing. Each is a
// call that changes nothing when it comes again, so that a submission that was
// interrupted anywhere is simply made again.
package ledger

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/proof"
	"github.com/commonwatt/commonwatt/record"
)

// Ledger is a community's ledger. It is safe for concurrent use.
type Ledger struct {
	Names  *Names
	People *People

	community string
	chain     Chain
	index     *Index
	cosigning sync.Mutex

	more      chan struct{} // there is something for the index to follow
	stop      context.CancelFunc
	following sync.WaitGroup
}

// Open opens a community's ledger on a chain, which is its own from now on, and
// founds the community if that is new.
func Open(ctx context.Context, chain Chain, index *Index, people *People, names *Names, community, currency string) (*Ledger, error) {
	l := &Ledger{Names: names, People: people, community: community, chain: chain, index: index, more: make(chan struct{}, 1), stop: func() {}}
	err := l.As(people.Operator).Registry.FoundCommunity(ctx, chaincode.Community{ID: community, Currency: currency, Utility: people.UtilityMSP})
	if err == nil {
		err = index.Follow(ctx, chain)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open ledger: %w", err), l.Close())
	}
	following, stop := context.WithCancel(context.WithoutCancel(ctx))
	l.stop = stop
	l.following.Go(func() { l.follow(following) })
	return l, nil
}

// gather is how long the index waits for more blocks unless somebody reads.
const gather = 200 * time.Millisecond

// follow keeps the index up with the chain while runs go on being submitted.
func (l *Ledger) follow(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.more:
			select { // what comes meanwhile costs no further sync
			case <-ctx.Done():
			case <-time.After(gather):
			}
			_ = l.index.Follow(ctx, l.chain) // comes again, and is reported, when somebody reads
		}
	}
}

// indexed returns the index when it has all that the chain has.
func (l *Ledger) indexed(ctx context.Context) (*Index, error) {
	if err := l.index.Follow(ctx, l.chain); err != nil {
		return nil, err
	}
	return l.index, nil
}

// Kind names the driver.
func (l *Ledger) Kind() string { return l.chain.Kind() }

// finishing bounds how long a ledger that is closed waits for its index.
const finishing = 5 * time.Second

// Close brings the index up to the chain, if that answers, and closes both.
func (l *Ledger) Close() error {
	l.stop()
	l.following.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), finishing)
	defer cancel()
	_ = l.index.Follow(ctx, l.chain) // what is left is followed, and reported, when it is opened again
	return errors.Join(l.chain.Close(), l.index.Close())
}

// Register records devices, with their members and metering points, all at once. The
// error of the contracts names the device that they refuse.
func (l *Ledger) Register(ctx context.Context, devices ...grid.Device) error {
	err := l.register(ctx, devices...)
	refused := (*ContractError)(nil)
	if !errors.As(err, &refused) {
		return err
	}
	for _, d := range devices {
		if err := l.register(ctx, d); errors.As(err, &refused) {
			return fmt.Errorf("the ledger refuses device %s: %w: a device or metering point that changed needs a new id", d.ID, err)
		}
	}
	return err
}

func (l *Ledger) register(ctx context.Context, devices ...grid.Device) error {
	r := registration{seen: map[any]bool{}}
	for _, d := range devices {
		if err := r.add(l, d); err != nil {
			return fmt.Errorf("register %s: %w", d.ID, err)
		}
	}
	installer := l.As(l.People.Installer)
	if err := installer.Registry.AdmitMember(ctx, r.members...); err != nil {
		return err
	}
	if err := installer.Registry.RegisterMeteringPoint(ctx, r.points...); err != nil { // of members that are there
		return err
	}
	return installer.Registry.RegisterDevice(ctx, r.devices...) // at metering points that are there
}

// registration is what some devices bring to the registry, each once.
type registration struct {
	members []chaincode.Member
	points  []chaincode.MeteringPoint
	devices []chaincode.Device
	seen    map[any]bool
}

func (r *registration) add(l *Ledger, d grid.Device) error {
	salt, err := l.Names.Salt(d.Member)
	if err != nil {
		return err
	}
	point := chaincode.Pseudonym(salt, chaincode.KindMeteringPoint, d.MeteringPoint)
	if slices.Contains(record.SystemAccounts(), d.MeteringPoint) {
		point = d.MeteringPoint // which the contract refuses
	}
	m := chaincode.Member{Community: l.community, ID: chaincode.Pseudonym(salt, chaincode.KindMember, d.Member)}
	p := chaincode.MeteringPoint{Community: l.community, ID: point, Member: m.ID}
	device := chaincode.Device{
		Community: l.community, ID: chaincode.Pseudonym(salt, chaincode.KindDevice, d.ID), Kind: string(d.Kind),
		MeteringPoint: point, Commitment: chaincode.Pseudonym(salt, "serial", d.Serial),
	}
	if !r.seen[m] {
		r.members = append(r.members, m)
	}
	if !r.seen[p] {
		r.points = append(r.points, p)
	}
	if !r.seen[device] {
		r.devices = append(r.devices, device)
	}
	r.seen[m], r.seen[p], r.seen[device] = true, true, true
	return nil
}

// Account returns the account of a member's metering point.
func (l *Ledger) Account(member, point string) (string, error) { return l.Names.Account(member, point) }

// RegisterGateway records a key that signs readings.
func (l *Ledger) RegisterGateway(ctx context.Context, gateway, publicKey string) error {
	return l.As(l.People.Installer).Registry.RegisterGatewayKey(ctx, chaincode.GatewayKey{Community: l.community, Gateway: gateway, PublicKey: publicKey})
}

// RevokeGateway ends a gateway's keys: what they sign from t on counts no more.
func (l *Ledger) RevokeGateway(ctx context.Context, gateway string, t time.Time) error {
	return l.As(l.People.Operator).Registry.Revoke(ctx, chaincode.Revocation{
		Community: l.community, Kind: chaincode.KindGateway, ID: gateway, At: t.UTC().Format(time.RFC3339), Reason: "configured",
	})
}

// SubmitRun records a run: manifest, batches, closing. Submitting it again,
// whole or after a crash in the middle, changes nothing that is there.
func (l *Ledger) SubmitRun(ctx context.Context, run record.Run) error {
	m := run.Manifest
	if l.IsClosed(m) {
		return nil
	}
	if err := l.submitRun(ctx, run); err != nil {
		return fmt.Errorf("submit %s run %d: %w", m.Interval, m.Run, err)
	}
	select {
	case l.more <- struct{}{}:
	default: // it knows
	}
	return nil
}

// IsClosed tells whether a run is known to be closed on the chain.
func (l *Ledger) IsClosed(m record.Manifest) bool {
	return l.index.IsClosed(fmt.Sprintf("%s/%s/%d", m.Community, m.Interval, m.Run))
}

func (l *Ledger) submitRun(ctx context.Context, run record.Run) error {
	operator := l.As(l.People.Operator)
	if err := operator.Settlement.OpenRun(ctx, run.Manifest); err != nil {
		return err
	}
	if err := operator.Settlement.PostBatch(ctx, run.Batches...); err != nil {
		return err
	}
	return operator.Settlement.CloseRun(ctx, run.Manifest)
}

// Balance returns the balance of a system account.
func (l *Ledger) Balance(ctx context.Context, account string) (grid.Money, error) {
	return l.As(l.People.Operator).Settlement.Balance(ctx, account)
}

// Fold sums up what moved the balances on a UTC day that is over, so that a balance
// is read from a few keys. What comes later is taken in by a later call.
func (l *Ledger) Fold(ctx context.Context, day time.Time) error {
	return l.As(l.People.Operator).Settlement.FoldBalances(ctx, day.UTC().Format(time.DateOnly), chaincode.Buckets()...)
}

// Chain returns what the ledger is on.
func (l *Ledger) Chain() Chain { return l.chain }

// Index returns the index, which has all that the chain has.
func (l *Ledger) Index(ctx context.Context) (*Index, error) { return l.indexed(ctx) }

// Head returns the number of blocks and the hash of the last, in hex.
func (l *Ledger) Head(ctx context.Context) (height int64, root string, err error) {
	height, hash, err := l.chain.Head(ctx)
	return height, hex.EncodeToString(hash), err
}

// Checkpoint returns the last checkpoint, nil when there is none yet, how many
// postings it has, and whether somebody else has signed it too.
func (l *Ledger) Checkpoint(ctx context.Context) (signed []byte, size int64, cosigned bool, err error) {
	x, err := l.indexed(ctx)
	if err != nil {
		return nil, 0, false, err
	}
	signed, size, err = x.Checkpoint(ctx)
	const own = 1
	return signed, size, bytes.Count(signed, []byte("\n\u2014 ")) > own, err
}

// Postings returns all postings of an interval over its runs, in log order.
func (l *Ledger) Postings(ctx context.Context, i grid.Interval) ([]record.Posting, error) {
	x, err := l.indexed(ctx)
	if err != nil {
		return nil, err
	}
	var postings []record.Posting
	err = x.Find(ctx, Query{Interval: i.String()}, func(e Entry) error {
		var p record.Posting
		err := json.Unmarshal(e.Posting, &p)
		postings = append(postings, p)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("postings of %s: %w", i, err)
	}
	return postings, nil
}

// Intervals returns how many intervals have a closed run.
func (l *Ledger) Intervals(ctx context.Context) (int64, error) {
	x, err := l.indexed(ctx)
	if err != nil {
		return 0, err
	}
	intervals, _ := x.Closed()
	return intervals, nil
}

// ClosedRuns returns how many runs are closed.
func (l *Ledger) ClosedRuns(ctx context.Context) (int64, error) {
	x, err := l.indexed(ctx)
	if err != nil {
		return 0, err
	}
	_, runs := x.Closed()
	return runs, nil
}

// Cosign has the utility's witness sign the last checkpoint, where it is
// reachable from here. Errors: *ForkError.
func (l *Ledger) Cosign(ctx context.Context) error {
	l.cosigning.Lock()
	defer l.cosigning.Unlock()
	if l.People.Witness == nil {
		return nil
	}
	x, err := l.indexed(ctx)
	if err != nil {
		return err
	}
	signed, _, err := x.Checkpoint(ctx)
	if err != nil || signed == nil {
		return err
	}
	c, err := proof.OpenCheckpoint(signed, ownVerifier{l.People.Signer})
	if err != nil {
		return err
	}
	before := l.People.Witness.Last()
	if c == before {
		return nil
	}
	consistency, err := l.index.Consistency(c, before)
	if err != nil {
		return err
	}
	cosigned, err := l.People.Witness.Cosign(signed, ownVerifier{l.People.Signer}, consistency)
	if err != nil {
		return err
	}
	return l.index.Cosigned(ctx, c, cosigned)
}

// ownVerifier accepts what the signer signs: it is used where the signer is at
// hand, never to judge what came from elsewhere.
type ownVerifier struct{ note.Signer }

func (v ownVerifier) Verify(msg, sig []byte) bool {
	own, err := v.Sign(msg)
	return err == nil && string(own) == string(sig) // Ed25519 is deterministic
}
