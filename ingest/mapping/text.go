package mapping

// no says whether b is one of the words that senders use for it; field.True knows those for yes.
func no(b []byte) bool {
	switch string(b) {
	case "false", "0", "no", "False", "FALSE":
		return true
	}
	return false
}
