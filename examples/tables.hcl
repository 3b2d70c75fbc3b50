# Profiles of CSV files, with pandas.
#
#   snakectl apply examples/tables.hcl
#   snakectl exec tables profile '{"path": "data/planets.csv"}'
#   snakectl exec tables groups '{"path": "data/nile.csv", "by": "period", "column": "flow"}'

runtime "python" "tables" {
  version      = ">=3.11, <3.15"
  requirements = "tables_requirements.txt" # pandas and what it needs, with hashes
}

pool "tables" {
  description   = "Profiles CSV files."
  runtime       = runtime.python.tables
  adapter       = "./tables_adapter.py"
  size          = 4
  start_timeout = "1m" # to import pandas on a busy machine
}
