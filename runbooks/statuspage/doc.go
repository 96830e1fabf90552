// Package statuspage is what viewers and journalists reload while a nation watches: the public page that says what is
// the matter, in French and in English, its feeds, its JSON, and the banner that the app and the site show. It is two
// channels (Status and Banner): what is sent through them is published as it came, and is never edited.
//
// Every representation is rendered once for each change, compressed once, and served from memory: a request is a look
// into a map and a write. What was published is kept on the bus; each process keeps a copy of it in memory and in a
// file, and goes on serving it, saying as of when, while the bus, the database, or both are away.
//
// Reading order: config.go is what an operator sets, post.go what is kept, outlet.go the channels that add to it,
// incident.go what the page makes of it, view.go and page.templ the page, render.go the bytes, handler.go who gets
// which, export.go the same bytes as files elsewhere, file.go what survives a restart without the bus.
//
// It guarantees: a text is published at most once, whatever is repeated; no exercise is ever on the public page, nor in
// its feeds; nothing is shown as well that nobody said is well, or that is not known now. Who may publish is for callers.
package statuspage
