package library

var databaseSubjects = []subject{
	{modules: []string{"sqlite3"}, notes: []note{
		{use: Threads, verdict: Care, says: "a connection refuses other threads than the one that made it, unless check_same_thread=False, when writes may have to be serialized", remedy: "connect in @thread_init", source: "https://docs.python.org/3/library/sqlite3.html#sqlite3.connect", checked: checked},
		{use: Fork, verdict: Care, says: "a connection that is carried across a fork can corrupt the database", remedy: "connect in @init or @thread_init, not at import", source: "https://www.sqlite.org/howtocorrupt.html#_carrying_an_open_database_connection_across_a_fork_", checked: checked},
	}},
	{names: []string{"sqlalchemy"}, modules: []string{"sqlalchemy"}, notes: []note{
		{use: Threads, verdict: Care, says: "an Engine may be shared, a Session may not: it is for one thread or task at a time", remedy: "make a Session for each call, or use scoped_session", source: "https://docs.sqlalchemy.org/en/20/orm/session_basics.html#is-the-session-thread-safe-is-asyncsession-safe-to-share-in-concurrent-tasks", checked: checked},
		{use: Fork, verdict: Care, says: "connections of an Engine's pool must not be used on both sides of a fork", remedy: "call engine.dispose(close=False) in @after_fork, or make the Engine in @init", source: "https://docs.sqlalchemy.org/en/20/core/pooling.html#using-connection-pools-with-multiprocessing-or-os-fork", checked: checked},
	}},
	{names: []string{"psycopg2", "psycopg2-binary"}, modules: []string{"psycopg2"}, notes: []note{
		{use: Threads, verdict: Care, says: "threads may share a connection, and with it its one transaction", remedy: "connect in @thread_init, or use a pool of connections", source: "https://www.psycopg.org/docs/usage.html#thread-and-process-safety", checked: checked},
		{use: Fork, verdict: Care, says: "connections of libpq must not be used by forked processes", remedy: "connect in @init, not at import", source: "https://www.psycopg.org/docs/usage.html#thread-and-process-safety", checked: checked},
	}},
}
