package app

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"vigie/ingest"
)

// env is an environment.
type env map[string]string

func (e env) get(name string) (string, bool) {
	v, ok := e[name]
	return v, ok
}

// folder makes a folder of files and returns its path.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// load reads a configuration with these lines and this environment.
func load(t *testing.T, text string, environment env) (*Config, error) {
	t.Helper()
	return Load(filepath.Join(folder(t, map[string]string{"vigie.yaml": text, "empty": " \n"}), "vigie.yaml"), environment.get)
}

// one is a configuration with a CDN and one source that has these keys beside its id and token.
func one(keys string) string {
	return "cdns: [{id: maison}]\nsources: [{id: edge, " + keys + "}]\n"
}

func TestAConfigurationThatCannotBeSaysWhatAndWhere(t *testing.T) {
	const good = "cdn: maison, format: nginx, token_env: TOKEN"
	env := env{"TOKEN": "c0rrect-h0rse"}
	for _, c := range []struct {
		name, text string
		want       []string // all of it
	}{
		// The file.
		{"unknown key", "data: x\nlisten:\n  peopel: :8080\n", []string{"vigie.yaml", "[3:3]", `"peopel"`}},
		{"unknown key in a list", "cdns:\n  - {id: a, nmae: b}\n", []string{"[2:13]", `"nmae"`}},
		{"a secret where only its place belongs", one("cdn: maison, format: nginx, token: hunter2"), []string{"[2:", `"token"`}},
		{"key twice", "data: x\ndata: y\n", []string{"[2:1]", `"data" already defined at [1:1]`}},
		{"text for a number", "stream:\n  partitions: many\n", []string{"[2:15]", "int"}},
		{"number for a list", "sources: 3\n", []string{"[1:10]", "sequence"}},
		{"number for a duration", "stream: {keep: 24}\n", []string{"[1:16]", "Duration"}},
		{"duration in words", "stream: {keep: 3 days}\n", []string{`"3 days"`}},
		{"negative where it cannot be", "clickhouse: {memory: -1}\n", []string{"[1:22]", "-1"}},
		{"address for a network", "web: {proxies: [10.0.0.1]}\n", []string{`"10.0.0.1"`}},
		{"not YAML", "{\x00\xff", []string{"[1:2]"}},
		{"a picture", "GIF89a\x01\x02", []string{"[1:1]", "mapping"}},
		{"a list", "- a\n", []string{"[1:1]", "mapping"}},
		{"tabs", "a:\n\tb: c\n", []string{"[2:1]", "'\t'"}},
		{"two documents", "data: x\n---\ndata: y\n", []string{"[2:1]", "second document"}},
		{"enormous", "data: x\n" + strings.Repeat("# nothing\n", maxFile/10), []string{"larger than 1048576 bytes"}},
		{"aliases of aliases", bomb(), []string{"[1:9]", "aliases"}},
		{"brackets without end", "roles: " + strings.Repeat("[", 100_000), []string{"[1:28]", "brackets"}},
		{"dashes without end", "roles:\n" + strings.Repeat("- ", 100_000), []string{"[2:41]", "dashes"}},
		{"braces without end", strings.Repeat("data: {", 20_000), []string{"brackets"}},

		// Doors and parts.
		{"address without a port", "listen: {people: localhost}\n", []string{"listen.people", `"localhost"`, "host:port", "off"}},
		{"role that is none", "roles: [ingest, coffee]\n", []string{"roles", `"coffee"`, "ingest, cockpit"}},
		{"a role alone with what cannot be shared", "roles: [cockpit]\n", []string{"nats.url", "clickhouse.dsn", "cockpit alone"}},
		{"too many partitions", "stream: {partitions: 65}\n", []string{"stream.partitions", "65", "between 1 and 64"}},
		{"no room for a match", "stream: {max_bytes: 1000}\n", []string{"stream.max_bytes", "1000"}},
		{"memory below nothing", "collectors: {max_memory: -1}\n", []string{"collectors.max_memory", "-1"}},
		{"replicas that NATS does not have", "nats: {replicas: 9}\n", []string{"nats.replicas", "9"}},
		{"weight of beacons", "collectors: {beacons: {weight: 0.5}}\n", []string{"collectors.beacons.weight", "0.5"}},
		{"origin with a path", "web: {origins: [https://mur.example/wall]}\n", []string{"web.origins[0]", "https://mur.example"}},
		{"log level", "log: {level: loud}\n", []string{"log.level", `"loud"`, "debug, info, warn, error"}},
		{"log format", "log: {format: xml}\n", []string{"log.format", `"xml"`}},
		{"two ways to ClickHouse", "clickhouse: {dsn: \"http://localhost:8123\", dsn_file: empty}\n", []string{"clickhouse.dsn", "clickhouse.dsn_file", "keep one"}},
		{"empty DSN file", "clickhouse: {dsn_file: empty}\n", []string{"clickhouse.dsn_file", "empty"}},

		// CDNs and sources.
		{"CDN twice", "cdns: [{id: a}, {id: a}]\n", []string{"cdns[1].id", `"a"`, "twice"}},
		{"CDN without id", "cdns: [{name: A}]\n", []string{"cdns[0].id", "missing"}},
		{"colour outside the palette", "cdns: [{id: a, colour: 8}]\n", []string{"cdns[0].colour", "8", "0 and 7"}},
		{"source twice", "cdns: [{id: maison}]\nsources: [{id: a, " + good + "}, {id: a, " + good + "}]\n", []string{`source "a"`, "twice"}},
		{"source's name", "cdns: [{id: maison}]\nsources: [{id: a b, " + good + "}]\n", []string{`source "a b"`, "id", "letters"}},
		{"unknown CDN", one("cdn: masion, format: nginx, token_env: TOKEN"), []string{`source "edge"`, "cdn", `"masion"`, "(maison)"}},
		{"log of no CDN", one("format: nginx, token_env: TOKEN"), []string{`source "edge"`, "cdn", "missing"}},
		{"unknown format", one("cdn: maison, format: squid, token_env: TOKEN"), []string{"format", `"squid"`, "akamai, beacon, bitmovin"}},
		{"nobody could send", one("cdn: maison, format: nginx"), []string{"token_file, token_env or syslog.from"}},
		{"syslog from anywhere", one("cdn: maison, format: nginx, syslog: {tag: nginx}"), []string{"syslog.from", "10.1.2.0/24"}},
		{"weight below one", one(good + ", weight: 0.1"), []string{"weight", "0.1"}},
		{"weight beyond reason", one(good + ", weight: 1e9"), []string{"weight", "1e+09"}},
		{"unknown time zone", one(good + ", time_zone: Mars/Olympus"), []string{"time_zone", "Mars/Olympus", "Europe/Paris"}},
		{"no token file", one("cdn: maison, format: nginx, token_file: nowhere"), []string{`source "edge"`, "token_file", "nowhere"}},
		{"empty token file", one("cdn: maison, format: nginx, token_file: empty"), []string{`source "edge"`, "token_file", "empty"}},
		{"unset variable", one("cdn: maison, format: nginx, token_env: NOT_SET"), []string{`source "edge"`, "token_env", "NOT_SET"}},
		{"two places of a token", one("cdn: maison, format: nginx, token_env: TOKEN, token_file: empty"), []string{"token_file and token_env", "keep one"}},
		{"no table of networks", "enrich: {isp_file: nowhere.csv}\n", []string{"enrich.isp_file", "nowhere.csv"}},
		{"a table of networks that is none", "enrich: {isp_file: vigie.yaml}\n", []string{"enrich.isp_file", "line 1", "ASN,name"}},

		// Matches are files of their own.
		{"a match in the configuration", "match: {name: a}\n", []string{"[1:1]", `"match"`}},
		{"no folder of matches", "matches: nowhere\n", []string{"matches", "nowhere"}},

		{"all of it at once", "log: {level: loud}\nroles: [coffee]\ncdns: [{id: a, colour: 9}]\n", []string{"log.level", "roles", "cdns[0].colour"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := load(t, c.text, env)
			if err == nil {
				t.Fatal("it was taken")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%.600v\nlacks %q", err, want)
				}
			}
			if len(err.Error()) > 4000 || strings.Contains(err.Error(), env["TOKEN"]) {
				t.Errorf("%d bytes: %.600v", len(err.Error()), err)
			}
		})
	}
}

// bomb is some hundred bytes that stand for 10^9 texts.
func bomb() string {
	text := "roles: [&a [x,x,x,x,x,x,x,x,x,x]"
	for c := byte('b'); c < 'j'; c++ {
		text += fmt.Sprintf(", &%c [%s]", c, strings.Repeat(fmt.Sprintf("*%c,", c-1), 10))
	}
	return text + "]\n"
}

func TestTheEnvironmentReplacesTheFile(t *testing.T) {
	cfg, err := load(t, "data: from-file\nlog: {level: warn}\nstream: {partitions: 2, keep: 1h}\n", env{
		"VIGIE_DATA": "from-env", "VIGIE_STREAM_KEEP": "48h", "VIGIE_WEB_HTTPS": "true", "VIGIE_CLICKHOUSE_MEMORY": "1000000",
		"VIGIE_CLICKHOUSE_DSN": "clickhouse://ch:9000/x", "VIGIE_NATS_URL": "nats://n:4222", "VIGIE_ROLES": "ingest",
		"VIGIE_BOARD_ERRORS_WARNING": "0.5", "VIGIE_COLLECTORS_BEACONS_ORIGINS": "https://a.example,https://b.example",
	})
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprint(cfg.Data, cfg.Log.Level, cfg.Stream.Partitions, cfg.Stream.Keep, cfg.Web.HTTPS, cfg.ClickHouse.Memory,
		cfg.ClickHouse.DSN, cfg.NATS.URL, cfg.Roles, cfg.Board.Errors.Warning, cfg.Collectors.Beacons.Origins)
	if want := fmt.Sprint("from-env", "warn", 2, 48*time.Hour, true, 1000000, "clickhouse://ch:9000/x", "nats://n:4222", []string{"ingest"}, 0.5,
		[]string{"https://a.example", "https://b.example"}); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestAWrongVariableIsNamed(t *testing.T) {
	for name, c := range map[string]struct{ value, want string }{
		"VIGIE_STREAM_PARTITIONS":     {"two", `"two" is not a whole number`},
		"VIGIE_STREAM_KEEP":           {"1 day", `"1 day" is not a duration`},
		"VIGIE_WEB_HTTPS":             {"maybe", "not true or false"},
		"VIGIE_CLICKHOUSE_MEMORY":     {"-1", "not a whole number"},
		"VIGIE_BOARD_ERRORS_CRITICAL": {"3 %", "not a number"},
		"VIGIE_SOURCES":               {"[]", "only be set in the file"},
		"VIGIE_WEB_PROXIES":           {"10.0.0.0/8", "only be set in the file"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Load("", env{name: c.value}.get)
			if err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %s and %q", err, name, c.want)
			}
		})
	}
	// What is well formed and out of range is told by its key.
	if _, err := Load("", env{"VIGIE_STREAM_PARTITIONS": "1000"}.get); err == nil || !strings.Contains(err.Error(), "stream.partitions") {
		t.Error(err)
	}
}

func TestWithoutAFileEverythingIsEmbeddedAndOnLoopback(t *testing.T) {
	cfg, err := Load("", env{}.get)
	if err != nil {
		t.Fatal(err)
	}
	if cfg.ClickHouse.DSN != "" || cfg.NATS.URL != "" || cfg.Data != "vigie-data" || len(cfg.Roles) != 4 {
		t.Errorf("%+v", cfg)
	}
	for _, at := range []string{cfg.Listen.People, cfg.Listen.Machines, cfg.Listen.SyslogUDP, cfg.Listen.SyslogTCP} {
		if !strings.HasPrefix(at, "127.0.0.1:") {
			t.Errorf("listens on %s", at)
		}
	}
}

func TestPathsAreRelativeToTheFile(t *testing.T) {
	dir := folder(t, map[string]string{
		"vigie.yaml": "data: state\nnats: {credentials: me.creds}\nclickhouse: {dsn_file: dsn, library: lib/libchdb.so, binary: /usr/bin/vigie-engine}\n" +
			"enrich: {isp_file: isps.csv, asn_files: [a.mmdb]}\n" + one("cdn: maison, format: nginx, token_file: tokens/edge"),
		"dsn": "http://localhost:8123\n", "isps.csv": "64500,Mine\n", "tokens/edge": "s3cret\n",
	})
	for _, path := range []string{dir, filepath.Join(dir, "vigie.yaml")} {
		cfg, err := Load(path, env{}.get)
		if err != nil {
			t.Fatal(err)
		}
		got := []string{cfg.Data, cfg.NATS.Credentials, cfg.ClickHouse.Library, cfg.Enrich.ISPFile, cfg.Enrich.ASNFiles[0]}
		for i, want := range []string{"state", "me.creds", "lib/libchdb.so", "isps.csv", "a.mmdb"} {
			if got[i] != filepath.Join(dir, want) {
				t.Errorf("%s: %s, want %s in the file's folder", path, got[i], want)
			}
		}
		if cfg.ClickHouse.Binary != "/usr/bin/vigie-engine" || cfg.ClickHouse.DSN != "http://localhost:8123" || cfg.Sources[0].Token != "s3cret" {
			t.Errorf("%s: %s, %s, %s", path, cfg.ClickHouse.Binary, cfg.ClickHouse.DSN, cfg.Sources[0].Token)
		}
	}
	if _, err := Load(filepath.Join(dir, "nowhere"), env{}.get); err == nil || !strings.Contains(err.Error(), "configuration: ") {
		t.Error(err)
	}
}

// A runbook may name messages that are written in the pages, which no file knows of: that is told, and stops nothing.
func TestARunbookMayNameAScenarioOfThePages(t *testing.T) {
	dir := folder(t, map[string]string{"vigie.yaml": "data: state\n", "runbooks/night.md": "---\ntitle: Night\nowner: CDN\nwhen: {rules: x}\n---\n\n" +
		"## Tell viewers\n\n```step\nid: tell\nkind: message\nscenario: of-the-pages\nstep: initial\n```\n"})
	cfg, err := Load(dir, env{}.get)
	if err != nil {
		t.Fatal(err)
	}
	got := cfg.Warnings()
	if len(got) != 1 || !strings.Contains(got[0], "night.md [12:1]") || !strings.Contains(got[0], `"of-the-pages"`) {
		t.Errorf("warned of %q", got)
	}
}

func TestACommentBeforeTheDocumentMarkIsFine(t *testing.T) {
	if cfg, err := load(t, "# A room.\n---\ndata: /srv/x\n", nil); err != nil || cfg.Data != "/srv/x" {
		t.Error(err)
	}
}

func TestTheExampleIsAConfiguration(t *testing.T) {
	files := map[string]string{"vigie.yaml": read(t, "docs/example/vigie.yaml"), "tokens/cloudfront": "c\n", "tokens/mux": "m\n"}
	folders := map[string]int{}
	for _, sub := range []string{"matches", "messages", "messages/scenarios", "runbooks"} {
		names, err := os.ReadDir(filepath.Join(root, "docs/example", sub))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if !name.IsDir() {
				files[sub+"/"+name.Name()] = read(t, "docs/example/"+sub+"/"+name.Name())
				folders[sub]++
			}
		}
	}
	secrets := env{"AKAMAI_TOKEN": "a"}
	for _, name := range regexp.MustCompile(`[a-z]+_env: ([A-Z_]+)`).FindAllStringSubmatch(files["messages/house.yaml"], -1) {
		secrets[name[1]] = "the-secret-of-" + name[1]
	}
	files["messages/secrets/ovh-crisis"] = "s3cretOfOVHcloud\n"
	dir := folder(t, files)
	cfg, err := Load(dir, secrets.get)
	if err != nil {
		t.Fatal(err)
	}
	if len(cfg.Messages.Scenarios) != folders["messages/scenarios"] || 2*len(cfg.Runbooks.All) != folders["runbooks"] || cfg.Messages.House == nil {
		t.Errorf("%d scenarios of %d files, %d runbooks in two languages of %d", len(cfg.Messages.Scenarios), folders["messages/scenarios"], len(cfg.Runbooks.All), folders["runbooks"])
	}
	for key, secret := range secrets { // an exercise that has the credentials of what is real is refused
		if !strings.HasPrefix(key, "DRILL") {
			continue
		}
		copied := maps.Clone(secrets)
		copied[key] = secrets["CRISIS_SMTP_PASSWORD"]
		if _, err := Load(dir, copied.get); err == nil || !strings.Contains(err.Error(), "an exercise must not be able to reach what is real") || strings.Contains(err.Error(), secret) {
			t.Errorf("%s with a live secret: %v", key, err)
		}
	}
	if len(cfg.Calendar) < 2 || len(cfg.Calendar) != folders["matches"] {
		t.Errorf("%d matches are read of %d files", len(cfg.Calendar), folders["matches"])
	}
	tokens := map[string]string{}
	for _, s := range cfg.Sources {
		tokens[s.ID] = s.Token
	}
	if want := map[string]string{"edges": "", "akamai": "a", "cloudfront": "c", "mux": "m"}; !maps.Equal(tokens, want) {
		t.Errorf("tokens are %v, want %v", tokens, want)
	}
	// What only the parts check.
	if _, err := ingest.NewCollector(ingest.CollectorConfig{Sources: cfg.Sources, CDNs: cfg.CDNs, Beacons: cfg.Collectors.Beacons}); err != nil {
		t.Error(err)
	}
}

func TestTheDemoIsAConfiguration(t *testing.T) {
	cfg, err := Read(strings.NewReader(string(demoYAML)))
	if err != nil {
		t.Fatal(err)
	}
	for i := range cfg.Sources {
		cfg.Sources[i].Token = "made at the start"
	}
	cfg.defaults()
	if err := cfg.check(); err != nil {
		t.Error(err)
	}
}
