// Package ch is Vigie's way to ClickHouse: a server that a DSN names, or the embedded engine in a
// child process that Open starts and Run keeps alive.
//
// It guarantees that every call ends, with the server's own limit shorter than the client's; that
// values travel beside a statement's text, never in it; that Insert with a token it has seen adds
// nothing, in the table and in the materialized views that read it; and that IsUnavailable tells
// "try again later" from "this will never work".
//
// It is alone in importing clickhouse-go and ch-go. What is asked, and of which tables, is left to
// the packages that own the questions.
package ch
