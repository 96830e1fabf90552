package bluesky

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"vigie/internal/provider"
	"vigie/internal/provider/providertest"
	"vigie/runbooks/channel"
)

const (
	did      = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"
	handle   = "tf1.example"
	password = "abcd-efgh-ijkl-mnop"
	cid      = "bafyreibjifzpqj6o6wcq3hejh7y4z4z2vmiklkvykc57tw3pcbx3kxifpm"
)

var (
	_ channel.Channel = (*Channel)(nil)
	_ channel.Finder  = (*Channel)(nil)
)

func said() *channel.Message {
	return &channel.Message{ID: "send-42-bluesky-fr", Lang: "fr", Thread: "crisis-7", Text: "La vidéo s’interrompt : https://statut.example. #finale", At: time.Date(2026, 11, 21, 20, 41, 0, 123456789, time.UTC)}
}

// server is a personal data server: sessions whose tokens serve for a while, and one repository of posts.
type server struct {
	*httptest.Server

	mutex   sync.Mutex
	signs   int // of sessions made, renewed or not
	renewed int
	refused bool // refresh tokens are not taken
	access  string
	refresh string
	records map[string]json.RawMessage
	puts    int
	wrong   []string
}

func newServer(t *testing.T) *server {
	s := &server{records: map[string]json.RawMessage{}}
	s.Server = httptest.NewServer(s)
	t.Cleanup(func() {
		s.Close()
		for _, w := range s.wrong {
			t.Error(w)
		}
	})
	return s
}

// expire makes the access token one that has expired.
func (s *server) expire() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.access = "expired"
}

func reply4xx(w http.ResponseWriter, status int, word string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"error":%q,"message":"…"}`, word)
}

// session answers as createSession and refreshSession do.
func (s *server) session(w http.ResponseWriter) {
	s.signs++
	s.access, s.refresh = fmt.Sprintf("eyJ-access-%d", s.signs), fmt.Sprintf("eyJ-refresh-%d", s.signs)
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"did":%q,"didDoc":{},"handle":%q,"email":"x@tf1.example","accessJwt":%q,"refreshJwt":%q,"active":true}`, did, handle, s.access, s.refresh)
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	body, _ := io.ReadAll(r.Body)
	if !s.aside(w, r, body) {
		s.repository(w, r, body)
	}
}

func (s *server) aside(w http.ResponseWriter, r *http.Request, body []byte) bool {
	bearer := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	switch method := strings.TrimPrefix(r.URL.Path, "/xrpc/com.atproto.server."); {
	case method == "createSession":
		var in struct{ Identifier, Password string }
		if err := providertest.Strict(body, &in); err != nil || r.Method != http.MethodPost || in.Identifier != handle {
			s.wrong = append(s.wrong, fmt.Sprintf("%v: %s %s", err, r.Method, body))
		}
		if in.Password != password {
			reply4xx(w, 401, "AuthenticationRequired")
			return true
		}
		s.session(w)
	case method == "refreshSession":
		if r.Method != http.MethodPost || len(body) > 0 {
			s.wrong = append(s.wrong, fmt.Sprintf("refreshSession with a body: %s", body))
		}
		if s.refused || bearer != s.refresh {
			reply4xx(w, 400, "ExpiredToken")
			return true
		}
		s.renewed++
		s.session(w)
	default:
		return false
	}
	return true
}

func (s *server) repository(w http.ResponseWriter, r *http.Request, body []byte) {
	if r.Header.Get("Authorization") != "Bearer "+s.access {
		reply4xx(w, 400, "ExpiredToken")
		return
	}
	q := r.URL.Query()
	switch strings.TrimPrefix(r.URL.Path, "/xrpc/com.atproto.repo.") {
	case "putRecord":
		var in struct {
			Repo, Collection, Rkey string
			Record                 json.RawMessage
		}
		if err := json.Unmarshal(body, &in); err != nil {
			s.wrong = append(s.wrong, err.Error())
		}
		s.puts++
		s.records[in.Rkey] = in.Record
		fmt.Fprintf(w, `{"uri":"at://%s/%s/%s","cid":%q,"commit":{"cid":%q,"rev":"3lu3k7vikye2m"},"validationStatus":"valid"}`, in.Repo, in.Collection, in.Rkey, cid, cid)
	case "getRecord":
		record, ok := s.records[q.Get("rkey")]
		if r.Method != http.MethodGet || q.Get("repo") != did || q.Get("collection") != posts {
			s.wrong = append(s.wrong, r.Method+" "+r.URL.String())
		}
		if !ok {
			reply4xx(w, 400, "RecordNotFound")
			return
		}
		fmt.Fprintf(w, `{"uri":"at://%s/%s/%s","cid":%q,"value":%s}`, did, posts, q.Get("rkey"), cid, record)
	default:
		s.wrong = append(s.wrong, r.URL.Path)
	}
}

func (s *server) channel(t *testing.T) *Channel {
	t.Helper()
	c, err := New(Config{URL: s.URL, Identifier: handle, Password: password})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// lexicon is what app.bsky.feed.post documents of what is used here.
type lexicon struct {
	Type      string `json:"$type"`
	Text      string
	CreatedAt string `json:"createdAt"`
	Langs     []string
	Facets    []struct {
		Index struct {
			Start int `json:"byteStart"`
			End   int `json:"byteEnd"`
		}
		Features []struct {
			Type     string `json:"$type"`
			URI, Tag string
		}
	}
	Reply *struct{ Root, Parent ref }
}

func TestBluesky(t *testing.T) {
	key := tid(said().ID)
	providertest.Conform(t, providertest.Provider{
		New: func(url string) (providertest.Try, error) {
			c, err := New(Config{URL: url, Identifier: handle, Password: password})
			return func(ctx context.Context) (provider.Receipt, error) { return c.Send(ctx, "", said()) }, err
		},
		Secrets: []string{password, "eyJ-access", "eyJ-refresh"},
		Aside: func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.Contains(r.URL.Path, "com.atproto.server.") {
				return false
			}
			body, _ := io.ReadAll(r.Body)
			return new(server).aside(w, r, body)
		},
		Accept: func(w http.ResponseWriter, _ *http.Request, _ []byte) {
			fmt.Fprintf(w, `{"uri":"at://%s/app.bsky.feed.post/%s","cid":%q,"validationStatus":"valid"}`, did, key, cid)
		},
		Receipt: key,
		Check: func(r *http.Request, body []byte) error {
			var in struct {
				Repo, Collection, Rkey string
				Validate               bool
				Record                 lexicon
			}
			if err := providertest.Strict(body, &in); err != nil {
				return err
			}
			p := in.Record
			if r.Method != http.MethodPost || r.URL.Path != "/xrpc/com.atproto.repo.putRecord" || r.Header.Get("Content-Type") != "application/json" || r.Header.Get("Authorization") != "Bearer eyJ-access-1" ||
				in.Repo != did || in.Collection != "app.bsky.feed.post" || in.Rkey != key || !in.Validate || p.Type != in.Collection || p.Text != said().Text || p.CreatedAt != "2026-11-21T20:41:00.123Z" || len(p.Langs) != 1 || p.Langs[0] != "fr" || p.Reply != nil || len(p.Facets) != 2 {
				return fmt.Errorf("%s %s %v %s", r.Method, r.URL, r.Header, body)
			}
			for _, f := range p.Facets {
				if part := p.Text[f.Index.Start:f.Index.End]; part != f.Features[0].URI && part != "#"+f.Features[0].Tag {
					return fmt.Errorf("%q is %+v", part, f)
				}
			}
			return nil
		},
		Deny:    func(w http.ResponseWriter, _ *http.Request) { reply4xx(w, 401, "AuthMissing") },
		Unknown: func(w http.ResponseWriter, _ *http.Request) { reply4xx(w, 404, "XRPCNotSupported") },
		Refuse:  func(w http.ResponseWriter, _ *http.Request) { reply4xx(w, 400, "InvalidRequest") },
	})
}

func TestWhatIsSaidAgainIsTheSamePost(t *testing.T) {
	s := newServer(t)
	first, err := s.channel(t).Send(t.Context(), "", said())
	if err != nil {
		t.Fatal(err)
	}
	second, err := s.channel(t).Send(t.Context(), "", said())
	if err != nil || first != second || len(s.records) != 1 || s.puts != 2 {
		t.Errorf("%v: %+v, %+v, %d posts", err, first, second, len(s.records))
	}
	if first.Text != "https://bsky.app/profile/"+did+"/post/"+tid(said().ID) {
		t.Errorf("%+v", first)
	}
}

func TestFind(t *testing.T) {
	s := newServer(t)
	c := s.channel(t)
	if r, found, err := c.Find(t.Context(), "", said()); err != nil || found {
		t.Errorf("before: %+v, %v, %v", r, found, err)
	}
	sent, err := c.Send(t.Context(), "", said())
	if err != nil {
		t.Fatal(err)
	}
	if r, found, err := c.Find(t.Context(), "", said()); err != nil || !found || r != sent {
		t.Errorf("after: %+v, %v, %v; sent %+v", r, found, err, sent)
	}
	other := said()
	other.ID = "send-43-bluesky-fr"
	if _, found, err := c.Find(t.Context(), "", other); err != nil || found {
		t.Errorf("another: %v, %v", found, err)
	}
	s.Close()
	if _, found, err := c.Find(t.Context(), "", said()); err == nil || found {
		t.Error("a server that is not there does not say no")
	}
}

// Each answers the one before; all name the first.
func TestAThread(t *testing.T) {
	s := newServer(t)
	c := s.channel(t)
	var receipts []provider.Receipt
	for i, id := range []string{"first", "second", "third"} {
		m := said()
		m.ID = id
		if i > 0 {
			m.Earlier = receipts[i-1].ID
		}
		r, err := c.Send(t.Context(), "", m)
		if err != nil || r.ID != tid(id) {
			t.Fatalf("%+v, %v", r, err)
		}
		receipts = append(receipts, r)
		var p lexicon
		if err := json.Unmarshal(s.records[tid(id)], &p); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			if p.Reply != nil {
				t.Errorf("the first answers %+v", p.Reply)
			}
			continue
		}
		root, parent := ref{uri(did, tid("first")), cid}, ref{uri(did, tid([]string{"first", "second"}[i-1])), cid}
		if p.Reply == nil || p.Reply.Root != root || p.Reply.Parent != parent {
			t.Errorf("%s answers %+v", id, p.Reply)
		}
	}
	// What is no post's key, or no post's any more, is not answered.
	for _, earlier := range []string{"103254962155278888", tid("deleted")} {
		m := said()
		m.ID, m.Earlier = "alone", earlier
		if _, err := c.Send(t.Context(), "", m); err != nil || strings.Contains(string(s.records[tid("alone")]), "reply") {
			t.Errorf("%s: %v: %s", earlier, err, s.records[tid("alone")])
		}
	}
}

// What cannot be looked up was not posted.
func TestAThreadThatCannotBeLookedUp(t *testing.T) {
	puts := 0
	for name, get := range map[string]string{"an error": "", "another post": `{"uri":"at://` + did + `/app.bsky.feed.post/x","cid":"` + cid + `","value":{}}`, "a page": "<html>"} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			switch {
			case new(server).aside(w, r, body):
			case strings.HasSuffix(r.URL.Path, "putRecord"):
				puts++
			case get == "":
				reply4xx(w, 502, "UpstreamFailure")
			default:
				fmt.Fprint(w, get)
			}
		}))
		c, err := New(Config{URL: server.URL, Identifier: handle, Password: password})
		if err != nil {
			t.Fatal(err)
		}
		m := said()
		m.Earlier = tid("earlier")
		_, err = c.Send(t.Context(), "", m)
		if f := provider.Failed(err); f == nil || f.Certainty != provider.Temporary || f.Reason != provider.ReasonServer || puts > 0 {
			t.Errorf("%s: %+v", name, f)
		}
		server.Close()
	}
}

// A server allows some hundred sign-ins a day: a session is kept, renewed when its access has expired, made anew
// when it cannot be renewed; and what was to be said is said once.
func TestASessionIsKept(t *testing.T) {
	s := newServer(t)
	c := s.channel(t)
	send := func(id string) {
		t.Helper()
		m := said()
		m.ID = id
		if _, err := c.Send(t.Context(), "", m); err != nil {
			t.Fatal(err)
		}
	}
	for _, step := range []struct {
		name                 string
		before               func()
		signs, renewed, puts int
	}{
		{"first", func() {}, 1, 0, 1},
		{"again", func() {}, 1, 0, 2},
		{"expired", s.expire, 2, 1, 3},
		{"not to be renewed", func() { s.expire(); s.refused = true }, 3, 1, 4},
	} {
		step.before()
		send(step.name)
		if s.signs != step.signs || s.renewed != step.renewed || s.puts != step.puts {
			t.Errorf("%s: %d sessions, %d renewed, %d posts", step.name, s.signs, s.renewed, s.puts)
		}
	}
}

func TestManyAtOnceSignInOnce(t *testing.T) {
	s := newServer(t)
	c := s.channel(t)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			m := said()
			m.ID = fmt.Sprint("send-", i)
			if _, err := c.Send(t.Context(), "", m); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if s.signs != 1 || s.puts != 8 {
		t.Errorf("%d sessions, %d posts", s.signs, s.puts)
	}
}

// Nothing was posted by whoever could not sign in.
func TestSigningInFails(t *testing.T) {
	for _, c := range []struct {
		status       int
		header, word string
		certainty    provider.Certainty
		reason       provider.Reason
		after        bool
	}{
		{401, "", "AuthenticationRequired", provider.Permanent, provider.ReasonAuth, false},
		{401, "", "AuthFactorTokenRequired", provider.Permanent, provider.ReasonAuth, false},
		{400, "", "AccountTakedown", provider.Permanent, provider.ReasonAuth, false},
		{429, "RateLimit-Reset", "RateLimitExceeded", provider.Temporary, provider.ReasonRate, true},
		{500, "", "InternalServerError", provider.Temporary, provider.ReasonServer, false},
		{200, "", "", provider.Temporary, provider.ReasonServer, false},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if c.header != "" {
				w.Header().Set(c.header, fmt.Sprint(time.Now().Add(time.Minute).Unix()))
			}
			if reply4xx(w, c.status, c.word); c.word == "" {
				fmt.Fprint(w, "eyJ-access-1 "+password)
			}
		}))
		ch, err := New(Config{URL: server.URL, Identifier: handle, Password: password})
		if err != nil {
			t.Fatal(err)
		}
		_, err = ch.Send(t.Context(), "", said())
		if f := provider.Failed(err); f == nil || f.Certainty != c.certainty || f.Reason != c.reason || (f.After > 0) != c.after || strings.Contains(err.Error(), password) {
			t.Errorf("%d %s: %+v", c.status, c.word, f)
		}
		server.Close()
	}
}

func TestConfiguration(t *testing.T) {
	good := Config{Identifier: handle, Password: password}
	for _, c := range []struct {
		field  string
		change func(c *Config)
	}{
		{"", func(*Config) {}},
		{"", func(c *Config) { c.URL, c.Identifier = "https://pds.tf1.example", did }},
		{"url: ", func(c *Config) { c.URL = "http://pds.tf1.example" }},
		{"identifier: ", func(c *Config) { c.Identifier = "" }},
		{"identifier: ", func(c *Config) { c.Identifier = "@tf1.example" }},
		{"password: ", func(c *Config) { c.Password = "" }},
	} {
		config := good
		c.change(&config)
		if _, err := New(config); (err == nil) != (c.field == "") || err != nil && (!strings.HasPrefix(err.Error(), c.field) || strings.Contains(err.Error(), password)) {
			t.Errorf("%+v: %v", config, err)
		}
	}
}
