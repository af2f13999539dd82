// Package commonwatt_test holds the tests of the repository as a whole.
package commonwatt_test

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/commonwatt/commonwatt"

// layers says which packages of the module a package may import, beside grid,
// which all may. A package that is missing here fails the test: adding one
// means deciding where it stands. "*" is any but cmd, hub, bench and web.
func layers() map[string][]string {
	return map[string][]string{
		"grid":                             {},
		"usage":                            {},
		"terminal":                         {},
		"strict":                           {},
		"said":                             {},
		"disk":                             {"usage"},
		"disk/backup":                      {"disk", "usage"},
		"clock":                            {},
		"stages":                           {},
		"tariff":                           {},
		"tariff/shelf":                     {"tariff", "disk", "usage"},
		"record":                           {"proof"},
		"meters":                           {"meters/modbus", "meters/profile", "proof"},
		"meters/modbus":                    {},
		"meters/profile":                   {},
		"meters/control":                   {"meters", "meters/modbus", "meters/profile"},
		"meters/official":                  {},
		"meters/official/archive":          {"meters/official", "disk"},
		"meters/signwatch":                 {},
		"meters/pairing":                   {"meters", "meters/modbus", "meters/profile", "disk", "said"},
		"meters/evidence":                  {"proof", "disk"},
		"meters/metering":                  {"meters/evidence", "meters/store", "record", "proof", "tariff"},
		"meters/store":                     {"proof", "disk"},
		"meters/intake":                    {"meters/evidence", "meters/store", "proof"},
		"meters/gateway":                   {"meters", "meters/control", "meters/modbus", "bus", "proof", "clock", "disk"},
		"meters/sim":                       {"meters/modbus", "meters/profile", "scenarios/world", "disk"},
		"bus":                              {},
		"history":                          {"meters/store", "settlement", "settlement/billing", "settlement/statements", "tariff", "disk"},
		"forecast":                         {},
		"forecast/evaluate":                {"forecast"},
		"agent":                            {"agent/hold", "agent/limits", "agent/plan", "forecast", "tariff"},
		"agent/hold":                       {},
		"agent/plan":                       {},
		"agent/alone":                      {},
		"agent/limits":                     {},
		"agent/limits/kept":                {"agent/limits", "disk"},
		"agent/readiness":                  {},
		"agent/steer":                      {"agent/hold", "agent/alone", "meters", "meters/control", "meters/modbus"},
		"matching":                         {"matching/auction", "matching/book", "matching/network"},
		"matching/auction":                 {},
		"matching/book":                    {},
		"matching/network":                 {"matching/auction"},
		"matching/explain":                 {"matching/auction", "matching/network"},
		"matching/clearing":                {"matching/auction", "matching/network", "strict"},
		"matching/journal":                 {"matching", "disk"},
		"matching/tape":                    {"matching", "matching/journal"},
		"settlement":                       {"matching/network", "tariff", "record", "settlement/sharing"},
		"settlement/sharing":               {"strict"},
		"settlement/sharing/packs":         {"settlement/sharing"},
		"settlement/reconcile":             {"settlement"},
		"settlement/measures":              {"settlement", "settlement/sharing", "settlement/statements", "tariff"},
		"settlement/corrections":           {"chaincode", "community", "community/drive", "meters/official", "meters/official/archive", "settlement/reconcile"},
		"settlement/ledger":                {"record", "chaincode", "proof", "disk", "settlement/ledger/identity", "settlement/ledger/rows"},
		"settlement/billing/desk":          {"settlement/billing", "settlement/billing/paper", "settlement/statements", "settlement/ledger", "chaincode", "record", "disk"},
		"settlement/billing/paper":         {"settlement/billing"},
		"settlement/billing":               {"settlement", "settlement/statements", "tariff"},
		"settlement/statements":            {"settlement", "tariff", "record", "disk"},
		"settlement/audit":                 {"settlement", "settlement/guarantee", "settlement/ledger", "chaincode", "record", "tariff", "proof", "disk"},
		"settlement/ledger/identity":       {"disk"},
		"settlement/ledger/fabric":         {"settlement/ledger", "settlement/audit", "settlement/ledger/identity", "chaincode", "disk"},
		"settlement/ledger/fabric/network": {"settlement/ledger", "settlement/audit", "settlement/ledger/fabric", "settlement/ledger/identity", "chaincode", "disk"},
		"settlement/ledger/rows":           {},
		"settlement/ledger/embedded":       {"settlement/ledger", "settlement/audit", "settlement/ledger/identity", "settlement/ledger/rows", "chaincode", "disk", "record"},
		"settlement/fund":                  {"chaincode", "record"},
		"settlement/prepaid":               {"matching", "tariff"},
		"settlement/purse":                 {"chaincode", "record", "settlement", "settlement/fund", "settlement/ledger", "settlement/prepaid", "tariff"},
		"settlement/guarantee":             {"settlement", "tariff", "proof"},
		"settlement/guarantee/monthly":     {"settlement", "settlement/audit", "settlement/guarantee", "settlement/ledger", "settlement/statements", "chaincode", "community/drive", "disk"},
		"settlement/rewards":               {"config", "settlement/ledger", "settlement/ledger/identity", "chaincode", "proof", "record"},
		"chaincode":                        {"proof", "record"},
		"members":                          {"chaincode"},
		"members/consent":                  {"disk"},
		"notices":                          {"disk", "said"},
		"notices/push":                     {"notices"},
		"proof":                            {},
		"community/host":                   {"community", "matching", "matching/journal", "record", "settlement", "usage"},
		"community/drive":                  {"community", "settlement", "record", "proof"},
		"community":                        {"matching", "matching/network", "settlement", "tariff", "record"},
		"web":                              {"community", "agent", "agent/limits", "forecast", "settlement", "proof", "meters/modbus", "meters/pairing", "tariff", "record", "web/api", "web/auth", "web/auth/accounts", "web/auth/passkeys", "web/auth/openid", "strict", "said"},
		"web/auth":                         {"web/api"},
		"web/auth/accounts":                {"web/auth", "disk"},
		"web/auth/passkeys":                {"web/auth/accounts"},
		"web/auth/openid":                  {},
		"web/api":                          {"meters/pairing", "said"},
		"config":                           {"scenarios/world", "usage", "tariff", "community", "matching", "meters/profile", "proof", "agent", "agent/limits", "settlement", "settlement/sharing", "settlement/sharing/packs", "record"},
		"hub":                              {"*", "hub/measured", "hub/shown", "web", "web/api", "web/auth/accounts", "web/auth/openid", "web/auth/passkeys"},
		"hub/measured":                     {"agent/readiness", "community", "web/api"},
		"hub/shown":                        {"community", "matching", "matching/explain", "agent", "agent/limits", "agent/limits/kept", "forecast", "history", "chaincode", "members", "members/consent", "meters/evidence", "meters/store", "notices", "notices/push", "proof", "meters/official", "meters/official/archive", "record", "settlement/audit", "settlement/billing", "settlement/billing/desk", "settlement/corrections", "settlement/ledger", "settlement/measures", "settlement/purse", "settlement/reconcile", "settlement/rewards", "scenarios", "scenarios/runs", "settlement/sharing/packs", "tariff", "tariff/shelf", "web", "web/api"},
		"scenarios":                        {"*"},
		"scenarios/runs":                   {"config", "disk", "scenarios"},
		"scenarios/world":                  {},
		"scenarios/world/likeness":         {"scenarios/world"},
		"scenarios/foresight":              {"scenarios/optimum", "scenarios/world", "settlement", "tariff"},
		"scenarios/optimum":                {},
		"client":                           {},
		"client/example":                   {"client"},
		"bench":                            {"*", "hub", "web", "web/api", "bench/planning"},
		"bench/planning":                   {"agent/plan", "forecast", "scenarios/optimum"},
		"bench/torture":                    {"client", "disk", "meters/evidence", "meters/sim", "scenarios/world", "web/api"},
		"cmd/commonwatt":                   {"*", "hub", "bench", "web/api"},
		"cmd/chaincode":                    {"chaincode"},
	}
}

// pure packages are functions of their inputs: nothing in them may reach the
// clock, the disk, the network or a random source.
func pure() []string {
	return []string{
		"grid",
		"strict",
		"tariff",
		"record",
		"agent/hold",
		"agent/plan",
		"agent/alone",
		"agent/limits",
		"agent/readiness",
		"matching",
		"matching/auction",
		"matching/book",
		"matching/clearing",
		"matching/explain",
		"matching/network",
		"settlement",
		"settlement/billing",
		"settlement/sharing",
		"settlement/fund",
		"settlement/guarantee",
		"community",
		"chaincode",
		"proof",
		"scenarios/world",
		"scenarios/foresight",
		"scenarios/optimum",
		"meters/official",
		"settlement/reconcile",
	}
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
		"github.com/getkin/kin-openapi":                 {"web", "web/auth", "web/api"},
		"github.com/hyperledger/fabric-gateway":         {"settlement/ledger/fabric"},
		"github.com/hyperledger/fabric-admin-sdk":       {"settlement/ledger/fabric/network"},
		"github.com/hyperledger/fabric-contract-api-go": {"chaincode", "settlement/ledger/embedded"},
		"modernc.org/sqlite":                            {"disk"},
		"filippo.io/age":                                {"disk/backup"},
		"codeberg.org/go-pdf/fpdf":                      {"settlement/billing/paper"},
		"github.com/wneessen/go-mail":                   {"settlement/billing/desk"},
		"github.com/SherClockHolmes/webpush-go":         {"notices/push"},
		"github.com/spf13/cobra":                        {"cmd/commonwatt"},
		"github.com/prometheus/client_golang":           {"web"},
		"github.com/alexedwards/scs":                    {"web/auth"},
		"golang.org/x/crypto/argon2":                    {"web/auth/accounts"},
		"github.com/go-webauthn/webauthn":               {"web/auth/passkeys"},
		"github.com/coreos/go-oidc":                     {"web/auth/openid"},
		"golang.org/x/oauth2":                           {"web/auth/openid"},
		"github.com/piglig/go-qr":                       {"settlement/billing/paper", "web"},
		"gonum.org/v1/gonum":                            {"forecast", "forecast/evaluate", "agent", "matching/network"},
		"gonum.org/v1/plot":                             {"forecast/evaluate", "scenarios/runs"},
		"github.com/parquet-go/parquet-go":              {"scenarios"},
		"github.com/xuri/excelize":                      {"members", "settlement/billing/paper"},
		"github.com/almerlucke/go-iban":                 {"config", "members", "settlement/billing/paper"},
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

// TestNoCycleOfFiles holds that the files of the packages which compose the others can be
// read in an order: none uses what a later one declares.
func TestNoCycleOfFiles(t *testing.T) {
	for _, dir := range []string{"hub", "cmd/commonwatt"} {
		uses := fileGraph(t, dir)
		if cycle := cycleIn(uses); cycle != nil {
			t.Errorf("%s: the files use each other in a circle: %s", dir, strings.Join(cycle, " → "))
		}
	}
}

// fileGraph returns for each file of a package the files that declare, at the top level,
// what it uses.
func fileGraph(t *testing.T, dir string) map[string]map[string]bool {
	t.Helper()
	exports := map[string]string{}
	list := exec.Command("go", "list", "-export", "-deps", "-f", "{{.ImportPath}}\t{{.Export}}", "./"+dir)
	list.Env = append(os.Environ(), "CGO_ENABLED=0") // as make builds: nothing is compiled anew
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		path, file, _ := strings.Cut(strings.TrimSpace(line), "\t")
		exports[path] = file
	}
	out, err = exec.Command("go", "list", "-f", "{{range .GoFiles}}{{.}}\n{{end}}", "./"+dir).Output()
	if err != nil {
		t.Fatal(err)
	}
	set := token.NewFileSet()
	var files []*ast.File
	for name := range strings.FieldsSeq(string(out)) {
		f, err := parser.ParseFile(set, filepath.Join(dir, name), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	info := types.Info{Uses: map[*ast.Ident]types.Object{}}
	conf := types.Config{Importer: importer.ForCompiler(set, "gc", func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) })}
	pkg, err := conf.Check(module+"/"+dir, set, files, &info)
	if err != nil {
		t.Fatal(err)
	}
	uses := map[string]map[string]bool{}
	for id, used := range info.Uses {
		f, isFunc := used.(*types.Func)
		isMethod := isFunc && f.Signature().Recv() != nil
		if used.Pkg() != pkg || used.Parent() != pkg.Scope() && !isMethod {
			continue
		}
		from, to := filepath.Base(set.Position(id.Pos()).Filename), filepath.Base(set.Position(used.Pos()).Filename)
		if uses[from] == nil {
			uses[from] = map[string]bool{}
		}
		if from != to {
			uses[from][to] = true
		}
	}
	return uses
}

// cycleIn returns a cycle of a graph, nil when it has none.
func cycleIn(uses map[string]map[string]bool) []string {
	done := map[string]bool{}
	var path []string
	var visit func(file string) []string
	visit = func(file string) []string {
		if at := slices.Index(path, file); at >= 0 {
			return append(slices.Clone(path[at:]), file)
		}
		if done[file] {
			return nil
		}
		path = append(path, file)
		for _, next := range slices.Sorted(maps.Keys(uses[file])) {
			if cycle := visit(next); cycle != nil {
				return cycle
			}
		}
		path = path[:len(path)-1]
		done[file] = true
		return nil
	}
	for _, file := range slices.Sorted(maps.Keys(uses)) {
		if cycle := visit(file); cycle != nil {
			return cycle
		}
	}
	return nil
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
	apart := slices.ContainsFunc([]string{"cmd", "hub", "bench", "web"}, func(top string) bool { return under(pkg, top) })
	return slices.Contains(allowed, "*") && !apart
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
