package agent

import "strings"

// How much a word tells. The family is that of the word which tells the most; of two alike, the first.
const (
	isAndroid = iota + 1 // of itself nothing
	isMozilla
	isTV
	isNot      // ends like a robot, and is none
	weak       // the product before it tells more
	safari     // what all claim to be
	chrome     // what most browsers claim to be
	embedded   // in an app
	library    //
	browser    //
	named      // stands there without a version, unlike those before it: "motorola edge 20" is no Edge
	anyScreen  // some television
	television // and consoles: their browsers tell less
	player     //
	tool       // with a version again
	robot
)

// versioned tells whether a word counts only before a slash, or at the beginning.
func versioned(rank uint8) bool {
	return rank >= safari && rank <= browser && rank != embedded || rank == tool
}

// words are what is known, in lower case, and their families. What stands first in its user agent is its
// own family without being here, but then it is not known: it may be left out where many are.
var words = []struct {
	rank            uint8
	family, spelled string
}{
	{isAndroid, "", "android"},
	{isMozilla, "", "mozilla"},
	{isTV, "", "tv"},
	{isNot, "", "cubot"}, // makes telephones

	{weak, "cfnetwork", "cfnetwork"},
	{weak, "darwin", "darwin"},
	{weak, "webkit", "applewebkit"},

	{safari, "safari", "safari"},
	{chrome, "chrome", "chrome chromium crios"},

	{embedded, "webview", "wv"},

	{library, "okhttp", "okhttp"},
	{library, "dalvik", "dalvik"},
	{library, "curl", "curl libcurl pycurl"},
	{library, "wget", "wget"},
	{library, "python", "python python-requests python-urllib python-urllib3 python-httpx aiohttp urllib3"},
	{library, "go", "go-http-client go-resty fasthttp"},
	{library, "java", "java java-http-client apache-httpclient apache-httpasyncclient jersey reactornetty"},
	{library, "libwww", "libwww-perl libwww lwp-trivial"},
	{library, "axios", "axios"},
	{library, "node", "node node.js node-fetch undici got superagent deno bun"},
	{library, "php", "php guzzlehttp"},
	{library, "ruby", "ruby faraday rest-client"},
	{library, "rust", "reqwest hyper"},
	{library, "dotnet", "restsharp dotnet"},
	{library, "winhttp", "winhttp wininet"},
	{library, "postman", "postmanruntime"},
	{library, "insomnia", "insomnia"},
	{library, "httpie", "httpie"},
	{library, "dart", "dart"},
	{library, "cronet", "cronet"},
	{library, "ktor", "ktor ktor-client"},

	{browser, "firefox", "firefox fxios focus klar"},
	{browser, "edge", "edg edge edga edgios"},
	{browser, "opera", "opera opr opios opt opx"},
	{browser, "samsungbrowser", "samsungbrowser"},
	{browser, "miuibrowser", "miuibrowser"},
	{browser, "huaweibrowser", "huaweibrowser"},
	{browser, "yandex", "yabrowser"},
	{browser, "ucbrowser", "ucbrowser ubrowser"},
	{browser, "vivaldi", "vivaldi"},
	{browser, "brave", "brave"},
	{browser, "duckduckgo", "duckduckgo ddg"},
	{browser, "qwant", "qwant qwantbrowser qwantmobile"},
	{browser, "silk", "silk"},
	{browser, "googleapp", "gsa"},
	{browser, "electron", "electron"},
	{browser, "oculusbrowser", "oculusbrowser"},

	{named, "msie", "msie trident"},
	{named, "facebook", "fban fbav fb_iab"},
	{named, "instagram", "instagram"},
	{named, "snapchat", "snapchat"},
	{named, "tiktok", "musical_ly bytedancewebview tiktok"},
	{named, "whatsapp", "whatsapp"},

	{anyScreen, "smarttv", "smarttv smart-tv"},
	{anyScreen, "hbbtv", "hbbtv"},

	{television, "tizen", "tizen"},
	{television, "maple", "maple"}, // Samsung's before Tizen
	{television, "webos", "web0s webos webos.tv webappmanager"},
	{television, "netcast", "netcast netcast.tv"},
	{television, "androidtv", "androidtv googletv"},
	{television, "chromecast", "crkey chromecast"},
	{television, "firetv", "firetv"},
	{television, "appletv", "tvos"},
	{television, "roku", "roku"},
	{television, "viera", "viera"},
	{television, "vidaa", "vidaa"},
	{television, "freebox", "freebox freeboxplayer"},
	{television, "playstation", "playstation"},
	{television, "xbox", "xbox"},
	{television, "nintendo", "nintendo nintendobrowser"},

	{player, "exoplayer", "exoplayer exoplayerlib exoplayerdemo androidxmedia3 media3"},
	{player, "applecoremedia", "applecoremedia"},
	{player, "stagefright", "stagefright"},
	{player, "vlc", "vlc libvlc"},
	{player, "ffmpeg", "lavf libavformat ffmpeg ffplay"},
	{player, "mpv", "mpv"},
	{player, "kodi", "kodi xbmc"},
	{player, "gstreamer", "gstreamer souphttpsrc"},
	{player, "nsplayer", "nsplayer windows-media-player"},
	{player, "quicktime", "quicktime"},
	{player, "theoplayer", "theoplayer"},
	{player, "nexplayer", "nexplayer nexplayersdk"},
	{player, "visualon", "visualon voplayer osmpplayer"},
	{player, "bitmovin", "bitmovin bitmovinplayer"},

	{tool, "load", "k6 jmeter apache-jmeter wrk siege locust gatling vegeta hey apachebench artillery"},
	{tool, "scanner", "nikto sqlmap masscan zgrab nuclei"},

	{robot, "googlebot", "googlebot googlebot-image googlebot-video googleother apis-google mediapartners-google adsbot-google"},
	{robot, "bingbot", "bingbot bingpreview msnbot"},
	{robot, "facebookbot", "facebookexternalhit facebot meta-externalagent"},
	{robot, "headless", "headlesschrome phantomjs puppeteer playwright selenium webdriver cypress"},
	{robot, "scrapy", "scrapy"},
}

// prefixes are what words begin with that go on with a model, spelled as there, and their families.
var prefixes = []struct{ word, family string }{
	{"AFT", "firetv"}, {"AppleTV", "appletv"}, {"BRAVIA", "androidtv"}, {"MiTV", "androidtv"},
}

// told is what a word tells.
type told struct {
	rank   uint8
	family string
}

// entry is a word in the table that words are looked up in.
type entry struct {
	word string
	told
}

const tableSize = 1 << 10

// table has each word at the first free place from where place puts it.
var table = func() (t [tableSize]entry) {
	for _, of := range words {
		for w := range strings.FieldsSeq(of.spelled) {
			at := place([]byte(w))
			for t[at].word != "" {
				at = (at + 1) % tableSize
			}
			t[at] = entry{w, told{of.rank, of.family}}
		}
	}
	return t
}()

// lengths are those, as bits, of the words that may tell something, by what they begin with.
var lengths = func() (by [256]uint32) {
	for _, e := range table {
		if e.word != "" {
			by[e.word[0]] |= 1 << len(e.word)
		}
	}
	for _, p := range prefixes {
		by[lower[p.word[0]]] |= ^uint32(0) << len(p.word)
	}
	for c := 'a'; c <= 'z'; c++ {
		by[c-'a'+'A'] = by[c]
	}
	return by
}()

// mayTell tells at a glance whether it is worth to look a word up.
func mayTell(w []byte) bool {
	if len(w) < 2 || len(w) >= 32 {
		return false
	}
	if lengths[w[0]]>>len(w)&1 != 0 {
		return true
	}
	end := lower[w[len(w)-1]] // of robots, spiders and crawlers
	return end == 't' && lower[w[len(w)-2]] == 'o' || end == 'r' && lower[w[len(w)-2]] == 'e'
}

// place is where a word, of two bytes or more in any case, is looked for first.
func place(w []byte) uint {
	n := uint(len(w))
	return (uint(lower[w[0]])*37 + uint(lower[w[1]])*149 + uint(lower[w[n/2]])*307 + uint(lower[w[n-1]])*5 + n*61) % tableSize
}

// lookup is what a word of two bytes or more tells; rank 0: nothing.
func lookup(w []byte) told {
	for at := place(w); ; at = (at + 1) % tableSize {
		e := &table[at]
		if len(e.word) == len(w) && same(w, e.word) {
			return e.told
		}
		if e.word == "" {
			break
		}
	}
	for i := range prefixes {
		if p := &prefixes[i]; w[0] == p.word[0] && len(w) >= len(p.word) && string(w[:len(p.word)]) == p.word {
			return told{television, p.family}
		}
	}
	if ends(w, "bot") || ends(w, "spider") || ends(w, "crawler") {
		return told{robot, "bot"}
	}
	return told{}
}

func ends(w []byte, with string) bool {
	return len(w) >= len(with) && same(w[len(w)-len(with):], with)
}

// same tells whether a word in any case is one in lower case.
func same(w []byte, is string) bool {
	if len(w) != len(is) {
		return false
	}
	for i, c := range w {
		if lower[c] != is[i] {
			return false
		}
	}
	return true
}
