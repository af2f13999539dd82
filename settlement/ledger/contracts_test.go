package ledger_test

import (
	"context"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/hyperledger/fabric-contract-api-go/v2/contractapi"

	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/settlement/ledger/embedded"
)

// forOthers are the functions that the program calls nowhere. They are for whom else the
// contracts serve: members and the utility, with programs of their own, and an operator who
// keeps books of money and of people.
func forOthers() []string {
	return []string{
		"disputes:Get", "disputes:Open", "disputes:Resolve", "disputes:Respond", "official:GetFile",
		"bills:Get", "registry:Get", "registry:GetHistory",
		"rewards:Adjust", "rewards:ChangeStake",
		"settlement:GetRun",
	}
}

// TestContractsAreCalledAsTheyAre holds the typed client to the metadata of the contracts,
// both ways: a method calls the function of its name with as many arguments as that has,
// and no function is without a method.
func TestContractsAreCalledAsTheyAre(t *testing.T) {
	functions := metadataOf(t)
	called := map[string]bool{}
	for function, call := range clientCalls(t) {
		args, found := functions[function]
		if !found || call.Function != function || len(call.Args) != args {
			t.Errorf("the method of %s calls %s with %d arguments; the contract has it: %v, with %d", function, call.Function, len(call.Args), found, args)
		}
		called[function] = true
	}
	for function := range functions {
		if !called[function] {
			t.Errorf("%s has no method", function)
		}
	}
}

// TestEveryFunctionHasACaller looks for who calls each function, in the program's source.
func TestEveryFunctionHasACaller(t *testing.T) {
	callers := callersOf(t)
	for function := range metadataOf(t) {
		listed := slices.Contains(forOthers(), function)
		switch called := callers[function] != ""; {
		case called && listed:
			t.Errorf("%s is called in %s: it is not only for others", function, callers[function])
		case !called && !listed:
			t.Errorf("%s is called nowhere: call it, or say in forOthers for whom it is", function)
		}
	}
}

// TestArgumentsKeepTheirBytes holds the arguments that have no type of their own to the
// JSON that stands in the blocks of ledgers that are in use, down to the order of fields.
func TestArgumentsKeepTheirBytes(t *testing.T) {
	chain := &recorder{}
	c := ledger.ContractsOn(chain, community, nil)
	i := interval(0, 1)
	for want, call := range map[string]func() error{
		`{"community":"test","id":"m"}`: func() error { return c.Registry.EraseMember(t.Context(), "m") },
		`{"community":"test","interval":"2026-01-01T00:15:00Z/15","run":2}`: func() error {
			return c.Settlement.CloseRun(t.Context(), record.Manifest{Community: community, Interval: i.String(), Run: 2})
		},
		`{"bucket":"fund","community":"test","day":"2026-01-01"}`: func() error {
			return c.Settlement.FoldBalances(t.Context(), "2026-01-01", "fund")
		},
		`{"community":"test","interval":"2026-01-01T00:15:00Z/15"}`: func() error { return c.Rewards.SealBeacon(t.Context(), i) },
		`{"community":"test","epoch":"2026-01-01"}`:                 func() error { return c.Rewards.CloseEpoch(t.Context(), "2026-01-01") },
	} {
		chain.calls = nil
		if err := call(); !errors.Is(err, errRecorded) || chain.calls[0].Args[0] != want {
			t.Errorf("%v: %+v, want the argument %s", err, chain.calls, want)
		}
	}
}

// metadataOf returns the functions of the contracts, as they tell themselves, with the
// number of their arguments.
func metadataOf(t *testing.T) map[string]int {
	t.Helper()
	l, err := embedded.OpenMemory(t.Context(), community, "EUR", ledger.SeededNames(1))
	must(t, err)
	defer l.Close()
	text, err := l.Chain().Evaluate(t.Context(), ledger.Call{As: l.People.Operator, Function: contractapi.SystemContractName + ":GetMetadata"})
	must(t, err)
	var metadata struct {
		Contracts map[string]struct {
			Transactions []struct {
				Name       string
				Parameters []any
			}
		}
	}
	must(t, json.Unmarshal([]byte(text), &metadata))
	delete(metadata.Contracts, contractapi.SystemContractName)
	functions := map[string]int{}
	for name, contract := range metadata.Contracts {
		for _, f := range contract.Transactions {
			functions[name+":"+f.Name] = len(f.Parameters)
		}
	}
	return functions
}

// recorder is a chain that carries out nothing and keeps what it was asked for.
type recorder struct {
	ledger.Chain

	calls []ledger.Call
}

var errRecorded = errors.New("recorded")

func (r *recorder) Submit(_ context.Context, calls ...ledger.Call) error {
	r.calls = append(r.calls, calls...)
	return errRecorded
}

func (r *recorder) Evaluate(_ context.Context, call ledger.Call) (string, error) {
	r.calls = append(r.calls, call)
	return "", errRecorded
}

// clientCalls calls every method of the client, with one of each argument, and returns what
// it asks of the chain, by the contract and the method's name.
func clientCalls(t *testing.T) map[string]ledger.Call {
	t.Helper()
	chain := &recorder{}
	contracts := reflect.ValueOf(ledger.ContractsOn(chain, community, nil))
	all := map[string]ledger.Call{}
	for field, contract := range contracts.Fields() {
		for method, call := range contract.Methods() {
			args := []reflect.Value{reflect.ValueOf(t.Context())}
			for k := 1; k < call.Type().NumIn(); k++ {
				in := call.Type().In(k)
				if call.Type().IsVariadic() && k == call.Type().NumIn()-1 {
					in = in.Elem()
				}
				args = append(args, reflect.Zero(in))
			}
			chain.calls = nil
			results := call.Call(args)
			name := strings.ToLower(field.Name) + ":" + method.Name
			if err, _ := results[len(results)-1].Interface().(error); !errors.Is(err, errRecorded) || len(chain.calls) != 1 {
				t.Fatalf("%s makes %d calls, and says %v", name, len(chain.calls), err)
			}
			all[name] = chain.calls[0]
		}
	}
	return all
}

// callersOf returns a file of the program, tests apart, in which a function is called
// through the client: as in l.As(who).Settlement.OpenRun.
func callersOf(t *testing.T) map[string]string {
	t.Helper()
	contracts := reflect.TypeFor[ledger.Contracts]()
	callers := map[string]string{}
	root := filepath.Join("..", "..")
	must(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && slices.Contains([]string{"node_modules", ".git"}, entry.Name()):
			return filepath.SkipDir
		case filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil || !knows(file) {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			method, _ := n.(*ast.SelectorExpr)
			if method == nil {
				return true
			}
			if of, _ := method.X.(*ast.SelectorExpr); of != nil {
				if _, is := contracts.FieldByName(of.Sel.Name); is {
					callers[strings.ToLower(of.Sel.Name)+":"+method.Sel.Name] = path
				}
			}
			return true
		})
		return nil
	}))
	return callers
}

// knows tells whether a file is of the ledger's package, or imports it.
func knows(file *ast.File) bool {
	return file.Name.Name == "ledger" || slices.ContainsFunc(file.Imports, func(i *ast.ImportSpec) bool {
		return i.Path.Value == strconv.Quote(reflect.TypeFor[ledger.Contracts]().PkgPath())
	})
}
