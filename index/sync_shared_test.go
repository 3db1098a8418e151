package index

import (
	"sync"
	"testing"
	"time"

	"github.com/tagtail/tagtail/index/internal/block"
)

// TestABatchInABlockThatAnotherCallerWritesIsNoError: the caller who finds
// nothing left to seal asks the journal again, while another one still writes
// the block with his entries.
func TestABatchInABlockThatAnotherCallerWritesIsNoError(t *testing.T) {
	var disk countedDisk
	returned := make(chan struct{}, 2)
	s := openStore(t, Config{
		Dir: t.TempDir(), Sync: BatchSync, createFile: disk.createFile,
		writeFile: func(path string, data []byte) error {
			select { // a slow disk
			case <-returned:
			case <-time.After(time.Second / 2):
			}
			return block.WriteFile(path, data)
		},
	})
	gate := make(chan struct{})
	disk.gate.Store(&gate)
	disk.fails.Store(true)
	var wg sync.WaitGroup
	for _, message := range []string{"one", "two"} {
		wg.Go(func() {
			if err := s.Append([]Entry{{Instance: "a/b", Message: message}}); err != nil {
				t.Errorf("Append(%s) = %v, want no error: its block is written", message, err)
			}
			returned <- struct{}{}
		})
	}
	waitFor(t, func() bool { return len(findAll(t, s, Query{})) == 2 })
	disk.gate.Store(nil)
	close(gate)
	wg.Wait()
}
