// Package example is the configuration that the project shows, as files: what `vigie demo` judges alerts by is
// what a team starts from.
package example

import "embed"

// Alerts is the folder of rules and of whom they are told to.
//
//go:embed alerts
var Alerts embed.FS
