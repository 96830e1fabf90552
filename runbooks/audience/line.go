package audience

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of what an import may say.
const (
	maxLine       = 64 << 10 // bytes
	maxColumns    = 100
	maxID         = 128 // bytes
	maxAttributes = 20
	maxName       = 40  // bytes, of an attribute
	maxValue      = 100 // characters
)

// told is one line of an import.
type told struct {
	Contact
	Of string // of a viewer: the contact it is
}

// wrong is why a line was not taken.
type wrong struct{ column, reason string }

func (w *wrong) Error() string { return w.column + ": " + w.reason }

func refuse(column, format string, args ...any) error {
	return &wrong{column, fmt.Sprintf(format, args...)}
}

// check normalises a line, and tells what is wrong with it. Of a viewer's a contact or an address of its own is
// needed.
func (b *Book) check(t *told, viewers bool) error {
	if err := checkID("id", t.ID); err != nil {
		return err
	}
	var err error
	if t.Email != "" {
		if t.Email, err = mail(t.Email); err != nil {
			return refuse("email", "%v", err)
		}
	}
	if t.Phone != "" {
		if t.Phone, err = b.phone(t.Phone); err != nil {
			return refuse("phone", "%v", err)
		}
	}
	if t.Lang, err = language(t.Lang); err != nil {
		return err
	}
	switch {
	case !viewers && t.Of != "":
		return refuse("contact", "is for imports that say which viewer is which contact")
	case viewers && t.Of == "" && t.Email == "" && t.Phone == "":
		return refuse("contact", "neither a contact nor an address")
	case t.Of != "" && (t.Email != "" || t.Phone != ""):
		return refuse("contact", "a contact and an address too: one of them")
	case t.Of != "":
		return checkID("contact", t.Of)
	}
	if len(t.Attributes) > maxAttributes {
		return refuse("attributes", "%d, %d are allowed", len(t.Attributes), maxAttributes)
	}
	for name, value := range t.Attributes {
		if err := checkAttribute(name); err != nil {
			return refuse("attributes", "%v", err)
		}
		if err := checkValue(value); err != nil {
			return refuse(name, "%v", err)
		}
	}
	return nil
}

func checkID(column, id string) error {
	switch {
	case id == "":
		return refuse(column, "is missing")
	case len(id) > maxID:
		return refuse(column, "is longer than %d characters", maxID)
	case !printable(id):
		return refuse(column, "has characters that cannot be shown")
	}
	return nil
}

// own are the columns that are no attributes.
var own = []string{"id", "contact", "email", "phone", "lang", "email_agree", "sms_agree"}

// checkAttribute tells what is wrong with an attribute's name.
func checkAttribute(name string) error {
	if name == "" || len(name) > maxName || !made(name, func(c byte) bool { return lower(c) || digit(c) || c == '_' }) {
		return fmt.Errorf("%.60q is no attribute's name: 1 to %d of a-z, 0-9 and _", name, maxName)
	}
	if slices.Contains(own, name) {
		return fmt.Errorf("%s is a contact's own, and no attribute", name)
	}
	return nil
}

func checkValue(value string) error {
	if utf8.RuneCountInString(value) > maxValue {
		return fmt.Errorf("is longer than %d characters", maxValue)
	}
	if !printable(value) {
		return errors.New("has characters that cannot be shown")
	}
	return nil
}

func lower(c byte) bool { return c >= 'a' && c <= 'z' }
func digit(c byte) bool { return c >= '0' && c <= '9' }

// made tells whether a text is of some bytes alone.
func made(text string, of func(c byte) bool) bool {
	for i := range len(text) {
		if !of(text[i]) {
			return false
		}
	}
	return true
}

func printable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] >= 0x7f { // seldom
			return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) && !unicode.Is(unicode.Zs, r) })
		}
	}
	return true
}

// language is the first part of a tag: fr, of fr-FR.
func language(text string) (string, error) {
	tag, _, _ := strings.Cut(strings.ReplaceAll(strings.ToLower(strings.TrimSpace(text)), "_", "-"), "-")
	if tag != "" && (len(tag) < 2 || len(tag) > 3 || !made(tag, lower)) {
		return "", refuse("lang", "no language, as fr")
	}
	return tag, nil
}

// agreed reads what a person agreed to. What is not there is no; what cannot be read is no answer.
func agreed(column, text string) (bool, error) {
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "1", "true", "yes", "y", "oui", "o", "vrai":
		return true, nil
	case "", "0", "false", "no", "n", "non", "faux":
		return false, nil
	}
	return false, refuse(column, "neither yes nor no: 1, 0, true, false, oui, non")
}

// jsonLine is a line as the API takes it.
type jsonLine struct {
	ID         string            `json:"id"`
	Of         string            `json:"contact"`
	Email      string            `json:"email"`
	Phone      string            `json:"phone"`
	Lang       string            `json:"lang"`
	EmailAgree bool              `json:"email_agree"`
	SMSAgree   bool              `json:"sms_agree"`
	Attributes map[string]string `json:"attributes"`
	Updated    json.RawMessage   `json:"updated"` // of what was exported; not believed
}

// readJSON reads a line of JSON. A member that is not known is refused: it may be a misspelt agreement.
func readJSON(line []byte) (told, error) {
	if !utf8.Valid(line) {
		return told{}, refuse("", "is not UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	var l jsonLine
	if err := d.Decode(&l); err != nil {
		if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
			return told{}, refuse(e.Field, "is a %s", e.Value)
		}
		if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
			return told{}, refuse("", "has the member %.60s, which is none", name)
		}
		return told{}, refuse("", "is no JSON object of a contact")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return told{}, refuse("", "has something behind the object")
	}
	return told{Contact{ID: l.ID, Email: l.Email, Phone: l.Phone, Lang: l.Lang, EmailAgree: l.EmailAgree, SMSAgree: l.SMSAgree, Attributes: l.Attributes}, l.Of}, nil
}

// appendAttributes writes attributes as they are stored: an object, its names in order.
func appendAttributes(buf []byte, attributes map[string]string) []byte {
	if len(attributes) == 0 {
		return append(buf, "{}"...)
	}
	var room [maxAttributes]string
	names := slices.AppendSeq(room[:0], maps.Keys(attributes))
	slices.Sort(names)
	buf = append(buf, '{')
	for _, name := range names {
		if attributes[name] == "" {
			continue
		}
		if buf[len(buf)-1] != '{' {
			buf = append(buf, ',')
		}
		buf = append(append(append(buf, '"'), name...), '"', ':') // names need no escapes
		buf = appendText(buf, attributes[name])
	}
	return append(buf, '}')
}

// appendText writes a text that can be shown as JSON has it.
func appendText(buf []byte, text string) []byte {
	buf = append(buf, '"')
	for i := range len(text) {
		if text[i] == '"' || text[i] == '\\' {
			buf = append(buf, '\\')
		}
		buf = append(buf, text[i])
	}
	return append(buf, '"')
}
