package rules

import (
	"strings"
	"time"

	"github.com/tagtail/tagtail/index"
	"github.com/tagtail/tagtail/ingest/rules/message"
	"github.com/tagtail/tagtail/ingest/rules/script"
)

// pendingBytes is how much text is held back for Undo before it is flushed
// anyway.
const pendingBytes = 1 << 20

// Input is what a listener's messages have in common.
type Input struct {
	URL string
	// Local tells that it is a unix socket.
	Local bool
}

// Sorter puts the messages of one goroutine through the rules. What comes of a
// message waits until Flush, so that Undo can take it back.
type Sorter struct {
	engine *Engine
	input  Input
	origin message.Origin
	nodes  []node

	m     message.Message
	tag   string
	items []item
	text  []byte
	marks []int // where the items of each message begin
	woken []bool
}

// item is a line for an action: its path and its text are in text, behind
// those of the item before.
type item struct{ action, path, end int }

// NewSorter returns a Sorter of an input's messages.
func (e *Engine) NewSorter(in Input) *Sorter {
	s := &Sorter{engine: e, input: in, nodes: e.normal, woken: make([]bool, len(e.actions))}
	if set, ok := e.byInput[in.URL]; ok {
		s.nodes = e.rulesets[strings.ToLower(set)]
	}
	s.origin = message.Origin{Local: in.Local, InputName: e.inputName(in.URL)}
	return s
}

// inputName is what rsyslog calls an input if nobody gives it a name.
func (e *Engine) inputName(url string) string {
	if name, ok := e.names[url]; ok {
		return name
	}
	scheme, _, _ := strings.Cut(url, "://")
	switch scheme {
	case "udp":
		return "imudp"
	case "tcp", "tls":
		return "imtcp"
	case "relp":
		return "imrelp"
	case "unixgram", "unix":
		return "imuxsock"
	case "file", "files":
		return "imfile"
	}
	return scheme
}

// localAddress is the address of local senders.
const localAddress = "127.0.0.1"

// Sort puts a frame through the rules, from a sender with that address, and
// returns the tag that they give it, or "". Undo and Flush refer to it.
func (s *Sorter) Sort(frame []byte, address string, received time.Time) (tag string) {
	s.begin(address)
	if s.m.Parse(frame, &s.engine.options, &s.origin, received) {
		s.run(s.nodes)
	}
	return s.tag
}

// SortEntry is Sort for an entry that came by no syslog.
func (s *Sorter) SortEntry(e *index.Entry, address string) (tag string) {
	s.begin(address)
	s.m.Set(e, &s.engine.options, &s.origin)
	s.run(s.nodes)
	return s.tag
}

func (s *Sorter) begin(address string) {
	if len(s.text) > pendingBytes {
		s.Flush()
	}
	if s.origin.Local || address == "" {
		address = localAddress
	}
	s.origin.Address = address
	s.tag = ""
	s.marks = append(s.marks, len(s.items))
}

// run goes through statements and tells whether the message goes on behind
// them.
func (s *Sorter) run(nodes []node) bool {
	for i := range nodes {
		n := &nodes[i]
		switch {
		case n.filter != nil:
			list := n.last
			if n.filter.Match(&s.m) {
				list = n.then
			}
			if len(list) > 0 && !s.run(list) {
				return false
			}
		case n.stop:
			return false
		case n.call != "":
			if !s.run(s.engine.rulesets[n.call]) {
				return false
			}
		case n.action >= 0:
			s.act(n.action)
		}
	}
	return true
}

func (s *Sorter) act(number int) {
	a := s.engine.actions[number]
	if a.Kind == script.Tag {
		if s.tag == "" {
			s.tag = a.Tag
		}
		return
	}
	if a.PathTemplate != nil {
		s.text = a.PathTemplate.AppendPath(s.text, &s.m)
	}
	path := len(s.text)
	s.text = a.Template.Append(s.text, &s.m)
	s.items = append(s.items, item{action: number, path: path, end: len(s.text)})
}

// Undo takes back what came of the last message, if Flush was not called since.
func (s *Sorter) Undo() {
	if len(s.marks) == 0 {
		return
	}
	n := s.marks[len(s.marks)-1]
	s.marks = s.marks[:len(s.marks)-1]
	s.items = s.items[:n]
	s.text = s.text[:s.end(n)]
}

// Discard takes back what came of all messages since Flush.
func (s *Sorter) Discard() { s.items, s.marks, s.text = s.items[:0], s.marks[:0], s.text[:0] }

// end is where the text of the first n items ends.
func (s *Sorter) end(n int) int {
	if n == 0 {
		return 0
	}
	return s.items[n-1].end
}

// Flush gives the actions what came of all messages so far.
func (s *Sorter) Flush() {
	for i, it := range s.items {
		s.engine.actions[it.action].output.Put(s.text[s.end(i):it.path], s.text[it.path:it.end])
		s.woken[it.action] = true
	}
	for i, woken := range s.woken {
		if woken {
			s.engine.actions[i].output.Wake()
			s.woken[i] = false
		}
	}
	s.items, s.marks = s.items[:0], s.marks[:0]
	if cap(s.text) > pendingBytes {
		s.text = nil
	}
	s.text = s.text[:0]
}

// Engine is that which the Sorter belongs to.
func (s *Sorter) Engine() *Engine { return s.engine }
