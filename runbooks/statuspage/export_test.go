package statuspage

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// order is a target that keeps what it was given, and fails where it is told to.
type order struct {
	names []string
	files map[string]string
	fail  string
}

func (o *order) String() string { return "order" }
func (o *order) Put(_ context.Context, f File) error {
	if f.Name == o.fail {
		return errors.New("no")
	}
	o.names = append(o.names, f.Name)
	o.files[f.Name] = string(f.Body)
	return nil
}

var reference = regexp.MustCompile(`(?:href|src|srcset)="([^"#:]+)"`)

// Wherever an export stops, each page that is there has all that it refers to, but other pages.
func TestAnExportIsNeverBroken(t *testing.T) {
	n := open(t, config())
	n.story(n.Status(), "night", time.Now().Add(-time.Hour), false, 5)
	n.story(n.Status(), "drill", time.Now().Add(-time.Hour), true, 5)
	whole := &order{files: map[string]string{}}
	if err := n.Export(t.Context(), whole); err != nil {
		t.Fatal(err)
	}
	if last := whole.names[len(whole.names)-1]; last != "index.html" {
		t.Errorf("%s is the last", last)
	}
	for _, stop := range whole.names {
		o := &order{files: map[string]string{}, fail: stop}
		if err := n.Export(t.Context(), o); err == nil || len(o.names) >= len(whole.names) {
			t.Fatalf("%s: %v, %d files", stop, err, len(o.names))
		}
		complete(t, o.files, false)
	}
	complete(t, whole.files, true)
	for name, body := range whole.files {
		if strings.Contains(body, "DRILL – ") || strings.Contains(body, "EXERCICE – Direct") {
			t.Errorf("%s has an exercise", name)
		}
	}
}

// Who read a page from a plain file server asks for it again by its date, which has whole seconds: of several exports in
// one second none is taken for another.
func TestExportsOfOneSecondAreToldApartByAPlainFileServer(t *testing.T) {
	folder := Folder(t.TempDir())
	files := http.FileServer(http.Dir(string(folder)))
	read := ""
	for _, body := range []string{"all is well", "an incident", "resolved"} {
		if err := folder.Put(t.Context(), File{Name: "fr/page.txt", Body: []byte(body)}); err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest(http.MethodGet, "/fr/page.txt", nil)
		if read != "" {
			r.Header.Set("If-Modified-Since", read)
		}
		w := httptest.NewRecorder()
		files.ServeHTTP(w, r)
		if w.Body.String() != body {
			t.Fatalf("%d %q, not %q", w.Code, w.Body, body)
		}
		read = w.Header().Get("Last-Modified")
	}
}

// complete looks for what pages refer to.
func complete(t *testing.T, files map[string]string, pagesToo bool) {
	t.Helper()
	for name, body := range files {
		if !strings.HasSuffix(name, ".html") {
			continue
		}
		for _, m := range reference.FindAllStringSubmatch(body, -1) {
			u, err := (&url.URL{Path: "/" + name}).Parse(m[1])
			if err != nil {
				t.Fatal(err)
			}
			to := strings.TrimPrefix(u.Path, "/")
			if strings.HasSuffix(to, "/") || to == "" {
				if to += "index.html"; !pagesToo {
					continue
				}
			}
			if _, there := files[to]; !there {
				t.Errorf("%s refers to %s, which is not there", name, m[1])
			}
		}
	}
}

// The folder follows the page; what somebody took away comes back.
func TestTheFolderFollows(t *testing.T) {
	c := config()
	c.Healthy = healthy
	c.Export.Folder = filepath.Join(t.TempDir(), "site", "public")
	c.Export.Every = 5 * time.Second
	n := open(t, c)
	n.run()
	index := filepath.Join(c.Export.Folder, "fr", "index.html")
	until(t, "the page is there", func() bool { b, err := os.ReadFile(index); return err == nil && strings.Contains(string(b), "</html>") })
	n.story(n.Status(), "night", time.Now().Add(-time.Hour), false, 1)
	until(t, "the post is there", func() bool { b, _ := os.ReadFile(index); return strings.Contains(string(b), "lecture perturbée") })
	if err := os.Remove(index); err != nil {
		t.Fatal(err)
	}
	until(t, "the page is back", func() bool { _, err := os.Stat(index); return err == nil })
	until(t, "nothing is left behind", func() bool { // once what is being written is
		rest, err := filepath.Glob(filepath.Join(c.Export.Folder, "*", ".*"))
		return err == nil && len(rest) == 0
	})
	if err := Folder(c.Export.Folder).Put(t.Context(), File{Name: "../x"}); err == nil {
		t.Error("a file above the folder was written")
	}
}

func until(t *testing.T, what string, f func() bool) {
	t.Helper()
	for range 2000 {
		if f() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("never: %s", what)
}

// A bucket gets each file by PUT, below its URL and with its signature; what failed is tried again; no error tells the
// signature.
func TestABucketTakesThePage(t *testing.T) {
	var mu sync.Mutex
	got, refused := map[string]*http.Request{}, 1
	bodies := map[string]string{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		if r.URL.Path == "/pages/status.json" && refused > 0 {
			refused--
			http.Error(w, "busy "+r.URL.RawQuery, http.StatusInternalServerError)
			return
		}
		got[r.URL.Path], bodies[r.URL.Path] = r, string(body)
		w.WriteHeader(http.StatusCreated)
	}))
	defer server.Close()
	n := open(t, config())
	b, err := newBucket(&Export{URL: server.URL + "/pages/?sig=verysecret%3D", Headers: map[string]string{"x-ms-blob-type": "BlockBlob", "Authorization": "Bearer alsosecret"}})
	if err != nil {
		t.Fatal(err)
	}
	put := map[string]string{}
	if err := n.export(t.Context(), b, put); err == nil || strings.Contains(err.Error(), "secret") || !strings.Contains(err.Error(), "status.json") {
		t.Errorf("%v", err)
	}
	if got["/pages/fr/index.html"] != nil || got["/pages/banner.json"] == nil {
		t.Error("it went on after an error, or did not begin")
	}
	if err := n.export(t.Context(), b, put); err != nil {
		t.Fatal(err)
	}
	r := got["/pages/fr/index.html"]
	if r == nil || r.Method != "PUT" || r.URL.Query().Get("sig") != "verysecret=" || r.Header.Get("Content-Type") != htmlType || r.Header.Get("Cache-Control") != short ||
		r.Header.Get("X-Ms-Blob-Type") != "BlockBlob" || r.Header.Get("Authorization") == "" || bodies["/pages/fr/index.html"] != string(n.shown.Load().public.at["fr/"].body) {
		t.Errorf("%+v", r)
	}
	clear(got)
	if err := n.export(t.Context(), b, put); err != nil || len(got) != 0 {
		t.Errorf("nothing changed, but %d files: %v", len(got), err)
	}
}
