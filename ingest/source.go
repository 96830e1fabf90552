package ingest

import (
	"cmp"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net/http"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"

	"vigie/ingest/mapping"
)

// Source is one sender: who it is, how it writes, and how it proves itself.
type Source struct {
	ID       string  `yaml:"id"`        // letters, digits, - and _; it is the path of POST /ingest/{id}
	CDN      string  `yaml:"cdn"`       // id of a CDN of the configuration; empty for measuring tools
	Tool     string  `yaml:"tool"`      // for beacons: the tool's name; empty: the source's id
	Format   string  `yaml:"format"`    // see Formats
	Weight   float64 `yaml:"weight"`    // how many requests one line stands for, when the sender samples; 0: 1
	TimeZone string  `yaml:"time_zone"` // IANA name, for formats that write local time without an offset; empty: UTC

	// Proof over HTTP, one of them. Secrets come from a file or the environment, never inline.
	Token string `yaml:"-"` // Authorization: Bearer, or X-Vigie-Token, or HTTP basic's password
	User  string `yaml:"user"`
	// TokenFile and TokenEnv name where the token is.
	TokenFile string `yaml:"token_file"`
	TokenEnv  string `yaml:"token_env"`

	// Syslog takes lines for this source from syslog senders in these networks, with this tag.
	Syslog *SyslogMatch `yaml:"syslog"`

	// Public opens /play/{id} to viewers' machines, without proof. What they say of themselves is not
	// believed, and what they send is limited as beacons are.
	Public bool `yaml:"public"`

	// What the format itself does not say. See docs/formats.md for which formats read which.
	Fields    []string       `yaml:"fields"`     // names of the columns, left to right, under the sender's own names
	Delimiter string         `yaml:"delimiter"`  // between columns
	Mapping   mapping.Config `yaml:"mapping"`    // of formats mapping and fastly
	Services  []string       `yaml:"services"`   // Fastly's service ids that may send; empty: all
	Counters  string         `yaml:"counters"`   // of beacons' bytes: delta, total; "": delta unless a beacon says so
	BytesUnit string         `yaml:"bytes_unit"` // of beacons' bytes: B, KB (1024); "": B

	own *reader // of Format
}

// SyslogMatch chooses a source for a syslog message, which carries no proof but its address.
type SyslogMatch struct {
	From []netip.Prefix `yaml:"from"`
	Tag  string         `yaml:"tag"` // RFC 3164 tag or RFC 5424 APP-NAME; empty: any
}

var sourceID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$`)

const maxWeight = 1e6

// check says what is wrong with a source's configuration.
func (s *Source) check(cdns map[string]bool) error {
	at := func(key, format string, args ...any) error {
		return fmt.Errorf("source %q: %s: %s", s.ID, key, fmt.Sprintf(format, args...))
	}
	var kind kind
	_, known := formats[s.Format]
	if known {
		r, err := s.reader(s.Format)
		if err != nil {
			return fmt.Errorf("source %q: %w", s.ID, err)
		}
		kind = r.kind
	}
	switch {
	case !sourceID.MatchString(s.ID):
		return at("id", "must be 1 to 63 letters, digits, - or _, beginning with a letter or digit")
	case !known:
		return at("format", "%q is none of %s", s.Format, strings.Join(Formats(), ", "))
	case s.CDN != "" && kind == ofMeasurements:
		return at("cdn", "services belong to no CDN")
	case s.CDN != "" && !cdns[s.CDN]:
		return at("cdn", "%q is not among the configured CDNs (%s)", s.CDN, strings.Join(sortedKeys(cdns), ", "))
	case s.CDN == "" && kind == ofRequests:
		return at("cdn", "is missing: a log's traffic belongs to a CDN")
	case s.Weight != 0 && !(s.Weight >= 1 && s.Weight <= maxWeight): // NaN is neither
		return at("weight", "%v is not between 1 and %.0f: it is how many requests one line stands for", s.Weight, maxWeight)
	case s.Public && (kind != ofBeacons || s.Token != "" || s.Syslog != nil):
		return at("public", "is for formats of players (beacon, cmcd, npaw, bitmovin), without a token and without syslog")
	case s.ID == BeaconSource, s.ID == CMCDSource && s.Format != "cmcd":
		return at("id", "is that of a source that is built in")
	case s.Counters != "" && s.Counters != "delta" && s.Counters != "total":
		return at("counters", "%q is neither delta nor total", s.Counters)
	case s.BytesUnit != "" && s.BytesUnit != "B" && s.BytesUnit != "KB":
		return at("bytes_unit", "%q is neither B nor KB", s.BytesUnit)
	case s.Token == "" && s.Syslog == nil && !s.Public:
		return at("token_file", "nobody could send to this source: give token_file, token_env or syslog.from")
	case s.Syslog != nil && len(s.Syslog.From) == 0:
		return at("syslog.from", "is missing: name the networks that may send, as 10.1.2.0/24")
	}
	if _, err := time.LoadLocation(s.TimeZone); err != nil {
		return at("time_zone", "%v: use an IANA name such as Europe/Paris", err)
	}
	return nil
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// admits tells whether a request proves to come from the source, in a time that does not depend
// on how much of the token is right.
func (s *Source) admits(r *http.Request) bool {
	given := cmp.Or(r.Header.Get("X-Vigie-Token"), r.Header.Get(firehoseKey))
	user := s.User
	if u, password, ok := r.BasicAuth(); ok {
		user, given = u, password
	} else if bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		given = bearer
	}
	want, got := sha256.Sum256([]byte(s.Token)), sha256.Sum256([]byte(given))
	wantUser, gotUser := sha256.Sum256([]byte(s.User)), sha256.Sum256([]byte(user))
	same := subtle.ConstantTimeCompare(want[:], got[:]) & subtle.ConstantTimeCompare(wantUser[:], gotUser[:])
	return same == 1 && s.Token != ""
}
