// Package example is the configuration that the project shows, as files: what `vigie demo` judges alerts by is
// what a team starts from.
package example

import "embed"

// Alerts is the folder of rules and of whom they are told to.
//
//go:embed alerts
var Alerts embed.FS

// Messages is the folder of what viewers are told, and of how they can be.
//
//go:embed messages
var Messages embed.FS

// Runbooks is the folder of what is done when something breaks.
//
//go:embed runbooks
var Runbooks embed.FS
