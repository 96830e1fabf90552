package settings_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"vigie/ingest/settings"
)

var formats = []string{
	"akamai", "beacon", "bitmovin", "cloudflare", "cloudfront", "cloudfront-realtime", "cmcd", "combined", "fastly",
	"mapping", "mux", "ndjson", "nginx", "npaw", "otlp", "prometheus", "w3c",
}

func each(t *testing.T, f func(name string, s settings.Snippet)) {
	t.Helper()
	for _, format := range formats {
		for _, public := range []bool{false, true} {
			all := settings.For(format, settings.Data{URL: "https://vigie.example.com:8081", Source: "edge-1", TLSPort: "6514", Public: public})
			if len(all) == 0 {
				t.Errorf("%s has nothing to paste", format)
			}
			for _, s := range all {
				f(format+": "+s.Title, s)
			}
		}
	}
}

func TestEveryFormatHasSomethingToPaste(t *testing.T) {
	each(t, func(name string, s settings.Snippet) {
		if s.Title == "" || s.Language == "" || strings.TrimSpace(s.Text) == "" {
			t.Errorf("%s: %+v", name, s)
		}
		for _, hole := range []string{"{ingest}", "{url}", "{source}", "{host}", "{port}", "{tls}", "{token", "{players}", "{channel}"} {
			if strings.Contains(s.Text, hole) {
				t.Errorf("%s: %s was not filled", name, hole)
			}
		}
	})
}

func TestWhereTheSourceStands(t *testing.T) {
	for _, c := range []struct {
		format string
		data   settings.Data
		has    string
	}{
		{"akamai", settings.Data{URL: "https://v.example:8081", Source: "ds2"}, "https://v.example:8081/ingest/ds2"},
		{"nginx", settings.Data{URL: "https://v.example:8081", Source: "edge"}, "server=v.example:5514"},
		{"nginx", settings.Data{URL: "https://v.example:8081", Source: "edge", SyslogPort: "5515"}, "server=v.example:5515"},
		{"beacon", settings.Data{URL: "https://v.example:8081", Source: "beacons", Public: true}, `data-to="https://v.example:8081/beacon"`},
		{"cmcd", settings.Data{URL: "https://v.example:8081", Source: "cmcd", Public: true}, "'https://v.example:8081/cmcd'"},
		{"npaw", settings.Data{URL: "https://v.example:8081", Source: "np", Public: true}, "https://v.example:8081/play/np"},
	} {
		var all strings.Builder
		for _, s := range settings.For(c.format, c.data) {
			all.WriteString(s.Text)
		}
		if !strings.Contains(all.String(), c.has) {
			t.Errorf("%s lacks %s:\n%s", c.format, c.has, all.String())
		}
		if strings.Contains(all.String(), "gtls") {
			t.Errorf("%s tells of TLS where there is none", c.format)
		}
	}
}

func TestWhatIsPastedIsWellFormed(t *testing.T) {
	dir := t.TempDir()
	each(t, func(name string, s settings.Snippet) {
		switch s.Language {
		case "yaml":
			var v any
			if err := yaml.Unmarshal([]byte(s.Text), &v); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		case "javascript":
			node, err := exec.LookPath("node")
			if err != nil {
				return
			}
			file := filepath.Join(dir, "x.js")
			os.WriteFile(file, []byte(s.Text), 0o600)
			if out, err := exec.Command(node, "--check", file).CombinedOutput(); err != nil {
				t.Errorf("%s: %s", name, out)
			}
		case "shell":
			if out, err := exec.Command("sh", "-n", "-c", s.Text).CombinedOutput(); err != nil {
				t.Errorf("%s: %s", name, out)
			}
			if _, body, ok := strings.Cut(s.Text, "--data '{"); ok && strings.Contains(s.Text, "logpush") {
				body = "{" + body[:strings.LastIndex(body, "'")]
				var v any
				if err := json.Unmarshal([]byte(body), &v); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
		case "nginx":
			nginx, err := exec.LookPath("nginx")
			if err != nil {
				return
			}
			file := filepath.Join(dir, "nginx.conf")
			text := strings.ReplaceAll(strings.ReplaceAll(s.Text, "vigie.example.com", "127.0.0.1"), "/var/log/nginx", dir)
			os.WriteFile(file, []byte("pid "+dir+"/pid;\nerror_log stderr;\nevents {}\nhttp {\n"+text+"\nserver { listen 127.0.0.1:1; }\n}\n"), 0o600)
			if out, err := exec.Command(nginx, "-t", "-c", file, "-p", dir).CombinedOutput(); err != nil {
				t.Errorf("%s: %s", name, out)
			}
		}
	})
}
