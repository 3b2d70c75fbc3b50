package worker

// maxRSSUnit is what ru_maxrss counts in: KiB on Linux (getrusage(2)).
const maxRSSUnit = 1024
