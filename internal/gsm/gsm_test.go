package gsm

import (
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"
)

func TestSegmentsAreWhatAnOperatorBills(t *testing.T) {
	for _, c := range []struct {
		name, text string
		n          int
		ucs2       bool
	}{
		{"nothing is sent as one message", "", 1, false},
		{"160 characters are one", strings.Repeat("a", 160), 1, false},
		{"161 are two", strings.Repeat("a", 161), 2, false},
		{"two parts hold 306", strings.Repeat("a", 306), 2, false},
		{"307 are three", strings.Repeat("a", 307), 3, false},
		{"accents that telephones have cost one", strings.Repeat("é", 159) + "à", 1, false},
		{"the euro costs two", strings.Repeat("a", 158) + "€", 1, false},
		{"and makes a second message", strings.Repeat("a", 159) + "€", 2, false},
		{"brackets cost two", strings.Repeat("[", 80), 1, false},
		{"81 brackets are two", strings.Repeat("[", 81), 2, false},
		{"an escape is not parted from its character", strings.Repeat("a", 152) + "€" + strings.Repeat("a", 152), 3, false},
		{"one circumflex makes the whole message UCS-2", strings.Repeat("a", 69) + "ê", 1, true},
		{"71 of them are two", strings.Repeat("ê", 71), 2, true},
		{"two parts hold 134", strings.Repeat("ê", 134), 2, true},
		{"135 are three", strings.Repeat("ê", 135), 3, true},
		{"so does a typographic apostrophe", "l’alerte", 1, true},
		{"an emoji costs two units", strings.Repeat("😀", 35), 1, true},
		{"36 of them are two messages", strings.Repeat("😀", 36), 2, true},
		{"a pair is not parted", strings.Repeat("a", 66) + "😀" + strings.Repeat("ê", 66), 3, true},
		{"what is no UTF-8 counts as a character that is shown", "a\xff", 1, true},
	} {
		if n, ucs2 := Segments(c.text); n != c.n || ucs2 != c.ucs2 {
			t.Errorf("%s: %d, unicode %v; want %d, %v", c.name, n, ucs2, c.n, c.ucs2)
		}
	}
}

// The alphabet has 127 characters and an escape; ten more behind that escape.
func TestTheAlphabetIsWhole(t *testing.T) {
	if n := utf8.RuneCountInString(basic); n != 127 {
		t.Errorf("%d characters, want 127", n)
	}
	if n := utf8.RuneCountInString(extended); n != 10 {
		t.Errorf("%d extended characters, want 10", n)
	}
	seen := map[rune]bool{}
	for _, r := range basic + extended {
		if seen[r] {
			t.Errorf("%q twice", r)
		}
		seen[r] = true
	}
}

func TestFoldIsWhatOneWouldTypeOnATelephone(t *testing.T) {
	for _, c := range [][2]string{
		{"L’alerte « Début » est levée…", `L'alerte "Début" est levée...`},
		{"çà et là, où, à Noël, cœur, Œuvre", "cà et là, où, à Noel, coeur, OEuvre"},
		{"Élodie, Çà, ÀÈÊ", "Élodie, Çà, AEE"},
		{"4,2 % – 12 400 spectateurs", "4,2 % - 12 400 spectateurs"},
		{"a\u0301 zero\u200bwidth \u202eright", "a zerowidth right"},
		{"Москва 😀", "?????? ?"},
		{"≥ 95 % → 2 × 3", ">= 95 % -> 2 x 3"},
	} {
		if got := Fold(c[0]); got != c[1] {
			t.Errorf("Fold(%q) = %q, want %q", c[0], got, c[1])
		}
	}
}

func FuzzFold(f *testing.F) {
	for _, s := range []string{"", "L’été à Noël €[]", "😀\xff\x00", strings.Repeat("é{", 200), "\u202e\ufb01"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		folded := Fold(s)
		if !utf8.ValidString(folded) {
			t.Fatalf("%q is no UTF-8", folded)
		}
		n, ucs2 := Segments(folded)
		if ucs2 {
			t.Fatalf("Fold(%q) = %q is not in the alphabet", s, folded)
		}
		if Fold(folded) != folded {
			t.Fatalf("%q changes when it is folded again", folded)
		}
		// The count against a direct one, and bounds that hold whatever falls on a part's end.
		cost := Length(folded)
		if cost <= Single != (n == 1) || n > 1 && (cost > n*Part || cost < (n-1)*(Part-1)+1) {
			t.Fatalf("%q costs %d and takes %d messages", folded, cost, n)
		}
		if cut := Cut(folded, Single); Length(cut) > Single || !strings.HasPrefix(folded, cut) || cost <= Single && cut != folded {
			t.Fatalf("Cut(%q) = %q", folded, cut)
		}
		n, ucs2 = Segments(s)
		units := len(utf16.Encode([]rune(s)))
		if ucs2 && (units <= SingleUnicode != (n == 1) || n > 1 && (units > n*PartUnicode || units < (n-1)*(PartUnicode-1)+1)) {
			t.Fatalf("%q has %d units and takes %d messages", s, units, n)
		}
	})
}
