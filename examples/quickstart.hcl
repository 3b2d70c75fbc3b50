# Figures of CSV and text files.
#
#   snakectl apply examples/quickstart.hcl
#   snakectl exec profile profile '{"path": "data/nile.csv"}'

pool "profile" {
  adapter = "./quickstart_adapter.py"
  size    = 2
}
