pool "bench" {
  default = true
  adapter = "./adapter.py"
  size    = 4
}

pool "ready" {
  adapter = "./adapter.py"
  size    = 0
}

pool "roll" {
  adapter = "./roll_adapter.py"
  size    = 4

  update {
    min_healthy_time = "100ms"
  }
}
