// Package settings is what to paste at each sender so that its logs, reports or metrics come in: for the
// sources page, and for whoever sets a sender up at night. The texts are those of docs/formats.md
// and docs/metrics.md, with the source's own address in them.
//
// A secret is never in them: where a token belongs stands a placeholder that says whose.
package settings

import (
	"net/url"
	"strings"
)

// Data is what the texts are about.
type Data struct {
	URL        string // of the collectors, as https://vigie.example.com:8081
	Source     string // its id
	Channel    string // id of a channel, for players; "": final
	SyslogPort string // "": 5514
	TLSPort    string // of syslog over TLS; "": there is none
	Public     bool   // players reach the source without a token, at /play/{id}
}

// Snippet is one text to paste.
type Snippet struct {
	Title    string // what it is
	Where    string // file, page or command that it goes to
	Language string // nginx, json, yaml, shell, vcl, text, javascript, html
	Text     string
}

// For gives the texts of a format, by its name in a source's configuration. None: the format is not
// known here.
func For(format string, d Data) []Snippet {
	host := "vigie.example.com"
	if u, err := url.Parse(d.URL); err == nil && u.Hostname() != "" {
		host = u.Hostname()
	}
	if d.SyslogPort == "" {
		d.SyslogPort = "5514"
	}
	if d.Channel == "" {
		d.Channel = "final"
	}
	players := d.URL + "/play/" + d.Source
	switch {
	case format == "beacon" && d.Source == "beacons":
		players = d.URL + "/beacon"
	case format == "cmcd" && d.Source == "cmcd":
		players = d.URL + "/cmcd"
	}
	fill := strings.NewReplacer(
		"{ingest}", d.URL+"/ingest/"+d.Source, "{url}", d.URL, "{source}", d.Source, "{host}", host,
		"{port}", d.SyslogPort, "{tls}", d.TLSPort, "{players}", players, "{channel}", d.Channel,
		"{token}", "<token of "+d.Source+">", "{token-encoded}", "<token%20of%20"+d.Source+">",
	)
	var out []Snippet
	for _, s := range texts(format, d) {
		if strings.Contains(s.Text, "{tls}") && d.TLSPort == "" {
			continue
		}
		s.Text = strings.TrimSpace(fill.Replace(s.Text)) + "\n"
		out = append(out, s)
	}
	return out
}

// texts are the texts of a format, before they are filled.
func texts(format string, d Data) []Snippet {
	if d.Public {
		if s := toPlayers[format]; s != nil {
			return s
		}
	}
	return toMachines[format]
}
