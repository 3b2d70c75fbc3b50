pool "flooded" {
  adapter = "./adapter.py"
  size    = 4

  queue {
    max     = 100
    timeout = "1s"
  }
}
