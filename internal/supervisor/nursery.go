package supervisor

import (
	"errors"
	"strings"
	"time"

	"github.com/snakectl/snakectl/internal/event"
	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/worker"
)

// linger is how long a fork server of a launch that is not the target waits for
// another request.
const linger = 5 * time.Second

// nursery makes the processes of one pool's workers: it has the fork server of the
// launch fork them where that is wanted and safe, and spawns them elsewhere. It
// belongs to the pool loop.
type nursery struct {
	r       *runner
	servers map[string]*worker.ForkServer // by launch hash
	// refused says why a launch hash is not forked.
	refused map[string]string
}

func newNursery(r *runner) *nursery {
	return &nursery{r: r, servers: map[string]*worker.ForkServer{}, refused: map[string]string{}}
}

// retire asks whether a fork server is still needed.
type retire struct{ server string } // by launch hash

func (retire) message() {}

// spawn starts a process of its own for the worker.
func (n *nursery) spawn(b birth) birth {
	b.start = pool.StartSpawn
	b.process, b.err = worker.Start(n.r.sup.reaper, b.info(), b.document())
	return b
}

// fork asks a fork server for the worker; its birth is sent to the pool loop. It
// reports false when no server is to be had.
func (n *nursery) fork(b birth) bool {
	server := n.server(b.launch)
	if server == nil {
		return false
	}
	b.server, b.start = server, pool.StartFork
	b.worker.server = server
	ctx, info, doc := b.worker.wait(), b.info(), b.document()
	n.r.sup.waiters.Go(func() {
		b.process, b.err = server.Fork(ctx, info, doc)
		n.r.send(b)
	})
	return true
}

// server returns the fork server of a launch, started when there is none; nil when
// the launch is not to be forked.
func (n *nursery) server(l launch) *worker.ForkServer {
	if _, refused := n.refused[l.hash]; refused || !l.spec.Forks() || !worker.CanFork() {
		return nil
	}
	if server := n.running(l.hash); server != nil {
		return server
	}
	sup, doc := n.r.sup, n.r.sup.launchDocument(l)
	doc.Address, doc.Incarnation = n.r.addr()+"/"+worker.ForkServerPlace, randomHex(4)
	info := sup.serverInfo(l)
	info.Log = sup.logs.ForkServer(n.r.addr())
	server, err := worker.StartForkServer(sup.reaper, info, doc)
	if err != nil {
		n.r.log().Warn("cannot start a fork server", "launch_hash", l.hash, "err", err)
		return nil
	}
	n.r.log().Info("started a fork server", "launch_hash", l.hash, "pid", server.PID())
	n.servers[l.hash] = server
	sup.waiters.Go(func() {
		select {
		case <-server.Done():
			sup.sweeper.add(pool.Incarnate(doc.Address, doc.Incarnation))
		case <-sup.detached:
		}
	})
	if l.hash != n.r.target {
		n.retireLater(l.hash)
	}
	return server
}

// running returns the server of a launch, nil when none runs.
func (n *nursery) running(hash string) *worker.ForkServer {
	server := n.servers[hash]
	if server == nil {
		return nil
	}
	select {
	case <-server.Done():
		return nil
	default:
		return server
	}
}

// pid returns the process id of the server of a launch, 0 when none runs.
func (n *nursery) pid(hash string) int {
	if server := n.running(hash); server != nil {
		return server.PID()
	}
	return 0
}

// failed takes that a server gave no worker. The next one is asked of another server,
// or of none.
func (n *nursery) failed(b birth) {
	if b.server == nil || b.worker.abandoned {
		return
	}
	hash := b.launch.hash
	if n.servers[hash] == b.server && !errors.Is(b.err, worker.ErrNotForked) {
		n.dismiss(hash) // it may well live: what failed may have been the worker alone
	}
	unsafe, ok := errors.AsType[*worker.UnsafeError](b.err)
	if _, known := n.refused[hash]; !ok || known {
		return
	}
	n.refused[hash] = unsafe.Reason
	n.r.log().Warn("cannot fork workers, spawning them", "launch_hash", hash, "reason", unsafe.Reason)
	n.r.sup.events.Publish(event.PoolForkRefused{OnPool: event.OnPool{Pool: n.r.addr()}, LaunchHash: hash, Reason: unsafe.Reason})
}

// review looks which servers the target has left without work.
func (n *nursery) review() {
	for hash := range n.servers {
		if hash != n.r.target {
			n.retireLater(hash)
		}
	}
}

func (n *nursery) retireLater(hash string) {
	time.AfterFunc(linger, func() { n.r.send(retire{server: hash}) })
}

// retire dismisses a server that nobody needs: its launch is not the target, and
// none of its workers is being started or tried out.
func (n *nursery) retire(hash string) {
	server := n.servers[hash]
	if server == nil || hash == n.r.target {
		return
	}
	for _, w := range n.r.workers {
		if w.rec.LaunchHash == hash && (w.process == nil || w.preflight != nil) {
			n.retireLater(hash)
			return
		}
	}
	n.dismiss(hash)
}

// dismiss ends a server and forgets it.
func (n *nursery) dismiss(hash string) {
	n.servers[hash].Dismiss()
	delete(n.servers, hash)
}

// close dismisses every server.
func (n *nursery) close() {
	for _, server := range n.servers {
		server.Dismiss()
	}
}

// endForkServers ends the fork servers that a former supervisor left: those that do
// not see by themselves that it is gone, because they are still importing.
func (s *Supervisor) endForkServers() {
	killed := worker.Sweep(s.lineage, func(incarnation string) bool {
		return strings.Contains(incarnation, "/"+worker.ForkServerPlace+"@")
	})
	if killed > 0 {
		s.log.Info("ended the fork servers of a former supervisor", "count", killed)
	}
}
