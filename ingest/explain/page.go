package explain

import (
	"fmt"
	"io"
	"net/netip"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	width      = 100
	nameWidth  = 18
	valueWidth = 44
)

// page writes lines of up to 100 columns.
type page struct {
	w    io.Writer
	full bool
	err  error
}

// line writes one line; what is in it comes from us, or is safe already.
func (p *page) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintln(p.w, strings.TrimRight(fmt.Sprintf(format, args...), " "))
	}
}

// sample writes the begin of a record's text.
func (p *page) sample(text []byte) {
	const most = 16 << 10 // more than is shown: a token that is cut would not be known
	p.line("  %s", clip(p.safe(string(text[:min(len(text), most)])), width-2))
}

// field writes a field that has a value.
func (p *page) field(name, value, source string) {
	value = p.safe(value)
	if source == "" {
		p.line("  %-*s%s", nameWidth, name, clip(value, width-2-nameWidth))
		return
	}
	source = clip("from "+printable(source), width-2-nameWidth-valueWidth-1)
	value = clip(value, valueWidth)
	p.line("  %-*s%s%s %s", nameWidth, name, value, strings.Repeat(" ", valueWidth-utf8.RuneCountInString(value)), source)
}

// missing writes why a field has none.
func (p *page) missing(name, why string) {
	p.wrapped(fmt.Sprintf("  %-*smissing: ", nameWidth, name), 2+nameWidth+9, why)
}

// wrapped writes a text on as many lines as it needs, the others indented.
func (p *page) wrapped(head string, indent int, text string) {
	line := head
	for i, word := range strings.Fields(p.safe(text)) {
		word = clip(word, width-indent)
		gap := " "
		if i == 0 || strings.HasSuffix(line, " ") {
			gap = ""
		}
		if utf8.RuneCountInString(line)+len(gap)+utf8.RuneCountInString(word) > width {
			p.line("%s", line)
			line, gap = strings.Repeat(" ", indent), ""
		}
		line += gap + word
	}
	p.line("%s", line)
}

// safe is text without secrets, whole addresses and what a terminal would obey.
func (p *page) safe(s string) string {
	if !p.full {
		s = addresses(secrets(s))
	}
	return printable(s)
}

var (
	arguments = regexp.MustCompile(`(?i)\b((?:hdn(?:ts|tl|ea)|[a-z0-9_.-]*(?:token|secret|passw(?:or)?d|signature|credential|api_?key)|sig[a-z0-9_-]*|jwt|auth|policy|key-pair-id|hmac)(?:=|%3D))[^&\s"',;|]+`)
	named     = regexp.MustCompile(`(?i)("[a-z0-9_.-]*(?:token|secret|passw(?:or)?d|signature|authorization|cookie|api_?key)"\s*:\s*")(?:[^"\\]|\\.)+`)
	bearers   = regexp.MustCompile(`(?i)\b((?:bearer|basic)(?: |%20|\+))[A-Za-z0-9._~+/=-]{8,}`)
	fours     = regexp.MustCompile(`\b\d{1,3}(?:\.\d{1,3}){3}\b`)
	sixes     = regexp.MustCompile(`[0-9A-Fa-f:]*:[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*`)
)

// secrets masks the values of tokens.
func secrets(s string) string {
	s = named.ReplaceAllString(s, "${1}***")
	s = bearers.ReplaceAllString(s, "${1}***")
	return arguments.ReplaceAllString(s, "${1}***")
}

// addresses cuts them to their network.
func addresses(s string) string {
	s = sixes.ReplaceAllStringFunc(s, func(m string) string {
		trimmed := strings.TrimRight(m, ".")
		for _, t := range []string{trimmed, strings.TrimSuffix(trimmed, ":")} {
			if a, err := netip.ParseAddr(t); err == nil && a.Is6() {
				return network(a.Unmap()) + m[len(t):]
			}
		}
		return m
	})
	return fours.ReplaceAllStringFunc(s, func(m string) string {
		if a, err := netip.ParseAddr(m); err == nil {
			return network(a)
		}
		return m
	})
}

func network(a netip.Addr) string {
	bits := 48
	if a.Is4() {
		bits = 24
	}
	n, err := a.Prefix(bits)
	if err != nil {
		return "***"
	}
	return n.Addr().String()
}

// printable writes out what a terminal would obey, and what is no text.
func printable(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case !unicode.IsPrint(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
		i += n
	}
	return b.String()
}

// Mask hides what a line holds of tokens and whole addresses, and what a terminal would obey, for
// those who see it on a screen.
func Mask(line string) string { return (&page{}).safe(line) }
