package channel

import "errors"

// ErrDenied is a report that is not its provider's.
var ErrDenied = errors.New("the report is not signed by its provider")
