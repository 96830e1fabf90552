package statuspage

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"vigie/internal/match"
	"vigie/internal/provider"
)

// Words are a text in the page's languages: "fr" and "en".
type Words map[string]string

// Component is one thing that viewers know by name, and whose state a person sets.
type Component struct {
	ID    string `yaml:"id"` // 1 to 64 of a-z, 0-9, '-'
	Name  Words  `yaml:"name"`
	Group Words  `yaml:"group"` // those of the same group stand together; empty: none
}

// Export is where the page is written as files, so that something else can serve it.
type Export struct {
	Folder  string            `yaml:"folder"`  // "": none
	URL     string            `yaml:"url"`     // files are PUT below it; a query is kept, as a signature; "": none
	Headers map[string]string `yaml:"headers"` // of each PUT
	Every   time.Duration     `yaml:"every"`   // also without a change; 0: a minute
}

// Config is what a page needs. The fields with keys are an operator's.
type Config struct {
	Name      Words  `yaml:"name"`      // of the broadcaster, or its service
	Logo      string `yaml:"logo"`      // file: SVG or PNG, at most 256 KB; "": the name alone
	LogoDark  string `yaml:"logo_dark"` // on a dark page; "": Logo
	Accent    string `yaml:"accent"`    // "#0b5cad"; darkened or lightened where it could not be read
	URL       string `yaml:"url"`       // of the page, as viewers reach it: "https://status.example.fr/"; "": the feed has no links
	Support   Words  `yaml:"support"`   // URL of the help pages, by language; empty: none
	TimeZone  string `yaml:"time_zone"` // IANA; "": Europe/Paris
	Language  string `yaml:"language"`  // for who asks for neither; "": fr
	Exercises bool   `yaml:"exercises"` // whether exercises may have their page

	Components []Component   `yaml:"components"` // in the order in which they are shown
	Poll       time.Duration `yaml:"poll"`       // how often an open page and a banner ask; 0: 30 s
	Resolved   time.Duration `yaml:"resolved"`   // how long the banner goes on to say that all is well again; 0: 15 minutes
	Banner     time.Duration `yaml:"banner"`     // after which a banner that nobody renewed goes away; 0: 6 hours
	Keep       time.Duration `yaml:"keep"`       // of published posts; 0: 90 days; the page shows 30
	Export     Export        `yaml:"export"`

	// File keeps what was published for when the bus is away at the next start. "": none.
	File string `yaml:"-"`
	// Healthy tells whether the bus answers: when it does, what is shown is what holds now. nil: never known.
	Healthy func(ctx context.Context) error `yaml:"-"`
	// Labels are those of a crisis. Banners are aimed by its channel and its region; the others are not published.
	// nil: none. It is asked when a banner is sent, and must not wait.
	Labels func(thread string) map[string]string `yaml:"-"`
	Log    *slog.Logger                          `yaml:"-"`
}

// Bounds of a configuration.
const (
	maxComponents = 60
	maxName       = 80
	maxLogo       = 256 << 10
	minPoll       = 5 * time.Second
	maxPoll       = 10 * time.Minute
	minKeep       = shown
	maxKeep       = 3 * 365 * 24 * time.Hour
)

// Check says everything that is wrong, each a *match.Problem, and fills in what is left to usage.
func (c *Config) Check() error {
	var errs []error
	bad := func(key, format string, args ...any) {
		errs = append(errs, &match.Problem{Key: key, Text: fmt.Sprintf(format, args...)})
	}
	words := func(key string, w Words, must bool) {
		if len(w) == 0 && !must {
			return
		}
		for lang, text := range w {
			switch {
			case !slices.Contains(languages, lang):
				bad(key, "%.20q is none of the page's languages: %s", lang, strings.Join(languages, ", "))
			case utf8.RuneCountInString(text) > maxName:
				bad(key+"."+lang, "is longer than %d characters", maxName)
			case !printable(text):
				bad(key+"."+lang, "has characters that cannot be shown")
			}
		}
		for _, lang := range languages {
			if strings.TrimSpace(w[lang]) == "" {
				bad(key+"."+lang, "is missing")
			}
		}
	}
	within := func(key string, d *time.Duration, usual, least, most time.Duration) {
		if *d == 0 {
			*d = usual
		}
		if *d < least || *d > most {
			bad(key, "%s is not between %s and %s", *d, least, most)
		}
	}
	words("name", c.Name, true)
	if c.Accent == "" {
		c.Accent = "#0b5cad"
	}
	if _, err := parseColour(c.Accent); err != nil {
		bad("accent", "%v", err)
	}
	if c.URL != "" {
		if !webURL(c.URL) || strings.ContainsAny(c.URL, "?#") {
			bad("url", "is not a URL as https://status.example.fr/")
		} else if !strings.HasSuffix(c.URL, "/") {
			c.URL += "/"
		}
	}
	for lang, u := range c.Support {
		if !slices.Contains(languages, lang) {
			bad("support", "%.20q is none of the page's languages: %s", lang, strings.Join(languages, ", "))
		} else if !webURL(u) {
			bad("support."+lang, "is not a URL as https://host/path")
		}
	}
	if c.TimeZone == "" {
		c.TimeZone = "Europe/Paris"
	}
	if _, err := time.LoadLocation(c.TimeZone); err != nil || c.TimeZone == "Local" {
		bad("time_zone", "%.60q is not a time zone: use an IANA name such as Europe/Paris", c.TimeZone)
	}
	if c.Language == "" {
		c.Language = languages[0]
	}
	if !slices.Contains(languages, c.Language) {
		bad("language", "%.20q is none of %s", c.Language, strings.Join(languages, ", "))
	}
	if len(c.Components) > maxComponents {
		bad("components", "has %d entries, %d are allowed", len(c.Components), maxComponents)
	}
	seen := map[string]bool{}
	for i, one := range c.Components {
		key := fmt.Sprintf("components[%d].", i)
		if err := match.ParseID(one.ID); err != nil {
			bad(key+"id", "%v", err)
		} else if seen[one.ID] {
			bad(key+"id", "%q is there twice", one.ID)
		}
		seen[one.ID] = true
		words(key+"name", one.Name, true)
		words(key+"group", one.Group, false)
	}
	within("poll", &c.Poll, 30*time.Second, minPoll, maxPoll)
	within("resolved", &c.Resolved, 15*time.Minute, time.Minute, 24*time.Hour)
	within("banner", &c.Banner, 6*time.Hour, 10*time.Minute, 7*24*time.Hour)
	within("keep", &c.Keep, 90*24*time.Hour, minKeep, maxKeep)
	within("export.every", &c.Export.Every, time.Minute, 5*time.Second, 24*time.Hour)
	if c.Export.URL != "" {
		if err := provider.CheckURL("export.url", c.Export.URL, false); err != nil {
			key, text, _ := strings.Cut(err.Error(), ": ")
			bad(key, "%s", text)
		}
	}
	if err := provider.CheckHeaders("export.headers", c.Export.Headers); err != nil {
		key, text, _ := strings.Cut(err.Error(), ": ")
		bad(key, "%s", text)
	}
	return errors.Join(errs...)
}

// webURL tells whether viewers may be sent there.
func webURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Hostname() != "" && u.User == nil && len(text) <= 2000 && printable(text)
}

// printable allows spaces that do not break, which French is full of, marks that join emoji, and nothing that turns the
// direction of what follows.
func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool {
		turns := r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069
		return turns || !unicode.IsPrint(r) && !unicode.Is(unicode.Zs, r) && !unicode.Is(unicode.Cf, r)
	})
}
