package simulate

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Handler is the match's remote control, for a loopback address:
//
//	POST   /incidents/{kind}?isp=&cdn=&source=&share=&steer=&delay=&device=&player=&service=&slow=&for=&ramp=
//	DELETE /incidents/{id}
//	GET    /incidents
//	GET    /truth            NDJSON, see Truth.WriteTo
//	GET    /senders          SenderStats
//
// It has no accounts; it refuses what other web sites' pages make a browser send.
func (m *Match) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /incidents/{kind}", func(w http.ResponseWriter, r *http.Request) {
		in, err := parseIncident(Kind(r.PathValue("kind")), r.URL.Query())
		if err == nil {
			in, err = m.Inject(in)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Location", "/incidents/"+in.ID)
		m.reply(w, http.StatusCreated, in)
	})
	mux.HandleFunc("DELETE /incidents/{id}", func(w http.ResponseWriter, r *http.Request) {
		if err := m.End(r.PathValue("id")); errors.Is(err, ErrNoIncident) {
			http.Error(w, err.Error(), http.StatusNotFound)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET /incidents", func(w http.ResponseWriter, _ *http.Request) {
		m.reply(w, http.StatusOK, m.Incidents())
	})
	mux.HandleFunc("GET /senders", func(w http.ResponseWriter, _ *http.Request) {
		m.reply(w, http.StatusOK, m.Stats())
	})
	mux.HandleFunc("GET /truth", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-ndjson")
		if _, err := m.Truth().WriteTo(w); err != nil {
			m.log.Debug("write truth", "err", err)
		}
	})
	return http.NewCrossOriginProtection().Handler(mux)
}

func (m *Match) reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(v); err != nil {
		m.log.Debug("write answer", "err", err)
	}
}

func parseIncident(kind Kind, q url.Values) (Incident, error) {
	in := Incident{Kind: kind}
	for key, values := range q {
		v := values[0]
		var err error
		switch key {
		case "isp":
			in.ISP = v
		case "cdn":
			in.CDN = v
		case "source":
			in.Source = v
		case "device":
			in.Device = v
		case "player":
			in.Player = v
		case "service":
			in.Service = v
		case "slow":
			in.Slow, err = strconv.ParseFloat(v, 64)
		case "share":
			in.Share, err = strconv.ParseFloat(v, 64)
		case "steer":
			in.Steer, err = strconv.ParseFloat(v, 64)
		case "delay":
			in.Delay, err = time.ParseDuration(v)
		case "for":
			in.For, err = time.ParseDuration(v)
		case "ramp":
			in.Ramp, err = time.ParseDuration(v)
		default:
			err = errors.New("is not a key of incidents")
		}
		if err != nil {
			return in, fmt.Errorf("%s: %w", key, err)
		}
	}
	return in, nil
}
