// Package commonwatt_test holds the tests of the repository as a whole.
package commonwatt_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/commonwatt/commonwatt"

// layers says which packages of the module a package may import, beside grid,
// which all may. A package that is missing here fails the test: adding one
// means deciding where it stands. "*" is any but web, bench and cmd.
func layers() map[string][]string {
	return map[string][]string{
		"grid":                             {},
		"usage":                            {},
		"disk":                             {"usage"},
		"clock":                            {},
		"tariff":                           {},
		"record":                           {"proof"},
		"meters":                           {"meters/modbus", "meters/profile", "proof"},
		"meters/modbus":                    {},
		"meters/profile":                   {},
		"meters/control":                   {"meters", "meters/modbus", "meters/profile"},
		"meters/signwatch":                 {},
		"meters/pairing":                   {"meters", "meters/modbus", "meters/profile", "disk"},
		"meters/evidence":                  {"proof", "disk"},
		"meters/store":                     {"proof", "disk"},
		"meters/sim":                       {"meters/modbus", "meters/profile", "scenarios/world", "disk"},
		"bus":                              {},
		"forecast":                         {},
		"agent":                            {"forecast"},
		"agent/hold":                       {},
		"agent/alone":                      {},
		"matching":                         {"matching/auction", "matching/book", "matching/network"},
		"matching/auction":                 {},
		"matching/book":                    {},
		"matching/network":                 {"matching/auction"},
		"matching/clearing":                {"matching/auction", "matching/network"},
		"matching/journal":                 {"matching", "disk"},
		"matching/tape":                    {"matching", "matching/journal"},
		"settlement":                       {"matching/network", "tariff", "record"},
		"settlement/ledger":                {"settlement", "chaincode", "proof", "settlement/ledger/identity", "settlement/ledger/rows", "disk", "record"},
		"settlement/audit":                 {"settlement", "settlement/ledger", "chaincode", "record", "tariff", "proof", "disk"},
		"settlement/ledger/identity":       {"disk"},
		"settlement/ledger/fabric":         {"settlement/ledger", "settlement/audit", "settlement/ledger/identity", "disk"},
		"settlement/ledger/fabric/network": {"settlement/ledger", "settlement/audit", "settlement/ledger/fabric", "settlement/ledger/identity", "chaincode", "disk"},
		"settlement/ledger/rows":           {},
		"settlement/ledger/embedded":       {"settlement/ledger", "settlement/audit", "settlement/ledger/identity", "settlement/ledger/rows", "chaincode", "disk", "record"},
		"settlement/rewards":               {"settlement/ledger", "settlement/ledger/identity", "chaincode", "proof", "record"},
		"chaincode":                        {"proof", "record"},
		"proof":                            {},
		"community/host":                   {"community", "matching", "matching/journal", "record", "settlement", "usage"},
		"community":                        {"matching", "settlement", "tariff", "record"},
		"web":                              {"community", "agent", "forecast", "settlement", "proof", "meters/modbus", "meters/pairing", "tariff", "record"},
		"scenarios":                        {"*"},
		"scenarios/world":                  {},
		"client":                           {},
		"client/example":                   {"client"},
		"bench":                            {"*"},
		"cmd/commonwatt":                   {"*", "web", "bench"},
		"cmd/chaincode":                    {"chaincode"},
	}
}

// pure packages are functions of their inputs: nothing in them may reach the
// clock, the disk, the network or a random source.
func pure() []string {
	return []string{"grid", "tariff", "record", "agent/hold", "agent/alone", "matching", "matching/auction", "matching/book", "matching/clearing", "matching/network", "settlement", "community", "chaincode", "proof", "scenarios/world"}
}

func impure() []string {
	return []string{"net", "os", "sync", "math/rand", "crypto/rand", "log", "database/sql"}
}

// owners names the packages that alone may import a dependency.
func owners() map[string][]string {
	return map[string][]string{
		"github.com/simonvetter/modbus":                 {"meters/modbus"},
		"github.com/influxdata/influxdb-client-go":      {"meters/store"},
		"github.com/nats-io":                            {"bus"},
		"github.com/gorilla/websocket":                  {"web", "client"},
		"github.com/hyperledger/fabric-gateway":         {"settlement/ledger/fabric"},
		"github.com/hyperledger/fabric-admin-sdk":       {"settlement/ledger/fabric/network"},
		"github.com/hyperledger/fabric-contract-api-go": {"chaincode", "settlement/ledger/embedded"},
		"modernc.org/sqlite":                            {"disk"},
		"github.com/spf13/cobra":                        {"cmd/commonwatt"},
		"github.com/prometheus/client_golang":           {"cmd/commonwatt"},
		"gonum.org/v1/gonum":                            {"forecast", "agent", "matching/network"},
		"github.com/parquet-go/parquet-go":              {"scenarios"},
	}
}

type listed struct {
	ImportPath string
	Imports    []string
	Doc        string
}

func packages(t *testing.T) []listed {
	t.Helper()
	out, err := exec.Command("go", "list", "-e", "-json=ImportPath,Imports,Doc", "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	var all []listed
	dec := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		if p.ImportPath != module { // this test's own package
			all = append(all, p)
		}
	}
}

func TestImports(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range packages(t) {
		pkg := inside(p.ImportPath)
		seen[pkg] = true
		allowed, known := layers()[pkg]
		if !known {
			t.Errorf("%s: not in the table of layers", pkg)
			continue
		}
		for _, imp := range p.Imports {
			if in := inside(imp); in != "" && !mayImport(allowed, in) {
				t.Errorf("%s may not import %s", pkg, in)
			}
			for dep, own := range owners() {
				if under(imp, dep) && !slices.Contains(own, pkg) {
					t.Errorf("%s imports %s: only %v may", pkg, imp, own)
				}
			}
			for _, bad := range impure() {
				if slices.Contains(pure(), pkg) && under(imp, bad) {
					t.Errorf("%s must stay pure but imports %s", pkg, imp)
				}
			}
		}
	}
	for pkg := range layers() {
		if !seen[pkg] {
			t.Errorf("%s: in the table of layers but gone from the tree", pkg)
		}
	}
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	for _, p := range packages(t) {
		if p.Doc == "" {
			t.Errorf("%s has no package comment", p.ImportPath)
		}
	}
}

func mayImport(allowed []string, pkg string) bool {
	if pkg == "grid" || slices.Contains(allowed, pkg) {
		return true
	}
	return slices.Contains(allowed, "*") && pkg != "web" && pkg != "bench" && !under(pkg, "cmd")
}

// inside returns the path within the module, "" for other modules.
func inside(p string) string {
	if !under(p, module) {
		return ""
	}
	return strings.TrimPrefix(p, module+"/")
}

// under tells whether p is prefix, a package below it, or another major
// version of it.
func under(p, prefix string) bool {
	return p == prefix || strings.HasPrefix(p, prefix+"/")
}
