package statuspage

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"slices"
	"strings"
	"time"
)

// maxFeed is how many entries a feed has, the latest ones.
const maxFeed = 50

type atomFeed struct {
	XMLName xml.Name    `xml:"http://www.w3.org/2005/Atom feed"`
	Lang    string      `xml:"xml:lang,attr"`
	ID      string      `xml:"id"`
	Title   string      `xml:"title"`
	Updated string      `xml:"updated"`
	Author  atomAuthor  `xml:"author"`
	Links   []atomLink  `xml:"link"`
	Entries []atomEntry `xml:"entry"`
}

type atomAuthor struct {
	Name string `xml:"name"`
}

type atomLink struct {
	Rel  string `xml:"rel,attr"`
	Type string `xml:"type,attr"`
	Href string `xml:"href,attr"`
}

type atomEntry struct {
	ID        string     `xml:"id"`
	Title     string     `xml:"title"`
	Published string     `xml:"published"`
	Updated   string     `xml:"updated"`
	Links     []atomLink `xml:"link"`
	Content   struct {
		Type string `xml:"type,attr"`
		Lang string `xml:"xml:lang,attr"`
		Text string `xml:",chardata"`
	} `xml:"content"`
}

// urn is the same for the same thing, wherever the page is served.
func urn(what string) string {
	h := sha256.Sum256([]byte(what))
	h[6], h[8] = h[6]&0x0f|0x80, h[8]&0x3f|0x80 // version 8
	x := hex.EncodeToString(h[:16])
	return "urn:uuid:" + strings.Join([]string{x[:8], x[8:12], x[12:16], x[16:20], x[20:]}, "-")
}

// feed is the public posts as Atom 1.0. A post that was corrected is told anew, with what it is now worth in its title.
func (s *scene) feed(f *fixed, sp speech) ([]byte, error) {
	out := atomFeed{Lang: sp.lang, ID: urn(f.config.URL + " " + f.config.Name["fr"] + " " + sp.lang), Title: sp.T("title") + " – " + f.config.Name[sp.lang], Author: atomAuthor{f.config.Name[sp.lang]}}
	if f.config.URL != "" {
		at := f.config.URL + sp.lang + "/"
		out.Links = []atomLink{{"self", "application/atom+xml", at + "feed.xml"}, {"alternate", "text/html", at}}
	}
	type told struct {
		at    time.Time
		entry atomEntry
	}
	var all []told
	for _, i := range s.incidents {
		title, _ := i.title(sp.lang)
		for _, e := range i.Entries {
			p := e.text(sp.lang)
			at := e.At
			one := atomEntry{ID: urn(i.Thread + " " + e.ID), Published: e.At.In(sp.zone).Format(time.RFC3339)}
			one.Title = sp.T("step." + e.Step)
			if subject := p.Subject; subject != "" {
				one.Title += " – " + subject
			} else if title != "" {
				one.Title += " – " + title
			}
			one.Content.Type, one.Content.Lang, one.Content.Text = "text", p.Lang, p.Text
			if e.Corrects != nil {
				one.Content.Text = sp.T("corrects", "when", sp.full(e.Corrects.At)) + "\n\n" + p.Text
			}
			if e.CorrectedBy != nil {
				at = e.CorrectedBy.At
				one.Title = "[" + sp.T("step.correction") + "] " + one.Title
				one.Content.Text = sp.T("corrected", "when", sp.full(at)) + "\n\n" + p.Text
			}
			one.Updated = at.In(sp.zone).Format(time.RFC3339)
			if f.config.URL != "" {
				one.Links = []atomLink{{"alternate", "text/html", f.config.URL + sp.lang + "/#m-" + e.ID}}
			}
			all = append(all, told{at, one})
		}
	}
	slices.SortStableFunc(all, func(a, b told) int { return b.at.Compare(a.at) })
	updated := time.Unix(0, 0) // nothing was published yet
	if len(all) > 0 {
		updated = all[0].at
	}
	out.Updated = updated.In(sp.zone).Format(time.RFC3339)
	for _, t := range all[:min(len(all), maxFeed)] {
		out.Entries = append(out.Entries, t.entry)
	}
	var b bytes.Buffer
	b.WriteString(xml.Header)
	e := xml.NewEncoder(&b)
	e.Indent("", " ")
	if err := e.Encode(out); err != nil {
		return nil, err
	}
	b.WriteByte('\n')
	return b.Bytes(), nil
}
