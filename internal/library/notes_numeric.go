package library

// checked is the day on which the pages of the notes were read last.
const checked = "2026-11-23"

var numericSubjects = []subject{
	{names: []string{"numpy"}, modules: []string{"numpy"}, notes: []note{
		{use: Threads, verdict: Care, says: "arrays may be read by several threads; writing to one that others use gives wrong results, and resizing it can crash", remedy: "give each thread arrays of its own, or lock around writes", source: "https://numpy.org/doc/stable/reference/thread_safety.html", checked: checked},
	}},
	{names: []string{"scipy"}, modules: []string{"scipy"}, notes: []note{
		{use: Threads, verdict: Care, says: "its functions may be called by several threads at one time; objects that keep state need care", remedy: "give each thread its own integrators, interpolators and sparse matrices that it changes", source: "https://docs.scipy.org/doc/scipy-1.18.0/tutorial/thread_safety.html", checked: checked},
	}},
	{names: []string{"numexpr"}, modules: []string{"numexpr"}, notes: []note{
		{use: Threads, verdict: Care, says: "it keeps compiled expressions in dictionaries of the process, which only later releases make safe for several threads", remedy: "use a recent release, and no re_evaluate across threads", source: "https://github.com/pydata/numexpr/pull/496", checked: checked},
	}},
	{names: []string{"pandas"}, modules: []string{"pandas"}, notes: []note{
		{use: Threads, verdict: Care, says: "it is not wholly thread-safe: copying DataFrames that threads share is a known problem", remedy: "give each call frames of its own, or lock around the copying of shared ones", source: "https://pandas.pydata.org/docs/user_guide/gotchas.html#thread-safety", checked: checked},
	}},
	{names: []string{"polars", "polars-lts-cpu", "polars-u64-idx"}, modules: []string{"polars"}, notes: []note{
		{use: Threads, verdict: Care, says: "it uses all cores by threads of its own, so that several calls at one time compete for them", remedy: "set POLARS_MAX_THREADS in env", source: "https://docs.pola.rs/user-guide/misc/multiprocessing/", checked: checked},
		{use: Fork, verdict: Unfit, says: "it holds locks that a forked process can inherit locked, and asks for spawn instead of fork", remedy: `set start_method = "spawn"`, source: "https://docs.pola.rs/user-guide/misc/multiprocessing/", checked: checked},
	}},
}
