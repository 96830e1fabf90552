package app

import (
	"math"
	"time"

	"vigie/internal/match"
	"vigie/internal/simulate"
)

const (
	semiFinalBefore = 4 * 24 * time.Hour // the final, by kick-off
	semiFinalFrom   = -30 * time.Minute  // from its kick-off: what the room keeps of it
	semiFinalUntil  = 135 * time.Minute
	semiFinalPace   = 25_000 // lines and beacons a second: the live ones shall not queue behind them
)

// semiFinal is the earlier match that the final is compared with, told by few lines, pace of
// them a second at most.
func semiFinal(final simulate.Config, pace float64) (*simulate.Match, error) {
	s, err := simulate.SemiFinal()
	if err != nil {
		return nil, err
	}
	c := final
	c.Scenario, c.Seed, c.Speed = s, final.Seed+1, 1
	c.KickOff = final.KickOff.Add(-semiFinalBefore)
	c.Start = c.KickOff.Add(semiFinalUntil)
	c.Past = semiFinalUntil - semiFinalFrom
	c.Rate, c.HistoryRate = 30, 30
	c.HistoryPace = pace
	if final.Viewers > 0 {
		c.Viewers = max(final.Viewers*7/10, 1)
	}
	return simulate.New(c)
}

// demoCalendar is what the demo's room watches: the final, the semi-final four days before, and a match
// of tomorrow. Its people and their numbers are invented; the numbers are from the range that is
// nobody's. What was forecast and reserved is made of what the simulator is about to send, and a
// little off, as forecasts are.
func demoCalendar(final *simulate.Match) []*match.Match {
	kickOff := final.KickOff()
	after := func(d time.Duration) time.Duration { return final.WallTime(d).Sub(kickOff) }
	minute := func(m int) time.Duration { return after(time.Duration(m) * time.Minute) }
	return []*match.Match{
		{
			ID: "finale", Name: "Argentine – France", Competition: "Finale", Teams: []string{"Argentine", "France"},
			Channels: []string{"tf1", "tf1-4k", "tmc"}, Criticality: 4, KickOff: kickOff, Venue: "Europe/Paris", Compare: "demi-finale",
			Phases: []match.PhaseFrom{
				{Phase: match.PhaseFirstHalf}, {Phase: match.PhaseHalfTime, From: minute(49)}, {Phase: match.PhaseSecondHalf, From: minute(64)},
				{Phase: match.PhaseBreak, From: minute(112)}, {Phase: match.PhaseExtraFirst, From: minute(117)}, {Phase: match.PhaseExtraLast, From: minute(135)},
				{Phase: match.PhasePenalties, From: minute(158)}, {Phase: match.PhaseAfter, From: minute(171)},
			},
			Roster: []match.Duty{
				{Name: "Claire Marchetti", Role: "vidéo", Phone: "+33 6 39 98 12 41"},
				{Name: "Yanis Le Goff", Role: "API", Phone: "+33 6 39 98 27 17"},
				{Name: "Sophie Amrani", Role: "CDN", Phone: "+33 6 39 98 30 62"},
				{Name: "Thomas Kervella", Role: "lecteur", Phone: "+33 6 39 98 44 08"},
				{Name: "Inès Dumortier", Role: "support", Phone: "+33 6 39 98 51 93"},
			},
			Forecast: demoForecast(final),
			Capacity: demoCapacity(final),
			Nearby: []match.Nearby{
				{Name: "Mise à jour d’un jeu, 42 Go", From: kickOff.Add(minute(44)), To: kickOff.Add(minute(84)), Note: "Même CDN que CloudFront chez Free ; l’éditeur étale sur 40 min à notre demande."},
				{Name: "Concert en direct de Lyon", From: kickOff.Add(minute(30)), To: kickOff.Add(minute(150)), Note: "180 000 spectateurs attendus, surtout sur Maison."},
			},
			Checklist: []match.CheckItem{
				{ID: "encodeurs", Text: "Encodeurs principaux et secours en phase, audio vérifié", Owner: "vidéo"},
				{ID: "sous-titres", Text: "Sous-titres et audiodescription vérifiés à l’antenne", Owner: "vidéo"},
				{ID: "reserve", Text: "Capacité réservée confirmée par les trois CDN", Owner: "CDN"},
				{ID: "bascule", Text: "Bascule d’un CDN répétée, retour compris", Owner: "CDN"},
				{ID: "montee", Text: "Droits et login montés à 400 % de la veille", Owner: "API"},
				{ID: "gel", Text: "Gel des mises en production, lecteurs compris", Owner: "lecteur"},
				{ID: "messages", Text: "Messages aux spectateurs relus et validés", Owner: "support"},
				{ID: "antidos", Text: "Règles anti-attaque en mode blocage, seuils relus", Owner: "API"},
			},
		},
		{
			ID: "demi-finale", Name: "France – Maroc", Competition: "Demi-finale", Teams: []string{"France", "Maroc"},
			Channels: []string{"tf1", "tf1-4k", "tmc"}, Criticality: 3, KickOff: kickOff.Add(-semiFinalBefore), Venue: "Europe/Paris",
			Phases: []match.PhaseFrom{
				{Phase: match.PhaseFirstHalf}, {Phase: match.PhaseHalfTime, From: 47 * time.Minute},
				{Phase: match.PhaseSecondHalf, From: 62 * time.Minute}, {Phase: match.PhaseAfter, From: 112 * time.Minute},
			},
		},
		{
			ID: "trophee", Name: "Lyon – Lens", Competition: "Trophée des champions", Teams: []string{"Lyon", "Lens"},
			Channels: []string{"tmc"}, Criticality: 2, KickOff: kickOff.Add(24 * time.Hour), Venue: "Europe/Paris",
			Roster: []match.Duty{{Name: "Malo Ferrand", Role: "vidéo", Phone: "+33 6 39 98 63 20"}},
		},
	}
}

// demoForecast expects of what the room measures some per cent less than what comes, and nothing sudden: each point is the mean
// of the minutes around it.
func demoForecast(final *simulate.Match) (f match.Forecast) {
	const bias = 0.945
	for m := -60; m <= 200; m += 5 {
		var viewers, bits float64
		around := [...]int{-6, -4, -2, 0, 2, 4, 6}
		for _, near := range around {
			wall := final.WallTime(time.Duration(m+near) * time.Minute)
			viewers += float64(final.Audience(wall)) / float64(len(around))
			bits += final.Traffic(wall, "", "") / float64(len(around))
		}
		at := final.WallTime(time.Duration(m) * time.Minute).Sub(final.KickOff())
		f.Viewers = append(f.Viewers, match.Point{At: at, Value: math.Round(viewers*final.Measured()*bias/1000) * 1000})
		f.Traffic = append(f.Traffic, match.Point{At: at, Value: math.Round(bits*bias/1e9) * 1e9})
	}
	return f
}

// demoReserves say how much of each reserve is used at the evening's peak. One CDN is tight, and so is one
// interconnect.
var demoReserves = []struct {
	cdn, isp string  // as the simulator calls them
	network  string  // as the board does
	used     float64 // at the peak
}{
	{cdn: "maison", used: 0.84},
	{cdn: "akamai", used: 0.78},
	{cdn: "cloudfront", used: 0.95},
	{"maison", "orange", "Orange", 0.86},
	{"akamai", "orange", "Orange", 0.81},
	{"maison", "free", "Free", 0.83},
	{"cloudfront", "free", "Free", 0.97},
}

func demoCapacity(final *simulate.Match) (reserved []match.Reserve) {
	for _, r := range demoReserves {
		var peak float64
		for m := -60; m <= 200; m++ {
			peak = max(peak, final.Traffic(final.WallTime(time.Duration(m)*time.Minute), r.cdn, r.isp))
		}
		const grain = 5e9
		reserved = append(reserved, match.Reserve{CDN: r.cdn, ISP: r.network, Bits: math.Max(math.Round(peak/r.used/grain), 1) * grain})
	}
	return reserved
}
