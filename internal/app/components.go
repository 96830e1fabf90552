package app

import (
	"context"

	"vigie/runbooks/statuspage"
	"vigie/web"
)

// components are what the status page says of services, as operators see and set it.
type components struct{ page *statuspage.Page }

// statusPage is nil where the house has none.
func (m *messaging) statusPage() web.StatusPage {
	if m.page == nil {
		return nil
	}
	return components{m.page}
}

func (c components) Components() []web.Component {
	all := c.page.Components()
	out := make([]web.Component, len(all))
	for i := range all {
		of := &all[i]
		out[i] = web.Component{ID: of.ID, Name: of.Name, Group: of.Group, Said: string(of.Said.State), By: of.Said.By, At: of.Said.Last(), Shown: string(of.Shown)}
	}
	return out
}

func (c components) States() []string {
	var all []string
	for _, s := range statuspage.States() {
		all = append(all, string(s))
	}
	return all
}

func (c components) Word(lang, state string) string { return statuspage.State(state).In(lang) }

func (c components) Set(ctx context.Context, by, component, state string) error {
	return c.page.SetComponent(ctx, by, component, statuspage.State(state))
}
