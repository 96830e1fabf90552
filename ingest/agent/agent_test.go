package agent_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"vigie/ingest/agent"
	"vigie/ingest/field"
)

// agents are user agents as clients send them, by their family.
var agents = []struct{ family, userAgent string }{
	{"none", ""},
	{"none", "-"},
	{"none", "  "},

	{"chrome", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"},
	{"chrome", "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36"},
	{"chrome", "Mozilla/5.0 (Linux; Android 11; motorola edge 20) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/96.0.4664.45 Mobile Safari/537.36"},
	{"chrome", "Mozilla/5.0 (Linux; Android 9; CUBOT X19) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/87.0.4280.101 Mobile Safari/537.36"},
	{"chrome", "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/126.0.6478.54 Mobile/15E148 Safari/604.1"},
	{"safari", "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15"},
	{"safari", "Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.6 Mobile/15E148 Safari/604.1"},
	{"android", "Mozilla/5.0 (Linux; U; Android 4.0.3; fr-fr; HTC Sensation Build/IML74K) AppleWebKit/534.30 (KHTML, like Gecko) Version/4.0 Mobile Safari/534.30"},
	{"firefox", "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0"},
	{"firefox", "Mozilla/5.0 (iPhone; CPU iPhone OS 14_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) FxiOS/127.0 Mobile/15E148 Safari/605.1.15"},
	{"edge", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/125.0.0.0 Safari/537.36 Edg/125.0.2535.92"},
	{"edge", "Mozilla/5.0 (Linux; Android 10; HD1913) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/125.0.0.0 Mobile Safari/537.36 EdgA/125.0.2535.72"},
	{"opera", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/125.0.0.0 Safari/537.36 OPR/111.0.0.0"},
	{"opera", "Opera/9.80 (Windows NT 6.1; WOW64) Presto/2.12.388 Version/12.18"},
	{"samsungbrowser", "Mozilla/5.0 (Linux; Android 14; SAMSUNG SM-S918B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/25.0 Chrome/121.0.0.0 Mobile Safari/537.36"},
	{"yandex", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 YaBrowser/24.6.0.0 Safari/537.36"},
	{"silk", "Mozilla/5.0 (Linux; Android 9; KFMAWI) AppleWebKit/537.36 (KHTML, like Gecko) Silk/120.5.1 like Chrome/120.0.6099.230 Safari/537.36"},
	{"msie", "Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko"},
	{"webview", "Mozilla/5.0 (Linux; Android 13; SM-A536B Build/TP1A.220624.014; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/125.0.6422.165 Mobile Safari/537.36"},
	{"webkit", "Mozilla/5.0 (iPhone; CPU iPhone OS 16_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148"},
	{"instagram", "Mozilla/5.0 (iPhone; CPU iPhone OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/20G75 Instagram 302.0.0.23.113 (iPhone13,2; iOS 16_6; fr_FR; fr; scale=3.00; 1170x2532; 520535012)"},
	{"facebook", "Mozilla/5.0 (iPhone; CPU iPhone OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/20G75 [FBAN/FBIOS;FBDV/iPhone13,2;FBMD/iPhone]"},
	{"googleapp", "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) GSA/319.0.639 Mobile/15E148 Safari/604.1"},

	{"exoplayer", "fr.example.tv/10.21.0 (Linux;Android 12) ExoPlayerLib/2.19.1"},
	{"exoplayer", "exoplayer-codelab/1.0 (Linux;Android 11) ExoPlayerLib/2.11.7"},
	{"exoplayer", "AndroidXMedia3/1.3.1 (Linux;Android 14)"},
	{"applecoremedia", "AppleCoreMedia/1.0.0.21L569 (Apple TV; U; CPU OS 17_5 like Mac OS X; fr_fr)"},
	{"applecoremedia", "AppleCoreMedia/1.0.0.19H12 (iPhone; U; CPU OS 15_7 like Mac OS X; fr_fr)"},
	{"stagefright", "stagefright/1.2 (Linux;Android 9)"},
	{"vlc", "VLC/3.0.20 LibVLC/3.0.20"},
	{"ffmpeg", "Lavf/60.16.100"},
	{"kodi", "Kodi/20.2 (X11; Linux x86_64) Ubuntu/22.04 App_Bitness/64 Version/20.2"},
	{"gstreamer", "GStreamer souphttpsrc 1.20.3 libsoup/2.74.2"},

	{"tizen", "Mozilla/5.0 (SMART-TV; LINUX; Tizen 6.0) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/3.0 Chrome/76.0.3809.146 TV Safari/537.36"},
	{"maple", "Mozilla/5.0 (SmartHub; SMART-TV; U; Linux/SmartTV; Maple) AppleWebKit/534.41 SmartTV Safari/534.41"},
	{"webos", "Mozilla/5.0 (Web0S; Linux/SmartTV) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/94.0.4606.128 Safari/537.36 WebAppManager"},
	{"webos", "Mozilla/5.0 (webOS/6.0; Linux/SmartTV) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/79.0.3945.79 Safari/537.36"},
	{"netcast", "Mozilla/5.0 (Unknown; Linux armv7l) AppleWebKit/537.1+ (KHTML, like Gecko) Safari/537.1+ LG Browser/6.00.00(+mouse+3D+SCREEN+TUNER; LGE; 42LA6900-ZA; 04.25.05; 0x00000001;); LG NetCast.TV-2013 NetCast.TV/6.0"},
	{"roku", "Roku/DVP-12.0 (12.0.0.4182-88)"},
	{"androidtv", "Mozilla/5.0 (Linux; Android 12; BRAVIA 4K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36"},
	{"androidtv", "Mozilla/5.0 (Linux; Android 11; SHIELD Android TV Build/RQ1A.210105.003; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/115.0.5790.166 Mobile Safari/537.36"},
	{"androidtv", "Dalvik/2.1.0 (Linux; U; Android 9; MiTV-MSSP1 Build/PI)"},
	{"firetv", "Mozilla/5.0 (Linux; Android 9; AFTKA Build/PS7633.3445N; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/117.0.5938.153 Mobile Safari/537.36"},
	{"chromecast", "Mozilla/5.0 (X11; Linux armv7l) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/90.0.4430.225 Safari/537.36 CrKey/1.56.500000 DeviceType/Chromecast"},
	{"appletv", "AppleTV11,1/11.1"},
	{"hbbtv", "Opera/9.80 (Linux armv7l; HbbTV/1.2.1 (; Philips; 40HFL5010T12; ; PHILIPSTV; CE-HTML/1.0 NETTV/4.4.1) en) Presto/2.12.407 Version/12.51"},
	{"vidaa", "Mozilla/5.0 (Linux; Android 9; VIDAA/6.0(Hisense;SmartTV;50A7100F)) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/88.0.4324.152 Safari/537.36"},
	{"playstation", "Mozilla/5.0 (PlayStation 4 11.00) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/14.0 Safari/605.1.15"},
	{"playstation", "Mozilla/5.0 (PlayStation; PlayStation 5/8.20) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/15.4 Safari/605.1.15"},
	{"xbox", "Mozilla/5.0 (Windows NT 10.0; Win64; x64; Xbox; Xbox One) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/58.0.3029.110 Safari/537.36 Edge/16.16299"},
	{"nintendo", "Mozilla/5.0 (Nintendo Switch; WifiWebAuthApplet) AppleWebKit/606.4 (KHTML, like Gecko) NF/6.0.1.15.4 NintendoBrowser/5.1.0.20393"},

	{"okhttp", "okhttp/4.12.0"},
	{"okhttp", "TeleMobile/9.1 (Android 13) okhttp/4.9.3"},
	{"dalvik", "Dalvik/2.1.0 (Linux; U; Android 13; SM-G991B Build/TP1A.220624.014)"},
	{"curl", "curl/7.88.1"},
	{"wget", "Wget/1.21.3"},
	{"python", "python-requests/2.31.0"},
	{"python", "Python-urllib/3.11"},
	{"python", "Python/3.10 aiohttp/3.8.4"},
	{"go", "Go-http-client/2.0"},
	{"java", "Java/17.0.7"},
	{"java", "Apache-HttpClient/4.5.13 (Java/11.0.19)"},
	{"libwww", "libwww-perl/6.67"},
	{"axios", "axios/1.7.2"},
	{"node", "node-fetch/1.0 (+https://github.com/bitinn/node-fetch)"},
	{"node", "node"},
	{"php", "GuzzleHttp/7"},
	{"postman", "PostmanRuntime/7.39.0"},

	{"googlebot", "Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/125.0.6422.141 Mobile Safari/537.36 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"},
	{"bingbot", "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)"},
	{"bot", "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)"},
	{"bot", "Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)"},
	{"facebookbot", "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)"},
	{"headless", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/125.0.6422.141 Safari/537.36"},
	{"load", "k6/0.51.0 (https://k6.io/)"},
	{"load", "Mozilla/5.0 (unknown-x86_64-linux-gnu) Siege/4.1.1"},
	{"scanner", "sqlmap/1.7.2#stable (https://sqlmap.org)"},

	{"mytele", "MyTele/9.1 CFNetwork/1408.0.4 Darwin/22.5.0"},
	{"cfnetwork", "T\u00e9l\u00e9/9.1 CFNetwork/1408.0.4 Darwin/22.5.0"},
	{"fr.example.replay", "fr.example.replay/4.2 (iPhone; iOS 17.5)"},
	{"mozilla", "Mozilla/5.0"},
	{"mozilla", "Mozilla/4.0 (compatible)"},
	{"aq3xkd82", "aq3xkd82"},
	{"other", "a-product-whose-name-is-endless/1"},
	{"other", "(nothing)"},
	{"other", "<script>alert(1)</script>"},
	{"other", "caf\u00e9/1.0"},
	{"other", "\x00\x01\x02"},
}

func TestAUserAgentHasAFamily(t *testing.T) {
	for _, c := range agents {
		if got := agent.Family([]byte(c.userAgent)); got != c.family {
			t.Errorf("%s\nis %q, not %q", c.userAgent, got, c.family)
		}
	}
}

// As CloudFront, Akamai and IIS write them, once and twice, before and after a reader has undone it.
func TestAnEscapedUserAgentHasTheSameFamily(t *testing.T) {
	escape := func(text string) string {
		var b strings.Builder
		for _, c := range []byte(text) {
			if c|0x20-'a' < 26 || c-'0' < 10 || strings.IndexByte("-_.~;,()", c) >= 0 {
				b.WriteByte(c)
			} else {
				fmt.Fprintf(&b, "%%%02X", c)
			}
		}
		return b.String()
	}
	for _, c := range agents {
		if strings.TrimSpace(c.userAgent) == "" {
			continue
		}
		for how, text := range map[string]string{
			"spaces":       strings.ReplaceAll(c.userAgent, " ", "%20"),
			"all":          escape(c.userAgent),
			"twice":        strings.ReplaceAll(escape(c.userAgent), "%", "%25"),
			"pluses":       strings.ReplaceAll(c.userAgent, " ", "+"),
			"small digits": strings.NewReplacer("%2F", "%2f", "%3B", "%3b", "%C3%A9", "%c3%a9").Replace(escape(c.userAgent)),
		} {
			if got := agent.Family([]byte(text)); got != c.family {
				t.Errorf("%s: %s\nis %q, not %q", how, text, got, c.family)
			}
		}
		read, _ := field.Percent([]byte(escape(c.userAgent)), nil, false)
		if got := agent.Family(read); got != c.family {
			t.Errorf("read by a format: %s\nis %q, not %q", read, got, c.family)
		}
	}
}

func TestWhatIsNotOfTheFixedSetIsNotKnown(t *testing.T) {
	for _, c := range []struct {
		userAgent string
		known     bool
	}{
		{"", true}, {"curl/8", true}, {"Mozilla/5.0", true}, {"(", true}, {"MyTele/9 (x)", false}, {"none/1", false}, {"chromium-like/1", false},
	} {
		if family, known := agent.Append(nil, []byte(c.userAgent)); known != c.known {
			t.Errorf("%s: %s known %v", c.userAgent, family, known)
		}
	}
}

func TestAFamilyCostsNoMemory(t *testing.T) {
	to := make([]byte, 0, 64)
	for _, c := range agents {
		text := []byte(c.userAgent)
		if n := testing.AllocsPerRun(10, func() { agent.Append(to, text) }); n != 0 {
			t.Errorf("%s: %v allocations", c.userAgent, n)
		}
	}
}

func FuzzFamily(f *testing.F) {
	for _, c := range agents {
		f.Add([]byte(c.userAgent))
		f.Add([]byte(strings.ReplaceAll(c.userAgent, " ", "%2520")))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		before := bytes.Clone(text)
		family := agent.Family(text)
		if !bytes.Equal(before, text) {
			t.Fatal("the user agent was changed")
		}
		if family == "" || len(family) > 24 || strings.Trim(family, "abcdefghijklmnopqrstuvwxyz0123456789._-") != "" {
			t.Fatalf("%q is of family %q", text, family)
		}
		again, _ := agent.Append([]byte("x"), text)
		if string(again) != "x"+family {
			t.Fatalf("%q is of family %q, appended %q", text, family, again)
		}
	})
}

func BenchmarkFamily(b *testing.B) {
	var to []byte
	b.Run("all", func(b *testing.B) {
		texts := make([][]byte, len(agents))
		for i, c := range agents {
			texts[i] = []byte(c.userAgent)
		}
		b.ReportAllocs()
		for b.Loop() {
			for _, text := range texts {
				to, _ = agent.Append(to[:0], text)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(texts)), "ns/agent")
	})
	for _, i := range []int{3, 26} {
		b.Run(agents[i].family, func(b *testing.B) {
			text := []byte(agents[i].userAgent)
			for b.Loop() {
				to, _ = agent.Append(to[:0], text)
			}
		})
	}
}
