package settings

// toMachines are the texts for senders that prove themselves with a token.
var toMachines = map[string][]Snippet{
	"akamai": {{
		"DataStream 2, custom HTTPS destination", "Akamai Control Center: DataStream, Destination", "text", `
Destination       Custom HTTPS
Endpoint URL      {ingest}
Authentication    Basic: the user that the source has in user:, password {token}
Log format        JSON (structured: list the source's fields in the stream's order)
Push frequency    30 seconds
Compress logs     yes
Data sets         the default ones, and: asn, cmcd, breadcrumbs, lastByte, securityRules, isMidgress
`}},
	"cloudfront": {firehose, {
		"Standard logging v2", "CloudFront console: Logging, Add, Amazon Data Firehose", "text", `
Output format     JSON
Fields            timestamp(ms) c-ip cs-method x-host-header cs-uri-stem cs-uri-query sc-status sc-bytes time-taken
                  time-to-first-byte x-edge-location x-edge-result-type x-edge-detailed-result-type
                  x-edge-response-result-type x-edge-request-id cs-protocol-version ssl-protocol cs(Referer)
                  cs(User-Agent) asn c-country
`}, {
		"Legacy logs, from files", "a machine that can read the bucket", "shell", `
aws s3 sync s3://BUCKET/PREFIX ./logs
vigie import ./logs/*.gz --source {source} --to {url}
`}},
	"cloudfront-realtime": {firehose, {
		"Real-time log configuration", "CloudFront console: Telemetry, Logs, Real-time configurations", "text", `
Endpoint          a Kinesis data stream, which the Firehose stream reads
Sampling rate     100, or less and the source's weight 100 / rate
Fields            timestamp c-ip time-to-first-byte sc-status sc-bytes cs-method x-edge-location x-host-header
                  cs-uri-stem cs-uri-query time-taken x-edge-result-type x-edge-detailed-result-type
                  x-edge-response-result-type c-country asn cmcd-session-id cmcd-encoded-bitrate cmcd-buffer-length
                  cmcd-buffer-starvation cmcd-measured-throughput cmcd-object-type cmcd-stream-type cmcd-startup
`}},
	"cloudflare": {{
		"Logpush job", "shell, with an API token that may edit logs", "shell", `
curl -X POST "https://api.cloudflare.com/client/v4/zones/$ZONE/logpush/jobs" \
  -H "Authorization: Bearer $CLOUDFLARE_TOKEN" -H "Content-Type: application/json" --data '{
  "name": "vigie", "enabled": true, "dataset": "http_requests", "max_upload_interval_seconds": 30,
  "destination_conf": "{ingest}?header_Authorization=Bearer%20{token-encoded}",
  "output_options": {"output_type": "ndjson", "timestamp_format": "unixnano", "sample_rate": 1,
    "field_names": ["EdgeStartTimestamp", "EdgeEndTimestamp", "RayID", "ParentRayID", "ClientIP", "ClientASN", "ClientCountry",
      "ClientRequestMethod", "ClientRequestHost", "ClientRequestURI", "ClientRequestProtocol", "ClientRequestReferer",
      "ClientRequestSource", "ClientRequestUserAgent", "ClientSSLProtocol", "EdgeResponseStatus", "EdgeResponseBytes",
      "EdgeTimeToFirstByteMs", "CacheCacheStatus", "EdgeColoCode", "SecurityAction", "WorkerSubrequest"]}}'
`}},
	"fastly": {{
		"HTTPS logging endpoint", "Fastly: Configuration, Logging, HTTPS", "text", `
URL                {ingest}
Method             POST
Content type       application/json
Custom header      Authorization: Bearer {token}
JSON log entries   newline delimited
Message type       blank
Format version     2
Compression        gzip
`}, {
		"Log format", "the same endpoint, on one line", "vcl", fastlyFormat}},
	"nginx": {{
		"Access log as JSON, by syslog", "nginx.conf, in http { }", "nginx", nginxFormat + `
access_log syslog:server={host}:{port},tag=nginx vigie;
`}, {
		"The same to a file, followed by vigie", "nginx.conf, in http { }", "nginx", nginxFormat + `
access_log /var/log/nginx/vigie.log vigie;
`}, tail, {
		"Varnish", "a service beside varnishd", "shell", `
varnishncsa -j -F '{"ts":"%{usec}t","host":"%{Host}i","m":"%m","uri":"%U%q","st":"%s","bs":"%O","us":"%D","ttfb":"%{Varnish:time_firstbyte}x","cs":"%{Varnish:handling}x","side":"%{Varnish:side}x","ip":"%h","xff":"%{X-Forwarded-For}i","ref":"%{Referer}i","ua":"%{User-agent}i","proto":"%H"}' \
  | logger -n {host} -P {port} -T -t varnish
`}, rsyslogTLS},
	"combined": {{
		"Access log that tells more than combined", "nginx.conf, in http { }", "nginx", `
log_format vigie_text '$remote_addr - $remote_user [$time_local] "$request" $status $bytes_sent '
    '"$http_referer" "$http_user_agent" "$http_x_forwarded_for" host="$host" rt=$request_time '
    'uht="$upstream_header_time" cs=$upstream_cache_status tls=$ssl_protocol';
access_log syslog:server={host}:{port},tag=nginx vigie_text;
`}, tail, files, rsyslogTLS},
	"w3c":    {tail, files},
	"ndjson": {post, tail, files},
	"mapping": {{
		"See how a sample is read", "where Vigie's configuration is", "shell", `
head -c 100k SAMPLE | vigie check source {source} --config room.yaml
`}, post, tail},
	"beacon": {{
		"Beacons from a service that relays", "any HTTP client", "shell", `
curl -H 'Authorization: Bearer {token}' --data '{"session":"6b1f0c52","event":"heartbeat","watchedTime":10000}' {ingest}
`}},
	"cmcd": {{
		"CMCD events from a service that relays", "any HTTP client", "shell", `
curl -H 'Authorization: Bearer {token}' -H 'Content-Type: application/cmcd' --data 'e=t,sid="6b1f0c52",sta=p,ts=1788896703120,v=2' {ingest}
`}},
	"mux": {firehose, {
		"Monitoring samples stream", "Mux: ask its support to enable it", "text", `
Format            JSON
Destination       a Kinesis data stream of yours, which the Firehose stream reads
`}},
	"bitmovin": {{
		"A relay's requests", "any HTTP client", "shell", `
curl -H 'Authorization: Bearer {token}' --data @sample.json {ingest}
`}},
	"npaw": {{
		"A relay's requests, one target a line", "any HTTP client", "shell", `
curl -H 'Authorization: Bearer {token}' --data-binary @targets.txt {ingest}
`}},
	"prometheus": {{
		"Remote write", "prometheus.yml", "yaml", `
remote_write:
  - url: {ingest}
    authorization:
      credentials_file: /etc/prometheus/vigie.token
`}},
	"otlp": {{
		"OpenTelemetry Collector", "its configuration", "yaml", `
exporters:
  otlp_http/vigie:
    metrics_endpoint: {ingest}/v1/metrics
    compression: gzip
    headers:
      Authorization: Bearer ${env:VIGIE_TOKEN}
service:
  pipelines:
    metrics:
      exporters: [otlp_http/vigie]
`}, {
		"An SDK by itself", "the service's environment", "shell", `
export OTEL_EXPORTER_OTLP_METRICS_ENDPOINT={ingest}/v1/metrics
export OTEL_EXPORTER_OTLP_METRICS_PROTOCOL=http/protobuf
export OTEL_EXPORTER_OTLP_METRICS_HEADERS="authorization=Bearer%20$VIGIE_TOKEN"
`}},
}

var firehose = Snippet{
	"Amazon Data Firehose", "AWS console: Amazon Data Firehose, HTTP endpoint destination", "text", `
HTTP endpoint URL   {ingest}
                    on port 443, with a certificate that AWS trusts: put a proxy in front
Access key          {token}
Content encoding    GZIP
Buffer              1 MiB, 60 seconds or less
Retry duration      7200 seconds
`}

var tail = Snippet{
	"Follow a file", "a service beside the server that writes it", "shell", `
vigie tail /var/log/nginx/vigie.log --to {url} --source {source} --token-file /etc/vigie/{source}.token --state /var/lib/vigie-tail
`}

var files = Snippet{
	"Files from before", "any machine with the configuration", "shell", `
vigie import access.log.gz --source {source} --to {url} --config room.yaml
`}

var post = Snippet{
	"By HTTP", "any HTTP client", "shell", `
curl -H 'Authorization: Bearer {token}' -H "X-Batch-Id: $(uuidgen)" -H 'Content-Encoding: gzip' --data-binary @lines.gz {ingest}
`}

var rsyslogTLS = Snippet{
	"By rsyslog over TLS", "/etc/rsyslog.d/vigie.conf", "text", `
global(DefaultNetstreamDriverCAFile="/etc/ssl/certs/ca-certificates.crt")
if $programname == 'nginx' then action(type="omfwd" target="{host}" port="{tls}" protocol="tcp"
  TCP_Framing="octet-counted" StreamDriver="gtls" StreamDriverMode="1" StreamDriverAuthMode="x509/name"
  queue.type="LinkedList" queue.filename="vigie" queue.maxDiskSpace="1g" action.resumeRetryCount="-1")
`}

const nginxFormat = `
log_format vigie escape=json '{"ts":"$msec","host":"$host","m":"$request_method","uri":"$request_uri",'
    '"st":"$status","bs":"$bytes_sent","rt":"$request_time","uht":"$upstream_header_time",'
    '"cs":"$upstream_cache_status","ip":"$remote_addr","xff":"$http_x_forwarded_for",'
    '"ref":"$http_referer","ua":"$http_user_agent","proto":"$server_protocol","tls":"$ssl_protocol",'
    '"id":"$request_id","cmcd_r":"$http_cmcd_request","cmcd_o":"$http_cmcd_object",'
    '"cmcd_s":"$http_cmcd_session","cmcd_t":"$http_cmcd_status"}';`
