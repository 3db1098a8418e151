package ingest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tagtail/tagtail/index"
)

func TestMessagesThatAreSentAgainAreFound(t *testing.T) {
	tests := []struct{ name, stored, sent, again string }{
		{"nothing is stored", "", "abc", ""},
		{"the end", "abcd", "cdef", "cd"},
		{"all", "abcd", "abcdef", "abcd"},
		{"none", "abcd", "efgh", ""},
		{"one of two sessions", "a1b23cd", "abcde", "abcd"},
		{"behind new ones", "abcd", "axyb", "ab"},
		{"in another order", "abcd", "dba", "dba"},
		{"equal ones as often as stored", "aaa", "aaaaa", "aaa"},
		{"not what the session itself has sent", "a", "abbb", "a"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := newResent(&input{})
			r.add("host", 1, entriesOf(test.stored))
			var again string
			for _, e := range entriesOf(test.sent) {
				if r.again("host", 2, &e) {
					again += e.Message
				} else {
					r.add("host", 2, []index.Entry{e})
				}
			}
			if again != test.again {
				t.Errorf("got %q, want %q", again, test.again)
			}
		})
	}
}

func TestWhatWasSentAgainIsKnownInTheNextSessionToo(t *testing.T) {
	r := newResent(&input{})
	r.add("host", 1, entriesOf("ab"))
	for session := uint32(2); session < 5; session++ {
		for _, e := range entriesOf("ba") {
			if !r.again("host", session, &e) {
				t.Errorf("%s is new to session %d", e.Message, session)
			}
		}
	}
}

func TestEachOfTwoSessionsMayRepeatItself(t *testing.T) {
	r := newResent(&input{})
	stored := 0
	for range 10 {
		for session := range uint32(2) {
			if e := entriesOf("a"); !r.again("host", session+1, &e[0]) {
				r.add("host", session+1, e)
				stored++
			}
		}
	}
	if stored != 10 {
		t.Errorf("%d messages are stored, want the 10 of one session", stored)
	}
}

func TestAMessageWithoutATimeIsNeverTakenForOneSentAgain(t *testing.T) {
	r := newResent(&input{})
	e := index.Entry{Message: "tick"}
	r.add("host", 1, []index.Entry{e})
	if r.again("host", 2, &e) {
		t.Error("it is")
	}
}

func TestOnlyTheNewestMessagesAreRemembered(t *testing.T) {
	r := newResent(&input{})
	first := entriesOf("a")[0]
	r.add("host", 1, []index.Entry{first})
	for i := range rememberedEntries {
		r.add("host", 1, []index.Entry{{Time: first.Time, Message: strconv.Itoa(i)}})
	}
	if r.again("host", 2, &first) {
		t.Error("one more than that is known again")
	}
	if got := len(r.sources["host"].order); got != rememberedEntries || len(r.sources["host"].copies) != got {
		t.Errorf("%d are remembered, by %d hashes", got, len(r.sources["host"].copies))
	}
}

func TestTheOldestThatTheStoreRecallsAreForgottenFirst(t *testing.T) {
	r := newResent(&input{})
	r.recall = func(_ context.Context, _ string, yield func(*index.Entry)) error {
		for _, letter := range "cba" {
			yield(&entriesOf(string(letter))[0])
		}
		return nil
	}
	session, err := r.session(t.Context(), "host")
	if err != nil {
		t.Fatal(err)
	}
	for i := range rememberedEntries - 1 {
		r.add("host", session, []index.Entry{{Time: time.Unix(1, 0), Message: strconv.Itoa(i)}})
	}
	var again string
	for _, e := range entriesOf("abc") {
		if r.again("host", session, &e) {
			again += e.Message
		}
	}
	if again != "c" {
		t.Errorf("got %q, want the newest", again)
	}
}

func TestAMessageOfANeighboursInstanceIsNotTakenForOneSentAgain(t *testing.T) {
	r := newResent(&input{})
	e := entriesOf("a")
	e[0].Instance = "web/dev1"
	r.add("host", 1, e)
	e[0].Instance = "web/dev2"
	if r.again("host", 2, &e[0]) {
		t.Error("dev1 has sent what dev2 will send, and it is dropped")
	}
}

func TestTheStoreIsAskedOnceThoughManySessionsComeAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newResent(&input{})
		asked, answer := 0, make(chan error)
		r.recall = func(_ context.Context, _ string, yield func(*index.Entry)) error {
			asked++
			yield(&entriesOf("a")[0])
			return <-answer
		}
		ctx, cancel := context.WithCancel(t.Context())
		var failed, known atomic.Int32
		begin := func(ctx context.Context) {
			session, err := r.session(ctx, "host")
			if err != nil {
				failed.Add(1)
			} else if r.again("host", session, &entriesOf("a")[0]) {
				known.Add(1)
			}
		}
		for range 100 {
			go begin(t.Context())
		}
		synctest.Wait()
		go begin(ctx)
		synctest.Wait()
		cancel() // ends that one alone
		synctest.Wait()
		answer <- errors.New("not now") // is the first one's trouble; another asks again
		synctest.Wait()
		answer <- nil
		synctest.Wait()
		if asked != 2 || failed.Load() != 2 || known.Load() != 99 {
			t.Errorf("the store was asked %d times, %d sessions failed, %d know the message again", asked, failed.Load(), known.Load())
		}
	})
}

func TestSourcesWithoutMessagesAreForgottenToo(t *testing.T) {
	r := newResent(&input{})
	r.recall = func(context.Context, string, func(*index.Entry)) error { return nil }
	const most = allRememberedEntries / sourceCost
	for i := range 2 * most {
		if _, err := r.session(t.Context(), strconv.Itoa(i)); err != nil {
			t.Fatal(err)
		}
	}
	if got := len(r.sources); got != most {
		t.Errorf("%d are remembered, want %d", got, most)
	}
}

func TestTheSourcesThatWereQuietLongestAreForgotten(t *testing.T) {
	r := newResent(&input{})
	many := make([]index.Entry, rememberedEntries)
	for i := range many {
		many[i] = index.Entry{Time: time.Unix(1, 0), Message: strconv.Itoa(i)}
	}
	for source := range allRememberedEntries / rememberedEntries {
		r.add(strconv.Itoa(source), 1, many)
	}
	if r.again("0", 2, &many[0]) || !r.again("1", 2, &many[0]) {
		t.Error("the wrong ones are")
	}
}

// entriesOf returns a message for each letter, all of one second.
func entriesOf(letters string) (entries []index.Entry) {
	for _, letter := range letters {
		entries = append(entries, index.Entry{Time: time.Unix(1, 0), Message: string(letter)})
	}
	return entries
}

func messages(entries []index.Entry) string {
	var all []string
	for i := range entries {
		all = append(all, entries[i].Message)
	}
	return strings.Join(all, " ")
}

func frames(text string) string {
	all := relpOpen
	for i, message := range strings.Fields(text) {
		all += relpFrame(i+2, "<13>Nov 22 08:51:14 app: "+message)
	}
	return all
}

func TestWhatIsSentAgainOverRELPIsStoredOnce(t *testing.T) {
	sink := newDurableSink()
	r := start(t, Config{Inputs: []string{"relp://127.0.0.1:0"}}, sink)
	steps := []struct {
		name, sent string
		close      bool // in order
		want       string
	}{
		{"the first session", "a b c d", false, "a b c d"},
		{"a part again, and more", "c d e", false, "a b c d e"},
		{"only again", "d e", false, "a b c d e"},
		{"only again, and closed", "d e", true, "a b c d e"},
		{"equal ones after a close are new", "d e", false, "a b c d e d e"},
		{"two sessions at once", "e x", false, "a b c d e d e x"},
	}
	for _, step := range steps {
		c := dialRELP(t, r.Addrs()[0])
		text, responses := frames(step.sent), 4+len(strings.Fields(step.sent))
		if step.close {
			text += fmt.Sprintf("%d close 0\n", responses-2)
			responses += 2
		}
		send(t, c, text)
		c.read(t, responses)
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(step.want, messages(sink.wait(t, 0))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", step.name, diff)
		}
		closeAll(t, r)
	}
}

// closeAll waits until the receiver has seen the end of all connections.
func closeAll(t *testing.T, r *Receiver) {
	t.Helper()
	l := r.listeners[0].(*streamListener)
	open := func() int {
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.total
	}
	for deadline := time.Now().Add(patience); open() > 0; runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatal("a connection stays open")
		}
	}
}

// recallingSink is a durableSink of a program that was started again.
type recallingSink struct {
	*durableSink
	err error
}

func (s recallingSink) Recall(_ context.Context, input, source string, limit int, yield func(*index.Entry)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !strings.HasPrefix(input, "relp://127.0.0.1:") || source != "127.0.0.1" || limit < 128 {
		return fmt.Errorf("asked for %d of %q from %q", limit, input, source)
	}
	for i := range s.durable {
		yield(&s.durable[len(s.durable)-1-i])
	}
	return s.err
}

func TestWhatIsSentAgainAfterARestartIsStoredOnce(t *testing.T) {
	sink := newDurableSink()
	first := start(t, Config{Inputs: []string{"relp://127.0.0.1:0"}}, sink)
	c := dialRELP(t, first.Addrs()[0])
	send(t, c, frames("a b c"))
	c.read(t, 7)
	second := start(t, Config{Inputs: []string{"relp://127.0.0.1:0"}}, recallingSink{durableSink: sink})
	c = dialRELP(t, second.Addrs()[0])
	send(t, c, frames("b c d"))
	c.read(t, 7)
	if got := messages(sink.wait(t, 4)); got != "a b c d" {
		t.Errorf("got %q", got)
	}
}

func TestALateSessionsMessagesAreKnownAgainAfterARestart(t *testing.T) {
	sink := newDurableSink()
	first := start(t, Config{Inputs: []string{"relp://127.0.0.1:0"}}, sink)
	c := dialRELP(t, first.Addrs()[0])
	send(t, c, frames("a b c"))
	c.read(t, 7)
	second := start(t, Config{Inputs: []string{"relp://127.0.0.1:0"}}, recallingSink{durableSink: sink})
	var many []string
	for i := range 5000 {
		many = append(many, fmt.Sprint("new", i))
	}
	c = dialRELP(t, second.Addrs()[0])
	send(t, c, frames(strings.Join(many, " ")))
	c.read(t, 4+len(many))
	late := dialRELP(t, second.Addrs()[0])
	send(t, late, frames("b c d"))
	late.read(t, 7)
	if got, want := len(sink.wait(t, 3+len(many)+1)), 3+len(many)+1; got != want {
		t.Errorf("%d messages are stored, want %d", got, want)
	}
}

func TestAStoreThatCannotRecallIsNotWrittenTo(t *testing.T) {
	sink := newDurableSink()
	r := start(t, Config{Inputs: []string{"relp://127.0.0.1:0"}}, recallingSink{sink, errors.New("not now")})
	c := dialRELP(t, r.Addrs()[0])
	send(t, c, relpOpen)
	c.read(t, 4)
	send(t, c, relpFrame(2, "<13>app: a"))
	if got := c.read(t, 1); got != "0 serverclose 0\n" {
		t.Errorf("got %q, want no response to the message", got)
	}
	if got := sink.wait(t, 0); len(got) != 0 {
		t.Errorf("got %+v", got)
	}
}
