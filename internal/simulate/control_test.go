package simulate

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestIncidentsAreInjectedListedAndEndedOverHTTP(t *testing.T) {
	m := calm(t)
	h := m.Handler()
	call := func(method, path string, header ...string) *httptest.ResponseRecorder {
		req := httptest.NewRequest(method, path, nil)
		for i := 0; i+1 < len(header); i += 2 {
			req.Header.Set(header[i], header[i+1])
		}
		res := httptest.NewRecorder()
		h.ServeHTTP(res, req)
		return res
	}
	res := call("POST", "/incidents/saturation?isp=free&cdn=cloudfront&for=90s")
	var in Incident
	if err := json.Unmarshal(res.Body.Bytes(), &in); err != nil || res.Code != http.StatusCreated {
		t.Fatalf("%d %s %v", res.Code, res.Body, err)
	}
	if in.ISP != "free" || in.CDN != "cloudfront" || in.Kind != Saturation || in.End.Sub(in.Start) != 90*time.Second || res.Header().Get("Location") != "/incidents/"+in.ID {
		t.Errorf("injected %+v", in)
	}
	if d := time.Until(in.Start); d > time.Second || d < -10*time.Second {
		t.Errorf("it starts in %s", d)
	}
	var list []Incident
	if err := json.Unmarshal(call("GET", "/incidents").Body.Bytes(), &list); err != nil || len(list) != 1 || list[0].ID != in.ID {
		t.Errorf("list: %+v %v", list, err)
	}
	if res := call("DELETE", "/incidents/"+in.ID); res.Code != http.StatusNoContent {
		t.Errorf("delete: %d", res.Code)
	}
	if left := m.Incidents(); len(left) == 1 && time.Until(left[0].End) > 2*time.Second {
		t.Errorf("it goes on until %s", left[0].End)
	}
	for _, c := range []struct {
		method, path, want string
		code               int
	}{
		{"DELETE", "/incidents/nobody", "no such incident", 404},
		{"POST", "/incidents/earthquake", `kind: "earthquake" is not one of`, 400},
		{"POST", "/incidents/saturation?isp=free", "cdn: ", 400},
		{"POST", "/incidents/saturation?isp=free&cdn=akamai&for=long", "for: ", 400},
		{"POST", "/incidents/silence?source=akamai&colour=red", "colour: is not a key", 400},
		{"POST", "/incidents/silence?source=akamai&cdn=akamai", "cdn: means nothing to silence", 400},
		{"POST", "/incidents/cdn-5xx?cdn=akamai&share=NaN", "share: NaN is not between", 400},
	} {
		if res := call(c.method, c.path); res.Code != c.code || !strings.Contains(res.Body.String(), c.want) {
			t.Errorf("%s %s: %d %q, wants %d %q", c.method, c.path, res.Code, res.Body, c.code, c.want)
		}
	}
	if res := call("POST", "/incidents/attack", "Sec-Fetch-Site", "cross-site"); res.Code != http.StatusForbidden {
		t.Errorf("another site's page injected an attack: %d", res.Code)
	}
	if res := call("GET", "/truth"); res.Code != 200 || res.Header().Get("Content-Type") != "application/x-ndjson" {
		t.Errorf("truth: %d", res.Code)
	}
}

func TestIncidentsAreBounded(t *testing.T) {
	m := calm(t)
	for range maxIncidents {
		if _, err := m.Inject(Incident{Kind: Silence, Source: "mux"}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := m.Inject(Incident{Kind: Silence, Source: "mux"}); err == nil {
		t.Error("one more was accepted")
	}
}
