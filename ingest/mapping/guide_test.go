package mapping_test

import (
	"testing"

	"github.com/goccy/go-yaml"

	"vigie/ingest/formattest"
	"vigie/ingest/mapping"
	"vigie/internal/event"
)

// guide is the example of docs/formats.md, and guideLine the line that it is for.
const (
	guide = `shape: json
map:
  time:       {from: ts, layout: unix_ms}
  host:       vhost
  url:        clientRequest.uri          # a member in a member
  method:     clientRequest.verb
  status:     code
  bytes:      [wire_bytes, body_bytes]   # the first that is present
  first_byte: {from: ttfb, unit: us}
  duration:   {from: took, unit: s}
  cache:      {from: cacheStatus, values: {"*_HIT": hit, "*MISS*": miss}}
  client:     ip
  asn:        as
  country:    cc
  pop:        {from: node, last: 3}
  user_agent: {from: agent, percent: true}
  weight:     {from: sample, unit: ratio}
drop:
  tier: [shield]                         # its edge has reported the same request
`
	guideLine = `{"ts":1788896703120,"vhost":"live.example.com","clientRequest":{"uri":"/final/v/seg_1201.m4s?CMCD=br%3D3200","verb":"GET"},"code":200,"wire_bytes":812745,"body_bytes":812345,"ttfb":4200,"took":0.031,"cacheStatus":"TCP_MEM_HIT","ip":"192.0.2.7","as":"AS3215","cc":"fr","node":"edge-par3-CDG","agent":"VLC%2F3","sample":0.1,"tier":"edge"}`
)

func TestTheGuidesExample(t *testing.T) {
	var c mapping.Config
	if err := yaml.UnmarshalWithOptions([]byte(guide), &c, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	got := formattest.Read(parser(t, c), []byte(guideLine), event.Origin{}).String()
	if want := at + ` Method="GET" Host="live.example.com" Path="/final/v/seg_1201.m4s" Query="CMCD=br%3D3200" Status=200 Bytes=812745 FirstByte=4.2ms Duration=31ms Cache=hit Client=192.0.2.7 ASN=3215 Country="FR" PoP="CDG" UserAgent="VLC/3" Bitrate=3200 Weight=10`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
