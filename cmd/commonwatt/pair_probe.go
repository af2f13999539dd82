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

	"github.com/commonwatt/commonwatt/meters/modbus"
	"github.com/commonwatt/commonwatt/meters/pairing"
	"github.com/commonwatt/commonwatt/meters/profile"
	"github.com/commonwatt/commonwatt/usage"
)

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
			return printProbed(cmd.OutOrStdout(), result)
		},
	}
	c.Flags().Uint8Var(&p.unit, "unit", 0, "unit id (0: look for it)")
	c.Flags().StringVar(&p.profile, "profile", "", "read by this profile (default: the closest one that fits)")
	return c
}

func (p *pairFlags) probe(ctx context.Context, e modbus.Endpoint, set *profile.Set, progress io.Writer) (pairing.Probed, error) {
	search := pairing.Search{Access: pairing.Access{Profiles: set}}
	units := len(pairing.Units())
	if p.unit != 0 {
		search.Units, units = []uint8{p.unit}, 1
	}
	bar := newBar(progress, "asking "+e.Address, units)
	search.Progress = func(uint8) { bar.step() }
	defer bar.end()
	r, err := pairing.Probe(ctx, e, search, p.profile)
	if p.unit == 0 && errors.Is(err, pairing.ErrSilent) {
		err = fmt.Errorf("%w: a unit id of its own is given with --unit", err)
	}
	return r, err
}

// printProbed prints what a device says.
func printProbed(w io.Writer, r pairing.Probed) error {
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
