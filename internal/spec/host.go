package spec

import (
	"os"
	"runtime"

	"github.com/zclconf/go-cty/cty"

	"github.com/snakectl/snakectl/internal/access"
)

// Host is what a configuration may know of the machine it is evaluated on.
type Host struct {
	CPUs     int
	Memory   uint64 // bytes; 0 where the system does not tell
	Hostname string
	// PeerCredentials says that the system tells who connects to a socket. It is not
	// for expressions.
	PeerCredentials bool
	// Processors are the numbers of those that work, and GPUs are what CUDA may be told to
	// use: numbers and UUIDs. Neither is for expressions.
	Processors []int
	GPUs       []string
	// Limits says that workers can be held to limits. It is not for expressions.
	Limits bool
}

func thisHost() Host {
	name, err := os.Hostname()
	if err != nil {
		name = "localhost"
	}
	return Host{
		CPUs: runtime.NumCPU(), Memory: totalMemory(), Hostname: name, PeerCredentials: access.Supported(), Limits: runtime.GOOS == "linux",
		Processors: processors(), GPUs: gpus(),
	}
}

func (h Host) value() cty.Value {
	return cty.ObjectVal(map[string]cty.Value{
		"cpus":     cty.NumberIntVal(int64(h.CPUs)),
		"memory":   cty.NumberUIntVal(h.Memory),
		"hostname": cty.StringVal(h.Hostname),
	})
}
