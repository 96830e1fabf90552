package rule

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// CheckAll says what is wrong of checked groups beside each other, joined by the id of the group that says so:
// an id that is there twice, a dependency on what does not exist or that goes in a circle, and a CDN that the
// configuration does not know (cdns are their ids; nil: not looked at). The problems' keys are places in that
// group's file.
func CheckAll(groups []*Group, cdns []string) map[string]error {
	found := map[string]*checker{}
	of := func(g *Group) *checker {
		if found[g.ID] == nil {
			found[g.ID] = &checker{}
		}
		return found[g.ID]
	}
	byID, ids := map[string]*Group{}, map[string]string{}
	id := func(g *Group, key, id string) {
		if other, ok := ids[id]; ok && other != g.ID {
			of(g).bad(key, "%q is an id of rules/%s.yaml too", id, other)
		} else {
			ids[id] = g.ID
		}
	}
	for i, g := range groups {
		if i == maxGroups {
			of(g).bad("id", "there are %d files of rules, %d are allowed", len(groups), maxGroups)
		}
		if byID[g.ID] != nil {
			of(g).bad("id", "%q is there twice", g.ID)
		}
		byID[g.ID] = g
		for j, r := range g.Rules {
			key := fmt.Sprintf("rules[%d].", j)
			id(g, key+"id", r.ID)
			if cdn, ok := r.Where["cdn"]; ok && cdns != nil && !slices.Contains(cdns, cdn) {
				of(g).bad(key+"where.cdn", "%.60q is no CDN of the configuration: it has %s", cdn, orNothing(cdns))
			}
		}
		if g.Together != nil {
			id(g, "together.id", g.Together.ID)
		}
	}
	for _, g := range groups {
		for i, on := range g.DependsOn {
			key := fmt.Sprintf("depends_on[%d]", i)
			if byID[on] == nil {
				of(g).bad(key, "there are no rules %q", on)
			} else if circle := wayBack(byID, byID[on], g.ID, map[*Group]bool{}); circle != nil {
				way := slices.Insert(circle, 0, g.ID)
				if len(way) > maxDepends {
					way = slices.Concat(way[:3], []string{"…"}, way[len(way)-3:])
				}
				of(g).bad(key, "goes in a circle: %s", strings.Join(way, " → "))
				break // one is enough to mend
			}
		}
	}
	errs := map[string]error{}
	for id, c := range found {
		errs[id] = errors.Join(c.errs...)
	}
	return errs
}

// wayBack is how one gets from a group to the one with an id by what they depend on, both named; nil: not at all.
func wayBack(byID map[string]*Group, from *Group, id string, seen map[*Group]bool) []string {
	if from == nil || seen[from] {
		return nil
	}
	seen[from] = true
	if from.ID == id {
		return []string{id}
	}
	for _, on := range from.DependsOn {
		if way := wayBack(byID, byID[on], id, seen); way != nil {
			return append([]string{from.ID}, way...)
		}
	}
	return nil
}
