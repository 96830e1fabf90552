package app

// For the tests that see the whole from outside and need the demo's table of networks.
var WriteNetworks = writeNetworks
