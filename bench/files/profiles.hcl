pool "sleepers" {
  default            = true
  adapter            = "./profiles_adapter.py"
  size               = 1
  profile            = "thread"
  threads_per_worker = 16
}
{{- if .Free}}

runtime "python" "free" {
  interpreter = "{{.Free}}"
}
{{- range $threads, $name := .Threads}}

pool "{{$name}}" {
  adapter            = "./profiles_adapter.py"
  runtime            = runtime.python.free
  size               = 1
  profile            = "thread"
  threads_per_worker = {{$threads}}
}
{{- end}}
{{- end}}
{{- if .Numeric}}

runtime "python" "numeric" {
  interpreter = "{{.Numeric}}"
}

pool "numeric" {
  adapter = "./numeric_adapter.py"
  runtime = runtime.python.numeric
  size    = 1

  restart { # each round kills a worker: a figure of the replacement, not of the wait
    backoff = "1ms"
  }
}
{{- end}}
