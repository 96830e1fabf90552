package field

import "bytes"

// Target splits the target of a request line (RFC 9112, section 3.2): /path?query, or the absolute
// form http://host/path?query, which varnishncsa writes. Host is nil when target does not name it.
func Target(target []byte) (host, path, query []byte) {
	if len(target) > 0 && target[0] != '/' {
		if i := bytes.Index(target, []byte("://")); i > 0 && i < 8 {
			host = target[i+3:]
			target = nil
			if j := bytes.IndexAny(host, "/?"); j >= 0 {
				host, target = host[:j], host[j:]
			}
		}
	}
	path, query, _ = bytes.Cut(target, []byte("?"))
	return host, path, query
}
