package statuspage

import (
	"fmt"
	"math"
	"strconv"
)

// colour is sRGB, each part from 0 to 1.
type colour [3]float64

var (
	lightPage = colour{1, 1, 1}
	darkPage  = colour{0x17 / 255.0, 0x1d / 255.0, 0x25 / 255.0}
)

func parseColour(text string) (colour, error) {
	var c colour
	n, err := strconv.ParseUint(text[min(1, len(text)):], 16, 32)
	if len(text) != 7 || text[0] != '#' || err != nil {
		return c, fmt.Errorf("%.20q is not a colour as #0b5cad", text)
	}
	for i := range c {
		c[i] = float64(n>>(16-8*i)&0xff) / 255
	}
	return c, nil
}

func (c colour) String() string {
	return fmt.Sprintf("#%02x%02x%02x", int(math.Round(c[0]*255)), int(math.Round(c[1]*255)), int(math.Round(c[2]*255)))
}

// luminance and contrast are as WCAG 2 defines them.
func (c colour) luminance() float64 {
	var l [3]float64
	for i, v := range c {
		if l[i] = v / 12.92; v > 0.04045 {
			l[i] = math.Pow((v+0.055)/1.055, 2.4)
		}
	}
	return 0.2126*l[0] + 0.7152*l[1] + 0.0722*l[2]
}

func contrast(a, b colour) float64 {
	x, y := a.luminance(), b.luminance()
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

// legible is c, moved towards black or white as little as makes text of it readable on a background (WCAG AA: 4.5).
func (c colour) legible(on colour) colour {
	to := 0.0
	if on.luminance() < 0.18 {
		to = 1
	}
	for range 100 {
		if contrast(c, on) >= 4.6 { // rounding to bytes costs a little
			break
		}
		for i := range c {
			c[i] += (to - c[i]) * 0.05
		}
	}
	return c
}
