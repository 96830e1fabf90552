package ingest

import (
	"bytes"
	"errors"
	"net/netip"
	"testing"
	"time"
)

func TestAnEnvelopeGivesBackWhatWasEnclosed(t *testing.T) {
	at := time.UnixMilli(1_788_896_703_120)
	pieces := []struct {
		client    string
		userAgent string
		payload   string
	}{
		{"192.0.2.7", "TV/1", `{"session":"s"}`},
		{"2001:db8::7", "", ""},
		{"", "\xff\x00", "\x1f\x8b"},
		{"::ffff:192.0.2.8", "u", string(bytes.Repeat([]byte("x"), 70_000))},
	}
	var env []byte
	for i, p := range pieces {
		addr, _ := netip.ParseAddr(p.client)
		before := len(env)
		env = enclose(env, at.Add(time.Duration(i)*time.Millisecond), addr, p.userAgent, []byte(p.payload))
		if used, most := len(env)-before, enclosedSize+len(p.userAgent)+len(p.payload); used > most {
			t.Errorf("piece %d took %d bytes, more than %d", i, used, most)
		}
	}
	for i, p := range pieces {
		var got enclosed
		var err error
		if got, env, err = disclose(env); err != nil {
			t.Fatal(i, err)
		}
		want, _ := netip.ParseAddr(p.client)
		if !got.received.Equal(at.Add(time.Duration(i)*time.Millisecond)) || got.client != want.Unmap() || string(got.userAgent) != p.userAgent || string(got.payload) != p.payload {
			t.Errorf("piece %d: got %v %v %q and %d bytes", i, got.received, got.client, got.userAgent, len(got.payload))
		}
	}
	if len(env) != 0 {
		t.Errorf("%d bytes are left", len(env))
	}
}

func FuzzEnvelope(f *testing.F) {
	whole := enclose(nil, time.UnixMilli(1), netip.MustParseAddr("192.0.2.1"), "ua", []byte("payload"))
	f.Add(whole)
	f.Add(whole[:len(whole)-1])
	f.Add(append(bytes.Clone(whole[:24]), 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01)) // a length of 2^64-1
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, env []byte) {
		for len(env) > 0 {
			first, rest, err := disclose(env)
			if err != nil {
				if !errors.Is(err, errEnvelope) {
					t.Fatal(err)
				}
				return
			}
			if len(rest) >= len(env) {
				t.Fatalf("took nothing off %d bytes", len(env))
			}
			again, left, err := disclose(enclose(nil, first.received, first.client, string(first.userAgent), first.payload))
			if err != nil || len(left) != 0 || !again.received.Equal(first.received) || again.client != first.client ||
				!bytes.Equal(again.userAgent, first.userAgent) || !bytes.Equal(again.payload, first.payload) {
				t.Fatalf("%+v became %+v, %d left, %v", first, again, len(left), err)
			}
			env = rest
		}
	})
}
