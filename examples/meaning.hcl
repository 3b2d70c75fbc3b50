# Texts by their meaning: tokens and embeddings of a model that comes with its package.
#
#   snakectl apply examples/meaning.hcl
#   snakectl exec meaning rank '{"query": "cats", "texts": ["Dogs bark.", "Kittens purr.", "Stocks fell."]}'

runtime "python" "meaning" {
  version      = ">=3.11, <3.14"            # wordllama has wheels for these, on Linux for amd64
  requirements = "meaning_requirements.txt" # wordllama and what it needs, with hashes
}

pool "meaning" {
  description   = "Compares texts by their meaning."
  runtime       = runtime.python.meaning
  adapter       = "./meaning_adapter.py"
  size          = 4
  start_timeout = "1m" # to load the model on a busy machine
}
