package player_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"vigie/ingest/beacon"
	"vigie/ingest/formattest"
	"vigie/ingest/player"
	"vigie/internal/browsertest"
	"vigie/internal/event"
)

// page is a tab in which time is the test's.
type page struct {
	t   *testing.T
	ctx context.Context
	url string
}

// run loads the page anew, does what the script says, and returns its value as JSON.
func (p *page) run(attributes, script string) string {
	p.t.Helper()
	if err := chromedp.Do(p.ctx, chromedp.Navigate(p.url+"/fake?"+attributes)); err != nil {
		p.t.Fatal(err)
	}
	got, err := chromedp.Run(p.ctx, chromedp.Evaluate[[]byte]("(async () => {"+script+"})()", chromedp.EvalAwaitPromise))
	if err != nil {
		p.t.Fatalf("%v in %s", err, script)
	}
	return string(got)
}

func openPage(t *testing.T) *page {
	ctx := browsertest.Open(t, browsertest.Life)
	mux := http.NewServeMux()
	mux.Handle("/", player.Handler())
	mux.Handle("GET /clock.js", http.FileServer(http.Dir("testdata")))
	mux.HandleFunc("GET /fake", func(w http.ResponseWriter, r *http.Request) {
		attributes := ""
		for name, values := range r.URL.Query() {
			attributes += fmt.Sprintf(" data-%s=%q", name, values[0])
		}
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, `<!DOCTYPE html><script src="/clock.js"></script><script>window.before = Object.keys(window)</script><script src="/vigie-beacon.js"%s></script>`, attributes)
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return &page{t, ctx, s.URL}
}

// Each case is what viewers do, in a browser whose clock the test moves, and what must be reported.
func TestWhatIsReported(t *testing.T) {
	p := openPage(t)
	const begin = `const v = new Video(); const w = Vigie.watch(v, {channel: 'tf1'}); `
	const start = begin + `v.play(); await pass(1320); v.shows(); `
	f := func(name, script, want string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			t.Helper()
			if got := p.run("sample=1", script); got != want {
				t.Errorf("%s\n got %s\nwant %s", script, got, want)
			}
		})
	}
	f("nothing before playback is asked for", begin+`await pass(60000); return [sent.length, pending()]`, `[0,0]`)
	f("a start", start+`await v.plays(1000); return [events(), sent[1].startupTime, sent[1].t - sent[0].t, sent[0].channel, sent[1].started]`,
		`["playbackRequest playbackStart",1320,1320,"tf1",true]`)
	f("a viewing of a minute", start+`await v.plays(60000); w.stop(); await pass(1000); return [events(), sum('watchedTime'), sum('mediaTime'), sum('playbackStallCount'), sum('playbackStallDuration'), pending()]`,
		`["playbackRequest playbackStart heartbeat heartbeat heartbeat heartbeat heartbeat heartbeat playbackFinish",60000,60000,0,0,0]`)
	f("numbers of beacons run from 1 on", start+`await v.plays(25000); return sent.map(b => b.seq)`, `[1,2,3,4]`)
	f("double speed", start+`v.playbackRate = 2; await v.plays(10000); w.stop(); await pass(1); return [sum('watchedTime'), sum('mediaTime')]`, `[10000,20000]`)
	f("a stall", start+`await v.plays(5000); v.stalls(); await pass(2500); v.shows(); await v.plays(5000); w.stop(); await pass(1);
		return [sum('watchedTime'), sum('playbackStallCount'), sum('playbackStallDuration'), count('playbackStall')]`, `[10000,1,2500,1]`)
	f("many stalls do not make many beacons", start+`for (let i = 0; i < 40; i++) { await v.plays(250); v.stalls(); await pass(250); v.shows(); } w.stop(); await pass(1);
		return [sum('playbackStallCount'), sum('playbackStallDuration'), sent.length < 12]`, `[40,10000,true]`)
	f("a stall that ends without a playing event", start+`await v.plays(5000); v.stalls(); await pass(2000); v.readyState = 4; await v.plays(5000); w.stop(); await pass(1);
		return [sum('playbackStallDuration') - 2000 <= 250, sum('watchedTime') >= 9750]`, `[true,true]`)
	f("a seek is no stall", start+`await v.plays(5000); v.seek(600); await pass(3000); v.sought(); v.shows(); await v.plays(5000); w.stop(); await pass(1);
		return [sum('playbackStallCount'), sum('playbackStallDuration'), sum('watchedTime'), sum('mediaTime')]`, `[0,0,10000,10000]`)
	f("a seek ends a stall", start+`await v.plays(5000); v.stalls(); await pass(1000); v.seek(600); await pass(3000); v.sought(); v.shows(); await v.plays(1000); w.stop(); await pass(1);
		return [sum('playbackStallCount'), sum('playbackStallDuration')]`, `[1,1000]`)
	f("a player's nudge does not", start+`await v.plays(5000); v.stalls(); await pass(1000); v.seek(v.currentTime + 0.1); v.seeking = false; v.fire('seeked'); await pass(1000); v.shows(); await v.plays(1000); w.stop(); await pass(1);
		return [sum('playbackStallCount'), sum('playbackStallDuration')]`, `[1,2000]`)
	f("waiting after a pause is no stall", start+`await v.plays(5000); v.pause(); await pass(7000); v.play(); v.stalls(); await pass(1000); v.shows(); await v.plays(5000); w.stop(); await pass(1);
		return [sum('playbackStallCount'), sum('watchedTime')]`, `[0,10000]`)
	f("five minutes of pause end a viewing, which begins anew", start+`const a = w.session; await v.plays(1000); v.pause(); await pass(400000); const gone = w.session, left = pending(); v.play(); await pass(100); v.shows();
		return [gone, left, count('playbackFinish'), count('playbackRequest'), sent[sent.length - 2].session !== a]`, `["",0,1,2,true]`)
	f("a machine that slept watched nothing", start+`await v.plays(5000); sleep(3600000); await v.plays(5000); w.stop(); await pass(1); return sum('watchedTime')`, `10000`)
	f("waiting for the start is no stall", begin+`v.play(); await pass(100); v.stalls(); await pass(20000); v.shows(); await pass(1);
		return [sent.filter(b => b.event === 'playbackStart')[0].startupTime, sum('playbackStallCount')]`, `[20100,0]`)
	f("a pause before the start is not waited for", begin+`v.play(); await pass(500); v.pause(); await pass(9000); v.play(); await pass(500); v.shows(); await pass(1); return [sent[sent.length - 1].startupTime, count('playbackRequest')]`, `[1000,1]`)
	f("autoplay asks with the load", `const v = new Video(); v.autoplay = true; Vigie.watch(v); v.fire('loadstart'); await pass(900); v.paused = false; v.readyState = 4; v.fire('canplaythrough'); v.fire('play'); v.shows(); await pass(1);
		return [events(), sent[1].startupTime, sent[1].t - sent[0].t]`, `["playbackRequest playbackStart",900,900]`)
	f("autoplay that is not allowed asks nothing", `const v = new Video(); v.autoplay = true; Vigie.watch(v); v.fire('loadstart'); await pass(900); v.readyState = 4; v.fire('canplaythrough'); await pass(60000); const none = sent.length; v.play(); v.shows(); await pass(1);
		return [none, sent[1].startupTime]`, `[0,0]`)
	f("the page knows when it was asked", begin+`w.request(); await pass(400); v.play(); await pass(600); v.shows(); await pass(1); return [count('playbackRequest'), sent[1].startupTime]`, `[1,1000]`)
	f("watched too late", `const v = new Video(); v.paused = false; v.readyState = 4; Vigie.watch(v); await v.plays(1000); return [events(), sent[1].startupTime]`, `["playbackRequest playbackStart",null]`)
	f("the end of the media", start+`await v.plays(2000); v.pause(); v.ended = true; v.fire('ended'); await pass(1000); return [sent[2].event, sent[2].started, sent.length, pending()]`, `["playbackFinish",true,3,0]`)
	f("the viewer leaves before the start", begin+`v.play(); await pass(3000); w.stop(); await pass(1); return [events(), sent[1].started]`, `["playbackRequest playbackFinish",null]`)
	f("a failed start", begin+`v.play(); await pass(100); v.error = {code: 4}; v.fire('error'); await pass(60000); return [events(), sent[1].errorCode, sent[1].started, pending()]`,
		`["playbackRequest playbackFail","media 4",null,0]`)
	f("a failed play", start+`await v.plays(3000); v.error = {code: 3}; v.fire('error'); await pass(6000); const last = sent[sent.length - 1]; return [last.event, last.errorCode, last.started, sum('watchedTime')]`, `["playbackFail","media 3",true,3000]`)
	f("an error that is got over", start+`await v.plays(3000); v.error = {code: 3}; v.fire('error'); await pass(500); v.error = null; v.fire('emptied'); v.shows(); await v.plays(20000); return [count('playbackFail'), w.session === sent[0].session]`, `[0,true]`)
	f("what the page calls a failure", begin+`w.fail('drm 6001'); await pass(1); return [events(), sent[1].errorCode]`, `["playbackRequest playbackFail","drm 6001"]`)
	f("another source is another viewing", start+`await v.plays(1000); v.pause(); v.fire('emptied'); v.play(); await pass(10); v.shows(); await pass(1); return [events(), new Set(sent.map(b => b.session)).size]`,
		`["playbackRequest playbackStart playbackFinish playbackRequest playbackStart",2]`)

	const hls = `const h = {on(n, f) { this[n] = f; }, config: {cmcd: {}}, sessionId: 'cmcd-1', levels: [{averageBitrate: 800000}, {bitrate: 2000000}], currentLevel: 0};
		const loads = n => h.hlsFragLoaded('', {frag: {stats: {loaded: n}}}); `
	f("hls.js: bytes, bits, the session of CMCD", hls+begin+`Vigie.watch(v, {hls: h}); v.play(); loads(1000); await pass(500); v.shows(); await v.plays(5000); h.currentLevel = 1; loads(2e6); await v.plays(5000); w.stop(); await pass(1);
		const bits = sum('bitsPlayed'); return [sum('cdnBytes'), bits > 13.2e6 && bits <= 14e6, sent[0].session]`, `[2001000,true,"cmcd-1"]`)
	f("hls.js: a fatal error after which the buffer still plays", hls+`const v = new Video(); Vigie.watch(v, {hls: h}); v.play(); v.shows(); await v.plays(1000); h.hlsError('', {fatal: true, details: 'fragLoadError', response: {code: 503}}); await v.plays(20000); const early = count('playbackFail');
		v.stalls(); await pass(6000); return [early, sent[sent.length - 1].event, sent[sent.length - 1].errorCode]`, `[0,"playbackFail","fragLoadError 503"]`)
	f("hls.js: a fatal error that the page got over", hls+`const v = new Video(); Vigie.watch(v, {hls: h}); v.play(); v.shows(); h.hlsError('', {fatal: true, details: 'x'}); await v.plays(2000); loads(5); await v.plays(2000); v.stalls(); await pass(9000); return count('playbackFail')`, `0`)
	f("hls.js: errors that are not fatal", hls+`const v = new Video(); Vigie.watch(v, {hls: h}); v.play(); h.hlsError('', {fatal: false, details: 'x'}); await pass(30000); return count('playbackFail')`, `0`)
	f("peers", hls+begin+`Vigie.watch(v, {hls: h}); v.play(); v.shows(); loads(5000); Vigie.p2p({down: 2000, up: 300, peers: 4}); Vigie.p2p({down: 1000}); w.p2p({down: 'x', up: -5, peers: 1e9}); await v.plays(10000);
		return [sum('cdnBytes'), sum('p2pDownBytes'), sum('p2pUpBytes'), sent[2].peers]`, `[2000,3000,300,10000]`)
	f("Shaka: a total", `let n = 100; const s = new EventTarget(); Object.assign(s, {getStats: () => ({bytesDownloaded: n}), getConfiguration: () => ({cmcd: {sessionId: 'sh'}}), getVariantTracks: () => [{bandwidth: 1, active: false}, {bandwidth: 1e6, active: true}]});
		const v = new Video(); Vigie.watch(v, {shaka: s}); v.play(); n = 600; v.shows(); await v.plays(10000); n = 700; await v.plays(10000); n = 50; await v.plays(10000); return [sum('cdnBytes'), sum('bitsPlayed') > 24e6, sent[0].session]`, `[650,true,"sh"]`)
	f("dash.js", `const d = {on(n, f) { this[n] = f; }, getSettings: () => ({streaming: {cmcd: {sid: null}}}), getCurrentRepresentationForType: () => ({bandwidth: 1e6})};
		const v = new Video(); Vigie.watch(v, {dash: d}); v.play(); v.shows(); d.fragmentLoadingCompleted({request: {bytesLoaded: 700}}); d.fragmentLoadingCompleted({error: {}, request: {bytesLoaded: 9}}); d.fragmentLoadingCompleted({request: {bytesLoaded: NaN}}); await v.plays(20000);
		return [sum('cdnBytes'), sum('bitsPlayed') > 8e6]`, `[700,true]`)

	f("two videos", `const a = new Video(), b = new Video(); Vigie.watch(a, {channel: 'a'}); Vigie.watch(b, {channel: 'b'}); a.play(); b.play(); a.shows(); b.shows(); await pass(20000); return [new Set(sent.map(s => s.session)).size, sent.filter(s => s.channel === 'a').length === sent.filter(s => s.channel === 'b').length]`, `[2,true]`)
	f("a hidden tab says what it has, and comes back", start+`await v.plays(4000); hidden('hidden'); const n = left, at = sent[2]; await v.plays(3000); hidden('visible'); await v.plays(10000); w.stop(); await pass(1);
		return [n, at.event, at.watchedTime, sum('watchedTime'), count('playbackFinish')]`, `[1,"heartbeat",4000,17000,1]`)
	f("a page that is left for good", start+`await v.plays(4000); dispatchEvent(new PageTransitionEvent('pagehide', {persisted: false})); return [left, sent[2].event, sent[2].watchedTime, pending()]`, `[1,"playbackFinish",4000,0]`)
	f("a page that may come back", start+`await v.plays(4000); dispatchEvent(new PageTransitionEvent('pagehide', {persisted: true})); return [left, sent[2].event]`, `[1,"heartbeat"]`)

	f("beacons are plain, and carry no credentials", start+`return attempts[0].to.endsWith('/beacon') && [attempts[0].options.method, attempts[0].options.keepalive, attempts[0].options.credentials, attempts[0].options.headers]`, `["POST",true,"omit",null]`)
	f("a collector that is away costs nobody anything", begin+`answer = () => 0; v.play(); v.shows(); await v.plays(3600000); const tries = attempts.length; answer = () => 204; await v.plays(600000); w.stop(); await pass(1);
		return [tries < 25, sum('watchedTime'), events().startsWith('playbackRequest playbackStart heartbeat'), pending()]`, `[true,4200000,true,0]`)
	f("it comes back more and more seldom", begin+`answer = () => 503; v.play(); await pass(2000000); const waits = attempts.map((a, i) => i ? a.at - attempts[i - 1].at : 0).slice(1); return [waits.slice(0, 5).map(w => Math.round(w / 1000)), Math.max(...waits) <= 450000]`, `[[10,20,40,80,160],true]`)
	f("memory is bounded while it is away", `answer = () => 0; const v = new Video(); Vigie.watch(v); for (let i = 0; i < 500; i++) { v.play(); v.shows(); v.ended = true; v.fire('ended'); await pass(10); } answer = () => 204; await pass(600000); return sent.length <= 20`, `true`)
	f("a collector that refuses is left alone", start+`await pass(1); const n = sent.length; answer = () => 403; await v.plays(3600000); w.stop(); return [attempts.length, n]`, `[3,2]`)
	f("what was not taken is sent again as it was", begin+`answer = () => 500; v.play(); await pass(1); answer = () => 204; await pass(20000); return [attempts[0].options.body === attempts[1].options.body.split('\n')[0], sent[0].seq]`, `[true,1]`)

	f("sampled out", `Math.random = () => 0.5; const v = new Video(); Vigie.watch(v, {sample: 0.5}); v.play(); v.shows(); await v.plays(60000); hidden('hidden'); return [attempts.length, left]`, `[0,0]`)
	f("sampled in", `Math.random = () => 0.49; const v = new Video(); Vigie.watch(v, {sample: '0.5'}); v.play(); v.shows(); await pass(1); return sent.length`, `2`)
	f("privacy is asked for", `Object.defineProperty(navigator, 'globalPrivacyControl', {value: true}); const v = new Video(); Vigie.watch(v, {privacy: true}); v.play(); v.shows(); await v.plays(60000); return attempts.length`, `0`)
	f("privacy is asked for and not an option", `Object.defineProperty(navigator, 'doNotTrack', {value: '1'}); const v = new Video(); Vigie.watch(v); v.play(); v.shows(); await pass(1); return sent.length`, `2`)
	f("one name is taken", `return Object.keys(window).filter(k => !before.includes(k) && k !== 'before')`, `["Vigie"]`)
	f("nothing is thrown at the page", `const all = []; addEventListener('error', e => all.push(e.message)); const bad = new Video(); Object.defineProperty(bad, 'currentTime', {get() { throw new Error('x'); }});
		Vigie.watch(null); Vigie.watch({}); Vigie.watch(bad, {hls: {}, shaka: 1, dash: {}, channel() { throw new Error('y'); }}).stop(); bad.play(); bad.shows(); Vigie.p2p(); Vigie.watch(undefined).fail();
		const v = new Video(); Vigie.watch(v, {hls: {on() {}}, channel() { throw new Error('y'); }}); v.play(); v.shows(); await v.plays(20000); return [all, count('playbackStart')]`, `[[],1]`)
	f("texts are cut and clean", `const v = new Video(); Vigie.watch(v, {channel: 'x'.repeat(100), cdn: () => 'a\u0000b', device: 7, player: ''}); v.play(); await pass(1); return [sent[0].channel.length, sent[0].cdn, sent[0].device, sent[0].player]`, `[64,"a b","7",null]`)
	f("without randomUUID, as on plain HTTP", `crypto.randomUUID = undefined; const v = new Video(); Vigie.watch(v); v.play(); await pass(1); return /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/.test(sent[0].session)`, `true`)
}

func TestAttributesOfTheScript(t *testing.T) {
	p := openPage(t)
	const insert = `const v = document.createElement('video'); v.className = 'live'; document.body.append(v); const other = document.createElement('video'); document.body.append(other);
		for (const x of [v, other]) { x.dispatchEvent(new Event('loadstart')); x.dispatchEvent(new Event('play')); } await pass(1); `
	if got := p.run("watch=.live&channel=tf1&sample=1", insert+`return [sent.length, sent[0].channel]`); got != `[1,"tf1"]` {
		t.Errorf("a video that came later: %s", got)
	}
	if got := p.run("channel=tf1", insert+`return sent.length`); got != `0` {
		t.Errorf("nothing was to be watched: %s", got)
	}
	if got := p.run("watch=video&to=https://other.example/b", insert+`return attempts[0].to`); got != `"https://other.example/b"` {
		t.Errorf("another collector: %s", got)
	}
}

// What the script sends is what package beacon reads.
func TestTheCollectorReadsIt(t *testing.T) {
	p := openPage(t)
	var sent string
	raw := p.run("", `const v = new Video(); const w = Vigie.watch(v, {channel: 'tf1', cdn: 'akamai', device: 'tv', player: 'hls.js 1.7', bitrate: 4e6}); v.play(); await pass(1320); v.shows(); await v.plays(20000); v.stalls(); await pass(700); v.shows(); Vigie.p2p({down: 5, up: 6, peers: 7}); w.stop(); await pass(1); return attempts.map(a => a.options.body).join('\n')`)
	if err := json.Unmarshal([]byte(raw), &sent); err != nil {
		t.Fatal(err)
	}
	got := formattest.Read(beacon.Parse, []byte(sent), event.Origin{Received: time.UnixMilli(1788896700000)}).String()
	for _, want := range []string{"Event=playbackStart Started Startup=1.32s", "Event=playbackFinish Started", "Rebuffering=700ms", "Stalls=1", `CDN="akamai" Channel="tf1" Device="tv" Player="hls.js 1.7"`, "BitsPlayed=", "PeerBytes=5 PeerUploaded=6 Peers=7", "Sequence=1"} {
		if !strings.Contains(got, want) {
			t.Errorf("%s\nlacks %s", got, want)
		}
	}
	if strings.Contains(got, "refused") {
		t.Error(got)
	}
}

// A stranger's address fills the field and does nothing else.
func TestThePageWaitsForAPerson(t *testing.T) {
	ctx := browsertest.Open(t, browsertest.Life)
	loaded := make(chan string, 100)
	mux := http.NewServeMux()
	mux.Handle("/", player.Handler())
	mux.HandleFunc("GET /video.mp4", func(w http.ResponseWriter, r *http.Request) { loaded <- r.URL.String(); w.WriteHeader(404) })
	mux.HandleFunc("GET /x.js", func(w http.ResponseWriter, r *http.Request) { loaded <- r.URL.String() })
	mux.HandleFunc("POST /beacon", func(w http.ResponseWriter, r *http.Request) { loaded <- r.URL.String(); w.WriteHeader(204) })
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	ask := func(expression string) string {
		t.Helper()
		v, err := chromedp.Run(ctx, chromedp.Evaluate[string](expression))
		if err != nil {
			t.Fatalf("%s: %v", expression, err)
		}
		return v
	}
	if err := chromedp.Do(ctx, chromedp.Navigate(s.URL+"/player?hls=/x.js&src="+s.URL+"/video.mp4")); err != nil {
		t.Fatal(err)
	}
	if got := ask(`document.querySelector('#src').value`); got != s.URL+"/video.mp4" {
		t.Fatalf("the field has %q", got)
	}
	time.Sleep(300 * time.Millisecond) // nothing can be waited for that must not come
	select {
	case what := <-loaded:
		t.Fatalf("%s was loaded before anybody pressed the button", what)
	default:
	}
	if err := chromedp.Do(ctx, chromedp.Click(chromedp.CSS("button"))); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the stream and the first beacon
		select {
		case what := <-loaded:
			if what == "/x.js" {
				t.Error("an address chose a script")
			}
		case <-time.After(10 * time.Second):
			t.Fatal("the button did nothing")
		}
	}
	for _, bad := range []string{"javascript:alert(1)", "data:text/html,x", "file:///etc/passwd"} {
		got := ask(`document.querySelector('#src').value = ` + fmt.Sprintf("%q", bad) + `; document.querySelector('#address').hidden = true; document.querySelector('form').dispatchEvent(new Event('submit', {cancelable: true})); String(document.querySelector('#address').hidden)`)
		if got != "false" {
			t.Errorf("%s was taken", bad)
		}
	}
}
