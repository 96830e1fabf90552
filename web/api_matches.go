package web

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"vigie/internal/match"
)

// apiMatches is the calendar.
type apiMatches struct {
	Now     jsonText          `json:"now" doc:"Id of the match that it is now. null: none is near."`
	Matches []apiMatchSummary `json:"matches" doc:"By kick-off as planned."`
}

type apiMatchSummary struct {
	ID          string   `json:"id" doc:"Of the match's file."`
	Name        string   `json:"name"`
	Competition string   `json:"competition"`
	Teams       []string `json:"teams"`
	Channels    []string `json:"channels" doc:"Ids as the paths of the CDNs' logs give them."`
	Criticality int      `json:"criticality" doc:"1 to 4, 4 is a nation's night; 0: not told."`
	KickOff     jsonTime `json:"kick_off" doc:"As planned."`
	TimeZone    jsonText `json:"time_zone" doc:"IANA name, of the venue. null: UTC."`
}

// apiMatch is all that is known of one match.
type apiMatch struct {
	apiMatchSummary
	Planned   []apiMark     `json:"planned" doc:"When its phases begin, as its file says."`
	Timeline  []apiMark     `json:"timeline" doc:"As people moved them."`
	Compare   jsonText      `json:"compare" doc:"Id of the match that it is compared with. null: none."`
	Align     jsonText      `json:"align" doc:"The phase at whose beginning both clocks meet. null: minute by minute of each phase."`
	Roster    []apiTurn     `json:"roster"`
	Forecast  apiForecast   `json:"forecast" doc:"Points between which lines are straight."`
	Capacity  []apiReserve  `json:"capacity"`
	Nearby    []apiNearby   `json:"nearby" doc:"Planned things that could collide with it."`
	Checklist []apiItem     `json:"checklist"`
	Notes     []apiNote     `json:"notes" doc:"In order of time."`
	Moves     []apiMoveMade `json:"moves" doc:"What was said about its phases, in the order in which it was."`
}

type apiTurn struct {
	apiDuty
	Phone jsonText `json:"phone" doc:"Told to people who are signed in, never to a token. null: none, or not told."`
}

type apiForecast struct {
	Viewers []apiPoint `json:"viewers" doc:"Concurrent viewers."`
	Traffic []apiPoint `json:"traffic" doc:"Bits per second, peers included."`
}

type apiPoint struct {
	At    float64 `json:"at_seconds" doc:"From kick-off as planned, negative before it."`
	Value float64 `json:"value"`
}

type apiReserve struct {
	CDN  string   `json:"cdn" doc:"Its id."`
	ISP  jsonText `json:"isp" doc:"null: all of the CDN."`
	Bits float64  `json:"reserved_bits_per_second"`
}

type apiNearby struct {
	Name string   `json:"name"`
	From jsonTime `json:"from"`
	To   jsonTime `json:"to"`
	Note string   `json:"note"`
}

type apiItem struct {
	ID      string   `json:"id"`
	Text    string   `json:"text"`
	Owner   jsonText `json:"owner" doc:"A role of the roster."`
	Verdict jsonText `json:"verdict" doc:"go or no-go. null: nobody has answered."`
	Note    jsonText `json:"note" doc:"What was said with the answer."`
	By      jsonText `json:"by" doc:"Account name."`
	Said    jsonTime `json:"said"`
}

type apiMoveMade struct {
	Phase  string   `json:"phase"`
	At     jsonTime `json:"at" doc:"When it begins. null: it is not played."`
	Skip   bool     `json:"skip" doc:"It, and what follows up to after, is not played."`
	By     string   `json:"by" doc:"Account name."`
	Said   jsonTime `json:"said"`
	Undone jsonText `json:"undone_by" doc:"Who took it back. null: it counts."`
}

func newAPIMatchSummary(m *match.Match) apiMatchSummary {
	return apiMatchSummary{
		ID: m.ID, Name: m.Name, Competition: m.Competition, Teams: append([]string{}, m.Teams...), Channels: append([]string{}, m.Channels...),
		Criticality: m.Criticality, KickOff: jsonTime(m.KickOff), TimeZone: jsonText(m.Venue),
	}
}

func newAPIMatch(book *match.Book, m *match.Match, phones bool) *apiMatch {
	point := func(p *match.Point) apiPoint { return apiPoint{p.At.Seconds(), float64(p.Value)} }
	answers := book.Answers(m.ID)
	compare, align := book.Compared(m.ID)
	return &apiMatch{
		apiMatchSummary: newAPIMatchSummary(m), Planned: apiList(m.Planned(), newAPIMark), Timeline: apiList(book.Timeline(m.ID), newAPIMark),
		Compare: jsonText(compare), Align: jsonText(align),
		Roster: apiList(m.Roster, func(d *match.Duty) apiTurn {
			t := apiTurn{apiDuty: apiDuty{Name: d.Name, Role: d.Role, From: jsonTime(d.From), To: jsonTime(d.To)}}
			if phones {
				t.Phone = jsonText(d.Phone)
			}
			return t
		}),
		Forecast: apiForecast{apiList(m.Forecast.Viewers, point), apiList(m.Forecast.Traffic, point)},
		Capacity: apiList(m.Capacity, func(r *match.Reserve) apiReserve { return apiReserve{r.CDN, jsonText(r.ISP), float64(r.Bits)} }),
		Nearby:   apiList(m.Nearby, func(n *match.Nearby) apiNearby { return apiNearby{n.Name, jsonTime(n.From), jsonTime(n.To), n.Note} }),
		Checklist: apiList(m.Checklist, func(i *match.CheckItem) apiItem {
			a := answers[i.ID]
			return apiItem{i.ID, i.Text, jsonText(i.Owner), jsonText(a.Verdict), jsonText(a.Note), jsonText(a.By), jsonTime(a.Said)}
		}),
		Notes: apiList(book.Notes(m.ID), newAPINote),
		Moves: apiList(book.Moves(m.ID), func(v *match.Move) apiMoveMade {
			return apiMoveMade{string(v.Phase), jsonTime(v.At), v.Skip, v.By, jsonTime(v.Said), jsonText(v.Undone)}
		}),
	}
}

func (s *Server) showAPIMatches(c echo.Context) error {
	book := s.config.Matches
	if book == nil {
		return echo.ErrNotFound
	}
	if err := onlyParams(c, nil); err != nil {
		return err
	}
	a := apiMatches{Matches: []apiMatchSummary{}}
	if m := book.At(time.Now()); m != nil {
		a.Now = jsonText(m.ID)
	}
	for _, m := range book.Matches() {
		a.Matches = append(a.Matches, newAPIMatchSummary(m))
	}
	return answerJSON(c, a)
}

func (s *Server) showAPIMatch(c echo.Context) error {
	if err := onlyParams(c, nil); err != nil {
		return err
	}
	m := s.config.Matches.Find(c.Param("id"))
	if m == nil {
		return badParam{status: http.StatusNotFound, name: "id", in: "path", reason: "there is no such match: GET /api/v1/matches lists them"}
	}
	return answerJSON(c, newAPIMatch(s.config.Matches, m, userOf(c).Name != ""))
}
