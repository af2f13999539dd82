package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"github.com/commonwatt/commonwatt/bus"
	"github.com/commonwatt/commonwatt/clock"
	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters"
	"github.com/commonwatt/commonwatt/proof"
	"github.com/commonwatt/commonwatt/usage"
)

// edgeConfig is the configuration of a gateway.
type edgeConfig struct {
	Community string   `yaml:"community"`
	Data      string   `yaml:"data"`
	Devices   []device `yaml:"devices"`
	Profiles  []string `yaml:"profiles"`
	Hub       struct {
		URL          string `yaml:"url"` // nats-leaf://HOST:PORT, or tls://HOST:PORT
		CA           string `yaml:"ca"`
		PasswordFile string `yaml:"password_file"`
	} `yaml:"hub"`
	Buffer struct {
		MaxMB    int64  `yaml:"max_mb"`    // that wait for the hub at most
		WhenFull string `yaml:"when_full"` // drop_oldest or refuse_new
	} `yaml:"buffer"`
}

const (
	dropOldest = "drop_oldest"
	refuseNew  = "refuse_new"
	megabyte   = 1 << 20
)

func readEdgeConfig(path string) (edgeConfig, error) {
	c := edgeConfig{Community: defaults().Community, Data: "gateway-data"}
	c.Buffer.MaxMB, c.Buffer.WhenFull = 2048, dropOldest
	b, err := os.ReadFile(path) //nolint:gosec // the path is the operator's
	if err != nil {
		return c, usage.Mark(err)
	}
	dec := yaml.NewDecoder(strings.NewReader(string(b)))
	dec.KnownFields(true)
	if err := dec.Decode(&c); err != nil && !errors.Is(err, io.EOF) {
		return c, usage.Errorf("%s: %w", path, plain(err, b, `"commonwatt gateway --help"`))
	}
	if err := c.validate(); err != nil {
		return c, usage.Errorf("%s: %w", path, err)
	}
	return c, nil
}

// isGateways tells whether a configuration file is a gateway's.
func isGateways(path string) bool {
	var has struct {
		Hub *yaml.Node `yaml:"hub"`
	}
	b, err := os.ReadFile(path) //nolint:gosec // the path is the operator's
	return err == nil && yaml.Unmarshal(b, &has) == nil && has.Hub != nil
}

// checkGateway checks a gateway's configuration file.
func checkGateway(w io.Writer, path string) error {
	c, err := readEdgeConfig(path)
	if err != nil {
		return err
	}
	n := edgeNode{config: c}
	targets, err := n.targets()
	if err != nil {
		return err
	}
	for field, file := range map[string]string{"password_file": c.Hub.PasswordFile, "ca": c.Hub.CA} {
		if _, err := os.Stat(file); file != "" && err != nil {
			return usage.Errorf("%s: hub.%s: %w", path, field, err)
		}
	}
	_, err = fmt.Fprintf(w, "%s: gateway for community %q at %s, devices: %d\n", path, c.Community, c.Hub.URL, len(targets))
	return err
}

func (c edgeConfig) validate() error {
	switch {
	case len(c.Devices) == 0:
		return errors.New("devices: missing: a gateway reads devices")
	case c.Hub.URL == "":
		return errors.New("hub.url: missing: as in tls://hub.example:7422, where bus.gateways listens")
	case !regexp.MustCompile(`^(nats-leaf|tls)://([^/:]+|\[[0-9a-fA-F:]+\]):\d+$`).MatchString(c.Hub.URL):
		return fmt.Errorf("hub.url: %q is not nats-leaf://HOST:PORT or tls://HOST:PORT", c.Hub.URL)
	case c.Hub.PasswordFile == "":
		return errors.New("hub.password_file: missing: the password that the hub has for this gateway")
	case c.Buffer.MaxMB < 1:
		return fmt.Errorf("buffer.max_mb: %d: must be at least 1", c.Buffer.MaxMB)
	case c.Buffer.WhenFull != dropOldest && c.Buffer.WhenFull != refuseNew:
		return fmt.Errorf("buffer.when_full: %q is neither %s nor %s", c.Buffer.WhenFull, dropOldest, refuseNew)
	}
	as := defaults()
	as.Community, as.Devices, as.Profiles, as.Speed, as.edge = c.Community, c.Devices, c.Profiles, 1, true
	return as.validate()
}

func gatewayCommand() *cobra.Command {
	var file string
	var duration time.Duration
	c := &cobra.Command{
		Use:   "gateway --config FILE",
		Short: "Read devices on a machine of their own, and send the readings to the community",
		Long: `Read devices and send signed readings to the community's hub. What is read is
durable on this machine's disk first: while the hub cannot be reached it waits
there, and follows in order.

  community: demo                 # its name at the hub
  data: gateway-data              # directory of everything that is kept
  hub: {url: "tls://hub.example:7422", ca: FILE, password_file: FILE}
  buffer: {max_mb: 2048, when_full: drop_oldest}  # or refuse_new
  devices:                        # as in "commonwatt config check --help"
    - {id: ann/meter, member: ann, metering_point: mp-ann, address: "192.0.2.7", profile: sunspec-meter}

The hub admits the gateway by the lines that "commonwatt gateway key" prints, put
into its configuration. The password is any long secret that you make up: one file
with it on each machine. The hub listens with bus: {gateways: {listen: ADDR}}, and
lists the same devices with gateway: ID in place of an address.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			conf, err := readEdgeConfig(file)
			if err != nil {
				return err
			}
			log := slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil))
			ctx := cmd.Context()
			if duration > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, duration)
				defer cancel()
			}
			return runGateway(ctx, conf, log)
		},
	}
	c.PersistentFlags().StringVar(&file, "config", "", "configuration file")
	c.Flags().DurationVar(&duration, "duration", 0, "stop after this time (0: run until stopped)")
	c.AddCommand(gatewayKeyCommand(&file))
	if err := c.MarkPersistentFlagRequired("config"); err != nil {
		panic(err) // the flag is defined above
	}
	return c
}

func gatewayKeyCommand(file *string) *cobra.Command {
	var rotate bool
	c := &cobra.Command{
		Use:   "key --config FILE",
		Short: "Print the gateway's id and public key for the hub's configuration",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			conf, err := readEdgeConfig(*file)
			if err != nil {
				return err
			}
			dir, err := disk.OpenDir(conf.Data)
			if err != nil {
				return err
			}
			defer dir.Close() //nolint:errcheck // only the lock is held
			name, key, err := openGateway(dir)
			if err != nil {
				return err
			}
			if rotate {
				return announce(cmd, dir)
			}
			public, err := proof.EncodeKey(&key.PublicKey)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "gateways:\n  - {id: %s, key: %s, password_file: FILE}\n", name, public)
			return err
		},
	}
	c.Flags().BoolVar(&rotate, "rotate", false, "make a new key, which the old one announces at the next start")
	return c
}

// nextKeyFile holds a key that the gateway will announce.
const nextKeyFile = "gateway.next"

func announce(cmd *cobra.Command, dir *disk.Dir) error {
	next, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	text, err := proof.EncodePrivateKey(next)
	if err != nil {
		return err
	}
	if err := dir.Replace(nextKeyFile, text); err != nil {
		return err
	}
	_, err = fmt.Fprintln(cmd.OutOrStdout(), "a new key was made: at its next start the gateway announces it, signed by the old one")
	return err
}

// edgeNode is a gateway.
type edgeNode struct {
	config edgeConfig
	log    *slog.Logger
	dir    *disk.Dir
	bus    *bus.Edge
	signer *meters.Signer
	skew   atomic.Int64 // ns by which this clock is ahead of the hub's

	mu     sync.Mutex
	totals map[string]grid.Reading // last good registers by device
}

func runGateway(ctx context.Context, c edgeConfig, log *slog.Logger) (err error) {
	n := &edgeNode{config: c, log: log}
	if n.dir, err = disk.OpenDir(c.Data); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, n.dir.Close()) }()
	targets, err := n.targets()
	if err != nil {
		return err
	}
	if err := errors.Join(n.loadTotals(), n.open(ctx)); err != nil {
		return err
	}
	defer n.bus.Close()
	if err := n.rotate(ctx); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "gateway %s reads %s for %s; stop with Ctrl-C\n", n.signer.Gateway, number(len(targets), "device"), c.Hub.URL)
	forwarding, stop := context.WithCancel(context.WithoutCancel(ctx))
	sent := make(chan error, 1)
	go func() { sent <- n.bus.Forward(forwarding, n.tellLink) }()
	minding := make(chan struct{})
	go func() {
		defer close(minding)
		n.mind(ctx)
	}()
	fleet := &meters.Fleet{Clock: time.Now, Sink: n, Log: log}
	err = errors.Join(fleet.Run(ctx, targets, n), n.signer.Close(context.WithoutCancel(ctx)), n.saveTotals())
	<-minding
	n.finish()
	stop()
	return errors.Join(err, <-sent)
}

func (n *edgeNode) targets() ([]meters.Target, error) {
	profiles, err := config{Profiles: n.config.Profiles}.profiles()
	if err != nil {
		return nil, usage.Mark(err)
	}
	targets := make([]meters.Target, len(n.config.Devices))
	for i, d := range n.config.Devices {
		if targets[i], err = d.target(profiles); err != nil {
			return nil, usage.Errorf("devices[%d].%w", i, err)
		}
	}
	return targets, nil
}

func (n *edgeNode) open(ctx context.Context) error {
	name, key, err := openGateway(n.dir)
	if err != nil {
		return err
	}
	password, err := os.ReadFile(n.config.Hub.PasswordFile)
	if err != nil {
		return usage.Errorf("hub.password_file: %w", err)
	}
	n.bus, err = bus.OpenEdge(ctx, bus.EdgeConfig{
		Dir: n.dir.File("bus"), Hub: n.config.Hub.URL, CA: n.config.Hub.CA, Name: name, Password: strings.TrimSpace(string(password)),
		MaxBytes: n.config.Buffer.MaxMB * megabyte, DropOldest: n.config.Buffer.WhenFull == dropOldest,
	})
	if err != nil {
		return err
	}
	dropped, err := n.bus.DropOthers(ctx, "readings."+n.config.Community+".")
	if err != nil {
		return err
	}
	if dropped > 0 {
		n.log.ErrorContext(ctx, "readings dropped: they were signed for another community, and this one's hub takes none of them", slog.Uint64("batches", dropped), slog.String("community", n.config.Community))
	}
	n.signer = &meters.Signer{Community: n.config.Community, Gateway: name, Key: key, Out: n, Skew: func() time.Duration { return time.Duration(n.skew.Load()) }}
	last, err := n.bus.LastStored(ctx, n.subject(">"))
	if err != nil || last == nil {
		return err
	}
	b, digest, err := proof.ReadBatch(last)
	if err != nil {
		return fmt.Errorf("the last batch: %w", err)
	}
	n.signer.Continue(b.Sequence, digest)
	return nil
}

// rotate announces a key that waits for it.
func (n *edgeNode) rotate(ctx context.Context) error {
	text, err := os.ReadFile(n.dir.File(nextKeyFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	next, err := proof.DecodePrivateKey(text)
	if err != nil {
		return fmt.Errorf("%s: %w", nextKeyFile, err)
	}
	if !next.Equal(n.signer.Key) { // it was announced before a crash
		if err := n.signer.Rotate(ctx, next); err != nil {
			return err
		}
	}
	if err := keepGatewayKey(n.dir, next); err != nil {
		return err
	}
	return os.Remove(n.dir.File(nextKeyFile))
}

func (n *edgeNode) subject(member string) string {
	return "readings." + n.config.Community + "." + n.signer.Gateway + "." + member
}

// PublishSigned keeps a signed batch on this machine's disk; it is the signer's
// way out.
func (n *edgeNode) PublishSigned(ctx context.Context, member, id string, signed []byte) error {
	if member == "" {
		member = "_"
	}
	return n.bus.Publish(ctx, n.subject(member), id, signed)
}

// totalsFile keeps the last good registers of every device, against which the
// first ones after a start are judged.
const totalsFile = "totals.json"

// Totals returns a device's last good registers.
func (n *edgeNode) Totals(_ context.Context, device string) (*grid.Reading, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if r, known := n.totals[device]; known {
		return &r, nil
	}
	return nil, nil
}

// PublishBatch remembers the registers and hands the batch to the signer.
func (n *edgeNode) PublishBatch(ctx context.Context, id string, b meters.Batch) error {
	n.mu.Lock()
	for _, r := range b.Readings {
		last := n.totals[r.Device]
		if r.Import == nil {
			r.Import = last.Import
		}
		if r.Export == nil {
			r.Export = last.Export
		}
		n.totals[r.Device] = grid.Reading{Device: r.Device, Time: r.Time, Import: r.Import, Export: r.Export, Quality: r.Quality}
	}
	n.mu.Unlock()
	return n.signer.PublishBatch(ctx, id, b)
}

func (n *edgeNode) loadTotals() error {
	n.totals = map[string]grid.Reading{}
	b, err := os.ReadFile(n.dir.File(totalsFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = json.Unmarshal(b, &n.totals)
	}
	return err
}

func (n *edgeNode) saveTotals() error {
	n.mu.Lock()
	b, err := json.Marshal(n.totals)
	n.mu.Unlock()
	if err != nil {
		return err
	}
	return n.dir.Replace(totalsFile, b)
}

func (n *edgeNode) tellLink(err error) {
	if err != nil {
		n.log.Warn("readings wait on this machine", slog.String("error", err.Error()))
		return
	}
	n.log.Info("the hub is there")
}

const (
	mindEvery    = 5 * time.Second
	fillingUp    = 0.8
	finishWithin = 3 * time.Second
)

// mind compares the clocks and raises the alarm when the store fills up.
func (n *edgeNode) mind(ctx context.Context) {
	ticker := time.NewTicker(mindEvery)
	defer ticker.Stop()
	var lost uint64
	filling := false
	for {
		n.compareClocks(ctx)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if err := n.saveTotals(); err != nil {
			n.log.ErrorContext(ctx, "last registers not kept", slog.String("error", err.Error()))
		}
		b, err := n.bus.Backlog(ctx)
		if err != nil {
			continue
		}
		if b.Lost > lost {
			n.log.ErrorContext(ctx, "readings lost: the store was full before the hub came", slog.Uint64("batches", b.Lost-lost))
		}
		lost = b.Lost
		if full := b.Messages > 0 && b.Share > fillingUp; full != filling {
			filling = full
			n.log.ErrorContext(ctx, "the store of waiting readings", slog.Float64("share_used", b.Share), slog.String("when_full", n.config.Buffer.WhenFull))
		}
	}
}

func (n *edgeNode) compareClocks(ctx context.Context) {
	asked, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	skew, err := clock.Skew(asked, func(ctx context.Context) ([]byte, error) {
		return n.bus.Request(ctx, clock.Subject(n.config.Community), nil)
	})
	if err == nil { // else the last comparison holds
		n.skew.Store(int64(skew))
	}
}

// finish gives the hub a moment to take what is left; the next start sends the
// rest.
func (n *edgeNode) finish() {
	ctx, cancel := context.WithTimeout(context.Background(), finishWithin)
	defer cancel()
	for {
		b, err := n.bus.Backlog(ctx)
		if err != nil || b.Messages == 0 {
			return
		}
		select {
		case <-ctx.Done():
			n.log.Info("readings wait for the next start", slog.Uint64("batches", b.Messages))
			return
		case <-time.After(mindEvery / 50):
		}
	}
}
