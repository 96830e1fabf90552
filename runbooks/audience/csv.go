package audience

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// A record is a line: a line break within quotes is not taken for one's part. No field of a contact has one, and so a
// quote that nobody closed costs its own line and no other.

// table reads lines of CSV, the first of which names the columns.
type table struct {
	comma   byte
	columns []string // what each is: one of own, an attribute's name, or "": left out
	fields  [][]byte
	unquote []byte
}

var errQuote = errors.New("a quote that is not closed, or closed too early; a field has no line breaks")

// split cuts a line into fields, valid until the next call.
func (t *table) split(line []byte) ([][]byte, error) {
	t.fields, t.unquote = t.fields[:0], t.unquote[:0]
	for {
		if len(t.fields) > maxColumns {
			return nil, fmt.Errorf("more than %d fields", maxColumns)
		}
		if len(line) == 0 || line[0] != '"' {
			field, rest, more := bytes.Cut(line, []byte{t.comma})
			if bytes.IndexByte(field, '"') >= 0 {
				return nil, errQuote
			}
			t.fields = append(t.fields, field)
			if !more {
				return t.fields, nil
			}
			line = rest
			continue
		}
		from := len(t.unquote)
		for line = line[1:]; ; {
			i := bytes.IndexByte(line, '"')
			if i < 0 {
				return nil, errQuote
			}
			t.unquote = append(t.unquote, line[:i]...)
			if line = line[i+1:]; len(line) == 0 || line[0] != '"' {
				break
			}
			t.unquote, line = append(t.unquote, '"'), line[1:]
		}
		t.fields = append(t.fields, t.unquote[from:len(t.unquote):len(t.unquote)])
		if len(line) == 0 {
			return t.fields, nil
		}
		if line[0] != t.comma {
			return nil, errQuote
		}
		line = line[1:]
	}
}

// usually is what headers are called, by what they mean.
var usually = map[string]string{
	"id": "id", "identifiant": "id", "user_id": "id", "client_id": "id", "viewer": "id", "session": "id",
	"contact": "contact", "contact_id": "contact",
	"email": "email", "e_mail": "email", "mail": "email", "courriel": "email", "adresse_email": "email", "adresse_mail": "email",
	"phone": "phone", "mobile": "phone", "telephone": "phone", "tel": "phone", "portable": "phone", "numero": "phone",
	"lang": "lang", "langue": "lang", "language": "lang", "locale": "lang",
	"email_agree": "email_agree", "accord_email": "email_agree", "consent_email": "email_agree", "optin_email": "email_agree", "email_optin": "email_agree",
	"sms_agree": "sms_agree", "accord_sms": "sms_agree", "consent_sms": "sms_agree", "optin_sms": "sms_agree", "sms_optin": "sms_agree",
}

var plain = strings.NewReplacer(
	"à", "a", "â", "a", "ä", "a", "ç", "c", "é", "e", "è", "e", "ê", "e", "ë", "e", "î", "i", "ï", "i", "ô", "o", "ö", "o", "ù", "u", "û", "u", "ü", "u", "œ", "oe",
	" ", "_", "-", "_", ".", "_", "'", "_", "’", "_", "\u00a0", "_", "\u202f", "_", "/", "_",
)

// named is a header's name as an attribute has it: e_mail, of E-mail.
func named(header string) string {
	return strings.Trim(plain.Replace(strings.ToLower(strings.TrimSpace(header))), "_")
}

// trimMark takes out the mark by which spreadsheets say that a file is UTF-8.
func trimMark(line []byte) []byte { return bytes.TrimPrefix(line, []byte("\ufeff")) }

// separator is which of , ; and tab the first line has most of.
func separator(line []byte) byte {
	comma, most := byte(','), bytes.Count(line, []byte{','})
	for _, c := range []byte{';', '\t'} {
		if n := bytes.Count(line, []byte{c}); n > most {
			comma, most = c, n
		}
	}
	return comma
}

// newTable reads the first line.
func newTable(line []byte, columns map[string]string) (*table, error) {
	line = trimMark(line)
	if !utf8.Valid(line) {
		return nil, errors.New("the first line is not UTF-8: save the file as CSV in UTF-8")
	}
	t := &table{comma: separator(line)}
	headers, err := t.split(line)
	if err != nil {
		return nil, fmt.Errorf("the first line, which names the columns: %w", err)
	}
	taken := map[string]string{}
	for _, h := range headers {
		header := strings.TrimSpace(string(h))
		column, given := columns[header]
		if !given {
			column = named(header)
			if of, ok := usually[column]; ok {
				column = of
			}
		}
		if column == "-" || column == "" {
			t.columns = append(t.columns, "")
			continue
		}
		if !slices.Contains(own, column) {
			if err := checkAttribute(column); err != nil {
				return nil, fmt.Errorf("column %.60q: %w; say what it is, or leave it out", header, err)
			}
		}
		if other, twice := taken[column]; twice {
			return nil, fmt.Errorf("columns %.60q and %.60q are both %s: leave one out", other, header, column)
		}
		taken[column] = header
		t.columns = append(t.columns, column)
	}
	for header := range columns {
		if !slices.ContainsFunc(headers, func(h []byte) bool { return strings.TrimSpace(string(h)) == header }) {
			return nil, fmt.Errorf("there is no column %.60q", header)
		}
	}
	if taken["id"] == "" {
		return nil, errors.New("no column is the id: the first line names the columns, as id;email;phone;lang;email_agree;sms_agree;offer")
	}
	attributes := 0
	for _, c := range t.columns {
		if c != "" && !slices.Contains(own, c) {
			attributes++
		}
	}
	if attributes > maxAttributes {
		return nil, fmt.Errorf("%d columns are attributes, %d are allowed: leave some out", attributes, maxAttributes)
	}
	return t, nil
}

// read reads a line.
func (t *table) read(line []byte) (told, error) {
	if !utf8.Valid(line) {
		return told{}, refuse("", "is not UTF-8")
	}
	fields, err := t.split(line)
	if err != nil {
		return told{}, refuse("", "%v", err)
	}
	if len(fields) != len(t.columns) {
		return told{}, refuse("", "has %d fields, the first line has %d", len(fields), len(t.columns))
	}
	var l told
	for i, column := range t.columns {
		if column == "" {
			continue
		}
		text := string(bytes.TrimSpace(fields[i]))
		switch column {
		case "id":
			l.ID = text
		case "contact":
			l.Of = text
		case "email":
			l.Email = text
		case "phone":
			l.Phone = text
		case "lang":
			l.Lang = text
		case "email_agree":
			l.EmailAgree, err = agreed(column, text)
		case "sms_agree":
			l.SMSAgree, err = agreed(column, text)
		default:
			if text == "" {
				continue
			}
			if l.Attributes == nil {
				l.Attributes = make(map[string]string, len(t.columns))
			}
			l.Attributes[column] = text
		}
		if err != nil {
			return told{}, err
		}
	}
	return l, nil
}
