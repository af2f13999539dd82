package pairing

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/profile"
)

// Print writes what a device says as people read it.
func (r Probed) Print(w io.Writer) error {
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
	for _, part := range r.Live.Parts {
		read := ""
		if part.Number == r.Live.Part {
			read = ", which is read (--part names another one)"
		}
		fmt.Fprintf(w, "  %-14s %s%s\n", "part", part, read)
	}
	fmt.Fprintln(w)
	if len(r.Points) == 0 {
		_, err := fmt.Fprintln(w, "The unit answers, but no profile fits it: name one with --profile, or give one of your own with --profile-file (docs/profiles.md).")
		return err
	}
	missing, err := printPoints(w, r.Points)
	if err != nil {
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

// printPoints writes the points that the device has, each once, and returns how many it
// has not.
func printPoints(w io.Writer, all []LivePoint) (missing int, err error) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "POINT\tVALUE\tQUALITY\tREAD AS")
	shown := map[string]bool{}
	for _, lp := range all {
		_, name, _ := strings.Cut(lp.Name, ".") // of a point of a SunSpec model
		if shown[name] {
			continue
		}
		if lp.Quality == Missing && lp.Role == "" {
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
	return missing, t.Flush()
}

// PrintProfiles writes which devices can be read as people read it.
func PrintProfiles(w io.Writer, set *profile.Set) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "PROFILE\tVENDOR\tREADS\tADDRESSES FROM")
	for _, id := range set.IDs() {
		by := set.Get(id)
		fmt.Fprintf(t, "%s\t%s\t%v\t%s\n", id, by.Vendor, strings.Trim(fmt.Sprint(by.Kinds()), "[]"), by.Document)
	}
	return t.Flush()
}

// PrintFindings writes what was found at some addresses as people read it.
func PrintFindings(w io.Writer, tried int, found []Finding) error {
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

// PrintPaired writes the devices that there are, those that were let go of, and the pairings that were not
// finished, as people read them.
func PrintPaired(w io.Writer, paired, removed []Binding, sessions []*Session) error {
	if len(paired)+len(removed)+len(sessions) == 0 {
		_, err := fmt.Fprintln(w, `no device is paired, and no pairing was begun: "commonwatt pair add TARGET" begins one`)
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "DEVICE\tKIND\tMEMBER\tMETERING POINT\tSERIAL\tTARGET\tUNIT\tPROFILE\tMOUNTED")
	for _, b := range paired {
		mounted := "right"
		switch is := b.Turned(); {
		case is.Power && is.Counters:
			mounted = "turned round"
		case is.Power:
			mounted = "power turned round"
		case is.Counters:
			mounted = "counters turned round"
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
	if err := t.Flush(); err != nil {
		return err
	}
	return printRemoved(w, removed)
}

// printRemoved writes the devices that were let go of: when, by whom and why.
func printRemoved(w io.Writer, removed []Binding) error {
	if len(removed) == 0 {
		return nil
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "\nLET GO OF\tKIND\tMEMBER\tMETERING POINT\tUNTIL\tBY\tREPLACED BY\tREASON\tCONFIGURED")
	for _, b := range removed {
		how, configured := Gone{}, "no"
		if b.Gone != nil {
			how = *b.Gone
		}
		if b.Configured {
			configured = "yes: its entry counts no more"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", b.ID, b.Kind, b.Member, b.MeteringPoint, b.Until.UTC().Format("2006-01-02 15:04"), cmp.Or(how.By, "–"), cmp.Or(how.ReplacedBy, "–"), cmp.Or(how.Reason, "–"), configured)
	}
	return t.Flush()
}
