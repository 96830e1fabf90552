//go:build linux

package engine

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// maxStatement is a server's max_query_size: how much of a body is looked at for a statement.
const maxStatement = 256 << 10

// request is what the front reads of an HTTP request
// (https://clickhouse.com/docs/interfaces/http).
type request struct {
	statement
	body     io.Reader // the data of an INSERT
	params   params
	settings []string // "name = 'value'"; readonly is kept for the end, as it locks the others
	database string
	readonly string
	token    bool // the settings hold an insert_deduplication_token

	revision uint64 // of the client's native protocol; 0 asks for blocks as files have them
	compress bool   // answer in compressed blocks
}

var settingName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func readRequest(r *http.Request) (*request, error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, raise(codeBadArguments, "BAD_ARGUMENTS", "The request's parameters cannot be read: %v", err)
	}
	req := &request{database: r.Header.Get("X-ClickHouse-Database")}
	format := r.Header.Get("X-ClickHouse-Format")
	decompress := false
	for _, name := range slices.Sorted(maps.Keys(query)) {
		value := query[name][len(query[name])-1]
		switch {
		case name == "query":
		case name == "database":
			req.database = value
		case name == "default_format":
			format = value
		case name == "client_protocol_version":
			if req.revision, err = strconv.ParseUint(value, 10, 32); err != nil {
				return nil, raise(codeBadArguments, "BAD_ARGUMENTS", "client_protocol_version: %v", err)
			}
		case name == "compress":
			req.compress = value == "1" || value == "true"
		case name == "decompress":
			decompress = value == "1" || value == "true"
		case name == "session_id":
			return nil, raise(codeNotImplemented, "NOT_IMPLEMENTED", "The embedded engine has no sessions: every request stands alone")
		case slices.Contains([]string{"user", "password", "quota_key", "query_id", "stacktrace", "buffer_size", "wait_end_of_query", "role",
			"session_timeout", "session_check", "close_session", "add_http_cors_header"}, name):
			// of no effect here
		case strings.HasPrefix(name, "param_"):
			req.params.names = append(req.params.names, strings.TrimPrefix(name, "param_"))
			req.params.values = append(req.params.values, value)
		case name == "readonly":
			req.readonly = value
		case name == "log_comment":
			// carries the mark by which the front finds the query to cancel it
		case !settingName.MatchString(name):
			return nil, raise(115, "UNKNOWN_SETTING", "Setting %q is neither a builtin setting nor started with a known prefix", name)
		default:
			req.token = req.token || name == "insert_deduplication_token" && value != ""
			req.settings = append(req.settings, name+" = "+quote(value))
		}
	}

	body, err := bodyOf(r, decompress)
	if err != nil {
		return nil, err
	}
	if err := req.readStatement(query.Get("query"), body); err != nil {
		return nil, err
	}
	if req.format == "" {
		req.format = format
	}
	if req.format == "" {
		req.format = "TabSeparated"
	}
	return req, nil
}

// readStatement takes the statement from the URL, or else from the body's beginning. Where the URL
// has an INSERT with data, the body is that data; for others it is the statement's second half.
func (req *request) readStatement(query string, body *bufio.Reader) error {
	if query != "" {
		s, err := split([]byte(query))
		if err == nil && s.insert != "" {
			req.statement = s
			req.body = io.MultiReader(strings.NewReader(strings.TrimLeft(query[s.data:], " \t\r\n")), body)
			return nil
		}
		query += "\n"
	}
	head, err := body.Peek(maxStatement + 1)
	if err != nil && !errors.Is(err, io.EOF) {
		return bodyError(err)
	}
	text := append([]byte(query), head...)
	s, err := split(text)
	if err != nil {
		return err
	}
	req.statement = s
	if s.insert != "" {
		if _, err := body.Discard(max(0, s.data-len(query))); err != nil {
			return bodyError(err)
		}
		req.body = body
		return nil
	}
	if len(head) > maxStatement {
		return raise(codeSyntaxError, "SYNTAX_ERROR", "Max query size exceeded: the statement is longer than %d bytes", maxStatement)
	}
	return nil
}

func bodyOf(r *http.Request, decompress bool) (*bufio.Reader, error) {
	var body io.Reader = r.Body
	if strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/") {
		return nil, raise(codeNotImplemented, "NOT_IMPLEMENTED", "The embedded engine takes no external tables")
	}
	switch encoding := r.Header.Get("Content-Encoding"); encoding {
	case "", "identity":
	case "gzip":
		z, err := gzip.NewReader(body)
		if err != nil {
			return nil, bodyError(err)
		}
		body = z
	default:
		return nil, raise(codeNotImplemented, "NOT_IMPLEMENTED", "Content-Encoding %q: the embedded engine takes gzip or none", encoding)
	}
	if decompress {
		body = newDecompressor(body)
	}
	return bufio.NewReaderSize(body, maxStatement+1), nil
}

func bodyError(err error) error {
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return raise(codeQueryTooLarge, "TOO_MANY_BYTES", "The body is larger than %d bytes: send smaller blocks", tooLarge.Limit)
	}
	return fmt.Errorf("read the body: %w", err)
}

// prepare gives a connection what the request asks for, and the mark to find its query by.
func (req *request) prepare(c *conn, mark, threads string, readOnly bool) error {
	if req.database != "" {
		if err := c.exec("USE " + identifier(req.database)); err != nil {
			return err
		}
	}
	settings := slices.Concat(req.settings, []string{"log_comment = " + quote(mark)})
	if threads != "" {
		settings = slices.Concat([]string{threads}, settings)
	}
	if req.insert != "" {
		// A server takes what one request brings as it is; here it passes through INSERT … SELECT,
		// which must neither cut nor regroup it, nor leave deduplication out without a word because
		// it deems a file's rows unstable. With a token it can insist.
		deduplicate := "enable_even_for_bad_queries"
		if req.token {
			deduplicate = "force_enable"
		}
		settings = slices.Concat([]string{"deduplicate_insert_select = " + quote(deduplicate), "max_insert_threads = 1"}, settings)
	}
	if err := c.exec("SET " + strings.Join(settings, ", ")); err != nil {
		return err
	}
	switch {
	case readOnly:
		return c.exec("SET readonly = 1")
	case req.readonly != "":
		return c.exec("SET readonly = " + quote(req.readonly))
	}
	return nil
}

// quote writes a string literal.
func quote(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\x00", `\0`).Replace(s) + "'"
}

func identifier(s string) string {
	return "`" + strings.NewReplacer(`\`, `\\`, "`", "\\`", "\x00", `\0`).Replace(s) + "`"
}
