package said_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/said"
)

// place is where the program makes texts that people read.
type place struct {
	folder string
	files  string   // a pattern; empty: all
	calls  []string // functions whose arguments are such texts
	types  []string // composite literals that hold such texts
	funcs  []string // functions all of whose texts are such
}

// places are those whose texts reach a page, an e-mail or a program of a member by the API.
func places() []place {
	refused, field := []string{"RefusedError"}, []string{"FieldError"}
	errors := []string{"Errorf", "New"}
	return []place{
		{folder: "web", calls: []string{"refuse", "WriteProblem", "New"}, types: []string{"refusal", "RefusedError"}, funcs: []string{"refuses", "check", "submission"}},
		{folder: "web", files: "{openid,passkeys,signin,clearings}.go", funcs: []string{"const"}},
		{folder: "web/auth", files: "auth.go", funcs: []string{"keyOf", "NoHome", "const"}},
		{folder: "web/auth", calls: []string{"WriteProblem"}},
		{folder: "web/auth/accounts", calls: []string{"wrong"}, types: field, funcs: []string{"Error"}},
		{folder: "web/auth/passkeys", types: field},
		{folder: "hub", files: "operation.go", funcs: []string{"checks", "away"}},
		{folder: "hub", files: "backup.go", calls: []string{"notNowError"}},
		{folder: "hub/shown", types: []string{"RefusedError", "FieldError", "UnknownMeasure", "LimitSentence", "ValuesNote"}},
		{folder: "hub/measured", types: []string{"UnknownMeasure"}, funcs: []string{"foresight", "last", "why"}},
		{folder: "hub", files: "measures.go", types: []string{"Response"}},
		{folder: "agent", files: "strategy.go", funcs: []string{"Unplanned"}},
		{folder: "agent/plan", files: "why.go", funcs: []string{"In", "Why", "from", "to"}},
		{folder: "agent/limits", files: "{check,explain}.go", calls: []string{"wrong", "say"}},
		{folder: "notices", types: field},
		{folder: "notices/push", types: field},
		{folder: "history", files: "steps.go", types: []string{"RangeError"}},
		{folder: "community", types: refused, calls: []string{"refuse"}},
		{folder: "community/host", types: refused},
		{folder: "matching", files: "event.go", funcs: []string{"reasons"}},
		{folder: "grid", files: "interval.go", calls: errors},
		{folder: "settlement/purse", types: refused},
		{folder: "settlement/billing/desk", types: []string{"RefusedError", "Left"}, calls: []string{"conflict", "invalid", "tell"}},
		{folder: "settlement/billing/paper", files: "sepa.go", funcs: []string{"Collection", "Payouts", "make"}},
		{folder: "settlement/reconcile", files: "reconcile.go", funcs: []string{"const"}},
		{folder: "members", files: "{members,read}.go", types: []string{"ProblemError"}, calls: errors},
		{folder: "meters/official", types: []string{"Problem", "Note"}, calls: []string{"note", "wrong", "Errorf", "New"}},
		{folder: "meters/pairing", types: []string{"ConflictError", "NotFoundError"}, calls: errors},
		{folder: "meters/profile", files: "decode.go", funcs: []string{"Value", "plausible", "derive", "multiply", "sign"}},
		{folder: "meters/signwatch", files: "watch.go", funcs: []string{"warning"}},
		{folder: "scenarios/runs", files: "runs.go", types: refused, calls: []string{"refuse", "wrong"}},
		{folder: "disk", files: "space.go", funcs: []string{"text"}},
		{folder: "clock", files: "judge.go", calls: []string{"complain"}},
	}
}

// technical are formats of the places that no person reads, each with the reason.
func technical(text string) bool {
	return slices.Contains([]string{
		"nobody can have the security scheme %q", // openapi.yaml is wrong: the program does not start
		"Monday 2 January 15:04",                 // a layout
		"2006-01-02 15:04 MST",                   // a layout
		"encode interval %s: %w",                 // no interval that was read has it
	}, text)
}

// TestEverySentenceIsKnown reads the source: what the program says to people has to be in the
// catalogue, whatever values it is said with.
func TestEverySentenceIsKnown(t *testing.T) {
	t.Parallel()
	c, err := said.Open()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range places() {
		found := p.texts(t)
		if len(found) == 0 {
			t.Errorf("%s %s: no text is found there any more: mend this test", p.folder, p.files)
		}
		for at, text := range found {
			if !technical(text) && !known(c, text) {
				t.Errorf("%s: %q is in no file of said/sentences", at, text)
			}
		}
	}
}

// texts are the formats of a place, by where they stand.
func (p place) texts(t *testing.T) map[string]string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join("..", filepath.FromSlash(p.folder), "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") || strings.HasSuffix(name, ".gen.go") || !p.has(filepath.Base(name)) {
			continue
		}
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, name, source, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if p.holds(n) {
				collect(n, func(at token.Pos, text string) { all[set.Position(at).String()] = text })
			}
			return true
		})
	}
	return all
}

func (p place) has(name string) bool {
	if p.files == "" {
		return true
	}
	inner, several := strings.CutPrefix(p.files, "{")
	if !several {
		return name == p.files
	}
	return slices.Contains(strings.Split(strings.TrimSuffix(inner, "}.go"), ","), strings.TrimSuffix(name, ".go"))
}

// holds tells whether the texts within a node are for people.
func (p place) holds(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.CallExpr:
		return slices.Contains(p.calls, last(n.Fun))
	case *ast.CompositeLit:
		return n.Type != nil && slices.Contains(p.types, last(n.Type))
	case *ast.FuncDecl:
		return slices.Contains(p.funcs, n.Name.Name)
	case *ast.GenDecl:
		return n.Tok == token.CONST && slices.Contains(p.funcs, "const")
	default:
		return false
	}
}

func last(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	default:
		return ""
	}
}

// collect finds texts: literals with two words at least, put together where they are added.
func collect(n ast.Node, add func(token.Pos, string)) {
	ast.Inspect(n, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BinaryExpr:
			if n.Op == token.ADD {
				if text, some := joined(n); some && strings.Count(text, " ") > 1 {
					add(n.Pos(), text)
				}
				return false
			}
		case *ast.BasicLit:
			if text, err := strconv.Unquote(n.Value); err == nil && n.Kind == token.STRING && strings.Count(text, " ") > 1 {
				add(n.Pos(), text)
			}
		}
		return true
	})
}

// joined is a sum of texts, with a verb in the place of what is no literal.
func joined(e ast.Expr) (text string, some bool) {
	switch e := e.(type) {
	case *ast.BinaryExpr:
		left, l := joined(e.X)
		right, r := joined(e.Y)
		return left + right, l || r
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		return strings.ReplaceAll(text, "%", "%%"), err == nil && e.Kind == token.STRING
	default:
		return "%s", false
	}
}

// verbs of a format.
var verbs = regexp.MustCompile(`%(?:[-+#0]*\d*(?:\.\d+)?[a-zA-Z]|%)`)

// known tells whether the catalogue reads a format with some values.
func known(c *said.Catalogue, format string) bool {
	if slices.Contains([]string{"%s", "%v"}, format) {
		return true // the sentence is another's
	}
	found := verbs.FindAllString(format, -1)
	return tries(c, format, found, nil)
}

// tries fills in values, one kind after the other, until the catalogue reads it.
func tries(c *said.Catalogue, format string, left, values []string) bool {
	if len(left) == 0 {
		k := 0
		text := verbs.ReplaceAllStringFunc(format, func(string) string { k++; return values[k-1] })
		s, known := c.Read(text)
		if !known {
			text = "field: " + text
			s, known = c.Read(text)
		}
		return known && s.Code() != "" && len(s.In(said.German, time.UTC)) > 0
	}
	for _, v := range samples(left[0]) {
		if tries(c, format, left[1:], append(slices.Clone(values), v)) {
			return true
		}
	}
	return false
}

func samples(verb string) []string {
	switch verb[len(verb)-1] {
	case '%':
		return []string{"%"}
	case 'q':
		return []string{strconv.Quote("x y")}
	case 'd', 'g', 'f':
		return []string{"7"}
	default:
		return []string{"x", "is missing", "outside of the plausible", "2026-06-01T12:00:00Z", "2026-06-01T12:00:00Z/15", "7.5 kWh", "07:00", ", when a kWh costs 7.00 ct", ", when a kWh brings 7.00 ct", "Monday 1 June 07:00", fmt.Sprintf("%q", "x")}
	}
}
