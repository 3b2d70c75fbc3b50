package library

var drawingSubjects = []subject{
	{names: []string{"matplotlib"}, modules: []string{"matplotlib", "pylab"}, notes: []note{
		{use: Threads, verdict: Unfit, says: "it is not thread-safe, and races of some artists are known", remedy: "draw in commands with @command(serial=True), or in a pool of processes", source: "https://matplotlib.org/stable/users/faq.html", checked: checked},
	}},
	{names: []string{"plotly", "kaleido"}, modules: []string{"plotly", "kaleido"}, notes: []note{
		{use: Threads, verdict: Care, says: "images are written by kaleido, whose shared server several threads cannot call at one time", remedy: "write images in commands with @command(serial=True)", source: "https://github.com/plotly/Kaleido/issues/441", checked: checked},
	}},
	{names: []string{"opencv-python", "opencv-python-headless", "opencv-contrib-python", "opencv-contrib-python-headless"}, modules: []string{"cv2"}, notes: []note{
		{use: Fork, verdict: Unfit, says: "forking is not supported: its thread pool does not survive it", remedy: `set start_method = "spawn", or call cv2.setNumThreads(0) at preload`, source: "https://github.com/opencv/opencv/issues/15277", checked: checked},
	}},
	{names: []string{"pillow"}, modules: []string{"PIL"}, notes: []note{
		{use: Threads, verdict: Care, says: "threads may work on images of their own, and read a shared one that is loaded; changing an image that others use is not safe", remedy: "load images before they are shared, and draw on copies", source: "https://pillow.readthedocs.io/en/latest/handbook/thread-safety.html", checked: checked},
	}},
}
