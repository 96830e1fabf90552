package fastly

import (
	"vigie/ingest/mapping"
	"vigie/ingest/record"
)

// Format is the log format that Vigie recommends, for the endpoint's field of that name (format
// version 2). It is one line. elapsed and start are in microseconds, ttfb in seconds: Fastly has no
// finer one.
const Format = `{"ts_us":"%{time.start.usec}V",` +
	`"ttfb_s":"%{time.to_first_byte}V",` +
	`"elapsed_us":"%{time.elapsed.usec}V",` +
	`"host":"%{json.escape(req.http.Host)}V",` +
	`"url":"%{json.escape(req.url)}V",` +
	`"method":"%{json.escape(req.method)}V",` +
	`"protocol":"%{json.escape(req.proto)}V",` +
	`"tls":"%{json.escape(tls.client.protocol)}V",` +
	`"status":"%{resp.status}V",` +
	`"bytes":"%{resp.bytes_written}V",` +
	`"completed":%{if(resp.completed, "true", "false")}V,` +
	`"state":"%{json.escape(fastly_info.state)}V",` +
	`"client_ip":"%{client.ip}V",` +
	`"asn":"%{client.as.number}V",` +
	`"country":"%{json.escape(client.geo.country_code)}V",` +
	`"pop":"%{json.escape(server.datacenter)}V",` +
	`"referer":"%{json.escape(req.http.Referer)}V",` +
	`"user_agent":"%{json.escape(req.http.User-Agent)}V",` +
	`"id":"%{json.escape(req.xid)}V",` +
	`"cmcd_request":"%{json.escape(req.http.CMCD-Request)}V",` +
	`"cmcd_object":"%{json.escape(req.http.CMCD-Object)}V",` +
	`"cmcd_session":"%{json.escape(req.http.CMCD-Session)}V",` +
	`"cmcd_status":"%{json.escape(req.http.CMCD-Status)}V",` +
	`"edge":%{if(fastly.ff.visits_this_service == 0, "true", "false")}V}`

// Default is the mapping of Format. Behind its names stand those of Fastly's own default format for
// HTTPS, and of formats that log services have their customers paste.
func Default() mapping.Config {
	from := func(names ...string) mapping.From { return mapping.From{From: names} }
	in := func(unit string, names ...string) mapping.From { return mapping.From{From: names, Unit: unit} }
	return mapping.Config{
		Shape: mapping.JSON,
		Nulls: []string{"(null)"},
		Map: map[string]mapping.From{
			"time":       from("ts_us", "timestamp", "time_start"),
			"first_byte": in("s", "ttfb_s", "time_to_first_byte"),
			"duration":   in("us", "elapsed_us", "time_elapsed"),
			"host":       from("host"),
			"url":        from("url"),
			"method":     from("method", "request_method", "request"),
			"protocol":   from("protocol", "request_protocol"),
			"tls":        from("tls", "tls_client_protocol"),
			"status":     from("status", "response_status"),
			"bytes":      in("B", "bytes", "response_body_size", "resp_body_size"),
			"aborted":    {From: []string{"completed"}, Values: map[string]string{"true": "false", "false": "true", "1": "false", "0": "true"}},
			"cache":      from("state", "response_state", "cache_status", "fastly_info_state", "cache"),
			"client":     from("client_ip", "cli_ip"),
			// Fastly's numbers for a network that it does not know.
			"asn":        {From: []string{"asn", "client_as_number"}, Values: map[string]string{"0": "", "4294967294": "", "4294967295": ""}},
			"country":    from("country", "geo_country_code", "cli_country"),
			"pop":        {From: []string{"pop", "geo_datacenter", "fastly_server"}, Last: 3},
			"referer":    from("referer", "request_referer"),
			"user_agent": from("user_agent", "request_user_agent"),
			"id":         from("id", "rid"),
			"cmcd":       from("cmcd_request", "cmcd_object", "cmcd_session", "cmcd_status"),
		},
		Drop: map[string][]string{"edge": {"false", "0"}, "fastly_is_edge": {"false", "0"}},
	}
}

// Readings says where each field comes from when no mapping is configured.
func Readings() []record.Reading { return Default().Readings() }
