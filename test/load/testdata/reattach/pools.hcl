variable "log" {
  type = string
}

pool "logged" {
  adapter = "./adapter.py"
  size    = 4
  config  = { log = var.log }
  queue {
    max     = 100
    timeout = "30s"
  }
  timeouts {
    call = "60s"
  }
}
