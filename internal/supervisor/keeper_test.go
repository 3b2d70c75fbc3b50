package supervisor

import (
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/snakectl/snakectl/internal/pool"
)

// countingStore counts the transactions of worker records, each of which takes a while.
type countingStore struct {
	store
	commits int
	puts    int
	dels    int
	marked  bool
}

func (s *countingStore) SetUnrecorded(on bool) error {
	s.marked = on
	return nil
}

func (s *countingStore) ApplyWorkers(put []pool.Worker, del []string) error {
	<-time.After(3 * time.Millisecond) // of the bubble
	if len(put) > 0 && !s.marked {
		panic("records were pending, and the store did not know")
	}
	s.commits++
	s.puts += len(put)
	s.dels += len(del)
	return nil
}

func (s *countingStore) Close() error { return nil }

func record(i int) pool.Worker {
	return pool.Worker{Pool: "pool.api", Place: i, Incarnation: fmt.Sprint("i", i)}
}

// TestKeeperGathers starts workers one after the other, as a pool loop does: their
// records share transactions.
func TestKeeperGathers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := &countingStore{}
		k := newKeeper(st, slog.New(slog.DiscardHandler))
		go k.run()
		const workers, apart = 100, 5 * time.Millisecond
		for i := range workers {
			k.putWorker(record(i))
			<-time.After(apart)
		}
		if err := k.close(); err != nil {
			t.Fatal(err)
		}
		if st.marked {
			t.Error("the store believes that records are pending")
		}
		if st.puts != workers {
			t.Errorf("%d records were written, want %d", st.puts, workers)
		}
		if most := int(workers*apart/together) + 1; st.commits > most {
			t.Errorf("%d records took %d transactions, want at most %d", workers, st.commits, most)
		}
	})
}

// TestKeeperDoesNotWait asks for what is to be done now behind the record of a worker,
// which is written first and at once.
func TestKeeperDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := &countingStore{}
		k := newKeeper(st, slog.New(slog.DiscardHandler))
		go k.run()
		for i := range 3 {
			synctest.Wait() // until it waits for more
			k.putWorker(record(i))
			synctest.Wait()
			begun, before := time.Now(), 0
			if err := k.now(func(store) error { before = st.puts; return nil }); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(begun); took >= together || before != i+1 {
				t.Errorf("it took %v and %d records were written before, want less than %v and %d", took, before, together, i+1)
			}
		}
		k.deleteWorker(record(0))
		if err := k.close(); err != nil || st.dels != 1 {
			t.Errorf("close: %v, %d records deleted, want 1", err, st.dels)
		}
	})
}
