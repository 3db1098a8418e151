package deploy

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// respClient speaks just enough of Redis's protocol to ask a server who it is
// and to end it: redis-cli hides refusals behind exit status 0.
type respClient struct {
	conn net.Conn
	in   *bufio.Reader
}

// replyError is a server's refusal, in its own words.
type replyError string

func (e replyError) Error() string { return string(e) }

// maxReply bounds one reply; INFO's is about 1 KiB.
const maxReply = 64 << 10

func dialRedis(address, password string, limit time.Duration) (*respClient, error) {
	conn, err := net.DialTimeout("tcp", address, limit)
	if err != nil {
		return nil, err
	}
	if err := conn.SetDeadline(time.Now().Add(limit)); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	c := &respClient{conn: conn, in: bufio.NewReader(conn)}
	if password == "" {
		return c, nil
	}
	if _, err := c.do("AUTH", password); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return c, nil
}

func (c *respClient) Close() error { return c.conn.Close() }

// do sends one command and gives its reply, if that is text. A server's refusal
// is a replyError.
func (c *respClient) do(words ...string) (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(words))
	for _, w := range words {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(w), w)
	}
	if _, err := io.WriteString(c.conn, b.String()); err != nil {
		return "", err
	}
	line, err := c.line()
	if err != nil {
		return "", err
	}
	switch line[0] {
	case '+', ':':
		return line[1:], nil
	case '-':
		return "", replyError(cleanLine(line[1:]))
	case '$':
		n, err := strconv.Atoi(line[1:])
		if err != nil || n < 0 || n > maxReply {
			return "", fmt.Errorf("reply of length %s", cleanLine(line[1:]))
		}
		text := make([]byte, n+2)
		_, err = io.ReadFull(c.in, text)
		return string(text[:n]), err
	}
	return "", errors.New("the server on this port does not speak Redis's protocol")
}

func (c *respClient) line() (string, error) {
	line, err := c.in.ReadSlice('\n')
	if err != nil {
		return "", err
	}
	text := strings.TrimRight(string(line), "\r\n")
	if text == "" {
		return "", errors.New("the server on this port does not speak Redis's protocol")
	}
	return text, nil
}

// redisServer is what INFO tells about a server.
type redisServer struct {
	pid  int
	conf string
}

func (c *respClient) server() (redisServer, error) {
	text, err := c.do("INFO", "server")
	if err != nil {
		return redisServer{}, err
	}
	var s redisServer
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimRight(line, "\r\n"), ":")
		switch key {
		case "process_id":
			s.pid, _ = strconv.Atoi(value)
		case "config_file":
			s.conf = value
		}
	}
	return s, nil
}
