package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestClear clears the example of the file format, and another that a mechanism refuses:
// nothing on standard output then, and exit code 2.
func TestClear(t *testing.T) {
	t.Parallel()
	const example = "../../matching/clearing/testdata/example.json"
	code, out, errs := execute(t, "clear", example)
	if code != 0 || !strings.Contains(out, `"welfare": 153000000,`) {
		t.Errorf("exit code %d: %s%s", code, out, errs)
	}
	if code, out, errs := execute(t, "clear", "--mechanism", "muda", example); code != 2 || out != "" || !strings.Contains(errs, "example.json: feeder.nodes[1]: muda wants") {
		t.Errorf("exit code %d: %s%s", code, out, errs)
	}
	bad := filepath.Join(t.TempDir(), "case.json")
	if err := os.WriteFile(bad, []byte(`{"colour": 1}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, errs := execute(t, "clear", bad); code != 2 || out != "" || !strings.Contains(errs, "case.json: colour: unknown field") {
		t.Errorf("exit code %d: %s%s", code, out, errs)
	}
	if code, _, errs := execute(t, "clear", bad+".none"); code != 2 || !strings.Contains(errs, "case.json.none") {
		t.Errorf("exit code %d: %s", code, errs)
	}
}

// TestTheCommandLineNamesWhatIsMissing leaves arguments and flags out, gives one too many, and
// mistypes a command.
func TestTheCommandLineNamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	for want, args := range map[string][]string{
		`FILE|- is missing: write it as in "commonwatt clear FILE|-"`:  {"clear"},
		`FILE is missing: write it as in "commonwatt config check`:     {"config", "check"},
		`FILE is missing: write it as in "commonwatt replay FILE"`:     {"replay", "--out", "x"},
		`TARGET is missing: write it as in "commonwatt pair add`:       {"pair", "add"},
		`PLACES is missing: write it as in "commonwatt pair disc`:      {"pair", "discover"},
		`"b" is one argument too many: write "commonwatt clear FILE|-`: {"clear", "a", "b"},
		`"up" is one argument too many: write "commonwatt run"`:        {"run", "up"},
		`give --config: configuration file`:                            {"gateway"},
		`not set: give --config: configuration`:                        {"gateway", "key"},
		`give --tape: the tape`:                                        {"bench", "matching"},
		`"commonwatt ledger" needs one of its commands erase, export`:  {"ledger"},
		`speed: NaN: must be above 0`:                                  {"run", "--speed", "NaN"},
		`speed: +Inf: must be above 0`:                                 {"run", "--speed", "Inf"},
		`--days (366 at most) and --batch must be above 0`:             {"bench", "disk", "--days", "NaN"},
		`--duration: -5s: must be above 0s`:                            {"bench", "devices", "--duration", "-5s"},
	} {
		if code, out, errs := execute(t, args...); code != exitUsage || out != "" || !strings.Contains(errs, want) {
			t.Errorf("%v: exit code %d: %s%s, want %s", args, code, out, errs, want)
		}
	}
}

// TestClearByAKey divides a metered interval by a pack, by a file, and says what is wrong with
// either: nothing on standard output then, and exit code 2.
func TestClearByAKey(t *testing.T) {
	t.Parallel()
	const example = "../../settlement/sharing/testdata/case.json"
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	code, out, errs := execute(t, "clear", example, "--key", "at-eeg")
	if code != 0 || !strings.Contains(out, `"shared": 400,`) {
		t.Errorf("exit code %d: %s%s", code, out, errs)
	}
	shares := write("shares.yaml", "{key: static, shares: {mp-bob: 1/2, mp-flat: 1/2}, unused: own, price: 0.12 EUR/kWh}")
	code, out, errs = execute(t, "clear", example, "--key", shares)
	if code != 0 || !strings.Contains(out, `"shared": 350,`) || !strings.Contains(out, `"surplus": 150,`) {
		t.Errorf("exit code %d: %s%s", code, out, errs)
	}
	half := write("half.yaml", "{key: dynamic, participation: [{point: mp-bob, factor: 50 %}]}")
	code, out, errs = execute(t, "clear", example, "--key", half, "--key", half)
	if code != 0 || strings.Count(out, `"shared": `) != 2 || !strings.Contains(out, `"shared": 250,`) || !strings.Contains(out, `"shared": 150,`) {
		t.Errorf("exit code %d: %s%s", code, out, errs)
	}
	for want, args := range map[string][]string{
		`--in-order: is the order of several communities`:                       {example, "--key", "lu", "--in-order"},
		`--key xx: sharing.pack: "xx": there is no such pack: there are at-eeg`: {example, "--key", "xx"},
		`--key es-rd244: sharing.shares: missing`:                               {example, "--key", "es-rd244"},
		`bad.yaml: line 1: sharing.colour: unknown field`:                       {example, "--key", write("bad.yaml", "{key: dynamic, colour: 1}")},
		`order.yaml: sharing.order[1][0]: there is no metering point "mp-zoe"`:  {example, "--key", write("order.yaml", "{key: priority, order: [mp-bob, [mp-zoe, mp-flat]]}")},
		`owner.yaml: sharing.plants[0].owners[0]: there is no metering point`:   {example, "--key", write("owner.yaml", "{key: dynamic, plants: [{point: mp-bob, owners: [mp-zoe]}]}")},
		`group.yaml: sharing.groups.h.points[1]: there is no metering point`:    {example, "--key", write("group.yaml", "{key: static, shares: {h: 1}, groups: {h: {key: dynamic, points: [mp-bob, mp-zoe]}}}")},
		`part.yaml: sharing.participation[0].point: there is no metering`:       {example, "--key", write("part.yaml", "{key: dynamic, participation: [{point: mp-zoe, factor: 50 %}]}")},
		`case.json: points[0].colour: unknown field`:                            {write("case.json", `{"interval": {"start": "2026-06-01T12:00:00Z", "minutes": 15}, "points": [{"id": "a", "colour": 1}]}`), "--key", "lu"},
		`give one of them, not both`:                                            {example, "--key", "lu", "--mechanism", "uniform"},
		`none.yaml: no such file`:                                               {example, "--key", filepath.Join(dir, "none.yaml")},
	} {
		if code, out, errs := execute(t, append([]string{"clear"}, args...)...); code != 2 || out != "" || !strings.Contains(errs, want) {
			t.Errorf("%v: exit code %d: %s%s, want %s", args, code, out, errs, want)
		}
	}
}
