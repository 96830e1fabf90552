package message

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// clean is a text as it is kept, hashed and sent, however it was typed: composed characters, lines by \n, no spaces at
// lines' ends and no empty lines at its own. A letter and an accent of its own would look the same to everybody but to
// a telephone.
func clean(text string) string {
	text = norm.NFC.String(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text))
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRightFunc(line, unicode.IsSpace)
	}
	return strings.Trim(strings.Join(lines, "\n"), "\n")
}

// line is a text of one line.
func line(text string) string { return strings.TrimSpace(clean(text)) }

func (w Words) clean() {
	for language, text := range w {
		w[language] = line(text)
	}
}

// Clean writes texts as they are kept: NFC, lines by \n, no spaces at their ends. It changes the scenario, and leaves
// what it means. Texts that are empty in a form are not there.
func (s *Scenario) Clean() {
	s.Title.clean()
	s.About.clean()
	for _, v := range s.Variables {
		if v == nil {
			continue
		}
		v.Label.clean()
		v.Default = strings.TrimSpace(v.Default)
		for i := range v.Values {
			v.Values[i].Words.clean()
		}
	}
	for step, m := range s.Messages {
		for kind, texts := range m.texts() {
			for language, t := range texts {
				t.Subject, t.Body = line(t.Subject), clean(t.Body)
				if texts[language] = t; t.Subject == "" && t.Body == "" {
					delete(texts, language)
				}
			}
			if len(texts) == 0 {
				delete(m.Texts, kind)
			}
		}
		if len(m.texts()) == 0 {
			delete(s.Messages, step)
		}
	}
}
