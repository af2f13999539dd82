package config

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/commonwatt/commonwatt/usage"
)

// Edge is the file of a gateway: a machine that reads some of a community's devices.
type Edge struct {
	Community string   `yaml:"community"`
	Data      string   `yaml:"data"`
	Devices   []Device `yaml:"devices"`
	Profiles  []string `yaml:"profiles"`
	Hub       Hub      `yaml:"hub"`
	Buffer    Buffer   `yaml:"buffer"`
}

// Hub is where a gateway connects.
type Hub struct {
	URL          string `yaml:"url"` // nats-leaf://HOST:PORT, or tls://HOST:PORT
	CA           string `yaml:"ca"`  // PEM
	PasswordFile string `yaml:"password_file"`
}

// Buffer is for what waits on a gateway.
type Buffer struct {
	MaxMB    int64  `yaml:"max_mb"`    // that wait for the hub at most
	WhenFull string `yaml:"when_full"` // DropOldest or RefuseNew
}

// What happens when a gateway's buffer is full.
const (
	DropOldest = "drop_oldest"
	RefuseNew  = "refuse_new"
)

// EdgePlan is a gateway's configuration whose values were read and checked.
type EdgePlan struct {
	Community, Data string
	Devices         []Target
	Hub             Hub
	MaxBytes        int64
	WhenFull        string
}

const megabyte = 1 << 20

// ReadEdge reads a gateway's file. Errors are usage errors that name file and line.
func ReadEdge(path string) (Edge, error) {
	e := Edge{Community: Defaults().Community, Data: "gateway-data", Buffer: Buffer{MaxMB: 2048, WhenFull: DropOldest}}
	b, err := os.ReadFile(path) //nolint:gosec // the path is the operator's
	if err != nil {
		return e, usage.Mark(err)
	}
	if err := decode(b, &e, `"commonwatt gateway --help"`); err != nil {
		return e, usage.Errorf("%s: %w", path, err)
	}
	return e, nil
}

// IsEdge tells whether a configuration file is a gateway's.
func IsEdge(path string) bool {
	var has struct {
		Hub *yaml.Node `yaml:"hub"`
	}
	b, err := os.ReadFile(path) //nolint:gosec // the path is the operator's
	return err == nil && yaml.Unmarshal(b, &has) == nil && has.Hub != nil
}

func (e Edge) check() error {
	switch {
	case len(e.Devices) == 0:
		return errors.New("devices: missing: a gateway reads devices")
	case e.Hub.URL == "":
		return errors.New("hub.url: missing: as in tls://hub.example:7422, where bus.gateways listens")
	case !regexp.MustCompile(`^(nats-leaf|tls)://([^/:]+|\[[0-9a-fA-F:]+\]):\d+$`).MatchString(e.Hub.URL):
		return fmt.Errorf("hub.url: %q is not nats-leaf://HOST:PORT or tls://HOST:PORT", e.Hub.URL)
	case !strings.HasPrefix(e.Hub.URL, "tls://") && !isLoopback(e.Hub.hostPort()):
		return fmt.Errorf("hub.url: %s: the password and the readings would go over the network for everybody to read: use tls://", e.Hub.URL)
	case e.Hub.PasswordFile == "":
		return errors.New("hub.password_file: missing: the password that the hub has for this gateway")
	case e.Buffer.MaxMB < 1:
		return fmt.Errorf("buffer.max_mb: %d: must be at least 1", e.Buffer.MaxMB)
	case e.Buffer.WhenFull != DropOldest && e.Buffer.WhenFull != RefuseNew:
		return fmt.Errorf("buffer.when_full: %q is neither %s nor %s", e.Buffer.WhenFull, DropOldest, RefuseNew)
	case !NamePattern().MatchString(e.Community):
		return fmt.Errorf("community: %q: use lower-case letters, digits and dashes", e.Community)
	}
	return nil
}

// Resolve reads the values; the community has the connection meters that are missing
// here. The error begins with the name of the field.
func (e Edge) Resolve() (EdgePlan, error) {
	p := EdgePlan{Community: e.Community, Data: e.Data, Hub: e.Hub, MaxBytes: e.Buffer.MaxMB * megabyte, WhenFull: e.Buffer.WhenFull}
	if err := e.check(); err != nil {
		return p, err
	}
	profiles, err := Profiles(e.Profiles)
	if err != nil {
		return p, err
	}
	if p.Devices, err = targets(e.Devices, profiles, nil); err != nil {
		return p, err
	}
	return p, nil
}

// Password reads the password with which the gateway connects, and checks that the other
// file is there.
func (p EdgePlan) Password() (string, error) {
	password, err := ReadSecret(p.Hub.PasswordFile)
	if err != nil {
		return "", fmt.Errorf("hub.password_file: %w", err)
	}
	if p.Hub.CA != "" {
		if _, err := os.Stat(p.Hub.CA); err != nil {
			return "", fmt.Errorf("hub.ca: %w", err)
		}
	}
	return password, nil
}

// hostPort is where the hub is, without the scheme.
func (h Hub) hostPort() string {
	_, at, _ := strings.Cut(h.URL, "://")
	return at
}
