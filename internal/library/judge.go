package library

import (
	"fmt"
	"strings"
)

// Judge returns the verdict on a library for a use, ok false where the use says nothing:
// a Python with a GIL is not free-threaded.
func Judge(l *Library, py Python, use Use) (f Finding, ok bool) {
	f = Finding{Library: l.Name, Version: l.Version, Use: use, Verdict: Unknown, Why: "nothing is known of it", Evidence: []Evidence{}}
	if use == FreeThreaded {
		if !py.FreeThreaded {
			return Finding{}, false
		}
		f.judgeFreeThreaded(l, py)
	}
	for _, n := range notesOn(l, use) {
		f.Evidence = append(f.Evidence, Evidence{FromNote, n.says, n.source, n.checked})
		// What was seen on this very interpreter counts more than what is written of the library.
		if f.Verdict == Unknown {
			f.Verdict, f.Why, f.Remedy = n.verdict, n.says, n.remedy
		}
	}
	return f, true
}

func (f *Finding) judge(v Verdict, remedy, format string, args ...any) {
	f.Verdict, f.Why, f.Remedy = v, fmt.Sprintf(format, args...), remedy
}

// judgeFreeThreaded judges by files, tags and probe. The most certain one decides.
func (f *Finding) judgeFreeThreaded(l *Library, py Python) {
	f.gather(l)
	switch stable := l.stableABI(); {
	case l.Probe != nil && l.Probe.Culprit != "":
		f.judge(Unfit, `use a release that supports free threading, or gil = "warn", or a Python with a GIL`,
			"importing it turns the GIL on (%s), for the whole process and for good", l.Probe.Culprit)
	case stable != "":
		f.judge(Unfit, "use a release with wheels for free-threaded Pythons, or a Python with a GIL",
			"%s is made for the stable ABI (abi3) of Pythons with a GIL, whose objects are laid out otherwise: a free-threaded one that loads it may crash", stable)
	case l.foreign(py) != "":
		f.judge(Unfit, "build the environment with this very Python", "%s is made for another Python than %st", l.foreign(py), py.Version)
	case l.Probe != nil && l.Probe.Failure != "":
		f.judge(Care, "", "whether the GIL stays off could not be seen: %s", l.Probe.Failure)
	case l.Probe != nil:
		f.judge(Fits, "", "the GIL stays off when it is imported; whether its objects may be shared by threads is another question")
	case l.Installed && len(l.Extensions) == 0:
		f.judge(Fits, "", "it has no extension module that could turn the GIL on; whether it may be used by several threads is another question")
	}
}

// gather lists what is known of the files of a library.
func (f *Finding) gather(l *Library) {
	add := func(layer Layer, format string, args ...any) {
		f.Evidence = append(f.Evidence, Evidence{Layer: layer, Fact: fmt.Sprintf(format, args...)})
	}
	if l.Wheel != "" {
		add(FromLock, "find_links has %s", l.Wheel)
	}
	if l.Installed {
		if len(l.Tags) > 0 {
			add(FromInstalled, "its wheel is tagged %s", strings.Join(l.Tags, ", "))
		}
		switch n := len(l.Extensions); n {
		case 0:
			add(FromInstalled, "it has no extension modules")
		case 1:
			add(FromInstalled, "it has one extension module, %s", l.Extensions[0])
		default:
			add(FromInstalled, "it has %d extension modules, such as %s", n, l.Extensions[0])
		}
		if l.FreeThreading != "" {
			add(FromInstalled, "it is classified as Free Threading :: %s", l.FreeThreading)
		}
	}
	if p := l.Probe; p != nil {
		switch {
		case p.Culprit != "":
			add(FromProbe, "the GIL came on when %s was loaded", p.Culprit)
		case p.Failure != "":
			add(FromProbe, "%s", p.Failure)
		default:
			add(FromProbe, "the GIL was off after its extension modules (%d) were imported", p.Imported)
		}
	}
}

// stableABI returns a file that is made for the stable ABI, "" for none.
func (l *Library) stableABI() string {
	for _, file := range l.Extensions {
		if strings.HasSuffix(file, ".abi3.so") {
			return file
		}
	}
	if !l.Installed && strings.Contains(l.Wheel, "-abi3-") {
		return l.Wheel
	}
	return ""
}

// foreign returns a file that names another Python than the free-threaded py, "" for none.
func (l *Library) foreign(py Python) string {
	major, rest, _ := strings.Cut(py.Version, ".")
	minor, _, _ := strings.Cut(rest, ".")
	own := "cpython-" + major + minor + "t"
	for _, file := range l.Extensions {
		_, made, named := strings.Cut(file, ".cpython-")
		if tag, _, _ := strings.Cut("cpython-"+made, "."); named && !strings.HasPrefix(tag, own) {
			return file
		}
	}
	return ""
}
