package web

import (
	"testing"

	"vigie/internal/browsertest"

	"github.com/chromedp/chromedp"
)

// What is saved stays in sight at the bottom of the editor: it lies over nothing that the keyboard reaches, and the end of
// the form can be scrolled clear of it.
func TestTheEditorsBarHidesNoField(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a browser")
	}
	s := newMessageSite(t, nil)
	s.Publish(final(t, 0))
	s.kept(t, "author", playback())
	h := hand{t, chromium(t)}
	h.do("sign in", enters(s.site, "author", "/messages/lecture?lang=fr", "fr"))
	for _, screen := range []struct{ width, height int64 }{{1440, 900}, {1280, 800}, {390, 844}} {
		h.do("the editor", chromedp.EmulateViewport(screen.width, screen.height), chromedp.Navigate(s.http.URL+"/messages/lecture?lang=fr"), chromedp.WaitVisible(chromedp.CSS(".saving")),
			browsertest.Do(`document.querySelectorAll("form[data-scenario] details").forEach((d) => (d.open = true))`))
		hidden := h.text(`(() => {
			const form = document.querySelector("form[data-scenario]"), bar = form.querySelector(".saving"), under = [];
			for (const e of form.querySelectorAll("input:not([type=hidden]), select, textarea, button, summary")) {
				if (bar.contains(e) || !e.checkVisibility() || e.disabled) continue;
				e.focus();
				const at = e.getBoundingClientRect(), over = bar.getBoundingClientRect();
				if (at.bottom > over.top + 1 && at.top < over.bottom && at.height < over.top) under.push((e.name || e.textContent.trim()) + " " + Math.round(at.bottom - over.top));
			}
			return under.join(", ");
		})()`)
		if hidden != "" {
			t.Errorf("%d × %d: the bar lies over what is focused: %s", screen.width, screen.height, hidden)
		}
		h.do("to the end", browsertest.Do(`scrollTo(0, document.documentElement.scrollHeight)`))
		h.is("the end is clear of the bar", `(() => {
			const form = document.querySelector("form[data-scenario]"), bar = form.querySelector(".saving");
			const last = Math.max(...[...form.children].filter((e) => e !== bar && e.checkVisibility()).map((e) => e.getBoundingClientRect().bottom));
			return last <= bar.getBoundingClientRect().top + 1;
		})()`)
		h.is("the bar is in sight", `(() => { const at = document.querySelector("#submit").getBoundingClientRect(); return document.querySelector("#submit") === document.elementFromPoint(at.x + at.width / 2, at.y + at.height / 2); })()`)
	}
}
