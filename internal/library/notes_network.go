package library

var networkSubjects = []subject{
	{names: []string{"requests"}, modules: []string{"requests"}, notes: []note{
		{use: Threads, verdict: Care, says: "nothing promises that a Session may be shared by threads", remedy: "make a Session for each slot, in @thread_init", source: "https://github.com/psf/requests/issues/2766", checked: checked},
	}},
	{names: []string{"httpx"}, modules: []string{"httpx"}, notes: []note{
		{use: Threads, verdict: Fits, says: "a Client can be shared between threads", source: "https://github.com/encode/httpx/pull/2380", checked: checked},
	}},
	{names: []string{"aiohttp"}, modules: []string{"aiohttp"}, notes: []note{
		{use: Threads, verdict: Care, says: "a ClientSession belongs to the event loop that it was made in", remedy: "make it within a coroutine: those of all slots share one loop", source: "https://docs.aiohttp.org/en/stable/faq.html#why-is-creating-a-clientsession-outside-of-an-event-loop-dangerous", checked: checked},
	}},
	{names: []string{"grpcio"}, modules: []string{"grpc"}, notes: []note{
		{use: Fork, verdict: Care, says: "its core has threads and does not support fork; what is made after it works", remedy: `make channels and servers in @init, or set start_method = "spawn"`, source: "https://github.com/grpc/grpc/blob/master/doc/fork_support.md", checked: checked},
	}},
	{names: []string{"celery"}, modules: []string{"celery"}, notes: []note{
		{use: Threads, verdict: Fits, says: "the application object is thread-safe", source: "https://docs.celeryq.dev/en/stable/userguide/application.html", checked: checked},
	}},
}
