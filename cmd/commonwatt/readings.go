package main

import (
	"cmp"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/commonwatt/commonwatt/bus"
	"github.com/commonwatt/commonwatt/clock"
	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters"
	"github.com/commonwatt/commonwatt/meters/evidence"
	"github.com/commonwatt/commonwatt/meters/store"
	"github.com/commonwatt/commonwatt/proof"
	"github.com/commonwatt/commonwatt/usage"
	"github.com/commonwatt/commonwatt/web/api"
)

// gatewayKeyFile holds the key with which this process signs what it reads, and
// gatewayNameFile the name of the gateway, which stays when the key changes.
const (
	gatewayKeyFile  = "gateway.key"
	gatewayNameFile = "gateway.id"
)

// openGateway returns the name and key kept in a directory, which it makes at first.
func openGateway(d *disk.Dir) (name string, key *ecdsa.PrivateKey, err error) {
	text, err := os.ReadFile(d.File(gatewayKeyFile))
	if errors.Is(err, os.ErrNotExist) {
		return newGateway(d)
	}
	if err != nil {
		return "", nil, err
	}
	if key, err = proof.DecodePrivateKey(text); err != nil {
		return "", nil, fmt.Errorf("%s: %w", d.File(gatewayKeyFile), err)
	}
	id, err := os.ReadFile(d.File(gatewayNameFile))
	if errors.Is(err, os.ErrNotExist) {
		return "", nil, fmt.Errorf("%s is missing beside %s: restore it from a copy, or remove the key to go on as another gateway", d.File(gatewayNameFile), gatewayKeyFile)
	}
	return strings.TrimSpace(string(id)), key, err
}

// newGateway makes a key, and names the gateway after it.
func newGateway(d *disk.Dir) (name string, key *ecdsa.PrivateKey, err error) {
	if key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return "", nil, fmt.Errorf("make %s: %w", gatewayKeyFile, err)
	}
	public, err := proof.EncodeKey(&key.PublicKey)
	if err != nil {
		return "", nil, err
	}
	sum := sha256.Sum256([]byte(public))
	name = "gw-" + hex.EncodeToString(sum[:4])
	if err := d.Replace(gatewayNameFile, []byte(name+"\n")); err != nil {
		return "", nil, err
	}
	return name, key, keepGatewayKey(d, key)
}

func keepGatewayKey(d *disk.Dir, key *ecdsa.PrivateKey) error {
	text, err := proof.EncodePrivateKey(key)
	if err != nil {
		return err
	}
	return d.Replace(gatewayKeyFile, text)
}

// openReadings opens the evidence, and the signer of what this process reads.
func (n *node) openReadings(ctx context.Context) (err error) {
	if n.evidence, err = evidence.Open(ctx, n.dir.File(evidenceFile), n.config.Community); err != nil {
		return err
	}
	n.closers = append(n.closers, n.evidence.Close)
	id, key, err := openGateway(n.dir)
	if err != nil {
		return err
	}
	if err := n.evidence.Admit(ctx, id, &key.PublicKey); err != nil {
		return err
	}
	for i, g := range n.config.Gateways {
		if err := g.admit(ctx, n.evidence); err != nil {
			return usage.Errorf("gateways[%d].%w", i, err)
		}
	}
	n.readBy = newReaders(id, n.config.Devices, n.devices)
	n.evidence.May = n.readBy.may
	n.signer = &meters.Signer{Community: n.config.Community, Gateway: id, Key: key, Out: n}
	n.fleet.Sink, n.fleet.Together = n.signer, readingsTogether(n.config.Speed, n.deadline())
	return n.continueChain(ctx)
}

// readers knows which gateway reads which device, and for whom.
type readers struct {
	mu   sync.Mutex
	own  string            // the gateway that this process is
	by   map[string]string // device → gateway; absent: own
	devs map[string]grid.Device
}

func newReaders(own string, configured []device, devices []grid.Device) *readers {
	r := &readers{own: own, by: map[string]string{}, devs: map[string]grid.Device{}}
	for _, d := range configured {
		if d.Gateway != "" {
			r.by[d.ID] = d.Gateway
		}
	}
	for _, d := range devices {
		r.devs[d.ID] = d
	}
	return r
}

func (r *readers) add(d grid.Device) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.devs[d.ID] = d
}

// member returns whose device it is, empty when it is not known.
func (r *readers) member(device string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.devs[device].Member
}

// may refuses readings of devices that the gateway does not read. What this
// process read itself, also before a device was taken out, is its own.
func (r *readers) may(b proof.Batch) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, reading := range b.Readings {
		d, known := r.devs[reading.Device]
		by := cmp.Or(r.by[reading.Device], r.own)
		switch {
		case !known && b.Gateway == r.own:
		case !known || by != b.Gateway:
			return fmt.Errorf("device %q is not read by this gateway", reading.Device)
		case d.Member != b.Member:
			return fmt.Errorf("device %q belongs to %q, not to %q", reading.Device, d.Member, b.Member)
		}
	}
	return nil
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
	return n.take(ctx, accepted)
}

// readingsTogether is for how long the readings of a home wait to be signed and
// stored together, wall time. What is written to the disk is for the most part
// whole pages, one or more a home and batch. World time tells how long settlement
// may have to wait: it gets them well before the deadline, which is world time too.
func readingsTogether(speed float64, deadline time.Duration) time.Duration {
	world := min(5*time.Second, deadline/4)
	return max(time.Duration(float64(world)/max(speed, 1)), meters.Period/2)
}

// hear steers by what this process read, and shows it, as it comes: only what counts
// for money waits until it is signed and durable.
func (n *node) hear(r grid.Reading) {
	n.batteries.see(r)
	n.live.SeeReadings(n.readBy.member(r.Device), []grid.Reading{r})
}

// take keeps and shows what was accepted.
func (n *node) take(ctx context.Context, accepted []evidence.Received) error {
	var readings []grid.Reading
	fresh := 0
	for _, b := range accepted {
		if b.NextKey != "" {
			n.keysChanged.Store(true)
		}
		readings = append(readings, b.Readings...)
		if b.Fresh {
			fresh += len(b.Readings)
			if b.Gateway != n.signer.Gateway { // what is read here was seen when it was read
				n.live.SeeReadings(b.Member, b.Readings)
				for _, r := range b.Readings {
					n.batteries.see(r)
				}
			}
			n.heard.see(b.Batch)
			n.watchSigns(ctx, b.Readings)
		}
	}
	err := n.store.Write(ctx, readings)
	if bad := (*store.RefusedPointsError)(nil); errors.As(err, &bad) {
		for _, p := range bad.Points { // the evidence has them
			n.log.ErrorContext(ctx, "the telemetry store refuses a reading", slog.String("device", p.Device),
				slog.Time("time", p.Time), slog.String("error", p.Err.Error()))
		}
		err = nil
	}
	if err != nil {
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

	PasswordFile string `yaml:"password_file"` // with which it connects to the bus
}

// leafs returns which gateways may connect to the bus, nil when none may.
func (c config) leafs() (*bus.Leafs, error) {
	at := c.Bus.Gateways
	if at.Listen == "" {
		return nil, nil
	}
	l := &bus.Leafs{Listen: at.Listen, Cert: at.Cert, Key: at.Key}
	for i, g := range c.Gateways {
		if g.PasswordFile == "" {
			return nil, fmt.Errorf("gateways[%d].password_file: missing: the password with which the gateway connects", i)
		}
		password, err := os.ReadFile(g.PasswordFile)
		if err != nil {
			return nil, fmt.Errorf("gateways[%d].password_file: %w", i, err)
		}
		l.Users = append(l.Users, bus.Leaf{
			Name: g.ID, Password: strings.TrimSpace(string(password)),
			Publish: []string{"readings." + c.Community + "." + g.ID + ".>", clock.Subject(c.Community)},
		})
	}
	return l, nil
}

// exists checks the files with which gateways connect.
func (at leafConfig) exists(c config) error {
	if _, err := c.leafs(); err != nil {
		return err
	}
	if at.Cert == "" && at.Key == "" {
		return nil
	}
	if at.Cert == "" || at.Key == "" {
		return errors.New("bus.gateways: cert, key: give both or none")
	}
	if _, err := tls.LoadX509KeyPair(at.Cert, at.Key); err != nil {
		return fmt.Errorf("bus.gateways: cert, key: %w", err)
	}
	return nil
}

// serveClock tells gateways the time until ctx ends.
func (n *node) serveClock(ctx context.Context) error {
	return n.bus.Serve(ctx, clock.Subject(n.config.Community), func([]byte) []byte { return clock.Answer(n.clock()) })
}

func (g gatewayConfig) admit(ctx context.Context, evidence *evidence.Log) error {
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

// gatewaysHeard remembers when batches came from which gateway.
type gatewaysHeard struct {
	mu sync.Mutex
	by map[string]gatewayHeard
}

type gatewayHeard struct {
	at   time.Time // wall time
	last time.Time // of a reading
}

// gatewaySilent is how long a gateway may be silent before it is offline.
const gatewaySilent = time.Minute

func (h *gatewaysHeard) see(b proof.Batch) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.by == nil {
		h.by = map[string]gatewayHeard{}
	}
	heard := gatewayHeard{at: time.Now(), last: h.by[b.Gateway].last}
	for _, r := range b.Readings {
		if r.Time.After(heard.last) {
			heard.last = r.Time
		}
	}
	h.by[b.Gateway] = heard
}

// status returns what is known of the gateways on other machines, nil when there
// are none.
func (h *gatewaysHeard) status(gateways []gatewayConfig) *[]api.GatewayStatus {
	if len(gateways) == 0 {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	all := make([]api.GatewayStatus, len(gateways))
	for i, g := range gateways {
		heard, ever := h.by[g.ID]
		all[i] = api.GatewayStatus{Id: g.ID, Online: ever && time.Since(heard.at) < gatewaySilent}
		if !heard.last.IsZero() {
			all[i].LastReading = new(heard.last.UTC())
		}
	}
	return &all
}

// thinEvery is how often evidence is thinned out, and thinFirst when that begins, in
// wall time; evidenceWhole is how long it is kept whole, in world time.
const (
	thinEvery     = time.Hour
	thinFirst     = time.Minute // the challenges of before the start are known by then
	evidenceWhole = 3 * time.Hour
	// evidenceMargin is how long before an interval that is not settled the readings at
	// its begin may lie.
	evidenceMargin = time.Hour
)

// trimEvery is how often readings that are evidence by now are removed from the bus,
// in wall time.
const trimEvery = 5 * time.Minute

// trimReadings removes readings from the bus once they are kept.
func (n *node) trimReadings(ctx context.Context) error {
	trim := bus.Trimmer{Stream: bus.Readings, Subject: n.readingsSubject("*", ">"), Durable: n.storeConsumer()}
	for pause(ctx, trimEvery) {
		if err := n.bus.Trim(ctx, &trim); err != nil && ctx.Err() == nil {
			n.log.WarnContext(ctx, "readings stay on the bus for now", slog.String("error", err.Error()))
		}
	}
	return nil
}

// tendEvidence reports batches that never came, and thins out old ones.
func (n *node) tendEvidence(ctx context.Context) error {
	for wait := thinFirst; pause(ctx, wait); wait = thinEvery {
		whole, unnamed := n.thinBefore()
		if err := n.evidence.Thin(ctx, whole, unnamed); err != nil && ctx.Err() == nil {
			n.log.WarnContext(ctx, "evidence is kept whole for now", slog.String("error", err.Error()))
		}
		gaps, err := n.evidence.Gaps(ctx)
		if err != nil && ctx.Err() == nil {
			n.log.WarnContext(ctx, "missing readings are not known", slog.String("error", err.Error()))
		}
		for _, g := range gaps {
			n.log.WarnContext(ctx, "readings never came", slog.String("gateway", g.Gateway), slog.Uint64("from", g.From), slog.Uint64("to", g.To))
		}
	}
	return nil
}

// thinBefore returns before when evidence is thinned out, and before when what
// nothing names is forgotten: never of an interval that is still to be settled. What
// challenges are proven by is marked.
func (n *node) thinBefore() (whole, unnamed time.Time) {
	now := n.clock()
	whole, unnamed = now.Add(-max(evidenceWhole, n.config.Deadline+evidenceMargin)), now.Add(-evidence.Nameable)
	if oldest := n.market.Unsettled(); len(oldest) > 0 {
		if begin := oldest[0].Begin().Add(-evidenceMargin); begin.Before(whole) {
			whole = begin
		}
		if whole.Before(unnamed) {
			unnamed = whole
		}
	}
	return whole, unnamed
}

// retireReadings turns old telemetry into means, where the store does not do so
// itself.
func (n *node) retireReadings(ctx context.Context) error {
	retirer, able := n.store.(interface {
		Retire(ctx context.Context, now time.Time, keep store.Keep) error
	})
	if !able {
		return nil
	}
	ticker := time.NewTicker(thinEvery)
	defer ticker.Stop()
	for {
		if err := retirer.Retire(ctx, n.clock(), n.config.Store.keep()); err != nil && ctx.Err() == nil {
			n.log.WarnContext(ctx, "old readings are kept in full for now", slog.String("error", err.Error()))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}
