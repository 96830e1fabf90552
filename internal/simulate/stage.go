package simulate

import "time"

// stage is where a match is played live: every sender, and the bodies that are being filled.
type stage struct {
	match                        *Match
	paced                        bool
	requestWeight, sessionWeight uint64

	edges   [][]*edge    // by CDN; none for nginx
	syslogs []*syslogger // by CDN; nil for others
	tools   []*edge
	players *sender // those who post their own beacons
	scrapes *edge   // nil: no backends
	targets *targets
	senders []*sender

	lines   []line // of the second, kept for their memory
	beats   []beat
	scratch []byte
}

// edge cuts one sender's lines into batches.
type edge struct {
	to    *sender
	every int64 // seconds between posts
	phase int64
	parcel
}

func (e *edge) due(sec int64) bool {
	return e.lines > 0 && (sec+e.phase)%e.every == 0 || len(e.buf) > maxParcel
}

func (m *Match) newSender(source, token string, workers int) *sender {
	s := &sender{source: source, url: m.cfg.Collectors, token: token, client: m.cfg.Client, ledger: m.ledger, log: m.log, workers: workers}
	s.open()
	return s
}

// newStage opens the senders for a play that begins at a second.
func (m *Match) newStage(from int64, paced bool) *stage {
	st := &stage{match: m, paced: paced, requestWeight: uint64(m.cast.requestWeight), sessionWeight: uint64(m.cast.sessionWeight)}
	open := func(source, token string, workers int) *sender {
		s := m.newSender(source, token, workers)
		st.senders = append(st.senders, s)
		return s
	}
	scenario := m.cfg.Scenario
	st.edges, st.syslogs = make([][]*edge, len(scenario.CDNs)), make([]*syslogger, len(scenario.CDNs))
	for i, n := range scenario.CDNs {
		if n.Format == formatNginx {
			s := &syslogger{source: n.Name, network: m.cfg.SyslogNetwork, addr: m.cfg.Syslog, ledger: m.ledger, log: m.log}
			s.open()
			if !paced {
				close(s.hurry)
			}
			st.syslogs[i] = s
			continue
		}
		for j, every := range n.Every {
			st.edges[i] = append(st.edges[i], &edge{to: open(n.Name, m.cfg.Tokens[n.Name], 1), every: int64(every / time.Second), phase: int64(j)})
		}
	}
	for i, t := range scenario.Tools {
		st.tools = append(st.tools, &edge{to: open(t.Source, m.cfg.Tokens[t.Source], 1), every: int64(t.Every / time.Second), phase: int64(i)})
	}
	st.players = open("beacon", "", 8)
	if m.scrapes() {
		source := scenario.Scrape.Source
		st.scrapes = &edge{to: open(source, m.cfg.Tokens[source], 1), every: sendScrapes}
		st.targets = m.cast.newTargets(m.cfg.Viewers, deployment(m.cfg.Seed, from))
	}

	m.mu.Lock()
	defer m.mu.Unlock()
	m.senders = append(m.senders, st.senders...)
	for _, s := range st.syslogs {
		if s != nil {
			m.syslogs = append(m.syslogs, s)
		}
	}
	return st
}

// post hands over the batches that are due as a second begins. They hold what was before it, so
// that nothing is sent before it happened.
func (st *stage) post(incidents []*Incident, sec int64) {
	scenario, now := st.match.cfg.Scenario, time.Now()
	for i, n := range scenario.CDNs {
		_, late := interference(incidents, n.Name, sec-1)
		for _, e := range st.edges[i] {
			if e.due(sec) {
				e.to.offer(e.seal(n.Format, n.Name, st.requestWeight, now.Add(n.Delay+late)))
			}
		}
	}
	for i, t := range scenario.Tools {
		if e := st.tools[i]; e.due(sec) {
			_, late := interference(incidents, t.Source, sec-1)
			e.to.offer(e.seal(formatBeacon, t.Source, st.sessionWeight, now.Add(late)))
		}
	}
	if e := st.scrapes; e != nil {
		silent, late := interference(incidents, e.to.source, sec)
		if !silent {
			st.targets.scrapeDue(&e.parcel, sec)
		}
		if e.due(sec) {
			e.to.offer(e.seal(formatRemoteWrite, e.to.source, 1, now.Add(late)))
		}
	}
}

// second draws a second and writes it into the bodies and to syslog.
func (st *stage) second(incidents []*Incident, sec int64) {
	cast, at := st.match.cast, newStamp(sec)
	if st.targets != nil {
		st.targets.second(incidents, sec)
	}
	w := cast.weather(incidents, sec)
	st.lines = cast.lines(st.lines[:0], sec, 1, w)
	for i, n := range cast.scenario.CDNs {
		silent, late := interference(incidents, n.Name, sec)
		switch {
		case silent:
		case st.syslogs[i] != nil:
			st.log(i, &at, time.Unix(sec, 0).Add(n.Delay+late))
		default:
			enc := encoderOf(n.Format)
			for j := range st.lines {
				if l := &st.lines[j]; int(l.cdn) == i {
					st.edges[i][int(l.edge)%len(st.edges[i])].line(cast, enc, &at, l, st.requestWeight)
				}
			}
		}
	}

	st.beats = cast.beats(st.beats[:0], sec, 1, w)
	for i := range cast.scenario.Tools {
		silent, _ := interference(incidents, cast.scenario.Tools[i].Source, sec)
		for j := range st.beats {
			q := &st.beats[j]
			switch {
			case int(q.tool) != i || silent:
			case q.direct:
				var own parcel
				own.direct(cast, &at, q, st.sessionWeight)
				st.players.offer(own.seal(formatDirect, "", 0, time.Unix(sec, int64(q.ms)*1e6)))
			default:
				st.tools[i].beat(cast, &at, q, st.sessionWeight)
			}
		}
	}
}

// log hands a second's lines of one CDN to its syslog.
func (st *stage) log(cdn int, at *stamp, due time.Time) {
	to, out := st.syslogs[cdn], &messages{due: due}
	for i := range st.lines {
		if l := &st.lines[i]; int(l.cdn) == cdn {
			st.scratch = st.match.cast.syslog(st.scratch[:0], at, l)
			out.add(st.scratch, to.framed(), at.sec, l, st.requestWeight)
		}
	}
	if st.paced {
		to.offer(out)
	} else {
		to.seconds <- out
	}
}

// close hands over what is left and tells the senders that nothing more comes.
func (st *stage) close() {
	for i, n := range st.match.cfg.Scenario.CDNs {
		for _, e := range st.edges[i] {
			if e.lines > 0 {
				e.to.offer(e.seal(n.Format, n.Name, st.requestWeight, time.Now()))
			}
		}
		if s := st.syslogs[i]; s != nil {
			if st.paced {
				close(s.hurry)
			}
			close(s.seconds)
		}
	}
	for i, t := range st.match.cfg.Scenario.Tools {
		if e := st.tools[i]; e.lines > 0 {
			e.to.offer(e.seal(formatBeacon, t.Source, st.sessionWeight, time.Now()))
		}
	}
	if e := st.scrapes; e != nil && e.lines > 0 {
		e.to.offer(e.seal(formatRemoteWrite, e.to.source, 1, time.Now()))
	}
	for _, s := range st.senders {
		s.finish()
	}
}
