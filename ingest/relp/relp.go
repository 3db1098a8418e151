// Package relp is both halves of the Reliable Event Logging Protocol,
// versions 0 and 1, which rsyslog's omrelp speaks.
//
//	bytes → Reader → Frame → Session → messages, and responses for later
//
// Invariants: a message's response is given out by Release only, so that the
// caller decides when the message is safe; responses come in the order of
// their commands; whatever a client writes costs no more memory than the limit
// of the Reader. The package opens no sockets and stores nothing. Start
// reading at Session, the server's half; Client is the other.
//
// The protocol, in short: a client writes frames "TXNR COMMAND LENGTH DATA\n"
// with TXNR counting from 1. It starts with "open", which lists what it can do
// (its offers), goes on with any number of "syslog", whose data is a message
// each, and ends with "close". Each is answered by "TXNR rsp LENGTH 200 OK\n".
// The client keeps what was not answered and sends it again on its next
// connection; how much that may be is its window, which it alone knows.
package relp
