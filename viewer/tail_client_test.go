package viewer

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/tagtail/tagtail/deploy"
	"github.com/tagtail/tagtail/index"
)

// frame is any frame of a stream.
type frame struct {
	Type    string
	Seq     uint64
	Terms   []index.Term
	Entries []index.Entry
	Next    string
	Reached time.Time
	Count   uint64
	FromSeq uint64 `json:"from_seq"`
	ToSeq   uint64 `json:"to_seq"`
	Detail  string
	From    int
	Lines   []string
	Job     *deploy.JobView

	Accepted, Rejected int
	Errors             []lineError
}

// frameSchemas are where openapi.json describes each type of frame.
var frameSchemas = map[string]string{
	"status": "StatusFrame", "entries": "EntriesFrame", "sample": "SampleFrame", "dropped": "DroppedFrame",
	"error": "ErrorFrame", "accepted": "AcceptedFrame", "output": "OutputFrame", "done": "DoneFrame",
}

// parseFrame decodes a frame and holds it to the OpenAPI document.
func parseFrame(t *testing.T, data []byte) frame {
	t.Helper()
	var f frame
	var v any
	if err := errors.Join(json.Unmarshal(data, &f), json.Unmarshal(data, &v)); err != nil {
		t.Fatalf("%v in %.200s", err, data)
	}
	checkSchema(t, f.Type+" frame", object{"$ref": "#/components/schemas/" + frameSchemas[f.Type]}, v)
	return f
}

// client is the other end of a WebSocket.
type client struct {
	*websocket.Conn
	t *testing.T
}

func (ts *testServer) dial(t *testing.T, path string, header ...string) (*client, *http.Response, error) {
	t.Helper()
	h := http.Header{}
	for i := 0; i < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	dialer := websocket.Dialer{HandshakeTimeout: 2 * time.Minute, EnableCompression: true, WriteBufferSize: 4 * maxClientFrame}
	conn, res, err := dialer.DialContext(t.Context(), strings.Replace(ts.url, "http", "ws", 1)+path, h)
	if err != nil {
		return nil, res, err
	}
	t.Cleanup(func() { _ = conn.Close() }) // a test may have closed it
	return &client{conn, t}, res, nil
}

// open dials with the admin token.
func (ts *testServer) open(t *testing.T, path string) *client {
	t.Helper()
	c, _, err := ts.dial(t, path, "Authorization", "Bearer "+adminToken)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *client) next() frame {
	c.t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(2 * time.Minute)); err != nil {
		c.t.Fatal(err)
	}
	_, data, err := c.ReadMessage()
	if err != nil {
		c.t.Fatalf("read frame: %v", err)
	}
	return parseFrame(c.t, data)
}

// entries reads entries frames up to the one that reaches seq.
func (c *client) entries(seq uint64) []index.Entry {
	c.t.Helper()
	var all []index.Entry
	for {
		f := c.next()
		all = append(all, f.Entries...)
		if f.Type != "entries" || f.Seq >= seq {
			return all
		}
	}
}

// closeCode reads to the end of the stream.
func (c *client) closeCode() int {
	c.t.Helper()
	for {
		if err := c.SetReadDeadline(time.Now().Add(2 * time.Minute)); err != nil {
			c.t.Fatal(err)
		}
		_, _, err := c.ReadMessage()
		var closed *websocket.CloseError
		if errors.As(err, &closed) {
			return closed.Code
		}
		if err != nil {
			c.t.Fatalf("the stream ends with %v, want a close frame", err)
		}
	}
}

func span(from, to uint64) []uint64 {
	list := []uint64{}
	for seq := from; seq <= to; seq++ {
		list = append(list, seq)
	}
	return list
}
