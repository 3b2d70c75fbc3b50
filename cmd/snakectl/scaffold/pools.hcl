# A pool is a number of identical Python workers. The adapter holds the commands
# that they run. Try: snakectl plan, snakectl apply, snakectl exec hello
pool "NAME" {
  adapter = "./adapter.py"
  size    = 2
}
