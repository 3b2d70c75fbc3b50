# shellcheck shell=bash
# The stage of demo.sh: a scratch directory with the example in it, commands that
# are shown and run, claims that are checked, and a curtain that always falls.
#
# Each command runs as a background job with a process group of its own, which
# bash waits for: so a signal is answered at once, and whatever hangs is killed.

root=${root:?stage.sh is part of demo.sh}
binary=${SNAKECTL:-$root/bin/snakectl}
examples=${SNAKECTL_DEMO_EXAMPLES:-$root/examples}
limit=${SNAKECTL_DEMO_LIMIT:-60}

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ] && [ "${TERM:-dumb}" != dumb ]; then
  bold=$'\e[1m' dim=$'\e[2m' red=$'\e[31m' green=$'\e[32m' yellow=$'\e[33m' plain=$'\e[0m'
else
  bold='' dim='' red='' green='' yellow='' plain=''
fi

steps=0      # how many headings were printed
checked=0    # how many claims were true
calls=0      # how many single calls were made
code=0       # how the last command ended
job=''       # the command that runs
background='' # the callers, while there are any
watcher=''    # who looks at the pool meanwhile
watchdog=''   # who ends a demo that takes too long

# step HEADING: begins a scene.
step() {
  steps=$((steps + 1))
  printf '\n%s%d. %s%s\n' "$bold" "$steps" "$1" "$plain"
}

# run COMMAND: prints it, runs it in the scratch directory and shows what it says.
# Its output is kept for says, its exit code for exited.
run() {
  printf '%s$ %s%s\n' "$dim" "$1" "$plain"
  case $1 in *"snakectl exec "*) calls=$((calls + 1)) ;; esac
  (set +e && eval "$1" 2>&1 | tee "$stage/said" | show) </dev/null &
  job=$!
  code=0
  wait "$job" || code=$?
  job=''
}

# show indents lines and colours those that matter.
show() {
  local line color
  while IFS= read -r line || [ -n "$line" ]; do
    case $line in
      "+/- "* | *"  ~ "*) color=$yellow ;;
      *"  + "* | "No changes."* | "Applied "*) color=$green ;;
      "Error: "* | *"  - "*) color=$red ;;
      *) color='' ;;
    esac
    printf '%s%s%s\n' "$color" "${line:+  $line}" "${color:+$plain}"
  done
}

# claim WORDS CHECK...: prints the words if the check succeeds, with what the check
# has to add; otherwise the demo ends.
claim() {
  local words=$1 detail
  shift
  if ! detail=$("$@" 2>&1); then
    fail "$words" "$detail"
  fi
  checked=$((checked + 1))
  printf '  %s✓%s %s%s\n' "$green" "$plain" "$words" "${detail:+ ($detail)}"
}

# fail WORDS [DETAIL]: ends the demo.
fail() {
  printf '  %s✗ %s%s\n' "$red" "$1" "$plain"
  printf 'demo: not true: %s%s\n' "$1" "${2:+: $2}" >&2
  exit 1
}

# exited CODE: the last command ended so.
exited() {
  [ "$code" = "$1" ] || { echo "it was $code" && return 1; }
}

# says TEXT: the last command printed it.
says() {
  grep -qF -- "$1" "$stage/said" || { echo "\"$1\" is not in what it printed" && return 1; }
}

# says_only TEXT: the last command succeeded and printed just this.
says_only() {
  exited 0 && [ "$(cat "$stage/said")" = "$1" ] || { echo "it printed: $(cat "$stage/said")" && return 1; }
}

# facts FACT [ARGUMENT...]: asks facts.py.
facts() { "$python" -I -S "$root/scripts/demo/facts.py" "$stage" "$@"; }

# callers COMMAND NAME: runs it again and again, in the background, and collects
# what it prints in NAME.jsonl. They stop at callers_stop, or when one fails. The
# number of ready workers is watched meanwhile.
callers() {
  local loop="until [ -e enough ]; do $1 >> $2.jsonl || break; done"
  printf '%s$ %s &%s\n' "$dim" "$loop" "$plain"
  rm -f enough
  (eval "$loop" 2>"$stage/callers") </dev/null &
  background=$!
  facts watch "$2" >/dev/null 2>&1 </dev/null &
  watcher=$!
}

# calling: the callers are at work.
calling() {
  kill -0 "$background" 2>/dev/null || { echo "they ended: $(cat "$stage/callers")" && return 1; }
}

callers_stop() {
  printf '%s$ touch enough; wait%s\n' "$dim" "$plain"
  touch enough
  wait "$background" "$watcher" || true
  background='' watcher=''
}

# finish says how it went; it is the last claim.
finish() {
  [ "$SECONDS" -lt "$limit" ] || fail "the demo ends within $limit s" "it took $SECONDS s"
  curtain
  trap - EXIT
  printf '\n%sAll %d claims were checked and are true.%s It took %d s; nothing is left running, and %s is gone.\n' \
    "$green" "$checked" "$plain" "$SECONDS" "$scratch"
}

# curtain ends whatever runs and removes the scratch directory. Safe to run twice.
curtain() {
  local group
  trap '' INT TERM HUP ALRM
  for group in "$job" "$background" "$watcher" "$watchdog"; do
    [ -n "$group" ] || continue
    kill -KILL -- "-$group" 2>/dev/null || true
    wait "$group" 2>/dev/null || true
  done
  facts sweep "$binary" || true
  cd / && rm -rf "$scratch"
}

# interrupted CODE: a signal came.
interrupted() {
  printf '\ndemo: interrupted; cleaning up\n' >&2
  exit "$1"
}

if ! command -v python3 >/dev/null; then
  echo "demo: cannot find python3: install it and try again" >&2
  exit 1
fi
if [ ! -x "$binary" ]; then
  echo "demo: cannot find $binary: \"make demo\" builds it" >&2
  exit 1
fi
python=$(python3 -I -S -c 'import sys; print(sys.executable)') # past any wrapper: it is asked often
binary=$(cd "$(dirname "$binary")" && pwd)/$(basename "$binary")

set -m # each job gets a process group
scratch=$(mktemp -d "${TMPDIR:-/tmp}/snakectl-demo.XXXXXX")
scratch=$(cd "$scratch" && pwd -P)
stage=$scratch/.stage
trap curtain EXIT
trap 'interrupted 130' INT
trap 'interrupted 143' TERM
trap 'interrupted 129' HUP
trap 'fail "the demo ends within $limit s" "it took longer"' ALRM
(sleep "$limit" && kill -ALRM $$) &
watchdog=$!

export SNAKECTL_INSTANCE=$scratch/instance
mkdir "$stage" "$stage/bin"
cp -R "$examples/quickstart.hcl" "$examples/quickstart_adapter.py" "$examples/data" "$root/README.md" "$scratch"
cp "$root/scripts/demo/table.py" "$scratch"
ln -s "$binary" "$stage/bin/snakectl"
PATH=$stage/bin:$PATH
cd "$scratch"

printf '%s%s on real workers.%s What follows "$" is run as you see it; what follows ✓ was checked.\n' "$bold" "$(snakectl version)" "$plain"
printf 'Everything happens in %s, a copy of the example with an instance of its own.\n' "$scratch"
