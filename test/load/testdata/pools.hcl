defaults "pool" {
  stop_grace = "5s"

  restart {
    backoff = "20ms"
  }
}

pool "steady" {
  adapter = "./adapter.py"
  size    = 3
}

pool "wild" {
  adapter = "./adapter.py"
  size    = 3
}

pool "narrow" {
  adapter = "./adapter.py"
  size    = 1

  queue {
    max     = 3
    timeout = "25ms"
  }
}
