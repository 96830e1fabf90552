// Package agent tells the family of whoever asks from the user agent it sends: Chrome, ExoPlayer, a
// television, a library. Families are few, so that requests can be added up by them, and a change of the
// mix be seen: an attack that asks with one library, or with made-up names, moves it.
//
// A family is one of a fixed set, that of the most telling word: a player says more than the television it
// runs on, a television more than its browser, a browser more than those it claims to be like. A user agent
// without any known word is of the family of its own first product: MyApp/9.1 is "myapp". So whoever sends
// user agents chooses names: bound how many are kept, and exempt those that Append calls known.
//
// User agents are read as they came or as logs escape them, with %20 or + for a space: both give the same
// family. It is no more than what the client says of itself.
package agent

// Families that are not those of a product.
const (
	None  = "none"  // no user agent, or "-" as logs write that
	Other = "other" // one that begins with nothing that can be shown
)

const (
	maxRead    = 512 // bytes of a user agent that are looked at
	maxProduct = 24  // bytes of a product's name; a longer one is Other
)

// Family is the user agent's family: lower case, of [a-z0-9._-], at most 24 bytes. It allocates only for
// one that is not known.
func Family(userAgent []byte) string {
	var own [maxProduct]byte
	name, product := find(userAgent, &own)
	if name == "" {
		return string(product)
	}
	return name
}

// Append appends the user agent's family to a slice, and tells whether it is one of the fixed set. It does
// not allocate.
func Append(to, userAgent []byte) (family []byte, known bool) {
	var own [maxProduct]byte
	name, product := find(userAgent, &own)
	if name == "" {
		return append(to, product...), false
	}
	return append(to, name...), true
}

// find is the family's name in the fixed set, or the first product in lower case, held in own.
func find(text []byte, own *[maxProduct]byte) (name string, product []byte) {
	text = text[:min(len(text), maxRead)]
	for len(text) > 0 && text[0] == ' ' {
		text = text[1:]
	}
	if len(text) == 0 || len(text) == 1 && text[0] == '-' {
		return None, nil
	}
	var best uint8
	var android, mozilla, last bool // last: the word before was Android
	for at := 0; at < len(text); {
		start := at
		for at < len(text) && lower[text[at]] != 0 {
			at++
		}
		w := text[start:at]
		if start == 0 {
			product = presentable(w, text[at:], own)
		}
		if mayTell(w) {
			of := lookup(w)
			switch {
			case of.rank > best && of.rank >= weak:
				if start == 0 || !versioned(of.rank) || slash(text[at:]) {
					name, best = of.family, of.rank
				}
			case of.rank == isMozilla:
				mozilla = mozilla || start == 0
			case of.rank == isTV && last && best < television:
				name, best = "androidtv", television
			}
			last = of.rank == isAndroid
			android = android || last
		}
		for at < len(text) && lower[text[at]] == 0 {
			if text[at] != '%' {
				at++
				continue
			}
			_, n := next(text[at:])
			at += n
		}
	}
	switch {
	case best == weak && product != nil && !mozilla:
		return "", product // MyApp/9.1 CFNetwork/1408
	case best == safari && android:
		return "android", nil // the browser that Android had before Chrome
	case best > 0:
		return name, nil
	case mozilla:
		return "mozilla", nil
	case product == nil:
		return Other, nil
	}
	return "", product
}

// presentable is a product's name in lower case; nil when it is none, or too long. It stands before rest.
func presentable(word, rest []byte, own *[maxProduct]byte) []byte {
	if len(word) == 0 || len(word) > maxProduct {
		return nil
	}
	if len(rest) > 0 {
		switch c, _ := next(rest); c {
		case '/', ' ', '+', ';', '(', ',':
		default:
			return nil
		}
	}
	for i, c := range word {
		own[i] = lower[c]
	}
	return own[:len(word)]
}

// next is the byte that text begins with, and how long it is there: more than one when it is escaped, as
// %20 or, escaped twice, %2520. There must be one.
func next(text []byte) (c byte, n int) {
	c, n = text[0], 1
	for c == '%' && len(text) > n+1 {
		hi, ok := digit(text[n])
		lo, ok2 := digit(text[n+1])
		if !ok || !ok2 {
			break
		}
		c, n = hi<<4|lo, n+2
	}
	return c, n
}

func digit(c byte) (value byte, ok bool) {
	switch {
	case c-'0' <= 9:
		return c - '0', true
	case (c|0x20)-'a' <= 5:
		return (c | 0x20) - 'a' + 10, true
	}
	return 0, false
}

// slash tells whether text begins with one.
func slash(text []byte) bool {
	if len(text) == 0 {
		return false
	}
	c, _ := next(text)
	return c == '/'
}

// lower is the lower case of the bytes that words are made of, and 0 for all others.
var lower = func() (to [256]byte) {
	for c := range to {
		switch b := byte(c); {
		case b >= 'A' && b <= 'Z':
			to[c] = b + 'a' - 'A'
		case b >= 'a' && b <= 'z', b >= '0' && b <= '9', b == '.', b == '_', b == '-':
			to[c] = b
		}
	}
	return to
}()
