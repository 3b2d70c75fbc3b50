package spec

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/snakectl/snakectl/internal/pool"
)

// processors returns the numbers of the processors that work, nil where the system does
// not tell.
func processors() []int {
	text, err := os.ReadFile("/sys/devices/system/cpu/online")
	if err != nil {
		return nil
	}
	cpus, err := pool.ParseCPUs(strings.TrimSpace(string(text)))
	if err != nil {
		return nil
	}
	return cpus
}

// gpus returns the numbers and UUIDs of the GPUs that the driver of CUDA knows.
func gpus() []string {
	cards, _ := filepath.Glob("/proc/driver/nvidia/gpus/*/information") // its pattern is sound
	var out []string
	for i, card := range cards {
		out = append(out, strconv.Itoa(i))
		text, err := os.ReadFile(card)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(text)) {
			if name, uuid, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "GPU UUID" {
				out = append(out, strings.TrimSpace(uuid))
			}
		}
	}
	return out
}

// checkDevices refuses devices that the machine does not have.
func (r poolRules) checkDevices() {
	d := r.pool.Devices
	if len(d.CPUs) > 0 && !r.host.Limits {
		r.fail("devices.cpus", "devices.cpus works on Linux alone: this system cannot pin a process. Remove it here, for example with a variable.")
	} else {
		r.checkCPUs(d.CPUs)
	}
	for _, set := range d.GPUs {
		r.checkGPUs(set)
	}
	if _, set := r.pool.Env[pool.VariableGPUs]; set && len(d.GPUs) > 0 {
		r.fail("devices.gpus", "devices.gpus and env both set %s. Keep one of them.", pool.VariableGPUs)
	}
}

func (r poolRules) checkCPUs(sets []string) {
	for i, set := range sets {
		cpus, err := pool.ParseCPUs(set)
		if err != nil {
			r.fail("devices.cpus", "%v.", err)
			r.pool.Devices.CPUs[i] = "0" // the configuration is refused, and what follows may read it
			continue
		}
		for _, cpu := range cpus {
			if r.host.Processors != nil && !slices.Contains(r.host.Processors, cpu) {
				r.fail("devices.cpus", "This machine has no processor %d; it has %s.", cpu, ranges(r.host.Processors))
				break
			}
		}
	}
}

func (r poolRules) checkGPUs(set string) {
	for gpu := range strings.SplitSeq(set, ",") {
		switch gpu = strings.TrimSpace(gpu); {
		case gpu == "":
			r.fail("devices.gpus", "%q is not a set of GPUs: write numbers or UUIDs such as \"0\" or \"0,1\".", clip(set))
		case strings.HasPrefix(gpu, "MIG-"): // a part of a GPU, which the driver does not list
		case len(r.host.GPUs) == 0:
			r.fail("devices.gpus", "This machine has no GPU %s: CUDA's driver lists none in /proc/driver/nvidia/gpus.", clip(gpu))
		case !slices.Contains(r.host.GPUs, gpu):
			r.fail("devices.gpus", "This machine has no GPU %s; it has %s.", clip(gpu), strings.Join(r.host.GPUs, ", "))
		}
	}
}

// ranges writes sorted numbers as a set: 0-3, 6.
func ranges(numbers []int) string {
	var out []string
	for i := 0; i < len(numbers); {
		end := i
		for end+1 < len(numbers) && numbers[end+1] == numbers[end]+1 {
			end++
		}
		text := strconv.Itoa(numbers[i])
		if end > i {
			text += fmt.Sprintf("-%d", numbers[end])
		}
		out, i = append(out, text), end+1
	}
	return strings.Join(out, ", ")
}
