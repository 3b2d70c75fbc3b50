# Handwritten digits: eight workers share one trained model, and the memory of one.
#
#   snakectl apply examples/digits.hcl
#   snakectl exec digits score
#   snakectl exec digits read '{"picture": 7}'

runtime "python" "digits" {
  version      = ">=3.11, <3.15"
  requirements = "digits_requirements.txt" # scikit-learn and what it needs, with hashes
}

pool "digits" {
  description   = "Reads handwritten digits with a forest of trees."
  runtime       = runtime.python.digits
  adapter       = "./digits_adapter.py"
  size          = 8
  start_timeout = "1m" # import and training on a busy machine
}
