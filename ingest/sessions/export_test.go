package sessions

// Session is for its size.
type Session = session
