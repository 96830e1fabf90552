package remotewrite

import (
	"net/http"
	"strings"
	"testing"
)

const (
	typeV1 = "application/x-protobuf"
	typeV2 = "application/x-protobuf;proto=io.prometheus.write.v2.Request"
)

func TestCheckAnswersAsTheSpecificationSays(t *testing.T) {
	const sample = ` samples { value: 1 timestamp: 1788896703280 } `
	one := pack(v1(t, `timeseries { labels { name: "__name__" value: "m" }`+sample+`exemplars { value: 1 timestamp: 1 } } timeseries { labels { name: "__name__" value: "h" } histograms { timestamp: 1788896703280 } }`))
	half := pack(v1(t, `timeseries { labels { name: "__name__" value: "m" }`+sample+`} timeseries {`+sample+sample+`}`))
	none := pack(v1(t, `timeseries {`+sample+`}`))
	two := pack(v2(t, `symbols: ["", "__name__", "m"] timeseries { labels_refs: [1, 2]`+sample+`}`))
	f := func(name, contentType, encoding, version string, body []byte, v Version, w Written, status int, message string) {
		t.Helper()
		gotV, gotW, gotStatus, err := Check(contentType, encoding, version, body)
		text := ""
		if err != nil {
			text = err.Error()
		}
		if gotV != v || gotW != w || gotStatus != status || !strings.Contains(text, message) || (text == "") != (status == 204) {
			t.Errorf("%s: %d %+v %d %q", name, gotV, gotW, gotStatus, text)
		}
	}
	f("1.0", typeV1, "snappy", "0.1.0", one, V1, Written{1, 1, 1}, 204, "")
	f("1.0, named", typeV1+"; proto=prometheus.WriteRequest", "SNAPPY", "0.1.0", one, V1, Written{1, 1, 1}, 204, "")
	f("1.0 without a version", typeV1, "snappy", "", one, V1, Written{1, 1, 1}, 204, "")
	f("2.0", typeV2, "snappy", "2.0.0", two, V2, Written{1, 0, 0}, 204, "")
	f("metadata alone", typeV1, "snappy", "0.1.0", pack(v1(t, `metadata { type: 1 }`)), V1, Written{}, 204, "")
	f("partly", typeV1, "snappy", "0.1.0", half, V1, Written{1, 0, 0}, 400, "1 stored, 2 refused: name: missing (2)")
	f("not at all", typeV1, "snappy", "0.1.0", none, V1, Written{}, 400, "0 stored, 1 refused")
	f("no encoding", typeV1, "", "0.1.0", one, 0, Written{}, 415, "Content-Encoding")
	f("zstd", typeV1, "zstd", "0.1.0", one, 0, Written{}, 415, "zstd")
	f("JSON", "application/json", "snappy", "0.1.0", one, 0, Written{}, 415, "application/json")
	f("no type", "", "snappy", "0.1.0", one, 0, Written{}, 415, "Content-Type")
	f("a message of the future", typeV1+";proto=io.prometheus.write.v3.Request", "snappy", "3.0.0", one, 0, Written{}, 415, "v3")
	f("a version of the future", typeV1, "snappy", "3.0.0", one, 0, Written{}, 415, "3.0.0")
	f("not snappy", typeV1, "snappy", "0.1.0", []byte("text"), V1, Written{}, 400, NotSnappy)
	f("too large", typeV1, "snappy", "0.1.0", []byte("\xff\xff\xff\xff\x0f"), V1, Written{}, 413, TooLarge)
}

func TestWhatABodyWillUnpackToIsToldBefore(t *testing.T) {
	f := func(name, contentType, encoding string, body []byte, v Version, unpacked int) {
		t.Helper()
		if gotV, got := Claim(contentType, encoding, "", body); gotV != v || got != unpacked {
			t.Errorf("%s: %d %d", name, gotV, got)
		}
	}
	body := pack(make([]byte, 100_000))
	f("1.0", typeV1, "snappy", body, V1, 100_000)
	f("2.0", typeV2, "snappy", body, V2, 100_000)
	f("nothing", typeV1, "snappy", pack(nil), V1, 0)
	f("another encoding", typeV1, "gzip", body, 0, 0)
	f("not snappy", typeV1, "snappy", []byte("text"), V1, 0)
	f("more than it can hold", typeV1, "snappy", body[:100], V1, 0)
	f("too large", typeV2, "snappy", []byte("\xff\xff\xff\xff\x0f"), V2, 0)
}

func TestTheHeaderOfVersion2(t *testing.T) {
	h := http.Header{}
	Written{Samples: 3, Histograms: 2, Passed: 9}.Header(h)
	for name, want := range map[string]string{"Samples": "3", "Histograms": "2", "Exemplars": "0"} {
		if got := h.Get("X-Prometheus-Remote-Write-" + name + "-Written"); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
}
