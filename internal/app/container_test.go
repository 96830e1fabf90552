package app

import (
	"maps"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"vigie/internal/ch"
)

// What is true of the container's files without a container engine.

// pinned tells whether an image is named with a version.
func pinned(image string) bool {
	_, tag, ok := strings.Cut(image, ":")
	return ok && tag != "" && tag != "latest"
}

func variables() map[string]bool {
	known := map[string]bool{}
	for _, k := range keys(reflect.TypeFor[Config](), "", envPrefix) {
		known[k.variable] = true
	}
	return known
}

func TestDockerfile(t *testing.T) {
	ignored := read(t, ".dockerignore")
	text := strings.ReplaceAll(read(t, "Dockerfile"), "\\\n", " ")
	stages := map[string]bool{}
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) < 2 {
			continue
		}
		switch words[0] {
		case "FROM":
			if !pinned(words[1]) {
				t.Errorf("%s has no version", words[1])
			}
			if len(words) == 4 {
				stages[words[3]] = true
			}
		case "COPY":
			from := ""
			files := slices.DeleteFunc(words[1:], func(w string) bool {
				if stage, ok := strings.CutPrefix(w, "--from="); ok {
					from = stage
				}
				return strings.HasPrefix(w, "--")
			})
			if from != "" {
				if !stages[from] {
					t.Errorf("%s: no stage of that name comes before", strings.TrimSpace(line))
				}
				continue
			}
			for _, file := range files[:len(files)-1] {
				if _, err := os.Stat(filepath.Join(root, file)); err != nil {
					t.Errorf("%s: %v", strings.TrimSpace(line), err)
				}
				if file != "." && !slices.Contains(strings.Fields(ignored), "!"+file) {
					t.Errorf("%s is not let into the build by .dockerignore", file)
				}
			}
		case "ENV":
			for _, w := range words[1:] {
				if name, _, _ := strings.Cut(w, "="); !variables()[name] {
					t.Errorf("ENV %s is no key of the configuration", name)
				}
			}
		case "USER":
			if strings.HasPrefix(words[1], "0") || words[1] == "root" {
				t.Error("it runs as root")
			}
		}
	}
	for _, want := range []string{"\nUSER ", "\nHEALTHCHECK ", "/src/bin/vigie ", "/src/bin/vigie-engine ", "/usr/local/lib/vigie/", "scripts/assets.sh"} {
		if !strings.Contains(text, want) {
			t.Errorf("it lacks %q", want)
		}
	}
	// What the Go code needs is let into the build: its folders, and what they embed.
	for _, p := range packages(t) {
		if top, _, _ := strings.Cut(p.name(), "/"); !slices.Contains(strings.Fields(ignored), "!"+top) {
			t.Errorf(".dockerignore keeps %s out", top)
		}
	}
	// The library that is installed is the one that Vigie is tested with.
	if !strings.Contains(read(t, "package.json"), `"@chdb/lib-linux-x64-gnu": "`+ch.EngineVersion+`"`) {
		t.Errorf("package.json names another engine than %s", ch.EngineVersion)
	}
}

func TestCompose(t *testing.T) {
	var compose struct {
		Services map[string]struct {
			Image       string
			Build       string
			DependsOn   map[string]any `yaml:"depends_on"`
			Environment map[string]string
			Volumes     []string
			Configs     []struct{ Source, Target string }
		}
		Volumes map[string]any
		Configs map[string]struct{ Content string }
	}
	if err := yaml.Unmarshal([]byte(read(t, "compose.yaml")), &compose); err != nil {
		t.Fatal(err)
	}
	if got := slices.Sorted(maps.Keys(compose.Services)); !slices.Equal(got, []string{"clickhouse", "nats", "vigie"}) {
		t.Fatalf("services are %v", got)
	}
	for name, s := range compose.Services {
		if s.Build == "" && !pinned(s.Image) {
			t.Errorf("%s: %q has no version", name, s.Image)
		}
		for other := range s.DependsOn {
			if _, ok := compose.Services[other]; !ok {
				t.Errorf("%s depends on %s, which is not there", name, other)
			}
		}
		for _, v := range s.Volumes {
			from, _, _ := strings.Cut(v, ":")
			if _, ok := compose.Volumes[from]; !ok && !strings.HasPrefix(from, "./room") {
				t.Errorf("%s: volume %s is not there", name, from)
			}
		}
		for _, c := range s.Configs {
			if compose.Configs[c.Source].Content == "" {
				t.Errorf("%s: config %s is not there", name, c.Source)
			}
		}
	}
	vigie := compose.Services["vigie"]
	for name := range vigie.Environment {
		if strings.HasPrefix(name, envPrefix) && !variables()[name] {
			t.Errorf("%s is no key of the configuration", name)
		}
	}
	for name, service := range map[string]string{"VIGIE_CLICKHOUSE_DSN": "clickhouse", "VIGIE_NATS_URL": "nats"} {
		if !strings.Contains(vigie.Environment[name], service+":") {
			t.Errorf("%s is %q, want the service %s", name, vigie.Environment[name], service)
		}
	}
	if major := path.Ext(ch.EngineVersion); !strings.HasSuffix(compose.Services["clickhouse"].Image, ":"+strings.TrimSuffix(ch.EngineVersion, major)) {
		t.Errorf("%s is another version than the embedded engine's %s", compose.Services["clickhouse"].Image, ch.EngineVersion)
	}
	// What NATS acknowledges is on its disk.
	if !strings.Contains(compose.Configs["nats"].Content, "sync_interval: always") {
		t.Error("NATS syncs now and then only")
	}
}
