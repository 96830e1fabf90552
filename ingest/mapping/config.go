package mapping

import (
	"errors"
	"fmt"
)

// Config is a mapping as it stands in a source's configuration. Its zero value maps nothing, which
// New refuses.
type Config struct {
	Shape     string   `yaml:"shape"`     // json, csv, tsv, w3c, delimited; "": json
	Fields    []string `yaml:"fields"`    // names of the columns, left to right, of csv, tsv, delimited
	Header    bool     `yaml:"header"`    // instead of fields: the first line of each body names the columns
	Delimiter string   `yaml:"delimiter"` // up to 8 bytes; of csv, where "" is a comma, and of delimited
	Record    string   `yaml:"record"`    // request or beacon; "": request
	Nulls     []string `yaml:"nulls"`     // words for an absent value, beside nothing, null and -

	// Map tells each field of the record, by its name in snake case, where it comes from.
	Map map[string]From `yaml:"map"`
	// Drop passes over lines, without a word, in which a sender's field has one of these values.
	Drop map[string][]string `yaml:"drop"`
}

// From says where one field of a record comes from. In YAML it is this mapping, or the sender's
// field alone, or a list of them.
type From struct {
	From    []string          `yaml:"from"`    // sender's fields; the first one that is present in a line is read
	Unit    string            `yaml:"unit"`    // of a number
	Layout  string            `yaml:"layout"`  // of a time: unix, unix_ms, unix_us, unix_ns, rfc3339, clf, or as Go writes 2006-01-02 15:04:05; "": told apart
	Zone    string            `yaml:"zone"`    // IANA name, for a time without offset; "": the source's
	Values  map[string]string `yaml:"values"`  // sender's word to ours; * at its begin or end stands for anything
	Percent bool              `yaml:"percent"` // the value is percent-encoded once more than it should be
	First   int               `yaml:"first"`   // keep only so many bytes from the left, 1 to 255; 0: all
	Last    int               `yaml:"last"`    // or from the right
	Const   string            `yaml:"const"`   // where no field is present
}

// UnmarshalYAML reads the short spellings too. It is called by the YAML decoder, with what decodes
// the node into a value.
func (f *From) UnmarshalYAML(decode func(any) error) error {
	var node any
	if err := decode(&node); err != nil {
		return err
	}
	switch node.(type) {
	case string, []any:
		return decode((*names)(&f.From))
	case map[string]any:
	default:
		return errors.New(`a name of a sender's field is expected, a list of names, or a mapping with "from"`)
	}
	var long struct {
		From    names   `yaml:"from"`
		Unit    string  `yaml:"unit"`
		Layout  string  `yaml:"layout"`
		Zone    string  `yaml:"zone"`
		Values  words   `yaml:"values"`
		Percent bool    `yaml:"percent"`
		First   int     `yaml:"first"`
		Last    int     `yaml:"last"`
		Const   *scalar `yaml:"const"`
	}
	if err := decode(&long); err != nil {
		return err
	}
	*f = From{From: long.From, Unit: long.Unit, Layout: long.Layout, Zone: long.Zone, Percent: long.Percent, First: long.First, Last: long.Last}
	if long.Const != nil {
		f.Const = string(*long.Const)
	}
	if len(long.Values) > 0 {
		f.Values = long.Values
	}
	return nil
}

// names is one name or a list of them.
type names []string

func (n *names) UnmarshalYAML(decode func(any) error) error {
	var one string
	if err := decode(&one); err == nil {
		*n = names{one}
		return nil
	}
	return decode((*[]string)(n))
}

// words is a mapping of texts whose sides may be written without quotes: true, 200.
type words map[string]string

func (w *words) UnmarshalYAML(decode func(any) error) error {
	var plain map[any]scalar
	if err := decode(&plain); err != nil {
		return err
	}
	*w = words{}
	for k, v := range plain {
		(*w)[fmt.Sprint(k)] = string(v)
	}
	return nil
}

// scalar is a text that may be written as a number or as true.
type scalar string

func (s *scalar) UnmarshalYAML(decode func(any) error) error {
	var v any
	if err := decode(&v); err != nil {
		return err
	}
	switch v.(type) {
	case string, bool, int, int64, uint64, float64:
		*s = scalar(fmt.Sprint(v))
		return nil
	}
	return errors.New("a text, a number, true or false is expected")
}
