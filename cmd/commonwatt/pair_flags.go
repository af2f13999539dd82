package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/commonwatt/commonwatt/config"
	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/hub"
	"github.com/commonwatt/commonwatt/meters/pairing"
	"github.com/commonwatt/commonwatt/meters/profile"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/usage"
)

type pairFlags struct {
	files  []string
	json   bool
	wish   pairing.Wish
	kind   string
	data   string
	config string
	id     string
	member string
	point  string
	load   string
	reason string
	place  string // id of the device whose place is taken
	watch  time.Duration
	fresh  bool
}

func (p *pairFlags) profiles() (*profile.Set, error) {
	set, err := profile.Embedded()
	if err != nil {
		return nil, err
	}
	for _, f := range p.files {
		if err := config.AddProfile(set, f); err != nil {
			return nil, usage.Mark(err)
		}
	}
	return set, nil
}

func (p *pairFlags) placeFlags(c *cobra.Command) {
	c.Flags().StringVar(&p.data, "data", config.Defaults().Data, "data directory of the community")
	c.Flags().StringVar(&p.config, "config", "", "configuration of the community, for its devices, profiles and data directory")
}

// desk opens the pairings of the community.
func (p *pairFlags) desk(cmd *cobra.Command) (*pairing.Bench, error) {
	set, err := p.profiles()
	if err != nil {
		return nil, err
	}
	var configured []pairing.Binding
	currency := ""
	if p.config != "" {
		c, err := hub.ReadConfig(p.config)
		if err != nil {
			return nil, err
		}
		for _, f := range c.Profiles {
			if err := config.AddProfile(set, f); err != nil {
				return nil, usage.Mark(err)
			}
		}
		configured, currency = bindings(c, set), c.Tariff.Currency
		if !cmd.Flags().Changed("data") {
			p.data = c.Data
		}
	}
	if hub.IsSimulated(p.data) {
		return nil, usage.Errorf("--data %s: holds a simulated neighbourhood: real devices want a directory of their own", p.data)
	}
	desk := pairing.Open(p.data, set, configured)
	desk.Reserved = record.SystemAccounts()
	desk.Fits = hub.Fits(set, currency)
	_, err = os.Stat(filepath.Join(p.data, hub.TelemetryFile))
	desk.HasRead = err == nil
	return desk, nil
}

// isThere refuses a data directory that no community has.
func (p *pairFlags) isThere() error {
	if _, err := os.Stat(p.data); err != nil {
		return usage.Errorf("--data %s: there is no community: name its data directory, or --config FILE (commonwatt pair add begins one)", p.data)
	}
	return nil
}

// lockedDesk opens the pairings of a community that does not run; the caller must
// close the directory.
func (p *pairFlags) lockedDesk(cmd *cobra.Command) (*pairing.Bench, *disk.Dir, error) {
	desk, err := p.desk(cmd)
	if err != nil {
		return nil, nil, err
	}
	dir, err := disk.OpenDir(p.data)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: stop the community first, or pair on its page, /installer.html", err)
	}
	return desk, dir, nil
}

// bindings returns the configured devices.
func bindings(c config.Config, profiles *profile.Set) []pairing.Binding {
	all := make([]pairing.Binding, len(c.Devices))
	for i, d := range c.Devices {
		p := profiles.Get(d.Profile) // the configuration was checked
		all[i] = pairing.Binding{Device: d.Bound(p), Target: d.Address, Unit: p.Transport.Usual(d.Unit), Profile: d.Profile, Inverted: d.Inverted, Counters: d.Counters, Configured: true, How: pairing.How{Part: d.Part, Own: pairing.Own(d.Own)}}
		if t, err := d.Target("", p); err == nil {
			all[i].ImportLimit, all[i].ExportLimit = t.Imports, t.Exports
		}
	}
	return all
}

func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// pairingError makes what the installer can mend a usage error.
func pairingError(err error) error {
	if conflict := (*pairing.ConflictError)(nil); errors.As(err, &conflict) {
		return usage.Mark(err)
	}
	return err
}
