package web

import (
	"testing"

	"github.com/chromedp/chromedp"

	"vigie/cockpit"
	"vigie/internal/browsertest"
)

// On a laptop the match's name and its clock are whole, and every page is a click away.
func TestTheHeaderHasRoomForTheMatch(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a browser")
	}
	s := newSite(t, nil)
	usual, long := final(t, 0), final(t, 0)
	long.Match.Name, long.Match.Competition = "Paris Saint-Germain – Olympique de Marseille", "Ligue des champions"
	h := hand{t, chromium(t)}
	s.Publish(usual)
	h.do("sign in", signIn(s, "fr"))
	for _, tt := range []struct {
		width, height int64
		board         *cockpit.Board
		lines         float64
	}{{1440, 900, usual, 1}, {1280, 800, usual, 1}, {1440, 900, long, 2}, {1280, 800, long, 2}, {1920, 1080, long, 2}} {
		s.Publish(tt.board)
		for _, path := range []string{"/?lang=fr", "/?lang=en", "/crises?lang=fr"} {
			h.do(path, chromedp.EmulateViewport(tt.width, tt.height), chromedp.Navigate(s.http.URL+path), chromedp.WaitVisible(chromedp.CSS("#clock .minute b")), browsertest.Do(`document.fonts.ready`))
			what := func(is string) string {
				return path + " " + tt.board.Match.Name + ", " + h.text("innerWidth") + ": " + is
			}
			h.is(what("nothing sticks out"), `document.documentElement.scrollWidth <= innerWidth`)
			h.is(what("the name is whole"), `(() => { const name = document.querySelector(".match .name"); return name.scrollWidth <= name.clientWidth && name.scrollHeight <= name.clientHeight; })()`)
			h.is(what("the clock is whole, and over nothing"), `(() => {
				const at = (s) => document.querySelector(s).getBoundingClientRect();
				const row = [at(".pages"), at(".match .name"), at(".match .minute"), at(".live"), at("nav.tools")];
				const minute = document.querySelector(".match .minute");
				return minute.scrollWidth <= minute.clientWidth && row.every((r, i) => r.width > 0 && (i === 0 || row[i - 1].right <= r.left + 0.5));
			})()`)
			h.is(what("all pages are there"), `[...document.querySelectorAll(".pages a")].length === 7 && [...document.querySelectorAll(".pages a")].every((a) => { const r = a.getBoundingClientRect(); return r.width > 20 && a.contains(document.elementFromPoint(r.x + r.width / 2, r.y + r.height / 2)); })`)
			if lines := h.number(`(() => { const name = document.querySelector(".match .name"), text = document.createRange(); text.selectNode(name.firstChild); return Math.round(text.getBoundingClientRect().height / parseFloat(getComputedStyle(name).lineHeight)); })()`); lines > tt.lines {
				t.Errorf("%s: %v lines", what("the name"), lines)
			}
		}
	}
}

// Nothing of the wall's panels lies over their edge, on 16:9 and on 16:10.
func TestTheWallsCapacityStaysInItsPanel(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a browser")
	}
	s := newSite(t, nil)
	named := many(t, 0)
	for i := range named.Capacity.Losses {
		for j := range named.Capacity.Losses[i].Takers {
			named.Capacity.Losses[i].Takers[j].CDN.Name += " Networks"
		}
	}
	h := hand{t, chromium(t)}
	s.Publish(named)
	h.do("sign in", signIn(s, "fr"))
	for name, board := range map[string]*cockpit.Board{"usual": many(t, 0), "long names": named} {
		s.Publish(board)
		for _, size := range [][2]int64{{1440, 900}, {1920, 1080}} {
			for _, path := range []string{"/wall?lang=fr", "/wall?lang=en"} {
				h.do(path, chromedp.EmulateViewport(size[0], size[1]), chromedp.Navigate(s.http.URL+path), chromedp.WaitVisible(chromedp.CSS("#capacity .takers")), browsertest.Do(`document.fonts.ready`))
				if out := h.text(`(() => {
					const panel = document.querySelector("#capacity"), box = panel.getBoundingClientRect(), room = parseFloat(getComputedStyle(panel).paddingRight);
					return [...panel.querySelectorAll("*")].filter((e) => e.checkVisibility() && !e.closest(".hidden") && e.getBoundingClientRect().width > 0)
						.filter((e) => { const r = e.getBoundingClientRect(); return r.right > box.right - room + 1 || r.bottom > box.bottom; }).map((e) => e.className.baseVal ?? (e.className || e.textContent)).join(", ");
				})()`); out != "" {
					t.Errorf("%s, %s at %d × %d: %s", name, path, size[0], size[1], out)
				}
			}
		}
	}
}
