package app

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// key is one of the configuration: its path, and the variable that replaces it; "": the file only.
type key struct{ path, variable string }

// keys lists what a configuration may hold, in the order of the struct.
func keys(t reflect.Type, path, variable string) []key {
	var all []key
	for i := range t.NumField() {
		f := t.Field(i)
		name, option, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if option == "inline" {
			all = append(all, keys(f.Type, path, variable)...)
			continue
		}
		if name == "-" || name == "" {
			continue
		}
		at, v, of := path+name, "", f.Type
		if variable != "" {
			v = variable + strings.ToUpper(name)
		}
		if of.Kind() == reflect.Pointer { // a part that may be missing
			of, v = of.Elem(), ""
		}
		inner := of
		if of.Kind() == reflect.Slice {
			inner = of.Elem()
		}
		if inner.Kind() == reflect.Struct && inner.PkgPath() != "time" && inner.PkgPath() != "net/netip" {
			if of.Kind() == reflect.Slice {
				at, v = at+"[]", ""
			}
			if v != "" {
				v += "_"
			}
			all = append(all, keys(inner, at+".", v)...)
			continue
		}
		if of.Kind() == reflect.Slice && of != reflect.TypeFor[[]string]() {
			v = ""
		}
		all = append(all, key{at, v})
	}
	return all
}

func TestTheGuideListsEveryKey(t *testing.T) {
	guide := read(t, "docs/operations.md")
	known := map[string]bool{}
	for _, k := range keys(reflect.TypeFor[Config](), "", envPrefix) {
		known[k.path] = true
		row := fmt.Sprintf("| `%s` | `%s` |", k.path, k.variable)
		if k.variable == "" {
			row = fmt.Sprintf("| `%s` | |", k.path)
		}
		if !strings.Contains(guide, row) {
			t.Errorf("docs/operations.md lacks the row %s", row)
		}
	}
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z_.\\[\\]]+)` \\| (?:`VIGIE_\\w+` )?\\|").FindAllStringSubmatch(guide, -1) {
		if !known[row[1]] {
			t.Errorf("docs/operations.md has the key %s, which is none", row[1])
		}
	}
	// The names are those that Load asks for.
	asked := map[string]bool{}
	if _, err := Load("", func(name string) (string, bool) { asked[name] = true; return "", false }); err != nil {
		t.Fatal(err)
	}
	for _, k := range keys(reflect.TypeFor[Config](), "", envPrefix) {
		if k.variable != "" && !asked[k.variable] {
			t.Errorf("nobody reads %s", k.variable)
		}
	}
}

func TestTheGuideListsEveryMetric(t *testing.T) {
	guide := read(t, "docs/operations.md")
	names := map[string]bool{}
	sources(t, func(path, text string) {
		for _, m := range regexp.MustCompile(`Opts\{\s*Name: "(vigie_[a-z_]+)"`).FindAllStringSubmatch(text, -1) {
			names[m[1]] = true
		}
	})
	if len(names) < 10 {
		t.Fatalf("found %d metrics only", len(names))
	}
	for name := range names {
		if !strings.Contains(guide, "| `"+name+"` |") {
			t.Errorf("docs/operations.md lacks the metric %s", name)
		}
	}
	for _, m := range regexp.MustCompile("\\| `(vigie_[a-z_]+)` \\|").FindAllStringSubmatch(guide, -1) {
		if !names[m[1]] {
			t.Errorf("docs/operations.md has the metric %s, which is none", m[1])
		}
	}
}

// sources gives f each Go file that is not a test.
func sources(t *testing.T, f func(path, text string)) {
	t.Helper()
	for _, p := range packages(t) {
		for _, file := range p.GoFiles {
			path := filepath.Join(p.name(), file)
			f(path, read(t, path))
		}
	}
}

// A module that the code uses has a row with the packages that use it, tests included; so has
// every tool and every package of the browser.
func TestEveryDependencyHasAReason(t *testing.T) {
	table := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\| ([^|]+) \\| [^|]{20,} \\|$").FindAllStringSubmatch(read(t, "docs/dependencies.md"), -1) {
		table[row[1]] = row[2]
	}
	modules := regexp.MustCompile(`(?m)^\s*(?:require )?([\w.-]+\.[a-z]+/\S+) v`).FindAllStringSubmatch(read(t, "go.mod"), -1)
	moduleOf := func(path string) string {
		longest := ""
		for _, m := range modules {
			if (path == m[1] || strings.HasPrefix(path, m[1]+"/")) && len(m[1]) > len(longest) {
				longest = m[1]
			}
		}
		return longest
	}
	users := map[string][]string{}
	use := func(i, by string) {
		if first, _, _ := strings.Cut(i, "/"); strings.Contains(first, ".") && !slices.Contains(users[moduleOf(i)], by) {
			users[moduleOf(i)] = append(users[moduleOf(i)], by)
		}
	}
	for _, p := range packages(t) {
		for _, i := range p.Imports {
			use(i, "`"+p.name()+"`")
		}
		for _, i := range slices.Concat(p.TestImports, p.XTestImports) {
			if !slices.Contains(p.Imports, i) {
				use(i, "`"+p.name()+"`")
			}
		}
	}
	_, tools, _ := strings.Cut(read(t, "go.mod"), "tool (")
	for _, tool := range strings.Fields(tools) {
		use(tool, "tool")
	}
	for _, m := range regexp.MustCompile(`"([@a-z][^"]*)": "[0-9]`).FindAllStringSubmatch(read(t, "package.json"), -1) {
		users[m[1]] = []string{"npm"}
	}
	for module, by := range users {
		homes, ok := table[module]
		if !ok {
			t.Errorf("docs/dependencies.md has no row with a reason for %s, used by %v", module, by)
		}
		for _, b := range by {
			if ok && !strings.Contains(homes, b) {
				t.Errorf("docs/dependencies.md: %s is also used by %s", module, b)
			}
		}
	}
	for module := range table {
		if users[module] == nil {
			t.Errorf("docs/dependencies.md has %s, which nothing uses", module)
		}
	}
}

func TestLinksInTheDocumentationLeadSomewhere(t *testing.T) {
	var files []string
	err := filepath.WalkDir(filepath.Join(root, "docs"), func(path string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".md") {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"README.md", "CHANGELOG.md"} {
		files = append(files, filepath.Join(root, name))
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`).FindAllStringSubmatch(string(text), -1) {
			if strings.HasPrefix(m[1], "/") && strings.Contains(file, "example/runbooks") { // a page of Vigie, from a runbook
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(file), m[1])); err != nil {
				t.Errorf("%s: %v", file, err)
			}
		}
	}
}
