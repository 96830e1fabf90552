package web

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"vigie/cockpit"
	"vigie/internal/browsertest"
)

var oneShot = flag.String("shot", "", "beginning of the names of the pictures to take")

// glass is a browser's window, and how its user sees.
type glass struct {
	width, height int64
	scale         float64
	theme         string
	vision        emulation.SetEmulatedVisionDeficiencyType
}

func (s glass) emulate() chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		scale := s.scale
		if scale == 0 {
			scale = 1
		}
		if err := chromedp.Do(ctx, chromedp.EmulateViewport(s.width, s.height, chromedp.EmulateScale(scale)), browsertest.Theme(s.theme)); err != nil {
			return err
		}
		vision := s.vision
		if vision == "" {
			vision = "none"
		}
		_, err := cdp.Call(ctx, tab, emulation.SetEmulatedVisionDeficiency, emulation.SetEmulatedVisionDeficiencyParams{Type: vision})
		return err
	})
}

// go test ./web -run PicturesOfScreens -shots DIR [-shot NAME]
func TestPicturesOfScreens(t *testing.T) {
	if *shots == "" {
		t.Skip("pictures are taken with -shots DIR")
	}
	s := newSite(t, nil)
	s.Publish(final(t, 0))
	ctx := chromium(t)
	if err := chromedp.Do(ctx, signIn(s, "fr")); err != nil {
		t.Fatal(err)
	}
	fhd, laptop, phone := glass{width: 1920, height: 1080, theme: "dark"}, glass{width: 1440, height: 900, theme: "dark"}, glass{width: 390, height: 844, scale: 2, theme: "dark"}
	light := func(s glass) glass { s.theme = "light"; return s }
	eyes := func(v emulation.SetEmulatedVisionDeficiencyType) glass { s := fhd; s.vision = v; return s }
	boards := map[string]*cockpit.Board{
		"final": final(t, 0), "heavy": heavy(t), "empty": {At: final(t, 0).At, Match: final(t, 0).Match, Marks: final(t, 0).Marks}, "failed": failing(t),
		"quiet": quiet(t), "partial": partial(t),
	}
	for _, shot := range []struct {
		name, path, board string
		screen            glass
		full              bool
	}{
		{"wall", "/wall?lang=fr", "final", fhd, false},
		{"wall-light", "/wall?lang=fr", "final", light(fhd), false},
		{"wall-en", "/wall?lang=en", "final", fhd, false},
		{"wall-4k", "/wall?lang=fr", "final", glass{width: 3840, height: 2160, theme: "dark"}, false},
		{"wall-small", "/wall?lang=fr", "final", glass{width: 1366, height: 768, theme: "dark"}, false},
		{"wall-16x10", "/wall?lang=fr", "final", glass{width: 1920, height: 1200, theme: "dark"}, false},
		{"wall-heavy", "/wall?lang=fr", "heavy", fhd, false},
		{"wall-empty", "/wall?lang=fr", "empty", fhd, false},
		{"wall-failed", "/wall?lang=en", "failed", fhd, false},
		{"wall-quiet", "/wall?lang=fr", "quiet", fhd, false},
		{"wall-partial", "/wall?lang=fr", "partial", fhd, false},
		{"wall-protanopia", "/wall?lang=fr", "final", eyes("protanopia"), false},
		{"wall-deuteranopia", "/wall?lang=fr", "final", eyes("deuteranopia"), false},
		{"wall-tritanopia", "/wall?lang=fr", "final", eyes("tritanopia"), false},
		{"wall-achromatopsia", "/wall?lang=fr", "final", eyes("achromatopsia"), false},
		{"desk", "/?lang=fr", "final", fhd, true},
		{"desk-light", "/?lang=fr", "final", light(fhd), true},
		{"desk-4k", "/?lang=fr", "final", glass{width: 3840, height: 2160, theme: "dark"}, false},
		{"desk-laptop", "/?lang=en&metric=firstbyte", "final", laptop, true},
		{"desk-laptop-light", "/?lang=en", "final", light(laptop), false},
		{"desk-heavy", "/?lang=fr", "heavy", fhd, true},
		{"desk-empty", "/?lang=fr", "empty", fhd, true},
		{"desk-failed", "/?lang=fr", "failed", laptop, true},
		{"desk-quiet", "/?lang=fr", "quiet", laptop, false},
		{"desk-tablet", "/?lang=fr", "final", glass{width: 1024, height: 768, theme: "dark"}, true},
		{"phone", "/?lang=fr", "final", phone, false},
		{"phone-full", "/?lang=fr", "final", phone, true},
		{"phone-light", "/?lang=en", "final", light(phone), false},
		{"phone-quiet", "/?lang=fr", "quiet", phone, false},
		{"phone-heavy", "/?lang=fr", "heavy", phone, true},
		{"phone-empty", "/?lang=fr", "empty", phone, false},
	} {
		if *oneShot != "" && !strings.HasPrefix(shot.name, *oneShot) {
			continue
		}
		s.Publish(boards[shot.board])
		take := chromedp.CaptureScreenshot()
		if shot.full {
			take = chromedp.FullScreenshot(100)
		}
		err := chromedp.Do(ctx, shot.screen.emulate(), chromedp.Navigate(s.http.URL+shot.path), chromedp.WaitVisible(chromedp.CSS("#board")), chromedp.Sleep(700*time.Millisecond))
		if err != nil {
			t.Fatalf("%s: %v", shot.name, err)
		}
		png, err := chromedp.Run(ctx, take)
		if err != nil {
			t.Fatalf("%s: %v", shot.name, err)
		}
		if err := os.WriteFile(filepath.Join(*shots, shot.name+".png"), png, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// quiet is the final when nothing calls.
func quiet(t *testing.T) *cockpit.Board {
	t.Helper()
	b := final(t, 0)
	b.Worst, b.Concerns, b.Changes = nil, nil, nil
	for _, n := range []*cockpit.Number{&b.Errors, &b.Rebuffering} {
		n.Health = cockpit.HealthFine
	}
	for r := range b.Matrix.Rows {
		for c := range b.Matrix.Rows[r].Cells {
			if cell := &b.Matrix.Rows[r].Cells[c]; cell.Health != cockpit.HealthUnknown {
				cell.Health, cell.Why = cockpit.HealthFine, 0
			}
		}
	}
	for i := range b.Services.Rows {
		b.Services.Rows[i].Health = cockpit.HealthFine
	}
	for i := range b.Sources.Rows {
		b.Sources.Rows[i].Health, b.Sources.Rows[i].Finding = cockpit.HealthFine, cockpit.FindingNone
	}
	b.Pressure.Health = cockpit.HealthFine
	return b
}

// failing is the final when the database answers nothing more: what was known stays, with its age.
func failing(t *testing.T) *cockpit.Board {
	t.Helper()
	b := final(t, 0)
	for _, p := range []*cockpit.Panel{
		&b.Viewers.Panel, &b.Traffic.Panel, &b.Errors.Panel, &b.Startup.Panel, &b.Rebuffering.Panel, &b.Flow.Panel, &b.Failing.Panel, &b.Classes.Panel,
		&b.Pressure.Panel, &b.Capacity.Panel, &b.Matrix.Panel, &b.Tools.Panel, &b.Mesh.Panel, &b.Services.Panel, &b.Sources.Panel,
	} {
		p.Error = "code: 159, message: Timeout exceeded: elapsed 1001 ms, maximum: 1000 ms"
	}
	return b
}

// partial is the final with a CDN that fell silent, little data of startups, and nothing reserved.
func partial(t *testing.T) *cockpit.Board {
	t.Helper()
	b := final(t, 0)
	b.Traffic.Without, b.Errors.Without = []string{"Maison"}, []string{"Maison", "CloudFront"}
	b.Startup.Few = true
	b.Capacity = cockpit.Capacity{Panel: b.Capacity.Panel}
	b.Pressure = cockpit.Pressure{}
	b.Duty = nil
	return b
}
