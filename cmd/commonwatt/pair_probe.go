package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters"
	"github.com/commonwatt/commonwatt/meters/modbus"
	"github.com/commonwatt/commonwatt/meters/pairing"
	"github.com/commonwatt/commonwatt/meters/profile"
	"github.com/commonwatt/commonwatt/usage"
)

// probed is what pair probe prints.
type probed struct {
	pairing.Finding
	pairing.Live

	Profile  string         `json:"profile"` // by which the points were read; empty: SunSpec's names alone
	Readings []probeReading `json:"readings"`
}

// probeReading is what the program would take from the device.
type probeReading struct {
	Kind grid.DeviceKind `json:"kind"`

	grid.Reading
}

func (p *pairFlags) probeCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "probe TARGET",
		Short: "Show what a device says: identity, points, quality",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			set, err := p.profiles()
			if err != nil {
				return err
			}
			e, err := modbus.ParseEndpoint(args[0])
			if err != nil {
				return usage.Mark(err)
			}
			if p.profile != "" && set.Get(p.profile) == nil {
				return usage.Errorf("--profile: there is no profile %q: commonwatt pair profiles lists them", p.profile)
			}
			result, err := p.probe(cmd.Context(), e, set, cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			if p.json {
				return printJSON(cmd.OutOrStdout(), result)
			}
			return result.print(cmd.OutOrStdout())
		},
	}
	c.Flags().Uint8Var(&p.unit, "unit", 0, "unit id (0: look for it)")
	c.Flags().StringVar(&p.profile, "profile", "", "read by this profile (default: the closest one that fits)")
	return c
}

func (p *pairFlags) probe(ctx context.Context, e modbus.Endpoint, set *profile.Set, progress io.Writer) (probed, error) {
	search := pairing.Search{Access: pairing.Access{Profiles: set}, First: true}
	if p.unit != 0 {
		search.Units = []uint8{p.unit}
	}
	bar := newBar(progress, "asking "+e.Address, max(len(search.Units), 1))
	if p.unit == 0 {
		bar = newBar(progress, "asking "+e.Address, len(pairing.Units()))
	}
	search.Progress = func(uint8) { bar.step() }
	found, err := pairing.Identify(ctx, e, search)
	bar.end()
	if err != nil {
		if p.unit == 0 && errors.Is(err, pairing.ErrSilent) {
			return probed{}, fmt.Errorf("%w: a unit id of its own is given with --unit", err)
		}
		return probed{}, err
	}
	r := probed{Finding: found[0], Profile: p.profile, Readings: []probeReading{}}
	if r.Profile == "" && len(r.Profiles) > 0 {
		r.Profile = r.Profiles[0]
	}
	by := set.Get(r.Profile)
	var quirks profile.Quirks
	if by != nil {
		quirks = by.Quirks
	}
	conn := modbus.Open(e, meters.Careful(modbus.Options{}, quirks))
	defer conn.Close()
	if r.Live, err = pairing.Measure(ctx, conn, r.Finding, by, set); err != nil || by == nil {
		return r, err
	}
	for _, kind := range by.Kinds() {
		reading, doubt := r.Reading(kind)
		if doubt != nil {
			r.Warnings = append(r.Warnings, fmt.Sprintf("%s: %v", kind, doubt))
		}
		r.Readings = append(r.Readings, probeReading{kind, reading})
	}
	return r, nil
}

func (r probed) print(w io.Writer) error {
	fmt.Fprintf(w, "%s unit %d\n", r.Target, r.Unit)
	for _, line := range [][2]string{
		{"vendor", r.Identity.Vendor},
		{"model", r.Identity.Model},
		{"serial number", r.Identity.Serial},
		{"firmware", r.Identity.Firmware},
		{"profile", cmp.Or(r.Profile, "none fits")},
	} {
		if line[1] != "" {
			fmt.Fprintf(w, "  %-14s %s\n", line[0], line[1])
		}
	}
	if len(r.Profiles) > 1 {
		fmt.Fprintf(w, "  %-14s %s\n", "would fit too", strings.Join(r.Profiles[1:], ", "))
	}
	fmt.Fprintln(w)
	if len(r.Points) == 0 {
		_, err := fmt.Fprintln(w, "The unit answers, but no profile fits it: name one with --profile, or give one of your own with --profile-file (docs/profiles.md).")
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "POINT\tVALUE\tQUALITY\tREAD AS")
	missing, shown := 0, map[string]bool{}
	for _, lp := range r.Points {
		_, name, _ := strings.Cut(lp.Name, ".") // of a point of a SunSpec model
		if shown[name] {
			continue
		}
		if lp.Quality == pairing.Missing && lp.Role == "" {
			missing++
			continue
		}
		shown[lp.Name] = true
		value := "–"
		switch v := lp.Value.(type) {
		case string:
			value = v
		case float64:
			value = strings.TrimSpace(profile.Value{Number: v}.String() + " " + lp.Unit)
		}
		as := ""
		if lp.Role != "" {
			as = lp.Kind + " " + lp.Role
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", lp.Name, value, lp.Quality, as)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if missing > 0 {
		fmt.Fprintf(w, "(the device does not have %d further points; --json lists them)\n", missing)
	}
	for _, warning := range r.Warnings {
		fmt.Fprintln(w, "! "+warning)
	}
	return nil
}

func (p *pairFlags) discoverCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "discover PLACES",
		Short: "Look for Modbus TCP devices",
		Long: `Look for Modbus TCP devices at PLACES: hosts, HOST:PORT, or a network as
192.168.1.0/24, with commas between. Without a port 502 and 1502 are tried. Each
address is connected to once, a few at a time; at those that listen the units that
makers ship are asked who they are. Nothing is ever written.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			set, err := p.profiles()
			if err != nil {
				return err
			}
			places, err := pairing.Places(args[0])
			if err == nil {
				err = pairing.Resolve(cmd.Context(), places)
			}
			if err != nil {
				return usage.Mark(err)
			}
			bar := newBar(cmd.ErrOrStderr(), "connecting", len(places))
			open := pairing.Listening(cmd.Context(), places, func(modbus.Endpoint) bool { return false }, bar.step)
			bar.end()
			found := []pairing.Finding{}
			for _, e := range open {
				bar := newBar(cmd.ErrOrStderr(), "asking "+e.Address, len(pairing.Units()))
				units, err := pairing.Identify(cmd.Context(), e, pairing.Search{Access: pairing.Access{Profiles: set}, First: true, Progress: func(uint8) { bar.step() }})
				bar.end()
				if cmd.Context().Err() != nil {
					return cmd.Context().Err()
				}
				if err != nil {
					fmt.Fprintf(cmd.ErrOrStderr(), "%s listens, but %v\n", e, err)
				}
				found = append(found, units...)
			}
			if p.json {
				return printJSON(cmd.OutOrStdout(), found)
			}
			return printFindings(cmd.OutOrStdout(), len(places), found)
		},
	}
}

func printFindings(w io.Writer, tried int, found []pairing.Finding) error {
	if len(found) == 0 {
		_, err := fmt.Fprintf(w, "no Modbus device answered at %d addresses: is Modbus TCP switched on in the device?\n", tried)
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "TARGET\tUNIT\tDEVICE\tSUNSPEC MODELS\tPROFILES")
	for _, f := range found {
		device := cmp.Or(strings.TrimSpace(f.Device.Vendor+" "+f.Device.Model), "–")
		models := make([]string, len(f.SunSpec))
		for i, m := range f.SunSpec {
			models[i] = fmt.Sprint(m.ID)
		}
		fmt.Fprintf(t, "%s\t%d\t%s\t%s\t%s\n", f.Target, f.Unit, device, cmp.Or(strings.Join(models, " "), "–"), cmp.Or(strings.Join(f.Profiles, ", "), "–"))
	}
	return t.Flush()
}
