package script

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/snakectl/snakectl/test/harness"
)

// wheel writes a wheel with one module and a file of requirements that locks it by its
// hash: wheel DIR NAME VERSION CODE.
func wheel(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 4, "wheel DIR NAME VERSION CODE")
	name, version := args[1], args[2]
	path, err := harness.Wheel(ts.MkAbs(args[0]), name, version, map[string]string{name + ".py": args[3] + "\n"})
	ts.Check(err)
	sum := sha256.Sum256([]byte(ts.ReadFile(path)))
	ts.Setenv("LOCK_"+strings.ToUpper(name), name+"=="+version+" --hash=sha256:"+hex.EncodeToString(sum[:]))
}
