package relp

import (
	"bytes"
	"fmt"
)

// Client is the client's half of a connection: the frames that it sends and
// what their answers mean. The zero value is that of a new connection. It may
// be used by one goroutine that sends and one that reads answers.
type Client struct {
	last int // transaction number of the last command
}

// Open appends the first command of a connection.
func (c *Client) Open(dst []byte) []byte {
	return c.command(dst, commandOpen, "relp_version=0\nrelp_software=tagtail\ncommands=syslog")
}

// Message appends a message, and returns its transaction number, too.
func (c *Client) Message(dst []byte, message []byte) ([]byte, int) {
	dst = c.command(dst, commandSyslog, string(message))
	return dst, c.last
}

// Close appends the last command.
func (c *Client) Close(dst []byte) []byte { return c.command(dst, commandClose, "") }

func (c *Client) command(dst []byte, command, data string) []byte {
	c.last = c.last%maxTxnr + 1
	return appendFrame(dst, c.last, command, data)
}

// Answered returns the transaction number that a frame of the server answers
// with yes, or 0 for a hint. An error is final: the server has refused, or is
// about to close.
func Answered(f Frame) (txnr int, err error) {
	switch {
	case f.Txnr == 0 && f.Command == hintClose:
		return 0, fmt.Errorf("%w: the server closes", ErrProtocol)
	case f.Txnr == 0:
		return 0, nil
	case f.Command != commandRsp:
		return 0, fmt.Errorf("%w: %q from a server", ErrProtocol, f.Command)
	case !bytes.HasPrefix(f.Data, []byte("200")):
		return 0, fmt.Errorf("%w: the server answers %.40q", ErrProtocol, f.Data)
	}
	return f.Txnr, nil
}
