# Several pools at once, each with its own size, adapter, environment and interpreter.
# The pools of another configuration end: an instance follows one at a time.
#
#   snakectl apply examples/multi_pool.hcl
#   snakectl exec text    keywords  '{"text": "the quick brown fox jumps over the lazy dog"}'
#   snakectl exec numbers summary   '{"values": [3, 1, 4, 1, 5, 9, 2, 6]}'
#   snakectl exec 'pool.units["imperial"]' from_metres '{"metres": 1609.344}'

snakectl {
  required_version = "~> 0.1"
}

settings {
  history_keep = 20
  orphan_grace = "30s"
}

variable "numbers_python" {
  type        = string
  default     = "python3"
  description = "The interpreter of the pool numbers: a name on the PATH, or a path."
}

variable "text_workers" {
  type    = number
  default = 3

  validation {
    condition     = var.text_workers >= 1
    error_message = "The pool text needs a worker."
  }
}

locals {
  stopwords = ["a", "an", "and", "of", "over", "the", "to"]
  systems   = { metric = "m", imperial = "ft" }
}

runtime "python" "text" {
  interpreter = "python3"
}

runtime "python" "numbers" {
  interpreter = var.numbers_python
}

defaults "pool" {
  stop_grace = "10s"

  queue {
    max     = 500
    timeout = "2s"
  }

  update {
    min_healthy_time = "500ms"
  }
}

pool "text" {
  description = "Words and keywords of texts."
  default     = true
  runtime     = runtime.python.text
  adapter     = "./multi_pool_text.py:Text"
  size        = var.text_workers
  env         = { TEXT_LANGUAGE = "en" }
  config      = { stopwords = local.stopwords }
}

pool "numbers" {
  description = "Statistics of lists of numbers."
  runtime     = runtime.python.numbers
  adapter     = "./multi_pool_numbers.py"
  env         = { DIGITS = "4" }

  queue {
    max = 50
  }
}

pool "units" {
  for_each    = local.systems
  description = "Lengths in the ${each.key} system."
  labels      = { system = each.key }
  adapter     = "./multi_pool_units.py"
  env         = { LENGTH_UNIT = each.value }
}
