package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/commonwatt/commonwatt/config"
	"github.com/commonwatt/commonwatt/hub"
	"github.com/commonwatt/commonwatt/meters/evidence"
	"github.com/commonwatt/commonwatt/settlement/audit"
	"github.com/commonwatt/commonwatt/settlement/ledger"
)

// audits goes through a data directory as a utility's auditor does: every statement
// comes out again from signed readings, exports say the same in three forms, the
// bundle convinces with the key alone, and what was changed is found.
func audits(t *testing.T, dir string) {
	t.Helper()
	out := verified(t, dir)
	m := regexp.MustCompile(`(\d+) runs computed anew with \d+ statements: (\d+) from signed readings`).FindStringSubmatch(out)
	if m == nil || m[1] == "0" || m[2] == "0" {
		t.Errorf("no statement was computed anew:\n%s", out)
	}
	elsewhere := t.TempDir()
	export := func(format, name string, more ...string) string {
		path := filepath.Join(elsewhere, name)
		code, _, errs := execute(t, append([]string{"ledger", "export", "--data", dir, "--format", format, "--out", path}, more...)...)
		if code != 0 {
			t.Fatalf("export as %s: exit code %d: %s", format, code, errs)
		}
		return path
	}
	sumsOfExports(t, export("csv", "all.csv"), export("json", "all.json"), export("csv", "one.csv", "--member", "home-01"))
	bundle := export("bundle", "bundle")
	key := filepath.Join(dir, ledger.PublicKey)
	for want, args := range map[string][]string{
		"computed anew":   {"--key", key},
		"continues":       {"--key", key, "--checkpoint", filepath.Join(bundle, "checkpoint")},
		"by the utility":  {"--key", key, "--witness", filepath.Join(dir, ledger.WitnessKey)},
		"from signed rea": {"--key", key},
	} {
		code, out, errs := execute(t, append([]string{"ledger", "verify", "--bundle", bundle}, args...)...)
		if code != 0 || !strings.Contains(out, want) {
			t.Errorf("%v: exit code %d, want %q\n%s%s", args, code, want, out, errs)
		}
	}
	refusesBundle(t, bundle, key, filepath.Join(dir, ledger.WitnessKey))
	code, shown, errs := execute(t, "ledger", "show", "--data", dir, "--limit", "3")
	if code != 0 || strings.Count(shown, "\n") != 4 || !strings.Contains(shown, "LEAF") || !strings.Contains(shown, "AMOUNT EUR") {
		t.Errorf("show: exit code %d\n%s%s", code, shown, errs)
	}
	changedWorking(t, dir)
}

func refusesBundle(t *testing.T, bundle, key, wrong string) {
	t.Helper()
	if code, _, errs := execute(t, "ledger", "verify", "--bundle", bundle); code != 2 || !strings.Contains(errs, "--key") {
		t.Errorf("without a key: exit code %d: %s", code, errs)
	}
	if code, _, errs := execute(t, "ledger", "verify", "--bundle", bundle, "--key", wrong); code != 1 || !strings.Contains(errs, "not signed by the key") {
		t.Errorf("with another key: exit code %d: %s", code, errs)
	}
	path := filepath.Join(bundle, "postings.jsonl")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(text), "\n")
	lines[1] = strings.Replace(lines[1], `"amount":`, `"amount":1`, 1)
	if err := os.WriteFile(path, []byte(strings.Join(lines, "")), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := execute(t, "ledger", "verify", "--bundle", bundle, "--key", key); code != 1 || !strings.Contains(errs, "postings.jsonl line 2") {
		t.Errorf("with another amount: exit code %d: %s", code, errs)
	}
}

// sumsOfExports compares the exports with each other.
func sumsOfExports(t *testing.T, all, asJSON, one string) {
	t.Helper()
	read := func(path string) (amount int64, rows int) {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		records, err := csv.NewReader(f).ReadAll()
		if err != nil || records[0][6] != "amount_millionths" {
			t.Fatalf("%s: %v", path, err)
		}
		for _, r := range records[1:] {
			n, err := strconv.ParseInt(r[6], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			amount += n
		}
		return amount, len(records) - 1
	}
	amount, rows := read(all)
	text, err := os.ReadFile(asJSON)
	if err != nil {
		t.Fatal(err)
	}
	var postings []audit.Exported
	if err := json.Unmarshal(text, &postings); err != nil {
		t.Fatal(err)
	}
	var sum int64
	for _, p := range postings {
		sum += int64(p.Amount)
	}
	if sum != amount || len(postings) != rows || rows == 0 {
		t.Errorf("CSV has %d postings of %d, JSON %d of %d", rows, amount, len(postings), sum)
	}
	if part, few := read(one); few == 0 || few >= rows || part >= amount {
		t.Errorf("one member has %d postings of %d", few, rows)
	}
}

// changedWorking changes how a run came about, in the evidence.
func changedWorking(t *testing.T, dir string) {
	t.Helper()
	change := func(from, to string) {
		t.Helper()
		evidence, err := evidence.Open(t.Context(), filepath.Join(dir, hub.EvidenceFile), config.Defaults().Community)
		if err != nil {
			t.Fatal(err)
		}
		defer evidence.Close()
		all := map[string][]byte{}
		err = evidence.Workings(t.Context(), func(root string, working []byte) error {
			all[root] = bytes.ReplaceAll(working, []byte(from), []byte(to))
			return nil
		})
		for root, text := range all {
			var w audit.Working
			err = errors.Join(err, json.Unmarshal(text, &w), evidence.KeepWorking(t.Context(), w.Interval, w.Run, root, text))
		}
		if err != nil || len(all) == 0 {
			t.Fatal(len(all), err)
		}
	}
	change(`"retail":300000`, `"retail":290000`)
	if code, _, errs := execute(t, "ledger", "verify", "--data", dir); code != 1 || !strings.Contains(errs, "comes out otherwise") {
		t.Errorf("with another tariff: exit code %d: %s", code, errs)
	}
	change(`"retail":290000`, `"retail":300000`)
	verified(t, dir)
}
