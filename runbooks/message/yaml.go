package message

import (
	"errors"
	"time"

	"vigie/runbooks/channel"
)

// A file writes a text that has no subject as the text alone, and a message as its channels. Both are read strictly:
// what decodes is the decoder of the whole file, with its settings.

// UnmarshalYAML reads a text, or its parts.
func (t *Text) UnmarshalYAML(decode func(any) error) error {
	var body string
	if decode(&body) == nil {
		*t = Text{Body: body}
		return nil
	}
	type plain Text // without this method
	return decode((*plain)(t))
}

// MarshalYAML writes it as short as it can be.
func (t Text) MarshalYAML() (any, error) {
	if t.Subject == "" && !t.Fold {
		return t.Body, nil
	}
	parts := map[string]any{"text": t.Body}
	if t.Subject != "" {
		parts["subject"] = t.Subject
	}
	if t.Fold {
		parts["fold"] = true
	}
	return parts, nil
}

// UnmarshalYAML reads texts by channel.
func (m *Message) UnmarshalYAML(decode func(any) error) error {
	var texts map[channel.Kind]map[string]Text
	if err := decode(&texts); err != nil {
		return err
	}
	m.Texts = texts
	return nil
}

// MarshalYAML writes texts by channel.
func (m Message) MarshalYAML() (any, error) { return m.Texts, nil }

// UnmarshalYAML reads durations as 10m, and refuses bare numbers.
func (t *Timing) UnmarshalYAML(decode func(any) error) error {
	var plain struct {
		Initial string `yaml:"initial"`
		Every   string `yaml:"every"`
		Most    int    `yaml:"most"`
	}
	if err := decode(&plain); err != nil {
		return err
	}
	read := func(key, text string) (d time.Duration, err error) {
		if text == "" {
			return 0, nil
		}
		if d, err = time.ParseDuration(text); err != nil {
			err = errors.New("timing." + key + ": is no duration: write it as 30s, 10m or 1h")
		}
		return d, err
	}
	var first, second error
	t.Most = plain.Most
	t.Initial, first = read("initial", plain.Initial)
	t.Every, second = read("every", plain.Every)
	return errors.Join(first, second)
}

// MarshalYAML writes durations as a file does.
func (t Timing) MarshalYAML() (any, error) {
	out := map[string]any{}
	for key, d := range map[string]time.Duration{"initial": t.Initial, "every": t.Every} {
		if d != 0 {
			out[key] = d.String()
		}
	}
	if t.Most != 0 {
		out["most"] = t.Most
	}
	return out, nil
}

// texts are those of a message, which may be missing.
func (m *Message) texts() map[channel.Kind]map[string]Text {
	if m == nil {
		return nil
	}
	return m.Texts
}
