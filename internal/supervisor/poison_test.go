package supervisor

import (
	"testing"
	"time"

	"github.com/snakectl/snakectl/internal/pool"
)

func TestSuspects(t *testing.T) {
	s := suspects{}
	for i, want := range []string{
		"", "", "command boom killed the last 3 workers it ran on; the last one exited 139 (SIGSEGV)",
		"command boom killed the last 4 workers it ran on; the last one exited 139 (SIGSEGV)",
	} {
		s.died("other", "exited 1")
		s.survived("other") // what happens to another command does not matter
		if got := s.died("boom", "exited 139 (SIGSEGV)").describe("boom"); got != want {
			t.Errorf("after %d deaths describe = %q, want %q", i+1, got, want)
		}
	}
	if _, found := (suspects{"other": {deaths: poisonAfter - 1}}).worst(); found {
		t.Error("a command is poisonous after two deaths")
	}
	s["worse"] = suspect{deaths: 9}
	if command, found := s.worst(); !found || command != "worse" {
		t.Errorf("worst = %q, %t, want the command of most deaths", command, found)
	}
	s.survived("boom")
	if got := s.died("boom", "exited 1"); got.deaths != 1 {
		t.Errorf("%d deaths in a row behind a worker that lived", got.deaths)
	}
}

// TestPoisonIsForgotten clears a command when a worker answers it, be it with an
// error, and all of them when the code changes.
func TestPoisonIsForgotten(t *testing.T) {
	d, w := newPool(t, 1, usual)
	accuse := func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.suspects["boom"] = suspect{deaths: poisonAfter}
	}
	accuse()
	if d.poison() == "" {
		t.Fatal("the command is not poisonous")
	}
	c := newCall(time.Minute)
	d.accept(&c.call, []byte("boom"), int64(time.Minute), false)
	frame, err := encodeCall(c.id, ExecRequest{Command: "boom"})
	if err != nil {
		t.Fatal(err)
	}
	d.submit(&c.call, frame)
	in := w[0].wantCall(c)
	w[0].send(errorFrame(in.Stream, pool.CategoryRaised))
	c.wantError(t, pool.CategoryRaised)
	if got := d.poison(); got != "" {
		t.Errorf("poison = %q after the command raised in a living worker", got)
	}
	accuse()
	d.acquit()
	if got := d.poison(); got != "" {
		t.Errorf("poison = %q of former code", got)
	}
}

// TestCommandOfACallIsShared gives every call the name of its command, for its
// worker's death, without a copy.
func TestCommandOfACallIsShared(t *testing.T) {
	d := newDispatcher("pool.api", usual)
	d.setCommands([]pool.CommandInfo{{Name: "echo"}, {Name: "slow", TimeoutMS: 5}})
	c, name := &call{}, []byte("echo")
	if n := testing.AllocsPerRun(100, func() { d.accept(c, name, 0, false) }); n != 0 {
		t.Errorf("accept allocates %v times", n)
	}
	if c.command != "echo" {
		t.Errorf("the command is %q, want echo", c.command)
	}
	d.accept(c, []byte("unheard"), 0, false)
	if c.command != "unheard" {
		t.Errorf("the command is %q, want unheard", c.command)
	}
}
