package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters"
	"github.com/commonwatt/commonwatt/meters/modbus"
	"github.com/commonwatt/commonwatt/meters/pairing"
	"github.com/commonwatt/commonwatt/meters/profile"
	"github.com/commonwatt/commonwatt/settlement"
)

func pairCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "pair",
		Short: "Find devices, look at them, and bind them to a metering point",
		Long: `Find devices, look at them, and bind them to a metering point.

TARGET is tcp://HOST:PORT (or HOST), rtuovertcp://HOST:PORT,
tls://HOST:PORT?cert=FILE&key=FILE&ca=FILE or
rtu:///dev/ttyUSB0?baud=9600&parity=none&stop=1.`,
	}
	var p pairFlags
	c.PersistentFlags().StringArrayVar(&p.files, "profile-file", nil, "a profile beside those that are built in")
	c.PersistentFlags().BoolVar(&p.json, "json", false, "print JSON")
	c.AddCommand(p.discoverCommand(), p.probeCommand(), p.addCommand(), p.removeCommand(), p.listCommand(), p.profilesCommand())
	return c
}

type pairFlags struct {
	files   []string
	json    bool
	unit    uint8
	profile string
	kind    string
	data    string
	config  string
	id      string
	member  string
	point   string
	load    string
	watch   time.Duration
	fresh   bool
}

func (p *pairFlags) profiles() (*profile.Set, error) {
	set, err := profile.Embedded()
	if err != nil {
		return nil, err
	}
	for _, f := range p.files {
		if err := addProfile(set, f); err != nil {
			return nil, &usageError{err}
		}
	}
	return set, nil
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
				return &usageError{err}
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
				return &usageError{err}
			}
			if p.profile != "" && set.Get(p.profile) == nil {
				return usage("--profile: there is no profile %q: commonwatt pair profiles lists them", p.profile)
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

func (p *pairFlags) profilesCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "profiles",
		Short: "List the devices that can be read",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			set, err := p.profiles()
			if err != nil {
				return err
			}
			t := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(t, "PROFILE\tVENDOR\tREADS\tADDRESSES FROM")
			for _, id := range set.IDs() {
				by := set.Get(id)
				fmt.Fprintf(t, "%s\t%s\t%v\t%s\n", id, by.Vendor, strings.Trim(fmt.Sprint(by.Kinds()), "[]"), by.Document)
			}
			return t.Flush()
		},
	}
}

func (p *pairFlags) listCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "list",
		Short: "List the devices that were paired, and pairings that were not finished",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			desk, err := p.desk(cmd)
			if err != nil {
				return err
			}
			paired, err := desk.Paired()
			if err != nil {
				return err
			}
			sessions, err := desk.Sessions()
			if err != nil {
				return err
			}
			if p.json {
				return printJSON(cmd.OutOrStdout(), map[string]any{"devices": paired, "sessions": sessions})
			}
			t := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(t, "DEVICE\tKIND\tMEMBER\tMETERING POINT\tSERIAL\tTARGET\tUNIT\tPROFILE\tMOUNTED")
			for _, b := range paired {
				mounted := "right"
				switch {
				case b.Inverted:
					mounted = "turned round"
				case b.Unchecked:
					mounted = "not checked"
				}
				fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%d\t%s\t%s\n", b.ID, b.Kind, b.Member, b.MeteringPoint, b.Serial, b.Target, b.Unit, b.Profile, mounted)
			}
			for _, s := range sessions {
				var bound grid.Device
				if s.Device != nil {
					bound = *s.Device
				}
				fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%d\t%s\t\n", strings.TrimSpace(bound.ID+" ("+string(s.Step)+", not finished)"), s.Kind, bound.Member, bound.MeteringPoint, s.Identity.Serial, s.Target, s.Unit, s.Profile)
			}
			return t.Flush()
		},
	}
	p.placeFlags(c)
	return c
}

func (p *pairFlags) removeCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "remove ID|TARGET",
		Short: "Let go of a paired device, or give up a pairing that was not finished",
		Long: `Let go of the paired device ID, which is not read from the next start of
"commonwatt run" on, or give up the pairing of TARGET that was not finished (with
--unit, if there are several). What a device measured stays, and so does its
entry on the ledger: another device needs another id.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			desk, err := p.desk(cmd)
			if err != nil {
				return err
			}
			dir, err := openDataDir(p.data)
			if err != nil {
				return fmt.Errorf("%w: stop the community first", err)
			}
			defer dir.Close() //nolint:errcheck // only the lock is held
			err = desk.Remove(args[0])
			if err == nil {
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s is not read from the next start on; another device needs another id\n", args[0])
				return err
			}
			if missing := (*pairing.NotFoundError)(nil); !errors.As(err, &missing) {
				return pairingError(err)
			}
			kept, err := desk.Resume(args[0], p.unit)
			if err != nil {
				return err
			}
			if kept == nil {
				return usage("there is neither a paired device nor a pairing %q: commonwatt pair list shows them", args[0])
			}
			if err := desk.Forget(kept.ID); err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "the pairing of %s unit %d is given up\n", kept.Target, kept.Unit)
			return err
		},
	}
	p.placeFlags(c)
	c.Flags().Uint8Var(&p.unit, "unit", 0, "unit id of the pairing (0: any)")
	return c
}

func (p *pairFlags) placeFlags(c *cobra.Command) {
	c.Flags().StringVar(&p.data, "data", defaults().Data, "data directory of the community")
	c.Flags().StringVar(&p.config, "config", "", "configuration of the community, for its devices, profiles and data directory")
}

// desk opens the pairings of the community.
func (p *pairFlags) desk(cmd *cobra.Command) (*pairing.Desk, error) {
	set, err := p.profiles()
	if err != nil {
		return nil, err
	}
	var configured []pairing.Binding
	if p.config != "" {
		c, err := readConfig(p.config)
		if err != nil {
			return nil, err
		}
		for _, f := range c.Profiles {
			if err := addProfile(set, f); err != nil {
				return nil, &usageError{err}
			}
		}
		configured = c.bindings(set)
		if !cmd.Flags().Changed("data") {
			p.data = c.Data
		}
	}
	if isSimulated(p.data) {
		return nil, usage("--data %s: holds a simulated neighbourhood: real devices want a directory of their own", p.data)
	}
	desk := pairing.Open(p.data, set, configured)
	desk.Reserved = settlement.SystemAccounts()
	_, err = os.Stat(filepath.Join(p.data, telemetryFile))
	desk.HasRead = err == nil
	return desk, nil
}

// bindings returns the configured devices.
func (c config) bindings(profiles *profile.Set) []pairing.Binding {
	all := make([]pairing.Binding, len(c.Devices))
	for i, d := range c.Devices {
		p := profiles.Get(d.Profile) // the configuration was checked
		all[i] = pairing.Binding{Device: d.bound(profiles), Target: d.Address, Unit: cmp.Or(d.Unit, p.Transport.Unit, 1), Profile: d.Profile, Inverted: d.Inverted}
	}
	return all
}

func (p *pairFlags) addCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "add TARGET",
		Short: "Pair a device: identify, live values, sign check, bind, watch",
		Long: `Pair a device in five steps: identify it, show its live values, check the sign
against a load that you know, bind it to a metering point, and watch it for two
minutes. What a flag does not say is asked on a terminal. A pairing that was
interrupted goes on where it stopped; the device is read from the next start of
"commonwatt run" on the same data directory.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			desk, err := p.desk(cmd)
			if err != nil {
				return err
			}
			dir, err := openDataDir(p.data)
			if err != nil {
				return fmt.Errorf("%w (a community that runs pairs over its API, /api/v1/pairing)", err)
			}
			defer dir.Close() //nolint:errcheck // only the lock is held
			w := wizard{pairFlags: p, desk: desk, out: cmd.OutOrStdout(), progress: cmd.ErrOrStderr(), in: bufio.NewReader(cmd.InOrStdin())}
			return pairingError(w.run(cmd.Context(), args[0]))
		},
	}
	p.placeFlags(c)
	c.Flags().Uint8Var(&p.unit, "unit", 0, "unit id (0: look for it)")
	c.Flags().StringVar(&p.profile, "profile", "", "read by this profile (default: the closest one that fits)")
	c.Flags().StringVar(&p.kind, "kind", "", "what to bind: meter, inverter, battery or charger (default: what the device is first of all)")
	c.Flags().StringVar(&p.id, "id", "", "id of the device (default: MEMBER/KIND)")
	c.Flags().StringVar(&p.member, "member", "", "member to whom the metering point belongs")
	c.Flags().StringVar(&p.point, "metering-point", "", "metering point (default: mp-MEMBER)")
	c.Flags().StringVar(&p.load, "load", "", "what you know to happen at the device now: importing (taking, charging), exporting (producing, discharging), or later if nothing does (no connection meter)")
	c.Flags().DurationVar(&p.watch, "watch", pairing.WatchFor, "how long to watch for dropouts")
	c.Flags().BoolVar(&p.fresh, "fresh", false, "begin anew instead of going on with an interrupted pairing")
	return c
}

// pairingError makes what the installer can mend a usage error.
func pairingError(err error) error {
	if conflict := (*pairing.ConflictError)(nil); errors.As(err, &conflict) {
		return &usageError{err}
	}
	return err
}

// wizard goes through the steps of a session.
type wizard struct {
	*pairFlags

	desk     *pairing.Desk
	out      io.Writer
	progress io.Writer
	in       *bufio.Reader
}

func (w wizard) run(ctx context.Context, target string) error {
	if w.watch < meters.Period {
		return usage("--watch: %s: must be at least %s", w.watch, meters.Period)
	}
	s, err := w.begin(ctx, target)
	if err != nil {
		return err
	}
	if s, err = w.sign(ctx, s); err != nil {
		return err
	}
	if s, err = w.bind(ctx, s); err != nil {
		return err
	}
	if err := w.keepProfiles(); err != nil {
		return err
	}
	bar := newBar(w.progress, "watching "+s.Device.ID, int(w.watch/meters.Period))
	s, err = w.desk.Watch(ctx, s.ID, w.watch, bar.set)
	bar.end()
	if ctx.Err() != nil {
		return errInterrupted()
	}
	if err != nil {
		return err
	}
	if w.json {
		return printJSON(w.out, s)
	}
	_, err = fmt.Fprintf(w.out, "%s is paired: %s, serial number %s, metering point %s\n%d readings in %d s, longest gap %.1f s\nIt is read from the next start of: commonwatt run --data %s\n",
		s.Device.ID, s.Profile, cmp.Or(s.Identity.Serial, "unknown"), s.Device.MeteringPoint, s.Watch.Readings, s.Watch.Seconds, s.Watch.Gap, w.data)
	return err
}

// sign shows the live values and checks the sign, again when --load says what
// happens at a device whose sign was checked before.
func (w wizard) sign(ctx context.Context, s *pairing.Session) (*pairing.Session, error) {
	switch {
	case s.Step == pairing.Identified || s.Step == pairing.Measured:
		_, live, err := w.desk.Measure(ctx, s.ID)
		if err != nil {
			return s, fmt.Errorf("%w (read as %s: another profile is tried with --fresh --profile)", err, s.Profile)
		}
		if err := w.show(s, live); err != nil {
			return s, err
		}
	case w.load == "":
		return s, nil
	}
	loads := []string{string(pairing.Importing), string(pairing.Exporting), string(pairing.Later)}
	load, err := w.ask(ctx, "load", w.load, "What happens at the device now: importing or exporting (or later, if nothing does and it is no connection meter)?",
		func(answer string) bool { return slices.Contains(loads, answer) })
	if err != nil {
		return s, err
	}
	if s, err = w.desk.CheckSign(ctx, s.ID, pairing.Load(load)); err != nil {
		return s, err
	}
	fmt.Fprintf(w.progress, "sign: %s\n", w.signed(s))
	return s, nil
}

// bind binds the device, unless it is.
func (w wizard) bind(ctx context.Context, s *pairing.Session) (*pairing.Session, error) {
	if s.Step != pairing.Checked {
		return s, nil
	}
	var before grid.Device
	if s.Device != nil {
		before = *s.Device
	}
	member, err := w.ask(ctx, "member", cmp.Or(w.member, before.Member), "Which member does it belong to?", func(answer string) bool { return answer != "" })
	if err != nil {
		return s, err
	}
	return w.desk.Bind(s.ID, grid.Device{
		ID: cmp.Or(w.id, before.ID, member+"/"+string(s.Kind)), Member: member, MeteringPoint: cmp.Or(w.point, before.MeteringPoint, "mp-"+member),
	})
}

// errInterrupted tells how to go on after Ctrl-C.
func errInterrupted() error {
	return usage("interrupted: the pairing is kept, go on with the same command")
}

// keepProfiles copies the given profiles into the data directory, where the
// community reads them.
func (w wizard) keepProfiles() error {
	for _, f := range w.files {
		b, err := os.ReadFile(f) //nolint:gosec // the operator's file
		if err != nil {
			return &usageError{err}
		}
		dir := filepath.Join(w.data, keptProfiles)
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(f)), b, 0o600); err != nil { //nolint:gosec // its base name, in the data directory
			return err
		}
	}
	return nil
}

// begin goes on with an interrupted session of the target, or begins one.
func (w wizard) begin(ctx context.Context, target string) (*pairing.Session, error) {
	if _, err := modbus.ParseEndpoint(target); err != nil {
		return nil, &usageError{err}
	}
	kept, err := w.desk.Resume(target, w.unit)
	if err != nil {
		return nil, err
	}
	if kept != nil && !w.fresh {
		if err := w.differs(kept); err != nil {
			return nil, err
		}
		fmt.Fprintf(w.progress, "going on with the pairing of %s unit %d, which is %s (--fresh begins anew)\n", target, kept.Unit, kept.Step)
		return kept, nil
	}
	if kept != nil {
		if err := w.desk.Forget(kept.ID); err != nil {
			return nil, err
		}
	}
	bar := newBar(w.progress, "asking "+target, len(pairing.Units()))
	defer bar.end()
	return w.desk.Begin(ctx, target, w.unit, w.profile, grid.DeviceKind(w.kind), func(uint8) { bar.step() })
}

// differs refuses flags that an interrupted pairing was begun without.
func (w wizard) differs(kept *pairing.Session) error {
	was := map[string][2]string{"profile": {w.profile, kept.Profile}, "kind": {w.kind, string(kept.Kind)}}
	if kept.Device != nil {
		was["member"], was["id"], was["metering-point"] = [2]string{w.member, kept.Device.Member}, [2]string{w.id, kept.Device.ID}, [2]string{w.point, kept.Device.MeteringPoint}
	}
	for _, flag := range slices.Sorted(maps.Keys(was)) {
		if now, before := was[flag][0], was[flag][1]; now != "" && now != before {
			return usage("--%s: the pairing of this device that was interrupted has %q: leave the flag out to go on with it, or begin anew with --fresh", flag, before)
		}
	}
	return nil
}

// show prints what the device is read as; pair probe shows the rest.
func (w wizard) show(s *pairing.Session, live pairing.Live) error {
	live.Points = slices.DeleteFunc(live.Points, func(lp pairing.LivePoint) bool { return lp.Role == "" })
	r := probed{Finding: s.Finding, Live: live, Profile: s.Profile}
	return r.print(w.progress)
}

// signed says what the sign check found.
func (w wizard) signed(s *pairing.Session) string {
	if s.Unchecked {
		return "not checked: pair the device anew, with --fresh, when power flows"
	}
	direction, power := pairing.Importing, *s.Power
	if power < 0 {
		direction, power = pairing.Exporting, -power
	}
	text := fmt.Sprintf("the %s shows %d W %s", s.Kind, power, direction)
	if s.Inverted {
		text += ", not what you said: it is taken to be mounted the wrong way round, and is read turned round (if you answered wrongly, give the right --load with the same command)"
	}
	return text
}

// ask returns the flag's value, or asks for it until the answer fits.
func (w wizard) ask(ctx context.Context, flag, value, question string, fits func(answer string) bool) (string, error) {
	if value != "" {
		return value, nil // the step says what is wrong with it
	}
	for {
		answer, err := w.askOnce(ctx, flag, question)
		if err != nil || fits(answer) {
			return answer, err
		}
	}
}

func (w wizard) askOnce(ctx context.Context, flag, question string) (string, error) {
	fmt.Fprintf(w.progress, "%s ", question)
	type answer struct {
		line string
		err  error
	}
	answers := make(chan answer, 1)
	go func() {
		line, err := w.in.ReadString('\n')
		answers <- answer{line, err}
	}()
	select {
	case <-ctx.Done():
		return "", errInterrupted()
	case a := <-answers:
		if a.err != nil {
			return "", usage("--%s: missing, and nobody answers: the pairing is kept, go on with the same command", flag)
		}
		return strings.TrimSpace(a.line), nil
	}
}

func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
