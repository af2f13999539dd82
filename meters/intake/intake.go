// Package intake is where readings arrive: it takes signed batches from the bus, keeps
// those that are evidence, stores what they say, and knows who was heard when. What is
// no evidence is refused and logged.
//
// Its owner calls Run and the upkeep (Upkeep, Trim) until it stops; the evidence, the
// store and the bus are the owner's.
package intake

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/evidence"
	"github.com/commonwatt/commonwatt/meters/store"
	"github.com/commonwatt/commonwatt/proof"
)

// Bus is what readings come over.
type Bus interface {
	// Last returns the last message of a subject, nil when there is none.
	Last(ctx context.Context, stream, subject string) ([]byte, error)
	// Publish returns when the message is durable; one with an id that it has is none.
	Publish(ctx context.Context, subject, id string, data []byte) error
	// Consume hands over messages until ctx ends; what handle fails on comes again. An
	// error with a method Aside names the messages that can never be taken, by their place:
	// they are kept apart, and the others are done with.
	Consume(ctx context.Context, stream, subject, durable string, handle func(context.Context, [][]byte) error, failed func(error)) error
}

// Options are what an Intake works with.
type Options struct {
	Community string
	Gateway   string // that this process is
	Bus       Bus
	Stream    string // of the bus, which has the readings
	Evidence  *evidence.Log
	Store     store.Store
	Clock     func() time.Time // world time
	Log       *slog.Logger
	Devices   []grid.Device
	ReadBy    map[string]string // device → gateway on another machine
	Watch     Watch
}

// Watch is told what comes in; each may be nil.
type Watch struct {
	// Readings is told of readings that are new, and whether another machine read them.
	Readings func(ctx context.Context, member string, readings []grid.Reading, elsewhere bool)
	// Key is told that a gateway has announced another key.
	Key func()
}

// Intake takes in readings. It is safe for concurrent use.
type Intake struct {
	Options

	stored    atomic.Int64
	refusals  *refusals
	telemetry telemetry

	roll
}

// Open returns the intake of a community's devices, and has the evidence admit what they
// say alone.
func Open(ctx context.Context, o Options) (*Intake, error) {
	in := &Intake{Options: o, refusals: newRefusals(o.Log), roll: newRoll()}
	for _, d := range o.Devices {
		in.Add(d)
	}
	o.Evidence.May, o.Evidence.Meters = in.may, in.isMeter
	in.telemetry.store, in.telemetry.log = o.Store, o.Log
	count, err := o.Store.Count(ctx)
	in.stored.Store(count)
	return in, err
}

// Consumer is the durable name by which readings are taken: several communities may share
// a bus.
func (in *Intake) Consumer() string { return "store-" + in.Community }

// Stored returns how many readings are stored.
func (in *Intake) Stored() int64 { return in.stored.Load() }

// Refused returns how many batches were no evidence.
func (in *Intake) Refused() int64 { return in.refusals.count() }

// may refuses readings of devices that the gateway does not read. What this process read
// itself, also before a device was taken out, is its own.
func (in *Intake) may(b proof.Batch) error {
	for _, reading := range b.Readings {
		d, known := in.find(reading.Device)
		by := cmp.Or(in.ReadBy[reading.Device], in.Gateway)
		switch {
		case !known && b.Gateway == in.Gateway:
		case !known || by != b.Gateway:
			return fmt.Errorf("device %q is not read by this gateway", reading.Device)
		case d.Member != b.Member:
			return fmt.Errorf("device %q belongs to %q, not to %q", reading.Device, d.Member, b.Member)
		}
	}
	return nil
}

// Tail returns number and digest of the last batch of this gateway, on the bus or kept:
// the next one follows it.
func (in *Intake) Tail(ctx context.Context) (sequence uint64, last proof.Digest, err error) {
	if sequence, last, err = in.Evidence.Last(ctx, in.Gateway); err != nil {
		return 0, "", err
	}
	signed, err := in.Bus.Last(ctx, in.Stream, proof.ReadingsSubject(in.Community, in.Gateway, ">"))
	if err != nil {
		return 0, "", err
	}
	if signed != nil {
		if b, digest, err := proof.ReadBatch(signed); err == nil && b.Sequence > sequence {
			return b.Sequence, digest, nil
		}
	}
	return sequence, last, nil
}

// PublishSigned puts a signed batch of this gateway on the bus; it is a signer's way out.
func (in *Intake) PublishSigned(ctx context.Context, member, id string, signed []byte) error {
	return in.Bus.Publish(ctx, proof.ReadingsSubject(in.Community, in.Gateway, member), id, signed)
}

// Run takes readings until ctx ends. Batches that came before the one that they follow
// are considered first.
func (in *Intake) Run(ctx context.Context) error {
	again := func(err error) { in.tell(ctx, err) }
	if err := in.Evidence.Reconsider(ctx, in.Clock(), in.take); err != nil {
		again(err) // at the next start
	}
	return in.Bus.Consume(ctx, in.Stream, proof.ReadingsSubject(in.Community, "*", "*"), in.Consumer(), in.receive, again)
}

// tell says what could not be taken from the bus.
func (in *Intake) tell(ctx context.Context, err error) {
	if aside := (interface{ IsSetAside() bool })(nil); errors.As(err, &aside) {
		in.Log.ErrorContext(ctx, "readings refused", slog.String("error", shortened(err.Error())))
		return
	}
	in.Log.WarnContext(ctx, "will try again", slog.String("error", err.Error()))
}

// receive takes signed batches from the bus.
func (in *Intake) receive(ctx context.Context, messages [][]byte) error {
	accepted, refused, err := in.Evidence.ReceiveAll(ctx, messages, in.Clock())
	if err != nil {
		return err
	}
	if err := in.take(ctx, accepted); err != nil {
		return err
	}
	aside := map[int]error{}
	for _, no := range refused {
		in.refusals.note(ctx, no, time.Now())
		if !no.Aside { // the evidence has those
			aside[no.Message] = no
		}
	}
	if len(aside) == 0 {
		return nil
	}
	return &asideError{aside}
}

// take stores and tells what was accepted.
func (in *Intake) take(ctx context.Context, accepted []evidence.Received) error {
	var readings []grid.Reading
	fresh := 0
	for _, b := range accepted {
		if b.NextKey != "" && in.Watch.Key != nil {
			in.Watch.Key()
		}
		readings = append(readings, b.Readings...)
		if b.Fresh {
			fresh += len(b.Readings)
			if in.Watch.Readings != nil {
				in.Watch.Readings(ctx, b.Member, b.Readings, b.Gateway != in.Gateway)
			}
		}
	}
	if err := in.telemetry.write(ctx, readings); err != nil {
		return err
	}
	in.stored.Add(int64(fresh))
	in.note(accepted)
	return nil
}
