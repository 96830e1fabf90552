package match

import (
	"time"
)

// Note is what someone wrote on the axis for all to see.
type Note struct {
	ID   string    `json:"id"`
	At   time.Time `json:"at"` // what it is about
	Text string    `json:"text"`
	By   string    `json:"by"`   // account name
	Said time.Time `json:"said"` // when it was written
}
