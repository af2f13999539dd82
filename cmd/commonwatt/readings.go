package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/commonwatt/commonwatt/bus"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters"
	"github.com/commonwatt/commonwatt/meters/store"
	"github.com/commonwatt/commonwatt/proof"
)

// gatewayKeyFile holds the key with which this process signs what it reads.
const gatewayKeyFile = "gateway.key"

// gatewayKey returns the key kept in a directory, which it makes at first.
func (d *dataDir) gatewayKey() (*ecdsa.PrivateKey, error) {
	file := d.file(gatewayKeyFile)
	text, err := os.ReadFile(file) //nolint:gosec // in the data directory
	if errors.Is(err, os.ErrNotExist) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return nil, fmt.Errorf("make %s: %w", gatewayKeyFile, err)
		}
		if text, err = proof.EncodePrivateKey(key); err != nil {
			return nil, fmt.Errorf("make %s: %w", gatewayKeyFile, err)
		}
		return key, d.replace(gatewayKeyFile, text)
	}
	if err != nil {
		return nil, err
	}
	key, err := proof.DecodePrivateKey(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return key, nil
}

// gatewayID names a gateway after its first public key.
func gatewayID(key *ecdsa.PublicKey) (string, error) {
	text, err := proof.EncodeKey(key)
	sum := sha256.Sum256([]byte(text))
	return "gw-" + hex.EncodeToString(sum[:4]), err
}

// openReadings opens the evidence, and the signer of what this process reads.
func (n *node) openReadings(ctx context.Context) (err error) {
	if n.evidence, err = store.OpenEvidence(ctx, n.dir.file("evidence.db"), n.config.Community); err != nil {
		return err
	}
	n.closers = append(n.closers, n.evidence.Close)
	key, err := n.dir.gatewayKey()
	if err != nil {
		return err
	}
	id, err := gatewayID(&key.PublicKey)
	if err != nil {
		return err
	}
	if err := n.evidence.Admit(ctx, id, &key.PublicKey); err != nil {
		return err
	}
	for i, g := range n.config.Gateways {
		if err := g.admit(ctx, n.evidence); err != nil {
			return usage("gateways[%d].%w", i, err)
		}
	}
	n.signer = &meters.Signer{Community: n.config.Community, Gateway: id, Key: key, Out: n}
	n.fleet.Sink = n.signer
	return n.continueChain(ctx)
}

// continueChain goes on after the last batch of this gateway, on the bus or kept.
func (n *node) continueChain(ctx context.Context) error {
	sequence, last, err := n.evidence.Last(ctx, n.signer.Gateway)
	if err != nil {
		return err
	}
	signed, err := n.bus.Last(ctx, bus.Readings, n.readingsSubject(n.signer.Gateway, ">"))
	if err != nil {
		return err
	}
	if signed != nil {
		b, digest, err := proof.ReadBatch(signed)
		if err == nil && b.Sequence > sequence {
			sequence, last = b.Sequence, digest
		}
	}
	n.signer.Continue(sequence, last)
	return nil
}

func (n *node) readingsSubject(gateway, member string) string {
	return "readings." + n.config.Community + "." + gateway + "." + member
}

// PublishSigned puts a signed batch on the bus; it is the signer's way out.
func (n *node) PublishSigned(ctx context.Context, member, id string, signed []byte) error {
	if member == "" {
		member = "_" // a batch without readings
	}
	return n.bus.Publish(ctx, n.readingsSubject(n.signer.Gateway, member), id, signed)
}

// keep takes signed batches from the bus: what is evidence is kept and shown,
// what is not is logged and left out.
func (n *node) keep(ctx context.Context, messages [][]byte) error {
	accepted, refused, err := n.evidence.ReceiveAll(ctx, messages, n.clock())
	if err != nil {
		return err
	}
	for _, no := range refused {
		n.refused.Add(1)
		n.log.ErrorContext(ctx, "readings refused", slog.String("error", no.Error()))
	}
	var readings []grid.Reading
	fresh := 0
	for _, b := range accepted {
		readings = append(readings, b.Readings...)
		if b.Fresh {
			fresh += len(b.Readings)
			n.live.SeeReadings(b.Member, b.Readings)
			n.batteries.see(b.Readings)
		}
	}
	if err := n.store.Write(ctx, readings); err != nil {
		return err
	}
	n.readings.Add(int64(fresh))
	return nil
}

// gatewayConfig admits a gateway on another machine.
type gatewayConfig struct {
	ID      string    `yaml:"id"`
	Key     string    `yaml:"key"`     // public, as commonwatt gateway key prints it
	Revoked time.Time `yaml:"revoked"` // from when on its readings are refused
}

func (g gatewayConfig) admit(ctx context.Context, evidence *store.Evidence) error {
	key, err := proof.DecodeKey(g.Key)
	if err != nil {
		return fmt.Errorf("key: %w", err)
	}
	if err := evidence.Admit(ctx, g.ID, key); err != nil {
		return err
	}
	if g.Revoked.IsZero() {
		return nil
	}
	return evidence.Revoke(ctx, g.ID, g.Revoked)
}

// thinEvery is how often evidence is thinned out, in wall time, and evidenceWhole
// how long it is kept whole, in world time.
const (
	thinEvery     = time.Hour
	evidenceWhole = 48 * time.Hour
)

// tendEvidence reports batches that never came, and thins out old ones.
func (n *node) tendEvidence(ctx context.Context) error {
	ticker := time.NewTicker(thinEvery)
	defer ticker.Stop()
	for {
		if err := n.evidence.Thin(ctx, n.clock().Add(-evidenceWhole)); err != nil {
			return err
		}
		gaps, err := n.evidence.Gaps(ctx)
		if err != nil {
			return err
		}
		for _, g := range gaps {
			n.log.WarnContext(ctx, "readings never came", slog.String("gateway", g.Gateway), slog.Uint64("from", g.From), slog.Uint64("to", g.To))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}
