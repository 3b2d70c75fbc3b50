# The capitals are filled in for each variant.
defaults "pool" {
  config        = { log = "LOG" }
  stop_grace    = "2s"
  start_timeout = "20s"

  timeouts {
    call = "5s"
  }

  restart {
    backoff      = "20ms"
    max_backoff  = "1s"
    max_restarts = 50
    window       = "30s"
  }

  update {
    min_healthy_time = "HEALTHY"
    healthy_deadline = "30s"
  }

  lifecycle {
    max_recycling = "50%"
  }
}

# Nothing is done to it but rolls and recycling: its capacity must stay.
pool "calm" {
  adapter = "./adapter.py"
  size    = SIZE_calm

  lifecycle {
    ttl    = "3s"
    jitter = 1
  }
}

pool "plain" {
  adapter = "./adapter.py"
  size    = SIZE_plain
}

pool "worn" {
  adapter = "./adapter.py"
  size    = SIZE_worn

  lifecycle {
    max_requests = REQUESTS
  }
}

pool "aging" {
  adapter = "./adapter.py"
  size    = SIZE_aging

  lifecycle {
    ttl      = "2s"
    idle_ttl = "1s"
    jitter   = 0.5
  }
}

pool "checked" {
  adapter = "./adapter.py"
  size    = SIZE_checked

  health {
    interval = "250ms"
    timeout  = "200ms"
    misses   = 2
  }
}

pool "narrow" {
  adapter = "./adapter.py"
  size    = SIZE_narrow

  queue {
    max     = 3
    timeout = "100ms"
  }
}

pool "threaded" {
  profile            = "thread"
  threads_per_worker = 3
  adapter            = "./adapter.py"
  size               = SIZE_threaded
}
