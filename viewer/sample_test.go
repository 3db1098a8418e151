package viewer

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tagtail/tagtail/index"
)

func TestPaceSamplesWhatNobodyReadsUntilItIsCalm(t *testing.T) {
	tests := map[string]struct {
		rates []int // entries a second, one second each, in hundredths
		fast  []bool
	}{
		"calm":                    {[]int{100, 200, 200, 200, 200, 200, 200, 200}, []bool{false, false, false, false, false, false, false, false}},
		"a short burst":           {[]int{100, 900, 900, 900, 100, 100}, []bool{false, false, false, false, false, false}},
		"too fast for long":       {[]int{300, 300, 300, 300, 300, 300, 300, 300}, []bool{false, false, false, false, false, false, true, true}},
		"a flood":                 {[]int{100, 5000, 100}, []bool{false, true, true}},
		"neither fast nor slow":   {[]int{5000, 150, 150, 150, 150, 150, 150, 150, 150, 150, 150}, []bool{true, true, true, true, true, true, true, true, true, true, true}},
		"calm again after a time": {[]int{5000, 10, 10, 10, 10, 10, 10, 10}, []bool{true, true, true, true, true, true, true, false}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var p pace
			p.counts = [paceSeconds]int{150, 150, 150, 150, 150, 150, 150, 150, 150, 150}
			now := time.Unix(1_000_000, 0)
			var got []bool
			for _, rate := range tt.rates {
				for range 100 {
					p.add(now, rate/100)
					now = now.Add(10 * time.Millisecond)
				}
				got = append(got, p.fast)
			}
			if diff := cmp.Diff(tt.fast, got); diff != "" {
				t.Errorf("fast after each second (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTailThatWantsItIsSentASampleAndExactCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logs := newFakeLogs(1)
		s := listenTest(t, testConfig(t, logs))
		person, program := &recorder{t: t}, &recorder{t: t}
		end := openTails(t, s, []tailRequest{{sample: true, terms: []index.Term{}}, {terms: []index.Term{}}}, []*recorder{person, program})
		const seconds, each = 5, 60 // 6,000 entries a second
		for range seconds * 100 {
			logs.add(each)
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		end()
		if diff := cmp.Diff(span(2, logs.LastSeq()), program.entries()); diff != "" {
			t.Errorf("who wants no sample gets all (-want +got):\n%s", diff)
		}
		all, sampled, samples := 0, 0, 0
		last := uint64(1)
		for _, f := range person.got {
			for _, e := range f.Entries {
				if e.Seq <= last {
					t.Fatalf("entry %d comes behind %d", e.Seq, last)
				}
				last = e.Seq
			}
			switch f.Type {
			case "entries":
				all += len(f.Entries)
			case "sample":
				all += int(f.Count)
				sampled += len(f.Entries)
				samples++
			}
			if f.Type == "sample" && f.Seq < last {
				t.Errorf("a sample that reads to %d shows %d", f.Seq, last)
			}
		}
		if all != seconds*100*each {
			t.Errorf("the counts say %d, want %d", all, seconds*100*each)
		}
		if most := sampleRate * (seconds + 1); sampled > most || sampled < most/3 {
			t.Errorf("%d entries in %d samples, want at most %d and not much less", sampled, samples, most)
		}
	})
}

func TestTailIsWholeAgainWhenItIsCalm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logs, rec := newFakeLogs(1), &recorder{t: t}
		ended, cancel := runTail(t, logs, tailRequest{sample: true}, rec)
		for range 100 {
			logs.add(60)
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(8 * time.Second)
		from := logs.LastSeq()
		logs.add(3)
		time.Sleep(frameEvery)
		synctest.Wait()
		if f := rec.got[len(rec.got)-1]; f.Type != "entries" || len(f.Entries) != 3 || f.Entries[0].Seq != from+1 {
			t.Errorf("when it is calm comes %s with %d entries, want all 3", f.Type, len(f.Entries))
		}
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("the tail ends with %v, want that it was canceled", err)
		}
	})
}
