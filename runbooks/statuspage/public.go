package statuspage

import (
	"bytes"
	"encoding/json"
	"time"
)

// The page as JSON, version 1: fields may be added, none is taken away or changes its meaning without another version.
type (
	publicStatus struct {
		Version    int               `json:"version"`
		Name       Words             `json:"name"`
		State      string            `json:"state"` // operational, quiet, maintenance, degraded, partial, major, incident, unknown
		CheckedAt  string            `json:"checked_at,omitempty"`
		Fresh      bool              `json:"fresh"` // false: it may not hold any more
		Components []publicComponent `json:"components"`
		Incidents  []publicIncident  `json:"incidents"` // that go on
		History    []publicIncident  `json:"history"`   // that ended in the last 30 days
	}
	publicComponent struct {
		ID    string `json:"id"`
		Name  Words  `json:"name"`
		Group Words  `json:"group,omitempty"`
		State string `json:"state,omitempty"` // absent: nobody said, or since an incident began nobody said again that it is well
		Since string `json:"since,omitempty"`
	}
	publicIncident struct {
		ID     string       `json:"id"`
		State  string       `json:"state"` // investigating, identified, resolved, cancelled
		Title  Words        `json:"title"`
		Began  string       `json:"began_at"`
		Ended  string       `json:"ended_at,omitempty"`
		NextBy string       `json:"next_by,omitempty"`
		Posts  []publicPost `json:"posts"` // the newest first
	}
	publicPost struct {
		ID          string                `json:"id"`
		Step        string                `json:"step"`
		At          string                `json:"at"`
		Corrects    string                `json:"corrects,omitempty"`
		CorrectedBy string                `json:"corrected_by,omitempty"`
		Texts       map[string]publicText `json:"texts"` // by language
	}
	publicText struct {
		Title string `json:"title,omitempty"`
		Text  string `json:"text"`
	}
	publicBanners struct {
		Version int            `json:"version"`
		Active  bool           `json:"active"`
		Drill   bool           `json:"drill,omitempty"`
		Poll    int            `json:"poll,omitempty"` // seconds between two questions
		Banners []publicBanner `json:"banners,omitempty"`
	}
	publicBanner struct {
		ID     string                `json:"id"` // another one for each text: what was closed stays closed, news do not
		State  string                `json:"state"`
		Step   string                `json:"step"`
		At     string                `json:"at"`
		NextBy string                `json:"next_by,omitempty"`
		URL    string                `json:"url,omitempty"`
		Labels map[string]string     `json:"labels,omitempty"`
		Texts  map[string]publicText `json:"texts"`
	}
)

func (s *scene) status(f *fixed, zone *time.Location) ([]byte, error) {
	out := publicStatus{Version: 1, Name: f.config.Name, State: s.tone(), CheckedAt: stamp(s.contents.Checked.Truncate(time.Minute), zone), Fresh: s.fresh,
		Components: []publicComponent{}, Incidents: []publicIncident{}, History: []publicIncident{}}
	for _, c := range s.components {
		one := publicComponent{ID: c.ID, Name: c.Name, Group: c.Group, State: string(s.state(c.ID))}
		if one.State != "" {
			one.Since = stamp(s.contents.Components[c.ID].At, zone)
		}
		out.Components = append(out.Components, one)
	}
	for _, i := range s.open() {
		out.Incidents = append(out.Incidents, publish(i, zone))
	}
	for _, i := range s.past() {
		out.History = append(out.History, publish(i, zone))
	}
	return encode(out)
}

func publish(i *incident, zone *time.Location) publicIncident {
	out := publicIncident{ID: i.Thread, State: string(i.Phase), Title: Words{}, Began: stamp(i.Began, zone), Ended: stamp(i.Ended, zone), NextBy: stamp(i.NextBy, zone)}
	for _, lang := range languages {
		if title, in := i.title(lang); title != "" && in == lang {
			out.Title[lang] = title
		}
	}
	for n := len(i.Entries) - 1; n >= 0; n-- {
		e := i.Entries[n]
		p := publicPost{ID: e.ID, Step: e.Step, At: stamp(e.At, zone), Texts: e.publicTexts()}
		if e.Corrects != nil {
			p.Corrects = e.Corrects.ID
		}
		if e.CorrectedBy != nil {
			p.CorrectedBy = e.CorrectedBy.ID
		}
		out.Posts = append(out.Posts, p)
	}
	return out
}

func (e *entry) publicTexts() map[string]publicText {
	out := map[string]publicText{}
	for lang, p := range e.Texts {
		out[lang] = publicText{p.Subject, p.Text}
	}
	return out
}

func (s *scene) banner(f *fixed, zone *time.Location) ([]byte, error) {
	out := publicBanners{Version: 1, Active: len(s.banners) > 0, Drill: s.drill, Poll: int(f.config.Poll / time.Second)}
	for _, b := range s.banners {
		one := publicBanner{ID: b.Entry.ID, State: string(b.Phase), Step: b.Entry.Step, At: stamp(b.Entry.At, zone), Labels: b.Entry.Labels, Texts: b.Entry.publicTexts()}
		if !b.Phase.closed() {
			one.NextBy = stamp(b.Entry.NextBy, zone)
		}
		if !s.drill {
			one.URL = f.config.URL
		}
		out.Banners = append(out.Banners, one)
	}
	return encode(out)
}

func stamp(t time.Time, zone *time.Location) string {
	if t.IsZero() {
		return ""
	}
	return t.In(zone).Format(time.RFC3339)
}

// encode leaves no < or & in a text, for whoever puts JSON into a page.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	if err := json.NewEncoder(&b).Encode(v); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
