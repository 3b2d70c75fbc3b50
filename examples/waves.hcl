# Spectra and fits of series of numbers, with numpy.
#
#   snakectl apply examples/waves.hcl
#   snakectl exec waves spectrum '{"values": [0, 1, 0, -1, 0, 1, 0, -1], "top": 1}'
#   snakectl exec waves trend '{"path": "data/nile.csv", "column": "flow"}'

runtime "python" "waves" {
  version      = ">=3.11, <3.15"
  requirements = "waves_requirements.txt" # numpy, with hashes
}

pool "waves" {
  description = "Spectra and trends of series of numbers."
  runtime     = runtime.python.waves
  adapter     = "./waves_adapter.py"
  size        = 4
}
