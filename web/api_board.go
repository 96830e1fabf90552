package web

// The types of the API's answers, and their description at once: the tag doc is what openapi.json says of
// a field, enum which values it has. openapi.json is made of them by `go test ./web -run OpenAPI -update`.

// apiBoard is everything on the board.
type apiBoard struct {
	At         jsonTime      `json:"at" doc:"The server's clock when the board was made."`
	Tick       uint64        `json:"tick" doc:"Counts boards, one a second, since the service started."`
	CompleteTo jsonTime      `json:"complete_to" doc:"All live sources are complete before this moment. null: none is."`
	Sight      apiSight      `json:"sight" doc:"What is looked at, as asked for."`
	Match      *apiClock     `json:"match" doc:"The match that it is now. null: none is near."`
	Timeline   []apiMark     `json:"timeline" doc:"When the phases of the match begin, as planned and as moved, in order of time."`
	Notes      []apiNote     `json:"notes" doc:"What people noted on the axis, in order of time."`
	Duty       []apiDuty     `json:"duty" doc:"Who is on duty now. Telephone numbers are never told here."`
	Earlier    *apiEarlier   `json:"earlier" doc:"The match that this one is compared with. null: none."`
	Panels     apiPanels     `json:"panels" doc:"The parts of the board, by name. Each fails alone and keeps its last values."`
	Beside     *apiSightSide `json:"beside" doc:"The same of the other scope, when the sight compares two. null: it does not."`
}

type apiSightSide struct {
	Scope  apiScope  `json:"scope" doc:"What the sight is compared with."`
	Panels apiPanels `json:"panels" doc:"The parts that depend on the scope."`
}

type apiScope struct {
	CDN     jsonText `json:"cdn" doc:"Id of a CDN. null: all."`
	ISP     jsonText `json:"isp" doc:"Name of a network. null: all."`
	Channel jsonText `json:"channel" doc:"null: all."`
	Device  jsonText `json:"device" doc:"null: all. CDNs' logs do not tell it."`
}

type apiSight struct {
	Scope   apiScope `json:"scope" doc:"What the board is narrowed to."`
	Compare bool     `json:"compare" doc:"Whether another scope is shown beside."`
	From    jsonTime `json:"from" doc:"Beginning of the stretch of the past that is looked at. null: it is live."`
	To      jsonTime `json:"to" doc:"Its end, exclusive. null: it is live."`
	Earlier jsonText `json:"earlier" doc:"Id of the match asked for to compare with; none: no match. null: the match's own choice."`
	Align   jsonText `json:"align" doc:"The phase at whose beginning both clocks are asked to meet. null: minute by minute of each phase."`
}

type apiClock struct {
	ID          jsonText   `json:"id" doc:"Of the match's file."`
	Name        string     `json:"name"`
	Competition string     `json:"competition"`
	Criticality int        `json:"criticality" doc:"1 to 4, 4 is a nation's night; 0: not told."`
	KickOff     jsonTime   `json:"kick_off" doc:"As moved, if it was."`
	TimeZone    jsonText   `json:"time_zone" doc:"IANA name, of the venue."`
	Phase       jsonText   `json:"phase" doc:"The part of the match that is played."`
	Minute      int        `json:"minute" doc:"Minute of play; in added time it stays at the phase's last minute."`
	Added       int        `json:"added_minutes" doc:"Minutes beyond it: 45 + 2."`
	ToKickOff   jsonNumber `json:"to_kick_off_seconds" doc:"Until kick-off. null: it is over."`
}

type apiMark struct {
	At    jsonTime `json:"at"`
	Phase string   `json:"phase" doc:"The part of the match that begins."`
}

type apiNote struct {
	ID   string   `json:"id"`
	At   jsonTime `json:"at" doc:"What it is about."`
	Text string   `json:"text"`
	By   string   `json:"by" doc:"Account name."`
	Said jsonTime `json:"said" doc:"When it was written."`
}

type apiDuty struct {
	Name string   `json:"name"`
	Role string   `json:"role" doc:"As the room calls it."`
	From jsonTime `json:"from" doc:"null: from an hour before kick-off."`
	To   jsonTime `json:"to" doc:"null: until two hours after the last phase begins."`
}

type apiEarlier struct {
	ID    string   `json:"id"`
	Name  string   `json:"name"`
	Align jsonText `json:"align" doc:"The phase at whose beginning both clocks meet. null: minute by minute of each phase."`
	Known bool     `json:"known" doc:"Whether it has data to compare with."`
}

// apiPanels has all panels, or the one that was asked for.
type apiPanels struct {
	Viewers     *apiNumber    `json:"viewers,omitempty"`
	Traffic     *apiNumber    `json:"traffic,omitempty"`
	Errors      *apiNumber    `json:"errors,omitempty"`
	Startup     *apiNumber    `json:"startup,omitempty"`
	Rebuffering *apiNumber    `json:"rebuffering,omitempty"`
	Flow        *apiChart     `json:"flow,omitempty"`
	Failing     *apiChart     `json:"failing,omitempty"`
	Classes     *apiChart     `json:"classes,omitempty"`
	Pressure    *apiPressure  `json:"pressure,omitempty"`
	Capacity    *apiCapacity  `json:"capacity,omitempty"`
	Matrix      *apiMatrix    `json:"matrix,omitempty"`
	Tools       *apiTools     `json:"tools,omitempty"`
	Mesh        *apiMesh      `json:"mesh,omitempty"`
	Services    *apiServices  `json:"services,omitempty"`
	Sources     *apiSources   `json:"sources,omitempty"`
	Concerns    *apiConcerns  `json:"concerns,omitempty"`
	Changes     *apiChanges   `json:"changes,omitempty"`
	Breakdown   *apiBreakdown `json:"breakdown,omitempty" doc:"Of a narrowed sight only."`
}

// apiPanel is what every panel has.
type apiPanel struct {
	Definition string   `json:"definition" doc:"What its values mean, with their denominators, in English."`
	AsOf       jsonTime `json:"as_of" doc:"The values hold at this moment; it stays while queries fail. null: nothing was read yet."`
	Error      jsonText `json:"error" doc:"Why the last query for it failed: its values are older ones. null: it worked."`
	Untold     jsonText `json:"untold" doc:"The dimension of the scope that the panel's data does not tell, so that there are no values. null: it tells all."`
}

type apiNumber struct {
	apiPanel
	Unit     string       `json:"unit" doc:"Of all values here." enum:"viewers,bits_per_second,ratio,seconds"`
	Value    jsonNumber   `json:"value"`
	P95      jsonNumber   `json:"p95" doc:"95th percentile, of startup: value is its median."`
	Samples  uint64       `json:"samples" doc:"Sessions or requests behind the value, weighted."`
	Health   apiHealth    `json:"health"`
	Few      bool         `json:"few" doc:"There are fewer than 25 lines a minute: it is not judged."`
	Before   jsonNumber   `json:"ten_minutes_ago" doc:"The same number ten minutes earlier."`
	Forecast jsonNumber   `json:"forecast" doc:"What was expected for this moment."`
	Earlier  jsonNumber   `json:"earlier" doc:"The same moment of the earlier match."`
	Reserved jsonNumber   `json:"reserved" doc:"Capacity that was reserved, of traffic."`
	Lacks    []string     `json:"lacks" doc:"Names of the CDNs or tools that are silent: the value lacks them."`
	Recent   []jsonNumber `json:"recent" doc:"The last quarter of an hour by ten seconds, or all of a stretch of the past, the oldest first."`
	Complete int          `json:"recent_complete_points" doc:"So many of recent, from the first on, are complete."`
}

// apiSeries are lines over one axis of time.
type apiSeries struct {
	Unit     string    `json:"unit" doc:"Of all values here." enum:"bits_per_second,ratio,requests_per_second"`
	Start    jsonTime  `json:"start" doc:"Of the first point. Point i covers step_seconds from start + i × step_seconds on."`
	Step     float64   `json:"step_seconds"`
	Complete int       `json:"complete_points" doc:"So many points, from the first on, are complete for all lines."`
	Lines    []apiLine `json:"lines"`
}

type apiLine struct {
	ID       string       `json:"id"`
	Name     string       `json:"name"`
	Complete int          `json:"complete_points" doc:"So many points, from the first on, are complete for this line's own sources."`
	Values   []jsonNumber `json:"values"`
}

type apiChart struct {
	apiPanel
	apiSeries
	Over     []apiLine  `json:"over" doc:"Lines of the whole: forecast and earlier. They may reach into the time to come."`
	Reserved jsonNumber `json:"reserved" doc:"Capacity that was reserved, of all lines together."`
}

type apiPressure struct {
	apiPanel
	Chart       apiSeries  `json:"chart" doc:"Lines accepted and blocked."`
	Accepted    jsonNumber `json:"accepted_requests_per_second" doc:"Over the last complete minute."`
	Blocked     jsonNumber `json:"blocked_requests_per_second" doc:"Refused by security rules, over the last complete minute."`
	Peak        jsonNumber `json:"peak_blocked_requests_per_second" doc:"The most of the chart."`
	PeakAt      jsonTime   `json:"peak_at"`
	Health      apiHealth  `json:"health" doc:"By the share of requests that is blocked."`
	Login       jsonText   `json:"login_service" doc:"Name of the service that people sign in by. null: none is known."`
	Logins      jsonNumber `json:"login_requests_per_second"`
	LoginErrors jsonNumber `json:"login_error_ratio"`
}

type apiCapacity struct {
	apiPanel
	CDNs   []apiUsed `json:"cdns" doc:"CDNs with a reserve, in the order of the matrix's columns."`
	Cells  []apiUsed `json:"cells" doc:"CDN × network with a reserve, the fullest first."`
	Losses []apiLoss `json:"losses" doc:"What each CDN would leave to the others if it failed now: each network's viewers go to the others in proportion to what these serve it."`
}

type apiUsed struct {
	CDN      string     `json:"cdn" doc:"Its id."`
	Name     string     `json:"cdn_name"`
	ISP      jsonText   `json:"isp" doc:"null: all of the CDN."`
	Bits     jsonNumber `json:"used_bits_per_second"`
	Reserved jsonNumber `json:"reserved_bits_per_second"`
	Slope    jsonNumber `json:"slope_bits_per_second_per_second" doc:"Gained each second, over the last five minutes."`
	Full     jsonNumber `json:"full_in_seconds" doc:"Until it is full at that slope. null: never, or it is."`
	Health   apiHealth  `json:"health"`
}

type apiLoss struct {
	CDN    string     `json:"cdn" doc:"Id of the CDN that would fail; p2p is the mesh."`
	Name   string     `json:"cdn_name"`
	Bits   jsonNumber `json:"traffic_bits_per_second" doc:"What it carries now."`
	ISP    jsonText   `json:"fullest_isp" doc:"Network of the cell that would be the fullest. null: no cell has a reserve."`
	Health apiHealth  `json:"health" doc:"The worst of the takers."`
	Takers []apiTaker `json:"takers"`
}

type apiTaker struct {
	CDN      string     `json:"cdn" doc:"Its id."`
	Name     string     `json:"cdn_name"`
	More     jsonNumber `json:"more_bits_per_second" doc:"What it would take over."`
	After    jsonNumber `json:"after_bits_per_second" doc:"What it would carry then."`
	Reserved jsonNumber `json:"reserved_bits_per_second"`
	Health   apiHealth  `json:"health"`
}

type apiMatrix struct {
	apiPanel
	Window  float64     `json:"window_seconds" doc:"What the values are of."`
	Columns []apiColumn `json:"columns"`
	Rows    []apiRow    `json:"rows" doc:"Networks, by their traffic."`
}

type apiColumn struct {
	CDN   string  `json:"cdn" doc:"Its id; p2p is the mesh, which has bytes and no requests."`
	Name  string  `json:"cdn_name"`
	Total apiCell `json:"total"`
}

type apiRow struct {
	ISP    jsonText     `json:"isp" doc:"null: not a network but so many small ones together."`
	Merged int          `json:"merged_networks" doc:"How many those are; 0 for a network."`
	Cells  []apiCDNCell `json:"cells" doc:"In the order of the columns."`
	Total  apiCell      `json:"total"`
}

type apiCDNCell struct {
	CDN string `json:"cdn" doc:"Its id."`
	apiCell
	Health apiHealth `json:"health" doc:"Of the worst metric."`
	Why    jsonText  `json:"why" doc:"The metric that made health a warning or critical: traffic, share, errors, firstbyte or rebuffering."`
	Trend  apiTrend  `json:"trend" doc:"What each metric was over the last quarter of an hour, the oldest first."`
}

type apiCell struct {
	Bits        jsonNumber `json:"traffic_bits_per_second"`
	Share       jsonNumber `json:"share_ratio" doc:"Of the row's traffic; of a column's total: of all traffic."`
	Errors      jsonNumber `json:"error_ratio"`
	FirstByte   jsonNumber `json:"first_byte_p95_seconds"`
	Rebuffering jsonNumber `json:"rebuffering_ratio"`
	Requests    jsonNumber `json:"requests" doc:"Weighted; behind error_ratio and first_byte_p95_seconds."`
	Viewers     jsonNumber `json:"viewers" doc:"Distinct sessions. null: no beacon tells."`
	Lines       uint64     `json:"lines" doc:"Log lines behind it, unweighted; fewer than 25 a minute are not judged."`
}

type apiTrend struct {
	Bits        []jsonNumber `json:"traffic_bits_per_second"`
	Share       []jsonNumber `json:"share_ratio"`
	Errors      []jsonNumber `json:"error_ratio"`
	FirstByte   []jsonNumber `json:"first_byte_p95_seconds"`
	Rebuffering []jsonNumber `json:"rebuffering_ratio"`
}

type apiTools struct {
	apiPanel
	Window float64   `json:"window_seconds"`
	Rows   []apiTool `json:"rows"`
}

type apiTool struct {
	Name        string     `json:"name"`
	Format      string     `json:"format" doc:"Of its source: each tool defines what it measures in its own way."`
	Startup     jsonNumber `json:"startup_seconds" doc:"Median."`
	Rebuffering jsonNumber `json:"rebuffering_ratio"`
	Failures    jsonNumber `json:"failure_ratio" doc:"Failed starts and failed plays / attempts."`
	Bitrate     jsonNumber `json:"bitrate_bits_per_second" doc:"Bits played / media time."`
	Sessions    jsonNumber `json:"sessions"`
	Beacons     uint64     `json:"beacons"`
}

type apiMesh struct {
	apiPanel
	Window   float64       `json:"window_seconds"`
	Tool     jsonText      `json:"tool" doc:"Whose counters these are. null: no tool tells."`
	Bits     jsonNumber    `json:"traffic_bits_per_second" doc:"What viewers get from each other."`
	Offload  jsonNumber    `json:"offload_ratio" doc:"Bytes from peers / (bytes from peers + bytes from CDNs), of the same sessions."`
	Networks []apiNetwork  `json:"networks"`
	Fallback []apiFallback `json:"fallback" doc:"What each CDN would carry in addition if the mesh died now."`
}

type apiNetwork struct {
	ISP     string     `json:"isp"`
	Down    jsonNumber `json:"received_bits_per_second" doc:"From peers."`
	Up      jsonNumber `json:"given_bits_per_second" doc:"To peers."`
	Offload jsonNumber `json:"offload_ratio"`
}

type apiFallback struct {
	CDN  string     `json:"cdn" doc:"Its id."`
	Name string     `json:"cdn_name"`
	Now  jsonNumber `json:"now_bits_per_second"`
	More jsonNumber `json:"more_bits_per_second"`
}

type apiServices struct {
	apiPanel
	Window float64      `json:"window_seconds"`
	Rows   []apiService `json:"rows" doc:"Those that ask for someone first, then by rate."`
}

type apiService struct {
	Name       string     `json:"name"`
	Rate       jsonNumber `json:"requests_per_second"`
	Errors     jsonNumber `json:"error_ratio"`
	P95        jsonNumber `json:"duration_p95_seconds"`
	Mean       jsonNumber `json:"duration_mean_seconds"`
	Saturation jsonNumber `json:"saturation_ratio" doc:"Of its fullest resource, 1 is full."`
	Resource   jsonText   `json:"resource" doc:"Which resource that is."`
	Requests   jsonNumber `json:"requests" doc:"Behind error_ratio."`
	Health     apiHealth  `json:"health"`
}

type apiSources struct {
	apiPanel
	Rows []apiSource `json:"rows"`
}

type apiSource struct {
	ID          string      `json:"id"`
	CDN         jsonText    `json:"cdn" doc:"Its id. null: it is not a CDN's log."`
	Tool        jsonText    `json:"tool"`
	Format      string      `json:"format"`
	Rate        jsonNumber  `json:"lines_per_second" doc:"Last minute, unweighted."`
	Bytes       jsonNumber  `json:"bytes_per_second" doc:"As they came, last minute."`
	Seen        jsonTime    `json:"last_delivery" doc:"null: none in ten minutes."`
	Watermark   jsonTime    `json:"watermark" doc:"Before this moment less than 1 % of its lines are still missing. null: nothing was received lately."`
	Lag         jsonNumber  `json:"lag_seconds" doc:"Now less the watermark."`
	LateP50     jsonNumber  `json:"late_p50_seconds" doc:"From event to storage, half of the lines of ten minutes."`
	LateP95     jsonNumber  `json:"late_p95_seconds"`
	Silent      float64     `json:"silent_seconds" doc:"Since the last line; 0 while it delivers, and when it never did."`
	Quarantined uint64      `json:"quarantined_lines" doc:"Refused in the last hour, and still."`
	Share       jsonNumber  `json:"refused_ratio" doc:"Of the lines of the last minute."`
	Reasons     []apiReason `json:"reasons" doc:"Why, the most frequent first."`
	Door        apiDoor     `json:"door" doc:"What the collectors saw since they started."`
	Finding     string      `json:"finding" doc:"What an operator should know of it, the first that holds." enum:"none,never,denied,stuck,silent,refused,changed,late"`
	Field       jsonText    `json:"field" doc:"Of the finding changed: what is not told any more."`
	Health      apiHealth   `json:"health"`
}

type apiReason struct {
	Text  string   `json:"text"`
	Count uint64   `json:"count"`
	Last  jsonTime `json:"last"`
}

type apiDoor struct {
	Stored      uint64   `json:"stored" doc:"Bodies."`
	Bytes       uint64   `json:"bytes"`
	Duplicates  uint64   `json:"duplicates"`
	Refused     uint64   `json:"refused"`
	Last        jsonTime `json:"last_stored"`
	LastRefused jsonTime `json:"last_refused"`
}

type apiConcerns struct {
	apiPanel
	Worst *apiDeviation `json:"worst" doc:"The cell that deviates most. null: none does."`
	Rows  []apiConcern  `json:"rows" doc:"All that asks for someone now, the loudest first."`
}

type apiDeviation struct {
	ISP     string     `json:"isp"`
	CDN     string     `json:"cdn_name"`
	Metric  string     `json:"metric" enum:"traffic,share,errors,firstbyte,rebuffering"`
	Unit    string     `json:"unit" enum:"bits_per_second,ratio,seconds"`
	Value   jsonNumber `json:"value"`
	Usual   jsonNumber `json:"usual" doc:"The cell's own median of the last fifteen minutes."`
	Viewers jsonNumber `json:"viewers"`
	Health  apiHealth  `json:"health"`
	Since   jsonTime   `json:"since"`
}

type apiConcern struct {
	Kind    string     `json:"kind" enum:"cell,service,source,reserve,blocked"`
	Name    jsonText   `json:"name" doc:"Of the service, source or CDN; of a cell: of its CDN."`
	CDN     jsonText   `json:"cdn" doc:"Its id, of a cell or a reserve."`
	ISP     jsonText   `json:"isp"`
	Metric  jsonText   `json:"metric" doc:"Of a cell: traffic, share, errors, firstbyte or rebuffering."`
	Finding jsonText   `json:"finding" doc:"Of a source."`
	Unit    string     `json:"unit" enum:"bits_per_second,ratio,seconds"`
	Value   jsonNumber `json:"value" doc:"Of a service its errors or its saturation; of a reserve the share used; of blocked the share of requests."`
	Usual   jsonNumber `json:"usual"`
	Viewers jsonNumber `json:"viewers"`
	Health  apiHealth  `json:"health"`
	Since   jsonTime   `json:"since"`
}

type apiChanges struct {
	apiPanel
	Rows []apiChange `json:"rows" doc:"The last ten minutes, the latest first."`
}

type apiChange struct {
	At      jsonTime    `json:"at"`
	Kind    string      `json:"kind" enum:"began,ended,note,phase"`
	Concern *apiConcern `json:"concern" doc:"What began or ended."`
	Note    *apiNote    `json:"note"`
	Phase   jsonText    `json:"phase" doc:"The part of the match that began."`
}

type apiBreakdown struct {
	apiPanel
	Window   float64       `json:"window_seconds"`
	Requests []apiDivision `json:"requests" doc:"As CDNs' logs tell."`
	Sessions []apiDivision `json:"sessions" doc:"As players tell."`
	Paths    []apiPath     `json:"paths" doc:"The most requested, and those that fail most."`
}

type apiDivision struct {
	By    string    `json:"by" doc:"channel, class, status, cache, pop, protocol, device, player, error …"`
	Parts []apiPart `json:"parts" doc:"The largest first."`
	Rest  int       `json:"more_parts" doc:"How many there are beside."`
}

type apiPart struct {
	Name        jsonText   `json:"name" doc:"null: not told."`
	Share       jsonNumber `json:"share_ratio" doc:"Of requests, or of sessions."`
	Bits        jsonNumber `json:"traffic_bits_per_second"`
	Requests    jsonNumber `json:"requests_per_second"`
	Errors      jsonNumber `json:"error_ratio" doc:"Of sessions: failed ones / attempts."`
	FirstByte   jsonNumber `json:"first_byte_p95_seconds"`
	Sessions    jsonNumber `json:"sessions"`
	Startup     jsonNumber `json:"startup_seconds" doc:"Median."`
	Rebuffering jsonNumber `json:"rebuffering_ratio"`
	Lines       uint64     `json:"lines" doc:"Behind it."`
}

type apiPath struct {
	Path      string     `json:"path" doc:"Without its query."`
	Requests  jsonNumber `json:"requests" doc:"Weighted, over the window."`
	Errors    jsonNumber `json:"error_ratio"`
	Status    jsonNumber `json:"status" doc:"The most frequent one that is not fine. null: none."`
	FirstByte jsonNumber `json:"first_byte_p95_seconds"`
	Lines     uint64     `json:"lines" doc:"Behind it."`
}
