package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/commonwatt/commonwatt/config"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/hub"
	"github.com/commonwatt/commonwatt/meters"
	"github.com/commonwatt/commonwatt/meters/modbus"
	"github.com/commonwatt/commonwatt/meters/pairing"
	"github.com/commonwatt/commonwatt/terminal"
	"github.com/commonwatt/commonwatt/usage"
)

func (p *pairFlags) addCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "add TARGET",
		Short: "Pair a device: identify, live values, sign check, bind, watch",
		Long: `Pair a device in five steps: identify it, show its live values, check the sign
against a load that you know, bind it to a metering point, and watch it for two
minutes. What a flag does not say is asked on a terminal. A pairing that was
interrupted goes on where it stopped; the device is read from the next start of
"commonwatt run" on the same data directory.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			desk, dir, err := p.lockedDesk(cmd)
			if err != nil {
				return err
			}
			defer dir.Close() //nolint:errcheck // only the lock is held
			w := wizard{pairFlags: p, desk: desk, out: cmd.OutOrStdout(), progress: cmd.ErrOrStderr(), asker: terminal.NewAsker(cmd.InOrStdin(), cmd.ErrOrStderr())}
			return pairingError(w.run(cmd.Context(), args[0]))
		},
	}
	p.placeFlags(c)
	c.Flags().AddGoFlagSet(p.wish.Flags())
	c.Flags().AddGoFlagSet(p.wish.Ratings.Flags())
	p.planningFlags(c)
	c.Flags().StringVar(&p.kind, "kind", "", "what to bind: meter, inverter, battery, charger, heat-pump, heating-rod or appliance (default: what the device is first of all)")
	c.Flags().StringVar(&p.place, "replaces", "", "`id` of the device whose place this one takes, of the same kind, member and metering point")
	c.Flags().StringVar(&p.id, "id", "", "id of the device (default: MEMBER/KIND)")
	c.Flags().StringVar(&p.member, "member", "", "member to whom the metering point belongs")
	c.Flags().StringVar(&p.point, "metering-point", "", "metering point (default: mp-MEMBER)")
	c.Flags().StringVar(&p.load, "load", "", "what you know to happen at the device now: importing (taking, charging), exporting (producing, discharging), or later if nothing does (no connection meter)")
	c.Flags().DurationVar(&p.watch, "watch", pairing.WatchFor, "how long to watch for dropouts")
	c.Flags().BoolVar(&p.fresh, "fresh", false, "begin anew instead of going on with an interrupted pairing")
	return c
}

// wizard goes through the steps of a session.
type wizard struct {
	*pairFlags

	desk     *pairing.Bench
	out      io.Writer
	progress io.Writer
	asker    terminal.Asker
}

func (w wizard) run(ctx context.Context, target string) error {
	if w.watch < meters.Period {
		return usage.Errorf("--watch: %s: must be at least %s", w.watch, meters.Period)
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
	if err := w.desk.KeepProfiles(hub.KeptProfiles, w.files); err != nil {
		return err
	}
	bar := terminal.NewBar(w.progress, "watching "+s.Device.ID, int(w.watch/meters.Period))
	s, err = w.desk.Watch(ctx, s.ID, w.watch, bar.Set)
	bar.End()
	if ctx.Err() != nil {
		return errInterrupted()
	}
	if err != nil {
		return err
	}
	if w.json {
		return printJSON(w.out, s)
	}
	_, err = fmt.Fprintf(w.out, "%s is paired: %s, serial number %s, metering point %s\n%d readings in %d s, longest gap %.1f s\n%sIt is read from the next start of: commonwatt run --data %s\n",
		s.Device.ID, s.Profile, cmp.Or(s.Identity.Serial, "unknown"), s.Device.MeteringPoint, s.Watch.Readings, s.Watch.Seconds, s.Watch.Gap, pairing.Said(s.Warnings), w.data)
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
	fmt.Fprintf(w.progress, "sign: %s\n", s.Signed())
	return s, nil
}

// bind binds the device, unless it is.
func (w wizard) bind(ctx context.Context, s *pairing.Session) (*pairing.Session, error) {
	if s.Step != pairing.Checked {
		return s, nil
	}
	if w.place != "" {
		if err := w.desk.Replace(s.ID, w.place); err != nil {
			return s, w.unknown(err, w.place)
		}
	}
	d, err := w.inPlace(s.Said(w.device()))
	if err != nil {
		return s, err
	}
	if d.Member, err = w.ask(ctx, "member", d.Member, "Which member does it belong to?", func(answer string) bool { return answer != "" }); err != nil {
		return s, err
	}
	return w.desk.Bind(s.ID, s.Proposed(d))
}

// inPlace says whose the device is that takes another one's place, and gives it an id of its own.
func (w wizard) inPlace(d grid.Device) (grid.Device, error) {
	bound, err := w.desk.Bound()
	k := slices.IndexFunc(bound, func(b pairing.Binding) bool { return b.ID == w.place })
	if err != nil || k < 0 {
		return d, err
	}
	old := bound[k]
	d.Member, d.MeteringPoint = cmp.Or(d.Member, old.Member), cmp.Or(d.MeteringPoint, old.MeteringPoint)
	if d.ID == "" {
		d.ID, err = w.desk.Another(old.ID)
	}
	return d, err
}

// planningFlags are what a plan needs to know of the device, as the configuration has it.
func (p *pairFlags) planningFlags(c *cobra.Command) {
	for _, f := range config.PlanningFields() {
		c.Flags().Func(strings.ReplaceAll(f.Name, "_", "-"), fmt.Sprintf("%s; as `%s`", f.Doc, f.Example), func(text string) error {
			p.wish.Say(map[string]string{f.Name: text})
			return nil
		})
	}
}

// device is what the flags say of the device.
func (w wizard) device() grid.Device {
	return grid.Device{ID: w.id, Member: w.member, MeteringPoint: w.point}
}

// errInterrupted tells how to go on after Ctrl-C.
func errInterrupted() error {
	return usage.Errorf("interrupted: the pairing is kept, go on with the same command")
}

// begin goes on with an interrupted session of the target, or begins one.
func (w wizard) begin(ctx context.Context, target string) (*pairing.Session, error) {
	if _, err := modbus.ParseEndpoint(target); err != nil {
		return nil, usage.Mark(err)
	}
	w.wish.Target, w.wish.Kind = target, grid.DeviceKind(w.kind)
	kept, err := w.desk.Resume(target, w.wish.Unit)
	if err != nil {
		return nil, err
	}
	if kept != nil && !w.fresh {
		if flag, before := kept.Differs(w.wish, w.device()); flag != "" {
			return nil, usage.Errorf("--%s: the pairing of this device that was interrupted has %q: leave the flag out to go on with it, or begin anew with --fresh", flag, before)
		}
		fmt.Fprintf(w.progress, "going on with the pairing of %s unit %d, which is %s (--fresh begins anew)\n", target, kept.Unit, kept.Step)
		return kept, nil
	}
	if kept != nil {
		if err := w.desk.Forget(kept.ID); err != nil {
			return nil, err
		}
	}
	bar := terminal.NewBar(w.progress, "asking "+target, len(pairing.Units()))
	defer bar.End()
	return w.desk.Begin(ctx, w.wish, func(uint8) { bar.Step() })
}

// show prints what the device is read as; pair probe shows the rest.
func (w wizard) show(s *pairing.Session, live pairing.Live) error {
	live.Points = slices.DeleteFunc(live.Points, func(lp pairing.LivePoint) bool { return lp.Role == "" })
	return pairing.Probed{Finding: s.Finding, Live: live, Profile: s.Profile}.Print(w.progress)
}

// ask returns the flag's value, or asks for it until the answer fits.
func (w wizard) ask(ctx context.Context, flag, value, question string, fits func(answer string) bool) (string, error) {
	if value != "" {
		return value, nil // the step says what is wrong with it
	}
	answer, err := w.asker.Ask(ctx, question, func(answer string) error {
		if !fits(answer) {
			return terminal.ErrAgain
		}
		return nil
	})
	switch {
	case ctx.Err() != nil:
		return "", errInterrupted()
	case err != nil:
		return "", usage.Errorf("--%s: missing, and nobody answers: the pairing is kept, go on with the same command", flag)
	}
	return answer, nil
}
