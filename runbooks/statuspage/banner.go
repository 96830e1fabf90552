package statuspage

import (
	"slices"
	"time"
)

// maxBanners is how many crises a banner may tell of at once.
const maxBanners = 3

// banner is what the app and the site show of one crisis.
type banner struct {
	Phase Phase
	Entry *entry
	Until time.Time // when it goes away unless something is published
}

// banners are those that show at now, the newest first. The status page is what holds: of a crisis that it calls over
// since, no banner goes on to say the contrary.
func banners(posts map[string]*Post, page []*incident, now time.Time, after, longest time.Duration) []banner {
	var all []banner
	for _, i := range incidents(posts) {
		b := banner{i.Phase, i.last(), i.last().At.Add(longest)}
		if i.Phase.closed() {
			b.Until = i.last().At.Add(after)
		}
		at := slices.IndexFunc(page, func(p *incident) bool { return p.Thread == i.Thread })
		over := at >= 0 && page[at].Phase.closed() && !page[at].Ended.Before(i.last().At) && !i.Phase.closed()
		if !over && now.Before(b.Until) {
			all = append(all, b)
		}
	}
	slices.SortStableFunc(all, func(a, b banner) int { return b.Entry.At.Compare(a.Entry.At) })
	return all[:min(len(all), maxBanners)]
}
