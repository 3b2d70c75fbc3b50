package worker_test

import (
	"errors"
	"os"
	"testing"

	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/worker"
)

func TestLimitOfARunningProcess(t *testing.T) {
	p, _ := shell(t, "exec sleep 600")
	before := p.Inherited
	if before.NoFile == 0 || before.Data == 0 {
		t.Fatalf("a started process inherited %+v, want limits", before)
	}
	for _, want := range []pool.Rlimits{
		{Data: 64 << 20, NoFile: 128},
		{Data: 128 << 20, NoFile: 256},
		before,
	} {
		if err := p.Limit(want); err != nil {
			t.Fatalf("Limit(%+v) = %v", want, err)
		}
		if got, err := p.Rlimits(); err != nil || got != want {
			t.Errorf("Rlimits() = %+v, %v, want %+v", got, err, want)
		}
	}
	if err := p.Limit(pool.Rlimits{}); err != nil {
		t.Fatal(err)
	}
	if got, _ := p.Rlimits(); got != before {
		t.Errorf("a zero limit made %+v of %+v", got, before)
	}
	if held := worker.HoldsData(p.PID); held < 1<<12 {
		t.Errorf("HoldsData = %d, want some memory", held)
	}
}

func TestLimitAboveTheHardOne(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root may raise a hard limit")
	}
	p, _ := shell(t, "exec sleep 600")
	err := p.Limit(pool.Rlimits{NoFile: 1 << 40})
	if hard, ok := errors.AsType[*worker.HardLimitError](err); !ok || hard.Want != 1<<40 || hard.Hard == 0 {
		t.Errorf("Limit above the hard one = %v, want both figures", err)
	}
}
