package bluesky

import (
	"strings"
	"testing"
)

// Posts' keys must be TIDs (the lexicon's key type): a server takes others, and nobody is shown the post.
func TestAKeyIsATID(t *testing.T) {
	seen := map[string]bool{}
	for _, id := range []string{"", "a", "b", "send-42-bluesky-fr", strings.Repeat("x", 64)} {
		key := tid(id)
		if !keyForm.MatchString(key) || key != tid(id) || seen[key] {
			t.Errorf("%q: %s", id, key)
		}
		seen[key] = true
		if key >= "3" { // 2^60 µs·1024: TIDs of our years begin with 3
			t.Errorf("%s is not in the past", key)
		}
	}
	// It never changes: a process of the next version must find what this one said.
	if got, want := tid("send-42-bluesky-fr"), "2mvn2p3kufnbe"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func FuzzThread(f *testing.F) {
	const at = "at://did:plc:ewvi7nxzyoun6zhxrhs64oiz/app.bsky.feed.post/3lu3k7vikye2m"
	f.Add([]byte(`{"uri":"` + at + `","cid":"bafyreibjifz","value":{"reply":{"root":{"uri":"at://did:plc:x/y/z","cid":"bafyreibjifz"}}}}`))
	f.Add([]byte(`{"uri":"` + at + `","cid":"bafyreibjifz","value":{"reply":{}}}`))
	f.Add([]byte(`{"value":null}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		parent, root, ok := thread(body, at)
		if ok && (parent.URI != at || !cidForm.MatchString(parent.CID) || !cidForm.MatchString(root.CID) || !strings.HasPrefix(root.URI, "at://did:")) {
			t.Errorf("%+v, %+v", parent, root)
		}
	})
}
