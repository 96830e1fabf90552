package firehose

import (
	"bytes"

	"vigie/ingest/flatjson"
)

// front is how many bytes of a message are looked at for its type, which CloudWatch Logs puts first.
const front = 1 << 10

// messages appends the messages of a subscription of CloudWatch Logs (Amazon CloudWatch Logs User
// Guide, "Subscription filters") to dst, a line each. A record holds one object, or several; those by
// which CloudWatch Logs asks whether somebody is there have none. It reports false for any
// other text, and then dst is as it was.
func messages(dst, text []byte) (out []byte, subscribed bool, reason string) {
	c := cursor{b: text}
	if c.next() != '{' || !bytes.Contains(text[:min(len(text), front)], []byte(`"messageType"`)) {
		return dst, false, ""
	}
	out = dst
	for c.next() != 0 {
		var ok bool
		out, ok, reason = message(out, &c)
		if !ok && subscribed {
			reason = BadCloudWatch
		}
		if subscribed = subscribed || ok; !ok || reason != "" {
			return dst, subscribed, reason
		}
	}
	return out, subscribed, ""
}

// message reads one object of a subscription, and reports false when it is none.
func message(dst []byte, c *cursor) (out []byte, subscribed bool, reason string) {
	var kind, events []byte
	whole := c.members(func(key []byte) bool {
		switch string(key) {
		case "messageType":
			if c.next() != '"' {
				return c.skip()
			}
			raw, ok := c.text()
			kind = raw
			return ok
		case "logEvents":
			start := c.at
			ok := c.skip()
			if ok {
				events = c.b[start:c.at]
			}
			return ok
		}
		return c.skip()
	})
	switch {
	case string(kind) != "DATA_MESSAGE" && string(kind) != "CONTROL_MESSAGE":
		return dst, false, ""
	case !whole:
		return dst, true, BadCloudWatch
	case string(kind) == "CONTROL_MESSAGE":
		return dst, true, ""
	}
	list := cursor{b: events}
	ok := list.elements(func() bool {
		if list.next() != '{' {
			return list.skip()
		}
		return list.members(func(key []byte) bool {
			if string(key) != "message" || list.next() != '"' {
				return list.skip()
			}
			raw, ok := list.text()
			if ok {
				dst = line(flatjson.Unescape(dst, raw))
			}
			return ok
		})
	})
	if !ok {
		return dst, true, BadCloudWatch
	}
	return dst, true, ""
}

// line ends text with a line feed, if it has none.
func line(text []byte) []byte {
	if n := len(text); n > 0 && text[n-1] != '\n' {
		return append(text, '\n')
	}
	return text
}
