package beacon

import "vigie/internal/event"

// State reads what a player does, as the letter that CTA-5004-B's key sta has for it or as a word. Any other
// text is event.StateUntold.
func State(text []byte) event.PlayerState {
	switch string(text) {
	case "s", "starting":
		return event.StateStarting
	case "p", "playing":
		return event.StatePlaying
	case "r", "rebuffering":
		return event.StateRebuffering
	case "a", "k", "w", "d", "idle", "paused", "seeking", "waiting", "preloading":
		return event.StateIdle
	case "e", "f", "q", "over", "ended", "failed", "quit":
		return event.StateOver
	}
	return event.StateUntold
}
