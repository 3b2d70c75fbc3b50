package harness

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// errNoIndex is wrapped when packages could not be installed for want of an index.
var errNoIndex = errors.New("no package index answers")

// unreachable is what the program says of an index that does not answer.
const unreachable = "The package index does not answer"

// Environments builds the environments that configurations declare, for an instance that
// has not been used yet. They hold packages from an index, too big to be installed for
// each test: all instances that call it share those of this user, and the builds of
// several test programs wait for each other. A test that needs an index where none
// answers is skipped, with the reason; where CI is set it fails.
func Environments(t *testing.T, i *Instance, configs ...string) {
	t.Helper()
	err := i.shareEnvironments()
	if err == nil {
		err = i.setUp(t.Context(), configs)
	}
	switch {
	case errors.Is(err, errNoIndex) && os.Getenv("CI") == "":
		t.Skip("the packages of this test are not installed: ", err)
	case err != nil:
		t.Fatal(err)
	}
}

// shareEnvironments puts a link to the environments of all tests where the instance
// keeps its own.
func (i *Instance) shareEnvironments() error {
	cache, err := os.UserCacheDir()
	if err != nil {
		return err
	}
	shared := filepath.Join(cache, "snakectl", "test-environments")
	for _, dir := range []string{shared, i.Dir} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	return os.Symlink(shared, filepath.Join(i.Dir, "runtimes"))
}

// setUp runs snakectl setup for each configuration, a few at one time: downloads wait for
// the network, and bytecode for a processor.
func (i *Instance) setUp(ctx context.Context, configs []string) error {
	const atOnce = 3
	errs := make([]error, len(configs))
	turns := make(chan struct{}, atOnce)
	var all sync.WaitGroup
	for n, config := range configs {
		all.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			cmd := exec.CommandContext(ctx, i.Binary, "setup", config)
			cmd.Env = append(i.Env(), reach()...)
			out, err := cmd.CombinedOutput()
			if err == nil {
				return
			}
			if strings.Contains(string(out), unreachable) {
				err = errNoIndex
			}
			errs[n] = fmt.Errorf("snakectl setup %s: %w\n%s", config, err, out)
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// reach is what leads installers to an index and to what they have downloaded before.
func reach() []string {
	var env []string
	for _, name := range []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy", "SSL_CERT_FILE"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	if dir, err := os.UserConfigDir(); err == nil {
		env = append(env, "XDG_CONFIG_HOME="+dir)
	}
	if dir, err := os.UserCacheDir(); err == nil {
		env = append(env, "XDG_CACHE_HOME="+dir)
	}
	return env
}

// Begin returns an instance that ends with the test: its processes, and the error when
// something is left of them.
func Begin(tb testing.TB, binary string) *Instance {
	tb.Helper()
	instance, err := New(tb.Context(), binary)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := instance.Close(context.WithoutCancel(tb.Context())); err != nil {
			tb.Error(err)
		}
	})
	return instance
}
