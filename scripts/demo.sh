#!/usr/bin/env bash
# Shows the main job on real workers: plan, apply, exec, resize, roll, repair,
# destroy. It prints every command before it runs it and checks every claim it
# makes; the first false one ends it with exit code 1. It works in a scratch
# directory of its own and leaves nothing behind, however it ends.
#
# SNAKECTL is the binary to show (bin/snakectl), SNAKECTL_DEMO_EXAMPLES the
# directory of the example (examples), SNAKECTL_DEMO_LIMIT the seconds that it may
# take (60).
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=scripts/demo/stage.sh
. "$root/scripts/demo/stage.sh"

load='snakectl exec profile wait '\''{"seconds": 0.02}'\'' --repeat 100 --concurrency 8 --json'

step "A pool of two Python workers, declared in a file"
run "cat quickstart.hcl"

step "Plan: what would change, and why. It starts nothing"
run "snakectl plan quickstart.hcl --detailed-exitcode"
claim "exit code 2: there is something to change" exited 2
claim "it would create one pool" says "Plan: 1 to create, 0 to update, 0 to roll, 0 to destroy."
claim "nothing was started or written" test ! -e "$SNAKECTL_INSTANCE"

step "Apply: start the workers, and check each before it counts"
run "snakectl apply quickstart.hcl --auto-approve"
claim "exit code 0: applied" exited 0
claim "two worker processes run and are ready" facts ready 2 1

step "Exec: real work on a worker, a table of measurements and a text"
run "snakectl exec profile profile '{\"path\": \"data/planets.csv\"}' > planets.json"
claim "exit code 0: answered" exited 0
run "python3 table.py < planets.json"
claim "the figures are those of Python's statistics module" facts described data/planets.csv planets.json
run "snakectl exec profile words '{\"path\": \"README.md\", \"top\": 3}'"
claim "the counts are those of another way to count" facts worded README.md 3
run "snakectl status profile"
claim "it counts the calls that were made, all answered" facts counted "$calls"

step "Grow from 2 to 4 workers while 8 callers keep the pool busy"
run "sed -i.before 's/= 2/= 4/' quickstart.hcl"
facts remember before-resize
callers "$load" resize
claim "every worker is busy" facts busy
run "snakectl apply quickstart.hcl --auto-approve"
claim "exit code 0: applied" exited 0
claim "the callers never stopped" calling
callers_stop
claim "no call failed" facts served resize
claim "there were never fewer than two ready workers" facts never_below resize 2
claim "four workers are ready" facts ready 4 2
claim "the first two are the same processes as before" facts kept before-resize 2

step "Edit the adapter's code: running workers don't see it before it is applied"
run "snakectl exec profile version"
claim "the workers answer 1" says_only 1
run "sed -i.before 's/^VERSION = 1/VERSION = 2/' quickstart_adapter.py"
run "snakectl exec profile version"
claim "they still do: they run the copy that was applied" says_only 1
run "snakectl plan quickstart.hcl --detailed-exitcode"
claim "exit code 2: there is something to change" exited 2
claim "the plan names the file that changed" says "code  quickstart_adapter.py (changed)"

step "Roll it out under load: each new worker must stay healthy for 2 s, then an old one goes"
facts remember before-roll
callers "$load" roll
claim "every worker is busy" facts busy
run "snakectl apply quickstart.hcl --auto-approve"
claim "exit code 0: applied" exited 0
claim "the callers never stopped" calling
callers_stop
claim "no call failed" facts served roll
claim "there were never fewer than four ready workers" facts never_below roll 4
claim "all four workers are new processes" facts replaced before-roll 4
run "snakectl exec profile version"
claim "the new code answers 2" says_only 2

step "Kill a worker: it is replaced"
run "snakectl status profile"
facts remember before-kill
victim=$(facts pid before-kill pool.profile/1)
run "kill -9 $victim"
claim "the supervisor saw it die" facts noticed "$victim"
run "snakectl wait profile --for=ready --timeout=10s"
claim "exit code 0: every worker is ready" exited 0
claim "pool.profile/1 is a new process, the others are as before" facts repaired before-kill pool.profile/1
run "snakectl exec profile version"
claim "it runs the applied code, too: the answer is 2" says_only 2

step "Nothing is left to do, and every call was counted"
run "snakectl plan quickstart.hcl --detailed-exitcode"
claim "exit code 0: the machine is as the file says" exited 0
claim "the plan says so" says "No changes."
run "snakectl status"
claim "it counts just the calls that the callers made, all answered" facts counted "$calls" resize roll

step "Destroy: the workers finish what they do and go"
run "snakectl destroy --auto-approve"
claim "exit code 0: destroyed" exited 0
claim "no worker process is left" facts gone workers
run "snakectl supervisor stop"
claim "exit code 0: stopped" exited 0
claim "no process of this demo is left" facts gone all

finish
