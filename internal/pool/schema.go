package pool

import "strings"

// Type is the type of an attribute in the language.
type Type string

// The types of the language. Durations are written as strings; a reference is
// written without quotes (runtime.python.app).
const (
	TypeString     Type = "string"
	TypeBool       Type = "bool"
	TypeInt        Type = "int"
	TypeDuration   Type = "duration"
	TypeNumber     Type = "number"
	TypeSize       Type = "size"
	TypeShare      Type = "int or percentage"
	TypeStrings    Type = "list(string)"
	TypeStringMap  Type = "map(string)"
	TypeObject     Type = "object"
	TypeRuntimeRef Type = "runtime reference"
	TypePath       Type = "path"
	TypePaths      Type = "list(path)"
	TypeForEach    Type = "map or set(string)"
	// TypePools and TypeAttributes list names, written with or without quotes.
	TypePools      Type = "list(pool)"
	TypeAttributes Type = "list(attribute)"
)

// Row is one line of the schema table: everything there is to say about an
// attribute. Decoder, planner, generated reference and JSON Schema read it;
// there is no second list.
type Row struct {
	// Path is the attribute's place in its block: "size", "queue.max".
	Path string
	Type Type
	// Default is the language's text of the default, "" for none. A Go
	// expression of the host (cores) is written as "cores".
	Default string
	// Required is true when the attribute has no default and must be set.
	Required bool
	// Effect is what a change does to running workers.
	Effect Effect
	// Accepts lists the values of an enumerated string, or of the items of a list; nil
	// for any.
	Accepts []string
	// Min and Max bound an int or a duration (in nanoseconds), inclusive; both
	// zero means any.
	Min, Max int64
	// Example is a value in the language, other than the default; With are lines such
	// as `breaker.failures = 5` that the example is of no use without.
	Example string
	With    []string
	// Doc is one sentence for the reference.
	Doc string
}

// Later are names that the language keeps free: using one is told apart from a
// misspelling.
var Later = map[string]string{
	"secrets": "", "user": "", "group": "", "umask": "", "nice": "", "oom_score_adj": "", "args": "",
	"autoscale": "", "scope": "", "routing": "", "affinity": "",
	"batching": "", "cache": "", "hedge": "", "isolation": "", "placement": "",
}

// LaterRuntime are the names that a runtime block keeps free.
var LaterRuntime = map[string]string{}

const (
	maxPoolSize = 10_000
	dayNS       = 24 * int64(3600) * 1_000_000_000
	msNS        = 1_000_000
)

// RetryCategories are the failures after which a call may be executed again.
var RetryCategories = []string{string(CategoryWorkerDied), string(CategoryUnavailable), string(CategoryRaised)}

// PoolSchema returns the rows of a pool block, in the order of the reference.
// The slice is shared: do not change it.
func PoolSchema() []Row { return poolRows }

var poolRows = []Row{
	{Path: "description", Type: TypeString, Effect: EffectStored, Example: `"Answers questions."`, Doc: "A sentence for people; it changes nothing that runs."},
	{Path: "labels", Type: TypeStringMap, Effect: EffectStored, Example: `{ team = "search" }`, Doc: "At most 32 labels for people and tools; they change nothing that runs."},
	{Path: "default", Type: TypeBool, Default: "false", Effect: EffectLive, Example: `true`, Doc: "Calls that name no pool go here. At most one pool may say so; without it the sole pool, or the one named default, is meant."},
	{Path: "for_each", Type: TypeForEach, Effect: EffectAddress, Example: `toset(["eu", "us"])`, Doc: "Makes one pool for each element of a map or set of strings, at pool.NAME[\"KEY\"]; each.key and each.value can be used inside the block."},
	{Path: "profile", Type: TypeString, Default: `"process"`, Effect: EffectRoll, Accepts: []string{ProfileProcess, ProfileThread}, Example: `"thread"`, Doc: "What a worker is. process: one process that executes one call at a time. thread: one process with threads_per_worker threads that execute one call each; where the interpreter has a GIL they wait for other things at one time and compute one after the other."},
	{Path: "threads_per_worker", Type: TypeInt, Default: "cores", Effect: EffectRoll, Min: 1, Max: 1024, Example: `4`, With: []string{`profile = "thread"`}, Doc: "How many calls a worker of the thread profile executes at one time. A worker of the process profile executes one."},
	{Path: "gil", Type: TypeString, Default: `"warn"`, Effect: EffectRoll, Accepts: []string{GILRequireOff, GILWarn, GILForceOff}, Example: `"warn"`, With: []string{`profile = "thread"`}, Doc: "What is done when the GIL of a free-threaded interpreter turns out to be on, as an extension module that it imports can have it; for the thread profile alone. warn: status names the module. require_off: such a worker does not start, or is replaced, and an interpreter with a GIL is refused. force_off: it stays off whatever is imported (PYTHON_GIL=0)."},
	{Path: "check", Type: TypeBool, Default: "false", Effect: EffectRoll, Example: `true`, With: []string{`profile = "thread"`}, Doc: "Whether workers look for writes that are not safe between threads, for the thread profile alone. An attribute, item or global variable that two slots write without a common lock is named with its line, in the log, by the event worker.unsafe_write and in status. Code of the adapter's own files runs slower meanwhile; without it nothing is looked at."},
	{Path: "runtime", Type: TypeRuntimeRef, Default: "runtime.python.default", Effect: EffectRoll, Example: `runtime.python.app`, Doc: "The Python environment of the workers. Without one it is the python3 on the PATH."},
	{Path: "adapter", Type: TypeString, Required: true, Effect: EffectRoll, Example: `"./adapter.py"`, Doc: "The code that provides commands: \"pkg.mod\", \"pkg.mod:Class\", \"./file.py\" or \"./file.py:Class\"."},
	{Path: "config", Type: TypeObject, Effect: EffectRoll, Example: `{ model = "small" }`, Doc: "Any JSON-encodable object; handlers read it as ctx.config."},
	{Path: "env", Type: TypeStringMap, Effect: EffectRoll, Example: `{ LANG = "C.UTF-8" }`, Doc: "Environment variables of the workers, beside those the supervisor itself was started with. Names that begin with SNAKEPIT_ are reserved."},
	{Path: "working_dir", Type: TypePath, Default: "the configuration's directory", Effect: EffectRoll, Example: `"data"`, Doc: "The workers' current directory. Its contents are not hashed."},
	{Path: "python_path", Type: TypePaths, Default: `["."]`, Effect: EffectRoll, Example: `["data", "."]`, Doc: "Directories, relative to the configuration, that come first in sys.path. They must lie inside the configuration's directory."},
	{Path: "code", Type: TypeStrings, Effect: EffectRoll, Example: `["adapter.py", "data/**"]`, Doc: "Glob patterns (** crosses directories) of the files that belong to the adapter. Without it: the adapter's file, or the top-level package that holds its module."},
	{Path: "code_mode", Type: TypeString, Default: `"snapshot"`, Effect: EffectRoll, Accepts: []string{CodeSnapshot, CodeLive}, Example: `"live"`, Doc: "snapshot: workers import the copy made by apply. live: they import the directory itself, and an edit changes whatever starts next."},
	{Path: "start_method", Type: TypeString, Default: `"fork"`, Effect: EffectRoll, Accepts: []string{StartFork, StartSpawn}, Example: `"spawn"`, Doc: "How workers begin. fork: a process that has imported the code once forks them, which is fast and shares memory; where that is not safe (a thread runs after the import, or, unless this attribute is set, a connection is open) they are spawned, and status says why. spawn: each is a Python of its own. Forking needs Linux; elsewhere, and with code_mode live, workers are spawned."},
	{Path: "preload", Type: TypeStrings, Effect: EffectRoll, Example: `["json"]`, Doc: "Modules, named as in adapter, that are imported once before workers are forked, or first in each worker that is spawned. Without it: the adapter's module."},
	{Path: "size", Type: TypeInt, Default: "1", Effect: EffectSize, Min: 0, Max: maxPoolSize, Example: `2`, Doc: "How many workers run."},
	{Path: "start_timeout", Type: TypeDuration, Default: `"30s"`, Effect: EffectLive, Min: msNS, Max: dayNS, Example: `"1m"`, Doc: "How long a worker may take from its start to ready."},
	{Path: "stop_grace", Type: TypeDuration, Default: `"30s"`, Effect: EffectLive, Min: msNS, Max: dayNS, Example: `"10s"`, Doc: "How long a draining worker may finish its call before it is signalled, and how long a call past its deadline may go on."},
	{Path: "stop_signal", Type: TypeString, Default: `"TERM"`, Effect: EffectLive, Accepts: []string{"TERM", "INT", "QUIT", "HUP", "USR1", "USR2", "KILL"}, Example: `"INT"`, Doc: "The signal that the process group of a worker gets after stop_grace. SIGKILL follows."},
	{Path: "startup.parallelism", Type: TypeInt, Default: "cores", Effect: EffectLive, Min: 1, Max: 1024, Example: `1`, Doc: "How many workers of the pool may be starting at one time."},
	{Path: "queue.max", Type: TypeInt, Default: "1000", Effect: EffectLive, Min: 0, Max: 1_000_000, Example: `50`, Doc: "How many calls may wait for a worker; one more is rejected at once."},
	{Path: "queue.timeout", Type: TypeDuration, Default: `"5s"`, Effect: EffectLive, Min: msNS, Max: dayNS, Example: `"2s"`, Doc: "How long a call may wait for a worker."},
	{Path: "queue.policy", Type: TypeString, Default: `"fifo"`, Effect: EffectLive, Accepts: []string{QueueFIFO, QueuePriority}, Example: `"priority"`, Doc: "Which waiting call is next. fifo: the one that came first. priority: the one with the highest priority (0 to 255) that its caller gave it, and of those the first."},
	{Path: "queue.overflow", Type: TypeString, Default: `"reject"`, Effect: EffectLive, Accepts: []string{OverflowReject, OverflowBlock, OverflowDropOldest}, Example: `"block"`, Doc: "What becomes of a call that finds queue.max calls waiting. reject: it is. block: it waits for a place in the queue, within queue.timeout, and meanwhile nothing else is read from its caller's connection. drop_oldest: it takes the place of the call that has waited longest, which is rejected."},
	{Path: "timeouts.call", Type: TypeDuration, Default: `"30s"`, Effect: EffectLive, Min: msNS, Max: dayNS, Example: `"2m"`, Doc: "How long a call may take, waiting included, when its caller sets no deadline."},
	{Path: "retry.attempts", Type: TypeInt, Default: "2", Effect: EffectLive, Min: 1, Max: 100, Example: `3`, Doc: "How often a call may be executed in all; 1 is no retry. Only calls that their caller or their command marks as idempotent are executed again, within their deadline. A call that never reached a worker is given to another one in any case."},
	{Path: "retry.on", Type: TypeStrings, Default: `["worker_died", "unavailable"]`, Effect: EffectLive, Accepts: RetryCategories, Example: `["worker_died"]`, Doc: "After which failures that is done. unavailable: the connection to the worker broke with the call. raised: the command raised."},
	{Path: "retry.backoff", Type: TypeDuration, Default: `"0s"`, Effect: EffectLive, Min: 0, Max: dayNS, Example: `"50ms"`, Doc: "How long a call waits before it is executed again. It doubles with each attempt, and up to a half is taken off at random. Without it the call is the next one in the queue."},
	{Path: "breaker.failures", Type: TypeInt, Effect: EffectLive, Min: 1, Max: 1_000_000, Example: `5`, Doc: "After how many executions in a row that lost their worker (worker_died, unavailable) or passed their deadline the pool takes no calls: its breaker is open, and they fail at once as unavailable, with retry_after_ms. What a command raises is no such failure. Off unless it is set."},
	{Path: "breaker.reset", Type: TypeDuration, Default: `"10s"`, Effect: EffectLive, Min: msNS, Max: dayNS, Example: `"30s"`, With: []string{`breaker.failures = 5`}, Doc: "How long the breaker is open before it lets calls through on trial."},
	{Path: "breaker.half_open", Type: TypeInt, Default: "1", Effect: EffectLive, Min: 1, Max: 10_000, Example: `2`, With: []string{`breaker.failures = 5`}, Doc: "How many calls on trial must succeed before all others are let through; one that fails opens the breaker again."},
	{Path: "access.exec", Type: TypeStrings, Default: "settings.access.exec", Effect: EffectLive, Example: `["@0"]`, Doc: "Who may run the commands of this pool, instead of those in settings.access.exec. The owner, root and settings.access.admin always may."},
	{Path: "restart.backoff", Type: TypeDuration, Default: `"200ms"`, Effect: EffectLive, Min: msNS, Max: dayNS, Example: `"1s"`, Doc: "The first wait before a place is filled again; it doubles with each failure. The first restart in a window is immediate."},
	{Path: "restart.max_backoff", Type: TypeDuration, Default: `"30s"`, Effect: EffectLive, Min: msNS, Max: dayNS, Example: `"1m"`, Doc: "The longest such wait."},
	{Path: "restart.max_restarts", Type: TypeInt, Default: "10", Effect: EffectLive, Min: 1, Max: 10_000, Example: `5`, Doc: "How many failures within the window quarantine a place. A pool's last working place is never quarantined."},
	{Path: "restart.window", Type: TypeDuration, Default: `"5m"`, Effect: EffectLive, Min: 1000 * msNS, Max: dayNS, Example: `"10m"`, Doc: "How long a failure counts."},
	{Path: "update.strategy", Type: TypeString, Default: `"rolling"`, Effect: EffectLive, Accepts: []string{StrategyRolling, StrategyRecreate}, Example: `"recreate"`, Doc: "rolling: new workers are healthy before old ones drain. recreate: all old ones stop first, which is downtime."},
	{Path: "update.max_parallel", Type: TypeShare, Effect: EffectLive, Min: 1, Max: maxPoolSize, Example: `2`, Doc: "How many places change at one time: a count, or a percentage of size, rounded down, but at least one. Without it: as many as surge and max_unavailable allow together."},
	{Path: "update.surge", Type: TypeShare, Default: "1", Effect: EffectLive, Min: 0, Max: maxPoolSize, Example: `2`, Doc: "How many workers above size a roll may run: a count or a percentage. One of surge and max_unavailable must be at least 1."},
	{Path: "update.max_unavailable", Type: TypeShare, Default: "0", Effect: EffectLive, Min: 0, Max: maxPoolSize, Example: `1`, Doc: "How many workers below size a roll may leave: a count or a percentage."},
	{Path: "update.canary", Type: TypeShare, Default: "0", Effect: EffectLive, Min: 0, Max: maxPoolSize, Example: `1`, With: []string{`update.strategy = "rolling"`}, Doc: "How many places are replaced first, a count or a percentage. The others follow when these are healthy and somebody runs snakectl rollout promote. Until then a place that is filled again gets the former code."},
	{Path: "update.auto_promote", Type: TypeBool, Default: "false", Effect: EffectLive, Example: `true`, With: []string{`update.canary = 1`}, Doc: "The others follow by themselves as soon as the canaries are healthy."},
	{Path: "update.min_healthy_time", Type: TypeDuration, Default: `"2s"`, Effect: EffectLive, Min: 0, Max: dayNS, Example: `"100ms"`, Doc: "How long a new worker must stay ready before an old one drains for it."},
	{Path: "update.healthy_deadline", Type: TypeDuration, Default: `"1m"`, Effect: EffectLive, Min: msNS, Max: dayNS, Example: `"2m"`, Doc: "How long a new worker may take from its start to healthy; later it is killed, which is a failure. It must be longer than min_healthy_time."},
	{Path: "update.progress_deadline", Type: TypeDuration, Default: `"5m"`, Effect: EffectLive, Min: msNS, Max: dayNS, Example: `"10m"`, Doc: "How long a roll may go on without one more healthy worker before it fails. It must be longer than healthy_deadline."},
	{Path: "update.auto_revert", Type: TypeBool, Default: "true", Effect: EffectLive, Example: `false`, Doc: "A roll that fails brings the pool back to the newest stable revision, with its code and its runtime. false: it stops where it is, and the old workers go on serving. A revert that fails stops where it is, too."},
	{Path: "update.preflight", Type: TypeBool, Default: "true", Effect: EffectLive, Example: `false`, Doc: "One worker tries new code out, outside the rotation, before anything changes."},
	{Path: "update.max_failures", Type: TypeInt, Default: "1", Effect: EffectLive, Min: 1, Max: 10_000, Example: `3`, Doc: "With how many failures a roll fails: new workers that do not become ready, or die or are killed before they are healthy."},
	{Path: "lifecycle.ttl", Type: TypeDuration, Effect: EffectLive, Min: 1000 * msNS, Max: 3650 * dayNS, Example: `"12h"`, Doc: "How old a worker may become before it is recycled: its replacement is ready first, then it drains. Off unless it is set."},
	{Path: "lifecycle.idle_ttl", Type: TypeDuration, Effect: EffectLive, Min: 1000 * msNS, Max: 3650 * dayNS, Example: `"1h"`, Doc: "How long a worker may have no call before it is recycled. Off unless it is set."},
	{Path: "lifecycle.max_requests", Type: TypeInt, Effect: EffectLive, Min: 1, Max: 1_000_000_000, Example: `10000`, Doc: "How many calls a worker executes, exactly, before it is recycled. Its replacement waits ready until then. Off unless it is set."},
	{Path: "lifecycle.max_memory", Type: TypeSize, Effect: EffectLive, Min: 1 << 20, Max: 1 << 50, Example: `"1GiB"`, Doc: "How much memory a worker and its children (its process group) may hold before it is recycled; it may hold more for a while. Off unless it is set. Linux only."},
	{Path: "lifecycle.min_lifetime", Type: TypeDuration, Effect: EffectLive, Min: 0, Max: 3650 * dayNS, Example: `"10m"`, Doc: "How old a worker is at least before it is recycled, unless by max_requests or by hand."},
	{Path: "lifecycle.jitter", Type: TypeNumber, Default: "0.1", Effect: EffectLive, Min: 0, Max: 1, Example: `0.25`, Doc: "The part of ttl and of idle_ttl by which workers, each by its own share, are recycled later, so that those started together do not end together."},
	{Path: "lifecycle.check_interval", Type: TypeDuration, Default: `"5s"`, Effect: EffectLive, Min: 100 * msNS, Max: dayNS, Example: `"10s"`, Doc: "How often the memory of workers is measured, where max_memory is set; one that a call made grow is measured at once."},
	{Path: "lifecycle.max_recycling", Type: TypeShare, Default: `"25%"`, Effect: EffectLive, Min: 1, Max: maxPoolSize, Example: `2`, Doc: "How many workers are recycled at one time: a count, or a percentage of size, rounded down, but at least one."},
	{Path: "devices.cpus", Type: TypeStrings, Effect: EffectRoll, Example: `[0]`, Doc: "The processors that workers run on, as sets that the places take in turn: [0, 1] gives place 0 the first processor, place 1 the second, place 2 the first; [\"0-3\"] lets all run on the first four. With the thread profile the variables of numeric libraries count those of the set. Linux only."},
	{Path: "devices.gpus", Type: TypeStrings, Effect: EffectRoll, Example: `["0"]`, Doc: "The GPUs that workers see, as values of CUDA_VISIBLE_DEVICES that the places take in turn: numbers, or GPU-UUIDs, with commas between several. Workers of such a pool are spawned unless start_method says otherwise, since CUDA does not survive a fork."},
	{Path: "limits.memory", Type: TypeSize, Effect: EffectLive, Min: 16 << 20, Max: 1 << 50, Example: `"512MiB"`, Doc: "How much memory a worker may hold, at most. By cgroup v2, where the supervisor may make control groups: the worker with all its children, which the kernel ends when they need more. Elsewhere by rlimit (RLIMIT_DATA), for each process alone: a request for more fails, as a MemoryError. The plan says which it is. Off unless it is set. Linux only."},
	{Path: "limits.nofile", Type: TypeInt, Effect: EffectLive, Min: 64, Max: 1 << 30, Example: `512`, Doc: "How many files and sockets each process of a worker may have open. Without it the limit is the one that the supervisor was started with. Linux only."},
	{Path: "health.interval", Type: TypeDuration, Default: `"2s"`, Effect: EffectLive, Min: 100 * msNS, Max: dayNS, Example: `"5s"`, Doc: "How often a worker is asked whether it still answers. The question has a connection of its own: it waits behind no call."},
	{Path: "health.timeout", Type: TypeDuration, Default: `"2s"`, Effect: EffectLive, Min: 10 * msNS, Max: dayNS, Example: `"1s"`, Doc: "How long an answer may take. It must not be longer than the interval."},
	{Path: "health.misses", Type: TypeInt, Default: "3", Effect: EffectLive, Min: 1, Max: 1000, Example: `5`, Doc: "How many answers in a row may fail to come before the worker counts as unresponsive. It is replaced while it has no call, or when its call is over its deadline and stop_grace."},
	{Path: "health.command", Type: TypeString, Effect: EffectLive, Example: `"ping"`, Doc: "A command, without arguments, that idle workers execute at each interval; where it raises or takes longer than the timeout, that is a miss. Its calls are counted nowhere."},
	{Path: "logs.keep", Type: TypeSize, Default: `"10MiB"`, Effect: EffectLive, Min: 64 << 10, Max: 1 << 40, Example: `"1MiB"`, Doc: "How much is kept, for each place, of what its workers write to stdout and stderr, those that are gone included. The oldest goes first."},
	{Path: "depends_on", Type: TypePools, Effect: EffectPlan, Example: `[pool.store]`, Doc: "Pools, such as pool.api, that an apply creates or changes before this one, and ends after it. The name of a pool with for_each stands for all of its pools."},
	{Path: "prevent_destroy", Type: TypeBool, Default: "false", Effect: EffectPlan, Example: `true`, Doc: "Refuses plans that would end the pool, also when its block was deleted, until a configuration that says false was applied. A pool that is moved does not end."},
	{Path: "ignore_changes", Type: TypeAttributes, Effect: EffectPlan, Example: `[size, queue.max]`, Doc: "Attributes, or blocks, whose value stays what was accepted, whatever the configuration says once the pool exists. size stays also what scale made it."},
}

// RuntimeSchema returns the rows of a runtime "python" block. The slice is
// shared: do not change it.
func RuntimeSchema() []Row { return runtimeRows }

var runtimeRows = []Row{
	{Path: "interpreter", Type: TypePath, Default: `"python3"`, Effect: EffectRoll, Example: `"python3"`, Doc: "The Python to start: an absolute path, a path relative to the configuration, or a name that is looked up on the PATH. With version, it must be one of those."},
	{Path: "version", Type: TypeString, Effect: EffectRoll, Example: `">=3.9"`, Doc: "Which Python to look for: \"3.13\" is any 3.13.x, \">=3.12, <3.15\" a range, \"3.13t\" a build without the GIL, which nothing else selects. Looked for in /opt/snakepit/python, among the Pythons of uv and of pyenv, and on the PATH, in this order; the newest of the first place that has one is taken."},
	{Path: "free_threaded", Type: TypeBool, Effect: EffectRoll, Example: `false`, Doc: "Whether the Python must be a build without the GIL. true is the same as the t of a version."},
	{Path: "requirements", Type: TypePath, Effect: EffectRoll, Example: `"requirements.txt"`, Doc: "A file of requirements, as pip reads it, whose packages are installed into an environment of this runtime. The files that it includes with -r and -c count as well. Where it has hashes, every package must match one. A file that ends in .toml is a lock of the form pylock.toml."},
	{Path: "pyproject", Type: TypePath, Effect: EffectRoll, Example: `"data"`, Doc: "A directory with a pyproject.toml, whose [project] dependencies are installed; instead of requirements. The project itself is not, and any change of the file makes another environment."},
	{Path: "packages", Type: TypeStrings, Effect: EffectRoll, Example: `["requests==2.32.3"]`, Doc: "Packages to install, such as \"numpy==2.1.0\"; instead of requirements."},
	{Path: "find_links", Type: TypePaths, Effect: EffectRoll, Example: `["data"]`, With: []string{`packages = ["app"]`}, Doc: "Directories with wheels that are looked through beside the index. Their contents are part of what the environment is made from."},
	{Path: "offline", Type: TypeBool, Default: "false", Effect: EffectStored, Example: `true`, With: []string{`packages = ["app"]`, `find_links = ["data"]`}, Doc: "Use no index, only find_links."},
	{Path: "installer", Type: TypeString, Default: `"auto"`, Effect: EffectRoll, Accepts: []string{InstallerAuto, InstallerUV, InstallerPip}, Example: `"pip"`, With: []string{`packages = ["app"]`}, Doc: "What installs the packages. auto: uv where it is on the supervisor's PATH, else the pip that comes with the interpreter."},
	{Path: "allow_sdist", Type: TypeBool, Default: "false", Effect: EffectRoll, Example: `true`, With: []string{`packages = ["app"]`}, Doc: "Also install packages that have no wheel: their own code runs while they are built."},
}

// SettingsSchema returns the rows of the settings block. The slice is shared: do
// not change it.
func SettingsSchema() []Row { return settingsRows }

var settingsRows = []Row{
	{Path: "on_boot", Type: TypeString, Default: `"resume"`, Effect: EffectLive, Accepts: []string{OnBootResume, OnBootRevert, OnBootHold}, Example: `"hold"`, Doc: "What a supervisor does, when it starts, about an apply that the former one could not finish. resume: it goes on. revert: pools that were being rolled go back. hold: they stay as they are until somebody applies again."},
	{Path: "history_keep", Type: TypeInt, Default: "50", Effect: EffectLive, Min: 1, Max: 10_000, Example: `100`, Doc: "How many revisions the history keeps. Those that running workers need are always kept."},
	{Path: "orphan_grace", Type: TypeDuration, Default: `"30s"`, Effect: EffectLive, Min: 100 * msNS, Max: dayNS, Example: `"1m"`, Doc: "How long a worker without a supervisor waits for the next one before it exits."},
	{Path: "log.level", Type: TypeString, Default: `"info"`, Effect: EffectLive, Accepts: []string{"debug", "info", "warn", "error"}, Example: `"debug"`, Doc: "How much the supervisor logs about itself."},
	{Path: "log.format", Type: TypeString, Default: `"text"`, Effect: EffectLive, Accepts: []string{"text", "json"}, Example: `"json"`, Doc: "The form of the supervisor's own log."},
	{Path: "access.admin", Type: TypeStrings, Default: "[]", Effect: EffectLive, Example: `["root"]`, Doc: "Who may do everything, beside the owner and root: users by name or uid, groups as \"@name\" or \"@gid\". Applying a configuration is running programs as the owner."},
	{Path: "access.exec", Type: TypeStrings, Default: "[]", Effect: EffectLive, Example: `["@0"]`, Doc: "Who may run commands, of every pool without a list of its own. It allows nothing else."},
	{Path: "access.read", Type: TypeStrings, Default: "[]", Effect: EffectLive, Example: `["@0"]`, Doc: "Who may look: status, configuration with its environment, plans and logs. It does not allow to run commands."},
}

// Snippet returns the text of the row's example as it stands in a block, with what it
// needs beside it; with set to false only what it needs.
func (r *Row) Snippet(set bool) string {
	lines := map[string][]string{}
	var order []string
	add := func(path, value string) {
		block, name, nested := strings.Cut(path, ".")
		if !nested {
			block, name = "", path
		}
		if lines[block] == nil {
			order = append(order, block)
		}
		lines[block] = append(lines[block], name+" = "+value)
	}
	for _, line := range r.With {
		path, value, _ := strings.Cut(line, " = ")
		add(path, value)
	}
	if set {
		add(r.Path, r.Example)
	}
	var b strings.Builder
	for _, block := range order {
		text := "  " + strings.Join(lines[block], "\n  ") + "\n"
		if block != "" {
			text = "  " + block + " {\n    " + strings.Join(lines[block], "\n    ") + "\n  }\n"
		}
		b.WriteString(text)
	}
	return b.String()
}

// FindRow returns the row at path among rows, or nil.
func FindRow(rows []Row, path string) *Row {
	for i := range rows {
		if rows[i].Path == path {
			return &rows[i]
		}
	}
	return nil
}
