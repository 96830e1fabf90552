package route

import "slices"

// Tells are all whom the route with a path, as Plan.Routes has it, or "default", tells at any time: what a
// test of the route tries. None: there is no such route.
func (p *Policy) Tells(path string) (refs []Ref) {
	var found *Route
	var look func(routes []Route)
	look = func(routes []Route) {
		for i := range routes {
			if routes[i].path == path {
				found = &routes[i]
			}
			look(routes[i].Routes)
		}
	}
	if look(p.Routes); path == "default" {
		found = p.Default
	}
	if found == nil {
		return nil
	}
	for _, say := range plan([]*Route{found}).Say {
		if !slices.Contains(refs, say.Tell) {
			refs = append(refs, say.Tell)
		}
	}
	return refs
}
