pool "bench" {
  default = true
  adapter = "./adapter.py"
  size    = 4

  restart { # each round kills a worker: a figure of the replacement, not of the wait
    backoff = "1ms"
  }
}

pool "quiet" { # as bench, without health checks
  adapter = "./adapter.py"
  size    = 4

  health {
    interval = "24h"
  }
}

pool "ready" {
  adapter = "./adapter.py"
  size    = 0
}

pool "spawned" {
  adapter      = "./adapter.py"
  size         = 0
  start_method = "spawn"
}

pool "roll" {
  adapter = "./roll_adapter.py"
  size    = 4

  update {
    min_healthy_time = "100ms"
  }
}
