# Pages of web servers: one worker holds 200 requests open at one time.
#
#   snakectl apply examples/fetch.hcl
#   snakectl exec fetch get '{"url": "http://127.0.0.1:8000/"}' --repeat 200 --concurrency 200

runtime "python" "fetch" {
  version      = ">=3.11, <3.15"
  requirements = "fetch_requirements.txt" # aiohttp and what it needs, with hashes
}

pool "fetch" {
  description        = "Fetches pages with one event loop."
  runtime            = runtime.python.fetch
  adapter            = "./fetch_adapter.py:Fetch"
  profile            = "thread"
  threads_per_worker = 200
}
