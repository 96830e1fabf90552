package message

// Limits are what the house's channels can carry, and what the house decided for all messages. The zero value is what
// the networks' own services allow, and no address.
type Limits struct {
	Mastodon int      // characters that the instance takes; 0: 500
	LinkSize int      // what a URL counts for there; 0: 23
	Price    float64  // of one segment of a short message, in Currency; 0: not told
	Currency string   // "€"
	Sender   string   // of short messages; "": not checked
	House    []string // prefixes of the house's own addresses: https://tele.example/
	Unsaid   []string // names that the public is not told: CDNs, providers; at most 200
}
