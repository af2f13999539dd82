package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// TestConfigCheckOfAGateway checks the other kind of configuration, and profiles
// of one's own: what is wrong is said without names of Go types.
func TestConfigCheckOfAGateway(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	gateway, own := filepath.Join(dir, "gateway.yaml"), filepath.Join(dir, "own.yaml")
	const good = `hub: {url: "tls://hub.example:7422", password_file: %s}
devices: [{id: ann/meter, member: ann, metering_point: mp-ann, address: "192.0.2.7", profile: sunspec-meter}]
`
	for _, c := range []struct {
		text, want string
		code       int
	}{
		{fmt.Sprintf(good, gateway), `gateway for community "demo" at tls://hub.example:7422, devices: 1`, 0},
		{fmt.Sprintf(good, filepath.Join(dir, "nothing")), "hub.password_file", exitUsage},
		{strings.Replace(fmt.Sprintf(good, gateway), "tls://hub.example:7422", "http://hub.example", 1), `hub.url: "http://hub.example" is not`, exitUsage},
		{strings.Replace(fmt.Sprintf(good, gateway), "password_file", "ca: nothing.pem, password_file", 1), "hub.ca: stat nothing.pem", exitUsage},
		{strings.Replace(fmt.Sprintf(good, gateway), "password_file", "password", 1), `line 1: unknown field "password": "commonwatt gateway --help" lists the fields`, exitUsage},
	} {
		write(t, gateway, c.text)
		code, out, errs := execute(t, "config", "check", gateway)
		if code != c.code || !strings.Contains(out+errs, c.want) || strings.Contains(errs, "struct") {
			t.Errorf("exit code %d: %s%s, want %d and %q", code, out, errs, c.code, c.want)
		}
	}
	hub := filepath.Join(dir, "hub.yaml")
	for extra, want := range map[string]string{
		"cert: only.pem": "cert, key: give both or none", "cert: no.pem, key: no.key": "open no.pem",
	} {
		write(t, hub, "bus: {gateways: {listen: \"0.0.0.0:7422\", "+extra+"}}\n")
		if code, _, errs := execute(t, "config", "check", hub); code != exitUsage || !strings.Contains(errs, want) {
			t.Errorf("%s: exit code %d: %s", extra, code, errs)
		}
	}
	write(t, own, "id: own\npoints:\n  - 5\n  - {name: a, addr: 99999}\n")
	if code, _, errs := execute(t, "pair", "profiles", "--profile-file", own); code != exitUsage ||
		!strings.Contains(errs, `line 3: "5" is not a mapping of fields; line 4: "99999" is not a number from 0 to 65535`) {
		t.Errorf("exit code %d: %s", code, errs)
	}
}

// TestMembersWhoWerePaired names members in a configuration whose devices come by
// pairing: the start and the check look for them in the data directory, and a name that
// nobody has is refused.
func TestMembersWhoWerePaired(t *testing.T) {
	t.Parallel()
	dir, file := t.TempDir(), filepath.Join(t.TempDir(), "c.yaml")
	key := filepath.Join(t.TempDir(), "key")
	write(t, key, strings.Repeat("k", 32))
	write(t, filepath.Join(dir, "devices.json"), `[{"id":"ann/meter","member":"ann","metering_point":"mp-ann","kind":"meter","profile":"sunspec-meter","target":"tcp://192.0.2.7:502","unit":1,"since":"2026-06-01T10:00:00Z"}]`)
	for _, c := range []struct{ text, start string }{
		{"strategies: {ann: none}\n", ""},
		{"devices: []\nstrategies: {ann: none}\n", ""},
		{"agents: [{name: a, member: ann, key_file: " + key + "}]\n", ""},
		{"strategies: {zed: none}\n", `strategies.zed: there is no member "zed" among the devices that are listed or paired in ` + dir},
		{"agents: [{name: a, member: zed, key_file: " + key + "}]\n", `agents[0].member: there is no member "zed"`},
		{"strategies: {ann: gamble}\n", `strategies.ann: "gamble" is not one of`},
	} {
		write(t, file, ownTerms+c.text)
		cmd := runCommand()
		if err := cmd.Flags().Set("data", dir); err != nil {
			t.Fatal(err)
		}
		_, _, err := runFlags{config: file, data: dir}.resolve(cmd)
		if c.start == "" && err != nil || c.start != "" && (err == nil || !strings.Contains(err.Error(), c.start)) {
			t.Errorf("%s: the start says %v, want %q", c.text, err, c.start)
		}
		code, out, errs := execute(t, "config", "check", file, "--data", dir)
		if (code == exitUsage) != (c.start != "") || !strings.Contains(errs, c.start) {
			t.Errorf("%s: the check says %d: %s%s, want %q", c.text, code, out, errs, c.start)
		}
	}
	write(t, file, ownTerms+"strategies: {ann: none}\n") // where ann may be paired is not known
	code, out, errs := execute(t, "config", "check", file)
	if code != 0 || !strings.Contains(out, "this check with --data DIR") {
		t.Errorf("without a data directory: %d: %s%s", code, out, errs)
	}
	write(t, file, ownTerms+"data: "+dir+"\nstrategies: {zed: none}\n")
	if code, _, errs := execute(t, "config", "check", file); code != exitUsage || !strings.Contains(errs, "paired in "+dir) {
		t.Errorf("with data in the file: %d: %s", code, errs)
	}
}

// TestAMistypedDirectory starts a simulation that the file did not ask for, and says so.
func TestAMistypedDirectory(t *testing.T) {
	t.Parallel()
	dir, file := filepath.Join(t.TempDir(), "stret"), filepath.Join(t.TempDir(), "c.yaml")
	want := "No device is listed or paired in " + dir + ": this is a simulation of 12 homes. To run without any, write devices: []."
	for text, loud := range map[string]bool{ownTerms: true, ownTerms + "simulation: {homes: 12}\n": false, "listen: 127.0.0.1:8080\n": false} {
		write(t, file, text)
		code, out, errs := execute(t, "config", "check", file, "--data", dir)
		if code != 0 || strings.Contains(out, want) != loud {
			t.Errorf("%s: %d: %s%s", text, code, out, errs)
		}
	}
	write(t, file, ownTerms)
	if _, _, errs := execute(t, "run", "--config", file, "--data", dir, "--listen", "127.0.0.1:0", "--duration", "1ms"); !strings.Contains(errs, want) {
		t.Errorf("the start says %s", errs)
	}
}
