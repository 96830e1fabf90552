package event

// Upper edges of the histograms that are kept of every second; the last bucket is open. They are
// part of the tables: a histogram of one second can be added to that of any other.
var (
	FirstByteEdges = [...]float64{5, 10, 20, 35, 50, 75, 100, 150, 200, 300, 500, 750, 1000, 2000, 5000}                         // ms
	DurationEdges  = [...]float64{50, 100, 200, 300, 500, 750, 1000, 1500, 2000, 3000, 4000, 6000, 10_000, 20_000, 60_000}       // ms
	StartupEdges   = [...]float64{250, 500, 750, 1000, 1500, 2000, 2500, 3000, 4000, 5000, 7500, 10_000, 15_000, 30_000, 60_000} // ms
)

// ServiceEdges are those of services' durations: a call is answered sooner than a segment.
var ServiceEdges = [...]float64{5, 10, 25, 50, 75, 100, 150, 200, 300, 500, 750, 1000, 2000, 5000, 10_000} // ms
