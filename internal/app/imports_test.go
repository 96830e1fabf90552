package app

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// root is the module's folder, seen from this package's.
const root = "../.."

// uses says which of our packages each one may import, most general names last. A package that is
// not here may import none.
var uses = []struct {
	who string
	may []string
}{
	{"cmd/vigie", []string{"internal/app"}},
	{"cmd/vigie-engine", []string{"internal/ch", "internal/ch/engine"}},
	{"internal/app", []string{"docs/example", "web", "alerts", "alerts/*", "cockpit", "ingest", "ingest/explain", "ingest/services", "ingest/settings", "internal/account", "internal/audit", "internal/bus", "internal/ch", "internal/event", "internal/match", "internal/provider", "internal/provider/*", "internal/simulate", "internal/state", "internal/tail", "runbooks", "runbooks/*"}},
	{"web", []string{"alerts", "alerts/notice", "alerts/route", "alerts/rule", "alerts/signal", "cockpit", "runbooks", "runbooks/audience", "runbooks/channel", "runbooks/crisis", "runbooks/library", "runbooks/message", "runbooks/send", "internal/account", "internal/event", "internal/match", "internal/provider"}},
	{"alerts", []string{"alerts/notice", "alerts/route", "alerts/rule", "alerts/signal", "alerts/tape", "internal/bus", "internal/lease", "internal/match", "internal/provider"}},
	{"alerts/notice", []string{"internal/gsm", "internal/provider"}},
	{"alerts/route", []string{"alerts/notice", "internal/match", "internal/provider"}},
	{"alerts/rule", []string{"alerts/notice", "alerts/signal", "internal/match", "internal/provider"}},
	{"alerts/signal", nil},
	{"alerts/sms", []string{"alerts/notice", "internal/gsm", "internal/provider", "internal/provider/*"}},
	{"alerts/tape", []string{"alerts/rule", "alerts/signal", "internal/ch", "internal/event", "internal/histogram", "internal/match", "internal/watermark"}},
	{"alerts/notice/noticetest", []string{"alerts/notice", "internal/provider", "internal/provider/*"}},
	{"alerts/*", []string{"alerts/notice", "internal/provider", "internal/provider/*"}},
	{"runbooks", []string{"runbooks/crisis", "internal/bus", "internal/lease", "internal/match", "internal/provider", "internal/state"}},
	{"runbooks/message", []string{"runbooks/channel", "internal/gsm", "internal/match"}},
	{"runbooks/library", []string{"runbooks/channel", "runbooks/message", "internal/bus", "internal/state"}},
	{"runbooks/audience", []string{"runbooks/channel", "internal/bus", "internal/ch", "internal/match", "internal/provider", "internal/provider/sms", "internal/state"}},
	{"runbooks/send", []string{"runbooks/audience", "runbooks/channel", "runbooks/crisis", "runbooks/library", "runbooks/message", "internal/bus", "internal/lease", "internal/provider", "internal/state"}},
	{"runbooks/house", []string{"runbooks/audience", "runbooks/channel", "runbooks/message", "runbooks/statuspage", "internal/match", "internal/provider"}},
	{"runbooks/statuspage", []string{"runbooks/channel", "internal/match", "internal/provider", "internal/state"}},
	{"runbooks/crisis", []string{"internal/bus", "internal/state"}},
	{"runbooks/*", []string{"runbooks/channel", "internal/gsm", "internal/provider", "internal/provider/*"}},
	{"internal/state", []string{"internal/bus"}},
	{"internal/provider/*", []string{"internal/provider", "internal/gsm"}},
	{"cockpit", []string{"internal/ch", "internal/event", "internal/histogram", "internal/match", "internal/watermark"}},
	{"ingest", []string{"internal/bus", "internal/ch", "internal/event", "internal/lease", "ingest/*"}},
	{"ingest/settings", []string{"ingest/fastly"}},
	{"ingest/fastly", []string{"internal/event", "ingest/field", "ingest/flatjson", "ingest/record", "ingest/mapping", "ingest/syslog"}},
	{"ingest/*", []string{"internal/event", "ingest/record", "ingest/field", "ingest/flatjson", "ingest/cmcd", "ingest/w3c", "ingest/beacon", "ingest/protofields"}},
	{"internal/audit", []string{"internal/bus", "internal/ch"}},
	{"internal/lease", []string{"internal/bus"}},
	{"internal/watermark", []string{"internal/ch", "internal/histogram"}},
	{"internal/simulate", []string{"internal/event"}},
	{"internal/bus/bustest", []string{"internal/bus"}},
	{"internal/ch/chtest", []string{"internal/ch"}},
}

// testsUse is what tests may import beside what their package may.
var testsUse = []struct {
	who string
	may []string
}{
	{"ingest/*", []string{"ingest/*"}},
	{"alerts/*", []string{"alerts/notice", "alerts/notice/noticetest"}},
	{"internal/match", []string{"internal/bus"}},
	{"runbooks/send", []string{"internal/ch", "internal/provider/mail", "internal/provider/sms", "runbooks/email", "runbooks/sms"}},
	{"web", []string{"internal/ch", "internal/provider/sms", "runbooks/sms", "runbooks/statuspage", "runbooks/webhook"}},
	{"internal/provider/*", []string{"internal/provider/*"}},
	{"internal/histogram", []string{"internal/event"}},
	{"internal/app", []string{"ingest/remotewrite"}},
	{"internal/ch/engine", []string{"internal/ch"}},
	{"cockpit", []string{"internal/bus"}},
	{"web", []string{"internal/bus", "internal/state"}},
	{"alerts/tape", []string{"internal/bus"}},
	{"alerts", []string{"alerts/webhook"}},
	{"*", []string{"internal/browsertest", "internal/bus/bustest", "internal/ch/chtest", "ingest/formattest"}},
}

// homes are the only packages that import a module. The tests of internal/app, which see the whole
// from outside, may be clients of anything, and any test may read a configuration as the operator
// writes it.
var homes = map[string][]string{
	"github.com/labstack/echo/v4":  {"web"},
	"github.com/gorilla/websocket": {"web"},
	"github.com/a-h/templ":         {"web", "runbooks/statuspage"},
	"github.com/ClickHouse":        {"internal/ch", "internal/ch/engine"},
	"github.com/nats-io":           {"internal/bus", "internal/bus/bustest"},
	"github.com/goccy/go-yaml":     {"internal/app", "internal/simulate"},
	"github.com/spf13/cobra":       {"cmd/vigie"},
	"github.com/wneessen/go-mail":  {"internal/provider/mail"},
}

// matches tells whether a package's name is the pattern, whose last part may be *.
func matches(pattern, name string) bool {
	prefix, star := strings.CutSuffix(pattern, "*")
	return pattern == name || star && strings.HasPrefix(name, prefix)
}

func anyMatches(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return matches(p, name) })
}

// listed is what `go list` tells of a package.
type listed struct {
	ImportPath, Name                   string
	GoFiles, TestGoFiles, XTestGoFiles []string
	Imports, TestImports, XTestImports []string
}

// name is the package's path in the module.
func (p *listed) name() string { return strings.TrimPrefix(p.ImportPath, "vigie/") }

func packages(t *testing.T) []listed {
	t.Helper()
	list := exec.Command("go", "list", "-json=ImportPath,Name,GoFiles,TestGoFiles,XTestGoFiles,Imports,TestImports,XTestImports", "./...")
	list.Dir = root
	out, err := list.Output()
	if err != nil {
		t.Fatal("go list: ", err)
	}
	var all []listed
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	if len(all) < 20 {
		t.Fatalf("go list knows %d packages only", len(all))
	}
	return all
}

func TestImportsRunOneWay(t *testing.T) {
	for _, p := range packages(t) {
		name := p.name()
		var may, tests []string
		for _, u := range uses {
			if matches(u.who, name) {
				may = u.may
				break
			}
		}
		for _, u := range testsUse {
			if matches(u.who, name) {
				tests = append(tests, u.may...)
			}
		}
		may = slices.Concat(may, []string{"internal/pause", "internal/spelling"}) // who waits may, and who suggests
		tests = append(tests, may...)
		for _, i := range p.Imports {
			if ours, ok := strings.CutPrefix(i, "vigie/"); ok && !anyMatches(may, ours) {
				t.Errorf("%s imports %s: it may import %v", name, ours, may)
			}
		}
		for _, i := range slices.Concat(p.TestImports, p.XTestImports) {
			if ours, ok := strings.CutPrefix(i, "vigie/"); ok && ours != name && !anyMatches(tests, ours) {
				t.Errorf("a test of %s imports %s: it may import %v", name, ours, tests)
			}
		}
	}
}

func TestEachDriverAndFrameworkHasItsHome(t *testing.T) {
	met := map[string]bool{}
	for _, p := range packages(t) {
		imports := p.Imports
		if p.name() != "internal/app" {
			imports = slices.Concat(p.Imports, p.TestImports, p.XTestImports)
		}
		for _, i := range imports {
			for module, packages := range homes {
				if i != module && !strings.HasPrefix(i, module+"/") {
					continue
				}
				met[module] = true
				configuration := i == "github.com/goccy/go-yaml" && !slices.Contains(p.Imports, i)
				if !slices.Contains(packages, p.name()) && !configuration {
					t.Errorf("%s imports %s: that is for %v alone", p.name(), i, packages)
				}
			}
		}
	}
	for module := range homes {
		if !met[module] {
			t.Errorf("nobody imports %s any more: take it out of this table", module)
		}
	}
}

func TestTheVocabularyAndTheFormatsNeedTheStandardLibraryOnly(t *testing.T) {
	encodings := map[string]string{ // that metrics come in, and what tells their series apart
		"ingest/otlp": "google.golang.org/protobuf/", "ingest/protofields": "google.golang.org/protobuf/",
		"ingest/remotewrite": "github.com/klauspost/compress/", "ingest/services": "github.com/cespare/xxhash/",
	}
	for _, p := range packages(t) {
		if name := p.name(); name != "internal/event" && !strings.HasPrefix(name, "ingest/") {
			continue
		}
		for _, i := range p.Imports {
			if of := encodings[p.name()]; strings.Contains(i, ".") && (of == "" || !strings.HasPrefix(i, of)) {
				t.Errorf("%s imports %s", p.name(), i)
			}
		}
	}
}

func TestPackagesAreNamedForWhatTheyHold(t *testing.T) {
	for _, p := range packages(t) {
		if base := path.Base(p.name()); slices.Contains([]string{"util", "utils", "common", "helper", "helpers", "models", "types", "misc", "base", "shared"}, base) {
			t.Errorf("%s: the name says nothing", p.name())
		}
	}
}

// What a package does is written above its package clause, nothing runs before main, and nothing
// but main and TestMain ends the process.
func TestHabits(t *testing.T) {
	for _, p := range packages(t) {
		documented := false
		for _, file := range slices.Concat(p.GoFiles, p.TestGoFiles, p.XTestGoFiles) {
			fset := token.NewFileSet()
			f, err := parser.ParseFile(fset, filepath.Join(root, p.name(), file), nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			test := strings.HasSuffix(file, "_test.go")
			documented = documented || !test && f.Doc.Text() != ""
			for _, d := range f.Decls {
				fn, ok := d.(*ast.FuncDecl)
				if !ok {
					continue
				}
				if fn.Recv == nil && fn.Name.Name == "init" {
					t.Errorf("%s: an init function: nobody sees when it runs", fset.Position(fn.Pos()))
				}
				if p.Name == "main" && !test || fn.Name.Name == "TestMain" {
					continue
				}
				ast.Inspect(fn, func(n ast.Node) bool {
					if call, ok := n.(*ast.CallExpr); ok && endsProcess(call) {
						t.Errorf("%s: %s ends the process: return an error", fset.Position(call.Pos()), fn.Name.Name)
					}
					return true
				})
			}
		}
		if !documented {
			t.Errorf("%s has no package comment", p.name())
		}
	}
}

func endsProcess(call *ast.CallExpr) bool {
	f, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	from, ok := f.X.(*ast.Ident)
	return ok && (from.Name == "os" && f.Sel.Name == "Exit" || from.Name == "log" && strings.HasPrefix(f.Sel.Name, "Fatal"))
}

func read(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, file))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
