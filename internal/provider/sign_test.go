package provider

import (
	"strings"
	"testing"
	"time"
)

const secret = "a-shared-secret-of-the-room"

func TestVerify(t *testing.T) {
	now, body := time.Unix(1795291650, 0), []byte(`{"version":"1"}`)
	good := Sign(secret, now, body)
	for _, c := range []struct {
		name, header string
		now          time.Time
		body         string
		secrets      []string
		want         string // "": it is believed
	}{
		{"as it was sent", good, now, string(body), []string{secret}, ""},
		{"while the secret is changed", good, now, string(body), []string{"the-secret-of-tomorrow", secret}, ""},
		{"signed with two", strings.Replace(Sign("another-secret-of-ours", now, body), "v1", "v1=00,v1", 1) + "," + strings.Split(good, ",")[1], now, string(body), []string{secret}, ""},
		{"four minutes later", good, now.Add(4 * time.Minute), string(body), []string{secret}, ""},
		{"played again six minutes later", good, now.Add(6 * time.Minute), string(body), []string{secret}, "away"},
		{"from the future", good, now.Add(-6 * time.Minute), string(body), []string{secret}, "away"},
		{"another body", good, now, string(body) + " ", []string{secret}, "not signed"},
		{"another time", strings.Replace(good, "t=1795291650", "t=1795291651", 1), now, string(body), []string{secret}, "not signed"},
		{"another secret", good, now, string(body), []string{"another-secret-of-ours"}, "not signed"},
		{"no secret", good, now, string(body), nil, "not signed"},
		{"an empty secret", Sign("", now, body), now, string(body), []string{""}, "not signed"},
		{"no signature", "t=1795291650", now, string(body), []string{secret}, "not as"},
		{"no header", "", now, string(body), []string{secret}, "not as"},
		{"no time", strings.Replace(good, "t=", "u=", 1), now, string(body), []string{secret}, "not as"},
		{"no hexadecimal", "t=1795291650,v1=zz", now, string(body), []string{secret}, "not as"},
	} {
		err := Verify(c.header, c.now, []byte(c.body), c.secrets...)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// The signature as a receiver in another language would make it: printf '1795291650.{"version":"1"}' | openssl sha256 -hmac "$secret".
func TestTheSignatureIsTheDocumentedOne(t *testing.T) {
	const want = "t=1795291650,v1=905fcb3e314818c8decb1bbbce9106f201a5132b47efa82cf1d30e584a8f8fb3"
	if got := Sign(secret, time.Unix(1795291650, 0), []byte(`{"version":"1"}`)); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
