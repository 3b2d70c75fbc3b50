# Two profiles side by side: 100 processes for short requests, and 4 processes of 16
# threads each for work that waits or leaves the GIL.
#
#   snakectl apply examples/hybrid.hcl
#   snakectl exec api ping
#   snakectl exec compute compute '{"rounds": 200000}'
#   snakectl status

pool "api" {
  description = "Short requests, each in a process of its own."
  default     = true
  adapter     = "./hybrid_adapter.py"
  size        = 100
}

pool "compute" {
  description        = "Long requests, 16 in a process."
  adapter            = "./hybrid_adapter.py"
  size               = 4
  profile            = "thread"
  threads_per_worker = 16
}
