package field

import "bytes"

// LastNumber is the last number of a list such as nginx writes when it has asked several origins:
// "0.001, 0.120 : 0.003". Parts that are "-" are passed over.
func LastNumber(list []byte) []byte {
	end := len(list)
	for end > 0 && (list[end-1] < '0' || list[end-1] > '9') {
		end--
	}
	start := end
	for start > 0 && (list[start-1] == '.' || list[start-1]-'0' <= 9) {
		start--
	}
	return list[start:end]
}

// RequestLine splits "GET /path HTTP/1.1". All are nil when it is none: a client that speaks TLS to
// a plain port, or that said nothing, is still logged.
func RequestLine(line []byte) (method, target, protocol []byte) {
	first := bytes.IndexByte(line, ' ')
	if first <= 0 || !isMethod(line[:first]) {
		return nil, nil, nil
	}
	method, target = line[:first], line[first+1:]
	if i := bytes.LastIndexByte(target, ' '); i >= 0 && bytes.HasPrefix(target[i+1:], []byte("HTTP/")) {
		target, protocol = target[:i], target[i+1:]
	}
	return method, target, protocol
}

func isMethod(b []byte) bool {
	for _, c := range b {
		if c|0x20-'a' > 'z'-'a' && c != '-' && c != '_' {
			return false
		}
	}
	return true
}
