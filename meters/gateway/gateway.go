// Package gateway reads devices on a machine of its own and sends signed readings to a
// community's hub. What is read is durable on this machine's disk first: while the hub
// cannot be reached it waits there, and follows in order.
//
// A process calls Run, which returns when its context ends; it owns the connections to
// the devices, the store of waiting readings and the connection to the hub.
package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"github.com/commonwatt/commonwatt/bus"
	"github.com/commonwatt/commonwatt/clock"
	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/meters"
	"github.com/commonwatt/commonwatt/meters/control"
	"github.com/commonwatt/commonwatt/proof"
)

// Options are what a gateway works with.
type Options struct {
	Community string
	Dir       *disk.Dir // of everything that is kept; the caller closes it after Run
	Targets   []meters.Target
	Moved     []Moved // those of them that the market may move
	Hub       Hub
	Log       *slog.Logger
	Began     func(name string) // is told the gateway's name once it reads; may be nil
}

// Hub is where a gateway sends, and what may wait for it.
type Hub struct {
	URL, CA, Password string // nats-leaf://HOST:PORT or tls://HOST:PORT, a PEM file, a secret
	MaxBytes          int64  // of the readings that wait
	DropOldest        bool   // when they are more; else new ones are refused
}

// gateway is one that runs.
type gateway struct {
	Options

	bus      *bus.Edge
	signer   *meters.Signer
	skew     atomic.Int64 // ns by which this clock is ahead of the hub's
	totals   *totals
	receipts *receipts
	clock    *clock.Judge
	space    *disk.Space
	mustAsk  bool // nothing is signed before the hub has said what it has
}

// Run reads the targets until ctx ends, and gives the hub a moment to take what is left.
func Run(ctx context.Context, o Options) (err error) {
	n := &gateway{Options: o, clock: clock.NewJudge(time.Now, 1, func(text string) { o.Log.ErrorContext(ctx, text) })}
	n.space = disk.NewSpace(o.Dir.Path, func(alarm string) { n.sayRoom(ctx, alarm) })
	if n.totals, err = openTotals(o.Dir); err != nil {
		return err
	}
	if err := n.open(ctx); err != nil {
		return err
	}
	defer n.bus.Close()
	if err := n.rotate(ctx); err != nil {
		return err
	}
	if n.Began != nil {
		n.Began(n.signer.Gateway)
	}
	forwarding, stop := context.WithCancel(context.WithoutCancel(ctx))
	sent := make(chan error, 1)
	go func() { sent <- n.bus.Forward(forwarding, n.tellLink) }()
	minding := make(chan struct{})
	go func() {
		defer close(minding)
		n.mind(ctx)
	}()
	err = errors.Join(n.poll(ctx), n.signer.Close(context.WithoutCancel(ctx)), n.totals.save())
	<-minding
	n.finish()
	stop()
	return errors.Join(err, <-sent)
}

// poll reads the devices and moves those that the hub wants moved, until ctx ends: they are
// released before the readers stop, for the same connections serve both.
func (n *gateway) poll(ctx context.Context) error {
	fleet := &meters.Fleet{Clock: n.clock.Now, Sink: n, Log: n.Log}
	moves, err := newMoves(n.Moved, fleet.Conn, func(ctx context.Context) ([]byte, error) {
		return n.bus.Request(ctx, control.OrdersSubject(n.Community, n.signer.Gateway), nil)
	}, n.Log)
	if err != nil {
		return err
	}
	fleet.Heard = moves.heard
	ctx, stop := context.WithCancel(ctx)
	reading, released := context.WithCancel(context.WithoutCancel(ctx))
	moving := make(chan struct{})
	go func() {
		defer close(moving)
		defer released()
		moves.run(ctx)
		<-ctx.Done()
	}()
	err = fleet.Run(reading, n.Targets, n.totals)
	stop()
	<-moving
	return err
}

func (n *gateway) open(ctx context.Context) error {
	id, err := OpenIdentity(n.Dir)
	if err != nil {
		return err
	}
	n.bus, err = bus.OpenEdge(ctx, bus.EdgeConfig{
		Dir: n.Dir.File("bus"), Hub: n.Hub.URL, CA: n.Hub.CA, Name: id.Name, Password: n.Hub.Password,
		MaxBytes: n.Hub.MaxBytes, DropOldest: n.Hub.DropOldest, Decided: n.decided, Room: n.space.Room,
	})
	if err != nil {
		return err
	}
	n.receipts = &receipts{log: n.Log, subject: proof.ReceiptSubject(n.Community, id.Name), ask: n.bus.Request}
	dropped, err := n.bus.DropOthers(ctx, "readings."+n.Community+".")
	if err != nil {
		return err
	}
	if dropped > 0 {
		n.Log.ErrorContext(ctx, "readings dropped: they were signed for another community, and this one's hub takes none of them", slog.Uint64("batches", dropped), slog.String("community", n.Community))
	}
	n.signer = &meters.Signer{Community: n.Community, Gateway: id.Name, Key: id.Key, Out: n, Skew: func() time.Duration { return time.Duration(n.skew.Load()) }}
	last, err := n.bus.LastStored(ctx, n.subject(">"))
	if err != nil {
		return err
	}
	if last != nil {
		b, digest, err := proof.ReadBatch(last)
		if err != nil {
			return fmt.Errorf("the last batch: %w", err)
		}
		n.signer.Continue(b.Sequence, digest)
	}
	n.settle(ctx, last == nil && n.totals.kept)
	return n.Dir.NoteParts()
}

// rotate announces a key that waits for it.
func (n *gateway) rotate(ctx context.Context) error {
	text, err := os.ReadFile(n.Dir.File(nextFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	next, err := proof.DecodePrivateKey(text)
	if err != nil {
		return fmt.Errorf("%s: %w", nextFile, err)
	}
	if !next.Equal(n.signer.Key) { // it was announced before a crash
		if err := n.signer.Rotate(ctx, next); err != nil {
			return err
		}
	}
	if err := keepKey(n.Dir, keyFile, next); err != nil {
		return err
	}
	return os.Remove(n.Dir.File(nextFile))
}

func (n *gateway) subject(member string) string {
	return proof.ReadingsSubject(n.Community, n.signer.Gateway, member)
}

// PublishSigned keeps a signed batch on this machine's disk; it is the signer's
// way out.
func (n *gateway) PublishSigned(ctx context.Context, member, id string, signed []byte) error {
	return n.bus.Publish(ctx, n.subject(member), id, signed)
}

// PublishBatch remembers the registers and hands the batch to the signer.
func (n *gateway) PublishBatch(ctx context.Context, id string, b meters.Batch) error {
	if n.mustAsk && !n.receipts.known() {
		return errUnknown
	}
	n.totals.note(b.Readings)
	return n.signer.PublishBatch(ctx, id, b)
}

func (n *gateway) tellLink(err error) {
	if err != nil {
		n.Log.Warn("readings wait on this machine", slog.String("error", err.Error()))
		return
	}
	n.Log.Info("the hub is there")
}

const (
	mindEvery    = 5 * time.Second
	fillingUp    = 0.8
	finishWithin = 3 * time.Second
)

// mind compares the clocks and raises the alarm when the store fills up.
func (n *gateway) mind(ctx context.Context) {
	ticker := time.NewTicker(mindEvery)
	defer ticker.Stop()
	var lost uint64
	filling := false
	for {
		n.compareClocks(ctx)
		if n.mustAsk && !n.receipts.known() {
			n.asked(ctx)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		n.space.Alarm()
		if err := n.totals.save(); err != nil {
			n.Log.ErrorContext(ctx, "last registers not kept", slog.String("error", err.Error()))
		}
		b, err := n.bus.Backlog(ctx)
		if err != nil {
			continue
		}
		if b.Lost > lost {
			n.Log.ErrorContext(ctx, "readings lost: the store was full before the hub came", slog.Uint64("batches", b.Lost-lost))
		}
		lost = b.Lost
		if full := b.Messages > 0 && b.Share > fillingUp; full != filling {
			filling = full
			n.Log.ErrorContext(ctx, "the store of waiting readings", slog.Float64("share_used", b.Share), slog.Bool("drops_oldest", n.Hub.DropOldest))
		}
	}
}

func (n *gateway) compareClocks(ctx context.Context) {
	asked, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	skew, err := clock.Skew(asked, n.clock.Now, func(ctx context.Context) ([]byte, error) {
		return n.bus.Request(ctx, clock.Subject(n.Community), nil)
	})
	if err != nil { // the last comparison holds
		return
	}
	off := func(d time.Duration) bool { return d.Abs() > proof.MostSkew }
	if before := time.Duration(n.skew.Swap(int64(skew))); off(skew) != off(before) {
		n.sayClock(ctx, skew)
	}
}

// sayRoom says that the disk is filling up, or has room again.
func (n *gateway) sayRoom(ctx context.Context, alarm string) {
	if alarm == "" {
		n.Log.InfoContext(ctx, "there is room on the disk again")
		return
	}
	n.Log.ErrorContext(ctx, alarm)
}

// sayClock says that this machine's clock is off, or right again.
func (n *gateway) sayClock(ctx context.Context, skew time.Duration) {
	switch {
	case skew > proof.MostSkew:
		n.Log.ErrorContext(ctx, "this machine's clock is ahead of the hub's: its readings count as estimated, and wait or are refused when they are far ahead; set the clock", slog.Duration("by", skew))
	case skew < -proof.MostSkew:
		n.Log.ErrorContext(ctx, "this machine's clock is behind the hub's: its readings count as estimated; set the clock", slog.Duration("by", -skew))
	default:
		n.Log.InfoContext(ctx, "this machine's clock agrees with the hub's again")
	}
}

// finish gives the hub a moment to take what is left; the next start sends the
// rest.
func (n *gateway) finish() {
	ctx, cancel := context.WithTimeout(context.Background(), finishWithin)
	defer cancel()
	for {
		b, err := n.bus.Backlog(ctx)
		if err != nil || b.Messages == 0 {
			return
		}
		select {
		case <-ctx.Done():
			n.Log.Info("readings wait for the next start", slog.Uint64("batches", b.Messages))
			return
		case <-time.After(mindEvery / 50):
		}
	}
}
