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

pool "worn" {
  adapter = "./worn.py"
  size    = 4

  lifecycle {
    max_recycling = "50%"
  }

  timeouts {
    call = "30s"
  }

  queue {
    timeout = "30s"
  }
}

pool "threaded" {
  profile            = "thread"
  threads_per_worker = 3
  adapter            = "./adapter.py"
  size               = 2
}
