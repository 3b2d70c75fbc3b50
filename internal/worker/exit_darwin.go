package worker

// maxRSSUnit is what ru_maxrss counts in: bytes on macOS (getrusage(2)).
const maxRSSUnit = 1
