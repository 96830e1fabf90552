//go:build linux

// Package engine serves ClickHouse's HTTP interface over libchdb, the ClickHouse engine as a
// library, so that clickhouse-go, curl and Grafana's plugin can use it as they would a server.
//
// It guarantees that one process at a time uses a data folder; that what a request carries
// (settings, parameters, database) ends with that request; that the data of an INSERT is never
// read as SQL; that results of SELECT in a format without a frame (Native, TabSeparated, CSV,
// JSONEachRow, RowBinary …) are sent while they are computed; that errors carry ClickHouse's codes;
// and that a client which leaves takes its query with it.
//
// It leaves to others: authentication (the socket is readable by its owner alone, the TCP address
// must be loopback and can only read), TLS, sessions and external tables. It runs on Linux.
package engine
