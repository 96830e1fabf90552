package app

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"vigie/alerts"
	"vigie/alerts/route"
	"vigie/alerts/rule"
	"vigie/cockpit"
	"vigie/ingest"
	"vigie/ingest/services"
	"vigie/internal/ch"
	"vigie/internal/match"
	"vigie/runbooks"
	"vigie/runbooks/house"
	"vigie/runbooks/message"
)

// Config is everything that a process of Vigie is told. It is one YAML file; every scalar in it can
// be given by the environment instead, as VIGIE_ and its path: clickhouse.dsn is
// VIGIE_CLICKHOUSE_DSN. An unknown key is an error that names its line.
type Config struct {
	Data       string              `yaml:"data"`  // folder of what is embedded; "": ./vigie-data
	Roles      []string            `yaml:"roles"` // ingest, cockpit, alerts, messages; none: all
	Listen     ListenConfig        `yaml:"listen"`
	ClickHouse ClickHouseConfig    `yaml:"clickhouse"`
	NATS       NATSConfig          `yaml:"nats"`
	Stream     StreamConfig        `yaml:"stream"`
	Retention  ch.Retention        `yaml:"retention"`
	Collectors CollectorConfig     `yaml:"collectors"`
	CDNs       []ingest.CDN        `yaml:"cdns"`
	Sources    []ingest.Source     `yaml:"sources"`
	Enrich     ingest.EnrichConfig `yaml:"enrich"`
	Services   []services.Rule     `yaml:"services"` // what measurements tell of which service; before those built in
	Matches    string              `yaml:"matches"`  // folder of the matches' files; "": matches beside the file, if there is one
	Board      cockpit.Limits      `yaml:"board"`
	Alerts     AlertsConfig        `yaml:"alerts"`
	Messages   MessagesConfig      `yaml:"messages"`
	Runbooks   RunbooksConfig      `yaml:"runbooks"`
	Web        WebConfig           `yaml:"web"`
	Log        LogConfig           `yaml:"log"`

	Calendar []*match.Match `yaml:"-"` // what the files in Matches say, or the program itself
	files    matchFiles
}

// ListenConfig says where doors are. Loopback unless told otherwise; "off" closes one.
type ListenConfig struct {
	People    string `yaml:"people"`     // pages, sockets, API; "": 127.0.0.1:8080
	Machines  string `yaml:"machines"`   // collectors, and what viewers may reach; "": 127.0.0.1:8081
	SyslogUDP string `yaml:"syslog_udp"` // "": 127.0.0.1:5514
	SyslogTCP string `yaml:"syslog_tcp"` // "": 127.0.0.1:5514
	SyslogTLS string `yaml:"syslog_tls"` // "": off; needs collectors.tls
}

// ClickHouseConfig names a server, or says how the embedded engine is run.
type ClickHouseConfig struct {
	DSN     string `yaml:"dsn"`      // clickhouse://user:password@host:9000/db, or http://…; "": embedded
	DSNFile string `yaml:"dsn_file"` // holds the DSN, for it has a password in it
	Binary  string `yaml:"binary"`   // of the embedded engine, "": vigie-engine beside vigie or in PATH
	Library string `yaml:"library"`  // libchdb.so; "": where make engine put it
	Listen  string `yaml:"listen"`   // loopback address at which the embedded engine also answers, for curl and Grafana; "": none
	Threads int    `yaml:"threads"`
	Memory  uint64 `yaml:"memory"` // bytes
}

// NATSConfig names a server; without a URL one is embedded.
type NATSConfig struct {
	URL         string `yaml:"url"`
	Credentials string `yaml:"credentials"`
	Replicas    int    `yaml:"replicas"`
}

// StreamConfig bounds the raw stream.
type StreamConfig struct {
	ingest.StreamsConfig `yaml:",inline"`
	MinFree              int64 `yaml:"min_free"` // bytes that must stay free on the disk of an embedded stream; 0: 1 GB
}

// CollectorConfig is about the doors for machines.
type CollectorConfig struct {
	MaxBody        int64               `yaml:"max_body"`
	MaxMemory      int64               `yaml:"max_memory"`
	TrustedProxies []netip.Prefix      `yaml:"trusted_proxies"`
	Beacons        ingest.BeaconConfig `yaml:"beacons"`
	TLS            TLSConfig           `yaml:"tls"`        // of listen.syslog_tls; HTTPS is a proxy's in front
	PublicURL      string              `yaml:"public_url"` // of listen.machines as senders see it, for what they are told to paste; "": http://listen.machines
}

// TLSConfig names files in PEM.
type TLSConfig struct {
	Certificate string `yaml:"certificate"`
	Key         string `yaml:"key"`
	Clients     string `yaml:"clients"` // authorities of senders' certificates, which then must have one; "": none is asked for
}

// load reads the files; nil: none are named.
func (c *TLSConfig) load() (*tls.Config, error) {
	if c.Certificate == "" && c.Key == "" && c.Clients == "" {
		return nil, nil
	}
	pair, err := tls.LoadX509KeyPair(c.Certificate, c.Key)
	if err != nil {
		return nil, fmt.Errorf("collectors.tls: %w", err)
	}
	out := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	if c.Clients != "" {
		pem, err := os.ReadFile(c.Clients)
		if err != nil {
			return nil, fmt.Errorf("collectors.tls.clients: %w", err)
		}
		out.ClientCAs, out.ClientAuth = x509.NewCertPool(), tls.RequireAndVerifyClientCert
		if !out.ClientCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("collectors.tls.clients: %s holds no certificate", c.Clients)
		}
	}
	return out, nil
}

// WebConfig is about the doors for people.
type WebConfig struct {
	HTTPS   bool           `yaml:"https"`   // people reach it by https, through a proxy: Secure cookies, HSTS
	Origins []string       `yaml:"origins"` // other origins that may open sockets, as https://mur.example
	Proxies []netip.Prefix `yaml:"proxies"` // whose X-Forwarded-For is believed
	Screens int            `yaml:"screens"` // at a time; 0: 10,000
	// PublicURL is listen.people as people reach it, for the links in messages; "": they have none.
	PublicURL string `yaml:"public_url"`
}

// AlertsConfig is about what is judged and who is told. A folder holds routing.yaml and rules/*.yaml.
type AlertsConfig struct {
	Folder  string          `yaml:"folder"`  // "": alerts beside the file, if there is one
	Receive []alerts.Source `yaml:"receive"` // other systems that tell their alerts, at listen.machines

	Rules  []*rule.Group `yaml:"-"` // what the files in Folder say, or the program itself
	Policy *route.Policy `yaml:"-"` // nil: nobody is told
	files  alertFiles
}

// MessagesConfig is about what viewers are told. A folder holds house.yaml and scenarios/*.yaml.
type MessagesConfig struct {
	Folder string `yaml:"folder"` // "": messages beside the file, if there is one

	House     *house.House        `yaml:"-"` // nil: nothing can be sent
	Scenarios []*message.Scenario `yaml:"-"`
	files     messageFiles
}

// RunbooksConfig is about what is done. A folder holds *.md.
type RunbooksConfig struct {
	Folder string `yaml:"folder"` // "": runbooks beside the file, if there is one

	All    []*runbooks.Runbook `yaml:"-"`
	unread []error
	dir    string
}

// LogConfig is about Vigie's own log, on standard error.
type LogConfig struct {
	Level  string `yaml:"level"`  // debug, info, warn, error; "": info
	Format string `yaml:"format"` // text, json; "": text
}

// Roles that a process can have.
const (
	RoleIngest   = "ingest"   // collectors and writers
	RoleCockpit  = "cockpit"  // the board and its pages
	RoleAlerts   = "alerts"   // judges rules and tells people
	RoleMessages = "messages" // sends crisis messages, and serves the status page
)

func allRoles() []string { return []string{RoleIngest, RoleCockpit, RoleAlerts, RoleMessages} }

// envPrefix of variables that replace scalars of the file.
const envPrefix = "VIGIE_"

// Load reads a file, or vigie.yaml in a folder, then the environment. "" reads the environment
// alone. Everything that is wrong is in the error, with line or key.
func Load(path string, getenv func(string) (string, bool)) (*Config, error) {
	cfg := &Config{}
	if path != "" {
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			path = filepath.Join(path, "vigie.yaml")
		}
		f, err := os.Open(path)
		if err != nil {
			return nil, fmt.Errorf("configuration: %w", err)
		}
		defer f.Close()
		if cfg, err = Read(f); err != nil {
			return nil, fmt.Errorf("configuration %s:\n%w", path, err)
		}
		cfg.resolve(filepath.Dir(path))
		if info, err := os.Stat(filepath.Join(filepath.Dir(path), usualMatches)); err == nil && info.IsDir() && cfg.Matches == "" {
			cfg.Matches = filepath.Join(filepath.Dir(path), usualMatches)
		}
		if info, err := os.Stat(filepath.Join(filepath.Dir(path), usualAlerts)); err == nil && info.IsDir() && cfg.Alerts.Folder == "" {
			cfg.Alerts.Folder = filepath.Join(filepath.Dir(path), usualAlerts)
		}
		for _, f := range []struct {
			usual string
			to    *string
		}{{usualMessages, &cfg.Messages.Folder}, {usualRunbooks, &cfg.Runbooks.Folder}} {
			if info, err := os.Stat(filepath.Join(filepath.Dir(path), f.usual)); err == nil && info.IsDir() && *f.to == "" {
				*f.to = filepath.Join(filepath.Dir(path), f.usual)
			}
		}
	}
	if err := fromEnvironment(reflect.ValueOf(cfg).Elem(), envPrefix, getenv); err != nil {
		return nil, err
	}
	if err := cfg.secrets(getenv); err != nil {
		return nil, err
	}
	cfg.defaults()
	cfg.readMatches()
	cfg.readAlerts(getenv)
	cfg.readMessages(getenv)
	return cfg, cfg.check()
}

// maxFile bounds a configuration file, in bytes.
const maxFile = 1 << 20

// Read reads a configuration file's text, strictly.
func Read(r io.Reader) (*Config, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxFile {
		return nil, fmt.Errorf("the file is larger than %d bytes: is it the right one?", maxFile)
	}
	if err := plain(string(text)); err != nil {
		return nil, err
	}
	cfg := &Config{}
	if err := yaml.UnmarshalWithOptions(text, cfg, yaml.Strict()); err != nil && !errors.Is(err, io.EOF) {
		return nil, errors.New(yaml.FormatError(err, false, true))
	}
	return cfg, nil
}

// resolve makes paths in the file relative to the file.
func (c *Config) resolve(dir string) {
	at := func(p *string) {
		if *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(dir, *p)
		}
	}
	at(&c.Data)
	at(&c.Matches)
	at(&c.Alerts.Folder)
	at(&c.Messages.Folder)
	at(&c.Runbooks.Folder)
	at(&c.ClickHouse.DSNFile)
	at(&c.ClickHouse.Binary)
	at(&c.ClickHouse.Library)
	at(&c.NATS.Credentials)
	at(&c.Enrich.ISPFile)
	for i := range c.Enrich.ASNFiles {
		at(&c.Enrich.ASNFiles[i])
	}
	for i := range c.Sources {
		at(&c.Sources[i].TokenFile)
	}
	for i := range c.Alerts.Receive {
		at(&c.Alerts.Receive[i].TokenFile)
	}
}

// fromEnvironment sets the scalars of a struct, and lists of texts separated by commas, from
// variables named after their keys.
func fromEnvironment(v reflect.Value, prefix string, getenv func(string) (string, bool)) error {
	t := v.Type()
	for i := range t.NumField() {
		key, option, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ",")
		field, name := v.Field(i), prefix+strings.ToUpper(key)
		switch {
		case option == "inline":
			if err := fromEnvironment(field, prefix, getenv); err != nil {
				return err
			}
			continue
		case key == "" || key == "-":
			continue
		case field.Kind() == reflect.Struct && field.Type() != reflect.TypeFor[time.Time]():
			if err := fromEnvironment(field, name+"_", getenv); err != nil {
				return err
			}
			continue
		}
		text, ok := getenv(name)
		if !ok {
			continue
		}
		if err := setScalar(field, text); err != nil {
			return fmt.Errorf("environment variable %s: %w", name, err)
		}
	}
	return nil
}

func setScalar(field reflect.Value, text string) error {
	switch p := field.Addr().Interface().(type) {
	case *time.Duration:
		d, err := time.ParseDuration(text)
		if err != nil {
			return fmt.Errorf("%q is not a duration such as 24h", text)
		}
		*p = d
		return nil
	case *[]string:
		*p = strings.Split(text, ",")
		return nil
	}
	switch field.Kind() {
	case reflect.String:
		field.SetString(text)
	case reflect.Bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return fmt.Errorf("%q is not true or false", text)
		}
		field.SetBool(b)
	case reflect.Int, reflect.Int64:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return fmt.Errorf("%q is not a whole number", text)
		}
		field.SetInt(n)
	case reflect.Uint64:
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return fmt.Errorf("%q is not a whole number", text)
		}
		field.SetUint(n)
	case reflect.Float64:
		n, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return fmt.Errorf("%q is not a number", text)
		}
		field.SetFloat(n)
	default:
		return errors.New("this key can only be set in the file")
	}
	return nil
}

// secrets reads the tokens and passwords that the configuration only points at.
func (c *Config) secrets(getenv func(string) (string, bool)) error {
	read := func(key, path string) (string, error) {
		b, err := os.ReadFile(path)
		if err != nil {
			return "", fmt.Errorf("%s: %w", key, err)
		}
		secret := strings.TrimSpace(string(b))
		if secret == "" {
			return "", fmt.Errorf("%s: %s is empty", key, path)
		}
		return secret, nil
	}
	var err error
	if c.ClickHouse.DSNFile != "" {
		if c.ClickHouse.DSN != "" {
			return errors.New("clickhouse.dsn and clickhouse.dsn_file are both set: keep one")
		}
		if c.ClickHouse.DSN, err = read("clickhouse.dsn_file", c.ClickHouse.DSNFile); err != nil {
			return err
		}
	}
	token := func(key string, token *string, file, env string) error {
		var err error
		switch {
		case *token != "": // given by the program itself
		case file != "" && env != "":
			return fmt.Errorf("%stoken_file and token_env are both set: keep one", key)
		case file != "":
			if *token, err = read(key+"token_file", file); err != nil {
				return err
			}
		case env != "":
			if *token, _ = getenv(env); *token == "" {
				return fmt.Errorf("%stoken_env: the environment variable %s is not set", key, env)
			}
		}
		return nil
	}
	for i := range c.Sources {
		s := &c.Sources[i]
		if err := token(fmt.Sprintf("source %q: ", s.ID), &s.Token, s.TokenFile, s.TokenEnv); err != nil {
			return err
		}
	}
	for i := range c.Alerts.Receive {
		s := &c.Alerts.Receive[i]
		if err := token(fmt.Sprintf("alerts.receive[%d] %q: ", i, s.ID), &s.Token, s.TokenFile, s.TokenEnv); err != nil {
			return err
		}
	}
	return nil
}

func (c *Config) defaults() {
	for _, d := range []struct {
		to    *string
		usual string
	}{
		{&c.Data, "vigie-data"},
		{&c.Listen.People, "127.0.0.1:8080"},
		{&c.Listen.Machines, "127.0.0.1:8081"},
		{&c.Listen.SyslogUDP, "127.0.0.1:5514"},
		{&c.Listen.SyslogTCP, "127.0.0.1:5514"},
		{&c.Log.Level, "info"},
		{&c.Log.Format, "text"},
	} {
		if *d.to == "" {
			*d.to = d.usual
		}
	}
	if len(c.Roles) == 0 {
		c.Roles = allRoles()
	}
	if c.Stream.MinFree == 0 {
		c.Stream.MinFree = 1_000_000_000
	}
}

// off is how a door is closed in the configuration.
const off = "off"

func (c *Config) check() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	for _, l := range []struct{ key, at string }{
		{"listen.people", c.Listen.People}, {"listen.machines", c.Listen.Machines},
		{"listen.syslog_udp", c.Listen.SyslogUDP}, {"listen.syslog_tcp", c.Listen.SyslogTCP},
	} {
		if l.at == off {
			continue
		}
		if _, _, err := net.SplitHostPort(l.at); err != nil {
			bad("%s: %q is not host:port, nor off", l.key, l.at)
		}
	}
	if at := c.Listen.SyslogTLS; at != "" && at != off {
		if _, _, err := net.SplitHostPort(at); err != nil {
			bad("listen.syslog_tls: %q is not host:port, nor off", at)
		}
		if c.Collectors.TLS.Certificate == "" {
			bad("listen.syslog_tls: needs collectors.tls.certificate and collectors.tls.key")
		}
	}
	for _, u := range []struct{ key, url, as string }{
		{"collectors.public_url", c.Collectors.PublicURL, "https://vigie.example.com:8081"},
		{"web.public_url", c.Web.PublicURL, "https://vigie.example.com"},
	} {
		if parsed, err := url.Parse(u.url); u.url != "" && (err != nil || parsed.Scheme != "http" && parsed.Scheme != "https" || parsed.Host == "") {
			bad("%s: %q is not a URL as %s", u.key, u.url, u.as)
		}
	}
	if _, err := services.Compile(c.Services); err != nil {
		bad("services: %w", err)
	}
	for _, role := range c.Roles {
		if !slices.Contains(allRoles(), role) {
			bad("roles: %q is none of %s", role, strings.Join(allRoles(), ", "))
		}
	}
	if len(c.Roles) < len(allRoles()) {
		if c.NATS.URL == "" {
			bad("roles: %s alone needs nats.url: the embedded bus cannot be shared between processes", strings.Join(c.Roles, ", "))
		}
		if c.ClickHouse.DSN == "" {
			bad("roles: %s alone needs clickhouse.dsn: the embedded engine cannot be shared between processes", strings.Join(c.Roles, ", "))
		}
	}
	if c.Stream.Partitions < 0 || c.Stream.Partitions > 64 {
		bad("stream.partitions: %d is not between 1 and 64", c.Stream.Partitions)
	}
	if c.Stream.MaxBytes < 0 || c.Stream.MaxBytes > 0 && c.Stream.MaxBytes < 100_000_000 {
		bad("stream.max_bytes: %d is less than 100000000: a minute of a match would fill it", c.Stream.MaxBytes)
	}
	for _, n := range []struct {
		key         string
		value, most int64
	}{
		{"clickhouse.threads", int64(c.ClickHouse.Threads), 1024},
		{"nats.replicas", int64(c.NATS.Replicas), 5},
		{"stream.keep", int64(c.Stream.Keep), math.MaxInt64},
		{"stream.min_free", c.Stream.MinFree, math.MaxInt64},
		{"collectors.max_body", c.Collectors.MaxBody, 1 << 30},
		{"collectors.max_memory", c.Collectors.MaxMemory, math.MaxInt64},
		{"collectors.beacons.per_address", int64(c.Collectors.Beacons.PerAddress), math.MaxInt32},
		{"web.screens", int64(c.Web.Screens), math.MaxInt32},
	} {
		if n.value < 0 || n.value > n.most {
			bad("%s: %d is not between 0 and %d", n.key, n.value, n.most)
		}
	}
	if w := c.Collectors.Beacons.Weight; w != 0 && !(w >= 1 && w <= 1e6) {
		bad("collectors.beacons.weight: %v is not between 1 and 1000000: it is how many sessions one stands for", w)
	}
	for i, origin := range c.Web.Origins {
		if err := http.NewCrossOriginProtection().AddTrustedOrigin(origin); err != nil {
			bad("web.origins[%d]: %w: write it as https://mur.example", i, err)
		}
	}
	if !slices.Contains([]string{"debug", "info", "warn", "error"}, c.Log.Level) {
		bad("log.level: %q is none of debug, info, warn, error", c.Log.Level)
	}
	if !slices.Contains([]string{"text", "json"}, c.Log.Format) {
		bad("log.format: %q is neither text nor json", c.Log.Format)
	}
	seen := map[string]bool{}
	for i, cdn := range c.CDNs {
		switch {
		case cdn.ID == "" || cdn.ID == cockpit.Peers:
			bad("cdns[%d].id: is missing, or the mesh's own %q", i, cockpit.Peers)
		case seen[cdn.ID]:
			bad("cdns[%d].id: %q is there twice", i, cdn.ID)
		case cdn.Colour < 0 || cdn.Colour > 7:
			bad("cdns[%d].colour: %d is not between 0 and 7", i, cdn.Colour)
		}
		seen[cdn.ID] = true
		if cdn.Name == "" {
			c.CDNs[i].Name = cdn.ID
		}
	}
	if err := ingest.CheckSources(c.Sources, c.CDNs); err != nil {
		errs = append(errs, err)
	}
	if err := c.Enrich.Check(); err != nil {
		errs = append(errs, err)
	}
	errs = append(errs, c.checkMatches()...)
	errs = append(errs, c.checkAlerts()...)
	return errors.Join(append(errs, c.checkMessages()...)...)
}

// Warnings are what is right and yet should be looked at before a match.
func (c *Config) Warnings() []string {
	out := c.alertWarnings()
	_, perhaps := c.checkRunbooks()
	for _, err := range perhaps {
		out = append(out, err.Error())
	}
	return out
}
