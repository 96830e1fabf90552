package match

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Bits is a rate in bit/s as a file writes it: 1.6 Tbit/s, 200Gbit/s, 1600000000000.
type Bits float64

// UnmarshalText reads a number with or without a unit of bit/s. A decimal comma is refused: 1,600 would
// be two different rates to two readers.
func (b *Bits) UnmarshalText(text []byte) error {
	s := strings.TrimSpace(string(text))
	digits := strings.TrimRightFunc(s, func(r rune) bool { return r < '0' || r > '9' })
	factor := 1.0
	switch strings.TrimSpace(s[len(digits):]) {
	case "", "bit/s":
	case "kbit/s":
		factor = 1e3
	case "Mbit/s":
		factor = 1e6
	case "Gbit/s":
		factor = 1e9
	case "Tbit/s":
		factor = 1e12
	default:
		return fmt.Errorf("%.40q is not a rate such as 1.6 Tbit/s or 200 Gbit/s", s)
	}
	v, err := strconv.ParseFloat(digits, 64)
	if err != nil || strings.Trim(digits, "0123456789.eE+-") != "" {
		return fmt.Errorf("%.40q is not a rate such as 1.6 Tbit/s or 200 Gbit/s", s)
	}
	*b = Bits(v * factor)
	return nil
}

// UnmarshalYAML leaves what is no rate as not a number, for Check to say with its place in the file.
func (b *Bits) UnmarshalYAML(read func(any) error) error {
	var text string
	if err := read(&text); err != nil {
		return err
	}
	if b.UnmarshalText([]byte(text)) != nil {
		*b = Bits(math.NaN())
	}
	return nil
}

// UnmarshalYAML lets the traffic be written with its unit.
func (f *Forecast) UnmarshalYAML(read func(any) error) error {
	var file struct {
		Viewers []Point `yaml:"viewers"`
		Traffic []struct {
			At    time.Duration `yaml:"at"`
			Value Bits          `yaml:"value"`
		} `yaml:"traffic"`
	}
	if err := read(&file); err != nil {
		return err
	}
	f.Viewers, f.Traffic = file.Viewers, make([]Point, len(file.Traffic))
	for i, p := range file.Traffic {
		f.Traffic[i] = Point{p.At, float64(p.Value)}
	}
	return nil
}

// UnmarshalYAML lets the rate be written with its unit.
func (r *Reserve) UnmarshalYAML(read func(any) error) error {
	var file struct {
		CDN  string `yaml:"cdn"`
		ISP  string `yaml:"isp"`
		Bits Bits   `yaml:"bits"`
	}
	if err := read(&file); err != nil {
		return err
	}
	*r = Reserve{file.CDN, file.ISP, float64(file.Bits)}
	return nil
}
