# The pool "NAME": identical Python workers that run the commands of adapter.py.
pool "NAME" {
  adapter = "./adapter.py"
  size    = 2
  config  = { greeting = "Hello" }
}
