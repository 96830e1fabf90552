package runbooks

import (
	"fmt"
	"strings"
	"time"

	"vigie/internal/match"
)

// Decode reads YAML strictly into a struct with yaml tags: an unknown key is an error, and errors say line and column of
// what they were given. What it is given begins with as many empty lines as stand before it in its file.
type Decode func(yaml []byte, into any) error

// frontMatter is what stands between --- and --- at the begin of a file.
type frontMatter struct {
	Title    Words  `yaml:"title"`
	Owner    string `yaml:"owner"`
	Language string `yaml:"language"` // of the file; "": fr
	When     whens  `yaml:"when"`
}

// stepBlock is what stands in a step's ```step block.
type stepBlock struct {
	ID       string            `yaml:"id"`
	Kind     Kind              `yaml:"kind"`
	Owner    string            `yaml:"owner"`
	Due      string            `yaml:"due"`
	Needs    Values            `yaml:"needs"`
	Blocks   Values            `yaml:"blocks"`
	When     map[string]Values `yaml:"when"`
	Evidence *evidence         `yaml:"evidence"`
	HTTP     *httpBlock        `yaml:"http"`
	Signal   *signalBlock      `yaml:"signal"`
	Scenario string            `yaml:"scenario"`
	Step     string            `yaml:"step"`
	Choices  []Choice          `yaml:"choices"`
}

type httpBlock struct {
	Method   string            `yaml:"method"`
	URL      string            `yaml:"url"`
	DrillURL string            `yaml:"drill_url"`
	Headers  map[string]string `yaml:"headers"`
	Body     string            `yaml:"body"`
	Expect   expect            `yaml:"expect"`
	Wait     duration          `yaml:"wait"`
	ByHand   bool              `yaml:"by_hand"`
}

type expect struct {
	Status   []int  `yaml:"status"`
	Contains string `yaml:"contains"`
}

type signalBlock struct {
	Name  string            `yaml:"name"`
	Where map[string]string `yaml:"where"`
	Above *float64          `yaml:"above"`
	Below *float64          `yaml:"below"`
	For   duration          `yaml:"for"`
}

// UnmarshalYAML reads one text for all languages, or one for each.
func (w *Words) UnmarshalYAML(read func(any) error) error {
	var text string
	if read(&text) == nil {
		*w = Words{"": text}
		return nil
	}
	var m map[string]string
	if err := read(&m); err != nil {
		return err
	}
	*w = m
	return nil
}

// UnmarshalYAML reads one value, or a list.
func (v *Values) UnmarshalYAML(read func(any) error) error {
	var list []any
	if read(&list) != nil {
		var one any
		if err := read(&one); err != nil {
			return err
		}
		list = []any{one}
	}
	*v = Values{}
	for _, one := range list {
		switch one := one.(type) {
		case nil:
		case string:
			*v = append(*v, one)
		case bool, int, int64, uint64, float64: // yes, 4
			*v = append(*v, fmt.Sprint(one))
		default:
			return fmt.Errorf("%v is no list of values", one)
		}
	}
	return nil
}

// UnmarshalYAML reads a choice's two keys: as a field of another type would be, but with Words.
func (c *Choice) UnmarshalYAML(read func(any) error) error {
	var v struct {
		ID    any   `yaml:"id"`
		Label Words `yaml:"label"`
	}
	if err := read(&v); err != nil {
		return err
	}
	if v.ID != nil {
		c.ID = fmt.Sprint(v.ID)
	}
	c.Label = v.Label
	return nil
}

type whenBlock struct {
	Labels      map[string]Values `yaml:"labels"`
	Rules       Values            `yaml:"rules"`
	Criticality int               `yaml:"criticality"`
	Phases      []match.Phase     `yaml:"phases"`
}

type whens []whenBlock

// UnmarshalYAML reads one condition, or a list of which one is enough.
func (w *whens) UnmarshalYAML(read func(any) error) error {
	var list []whenBlock
	listErr := read(&list)
	if listErr == nil {
		*w = list
		return nil
	}
	var one whenBlock
	if err := read(&one); err != nil {
		if strings.Contains(err.Error(), "sequence") { // it is a list: what is wrong with it counts
			return listErr
		}
		return err
	}
	*w = whens{one}
	return nil
}

// evidence is true, or what is asked for.
type evidence struct {
	must bool
	ask  Words
}

// UnmarshalYAML reads true, false, or a text.
func (e *evidence) UnmarshalYAML(read func(any) error) error {
	if read(&e.must) == nil {
		if e.must {
			e.ask = Words{"fr": "Preuve", "en": "Evidence"}
		}
		return nil
	}
	if err := read(&e.ask); err != nil {
		return err
	}
	e.must = true
	return nil
}

// duration is written 90s, 2m.
type duration struct {
	time.Duration
	bad string // what could not be read
}

// UnmarshalYAML leaves what is none to be told with its place in the file.
func (d *duration) UnmarshalYAML(read func(any) error) error {
	var text string
	if err := read(&text); err != nil {
		return err
	}
	v, err := time.ParseDuration(text)
	if err != nil || v < 0 {
		d.bad = text
		return nil
	}
	d.Duration = v
	return nil
}
