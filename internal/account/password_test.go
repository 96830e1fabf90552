package account

import (
	"strings"
	"testing"
)

// Made by the reference implementation: echo -n password | argon2 somesalt -id -t 2 -m 16 -p 1 -l 32
const reference = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"

func TestVerifyReadsTheReferenceImplementation(t *testing.T) {
	h := newHasher(cost{memory: 8, passes: 1, threads: 1})
	for password, want := range map[string]bool{"password": true, "Password": false, "": false} {
		if got, err := h.verify(t.Context(), reference, password); got != want || err != nil {
			t.Errorf("verify(%q) = %v, %v; want %v", password, got, err, want)
		}
	}
}

func TestHashHasTheRecommendedCost(t *testing.T) {
	hash, err := newHasher(owasp()).hash(t.Context(), "douze caractères")
	if err != nil {
		t.Fatal(err)
	}
	if want := "$argon2id$v=19$m=19456,t=2,p=1$"; !strings.HasPrefix(hash, want) {
		t.Errorf("hash is %s, want it to begin with %s", hash, want)
	}
}

func TestHashesOfOnePasswordDiffer(t *testing.T) {
	h := newHasher(cost{memory: 8, passes: 1, threads: 1})
	a, _ := h.hash(t.Context(), "douze caractères")
	b, _ := h.hash(t.Context(), "douze caractères")
	if a == b {
		t.Error("two hashes are equal: the salt is not random")
	}
}

func TestVerifyRefusesWhatIsNoHash(t *testing.T) {
	h := newHasher(cost{memory: 8, passes: 1, threads: 1})
	for name, hash := range map[string]string{
		"plain text":          "password",
		"argon2i":             strings.Replace(reference, "argon2id", "argon2i", 1),
		"another version":     strings.Replace(reference, "v=19", "v=16", 1),
		"a missing cost":      strings.Replace(reference, ",p=1", "", 1),
		"no threads":          strings.Replace(reference, "p=1", "p=0", 1),
		"4 GiB of memory":     strings.Replace(reference, "m=65536", "m=4194304", 1),
		"a signed cost":       strings.Replace(reference, "t=2", "t=+2", 1),
		"endless passes":      strings.Replace(reference, "t=2", "t=4294967295", 1),
		"a short salt":        strings.Replace(reference, "c29tZXNhbHQ", "c29t", 1),
		"a sum of no bytes":   reference[:strings.LastIndex(reference, "$")+1],
		"bits after the sum":  reference[:len(reference)-1] + "d",
		"more than 512 bytes": reference + strings.Repeat("A", 512),
	} {
		if ok, err := h.verify(t.Context(), hash, "password"); ok || err == nil {
			t.Errorf("%s: verify() = %v, %v; want an error", name, ok, err)
		}
	}
}

func FuzzParsePHC(f *testing.F) {
	f.Add(reference)
	f.Add("$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA")
	f.Fuzz(func(t *testing.T, s string) {
		h, err := parsePHC(s)
		if err != nil {
			return
		}
		if got := h.String(); got != s {
			t.Errorf("%q was read and written as %q", s, got)
		}
	})
}

func BenchmarkHash(b *testing.B) {
	h := newHasher(owasp())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := h.hash(b.Context(), "douze caractères"); err != nil {
			b.Fatal(err)
		}
	}
}
