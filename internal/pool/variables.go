package pool

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Names of variables that are decided here.
const (
	variableGIL  = "PYTHON_GIL"
	VariableGPUs = "CUDA_VISIBLE_DEVICES"
)

// threadVariables keep numeric libraries from starting a thread for each core: the
// slots of the pool are what uses the cores.
var threadVariables = []string{
	"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "VECLIB_MAXIMUM_THREADS",
}

// Machine is what decides beside a pool which variables its workers get.
type Machine struct {
	// CPUs is how many processors there are; 0 says that nothing is known.
	CPUs int `json:"cpus"`
	// Environ holds those variables of the supervisor's own environment that win over
	// what a profile sets, see Inherited.
	Environ map[string]string `json:"environ"`
}

// Inherited returns, of an environment in the form NAME=VALUE, the variables that win
// over what a profile sets.
func Inherited(environ []string) map[string]string {
	out := map[string]string{}
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		if name == variableGIL || slices.Contains(threadVariables, name) {
			out[name] = value
		}
	}
	return out
}

// Variable is an environment variable that the worker in a place gets.
type Variable struct {
	Name  string         `json:"name"`
	Value string         `json:"value"`
	By    VariableSource `json:"by"`
	// Profile is what the profile would set where somebody else decides.
	Profile string `json:"profile,omitempty"`
	// ByPlace lists the values of the places 0, 1 and so on, which begin again at its end,
	// where they differ; Value is then that of place 0.
	ByPlace []string `json:"by_place,omitempty"`
}

// VariableSource is who decides what a variable is.
type VariableSource string

// The sources, the one that wins first.
const (
	ByEnv        VariableSource = "env"
	ByDevices    VariableSource = "devices"
	ByInheriting VariableSource = "supervisor"
	ByProfile    VariableSource = "profile"
)

// Variables returns what the worker in a place gets beside the rest of the supervisor's
// own environment, sorted by name. The pool's env wins over its devices, they over what
// the supervisor was started with, and that over the profile.
func (p *Pool) Variables(place int, m Machine) []Variable {
	cores := m.CPUs
	if set := p.CPUs(place); set != nil {
		cores = len(set)
	}
	threads := 1
	if p.Profile == ProfileThread {
		threads = max(1, cores/p.Slots())
	}
	return p.variables(place, m, threads)
}

// Preloading returns what a fork server gets: numeric libraries start their threads when
// they are imported, and nothing can be forked then.
func (p *Pool) Preloading(m Machine) []Variable { return p.variables(0, m, 1) }

func (p *Pool) variables(place int, m Machine, threads int) []Variable {
	profile := map[string]string{}
	for _, name := range threadVariables {
		profile[name] = strconv.Itoa(threads)
	}
	if p.Profile == ProfileThread && p.GIL == GILForceOff {
		profile[variableGIL] = "0"
	}
	decided := map[string]Variable{}
	decide := func(name, value string, by VariableSource) {
		decided[name] = Variable{Name: name, Value: value, By: by, Profile: profile[name]}
	}
	for name, value := range profile {
		decided[name] = Variable{Name: name, Value: value, By: ByProfile}
		if inherited, ok := m.Environ[name]; ok {
			decide(name, inherited, ByInheriting)
		}
	}
	if gpus := turn(p.Devices.GPUs, place); gpus != "" {
		decide(VariableGPUs, gpus, ByDevices)
	}
	for name, value := range p.Env {
		decide(name, value, ByEnv)
	}
	out := make([]Variable, 0, len(decided))
	for _, name := range slices.Sorted(maps.Keys(decided)) {
		out = append(out, decided[name])
	}
	return out
}

// Receives returns the variables of all places, where they differ with a value for
// each.
func (p *Pool) Receives(m Machine) []Variable {
	out := p.Variables(0, m)
	for place := 1; place < max(len(p.Devices.CPUs), len(p.Devices.GPUs)); place++ {
		for i, v := range p.Variables(place, m) {
			out[i].ByPlace = append(out[i].ByPlace, v.Value)
		}
	}
	for i := range out {
		v := &out[i]
		period := len(p.Devices.CPUs)
		if v.By == ByDevices {
			period = len(p.Devices.GPUs)
		}
		if !slices.ContainsFunc(v.ByPlace, func(value string) bool { return value != v.Value }) {
			v.ByPlace = nil
			continue
		}
		v.ByPlace = append([]string{v.Value}, v.ByPlace...)[:period]
	}
	return out
}

// Values returns the variables by name.
func Values(variables []Variable) map[string]string {
	out := make(map[string]string, len(variables))
	for _, v := range variables {
		out[v.Name] = v.Value
	}
	return out
}
