package library

var learningSubjects = []subject{
	{names: []string{"torch"}, modules: []string{"torch"}, notes: []note{
		{use: Fork, verdict: Care, says: "the CUDA runtime does not survive a fork, and threads that run before one leave locks behind", remedy: `use no GPU and run no model before workers are forked, or set start_method = "spawn"`, source: "https://pytorch.org/docs/stable/notes/multiprocessing", checked: checked},
	}},
	{names: []string{"tensorflow", "tensorflow-cpu"}, modules: []string{"tensorflow"}, notes: []note{
		{use: Fork, verdict: Care, says: "a process that has run anything cannot be forked: the child hangs", remedy: `only import it at preload and load models in @init, or set start_method = "spawn"`, source: "https://github.com/tensorflow/tensorflow/issues/2448", checked: checked},
	}},
	{names: []string{"scikit-learn"}, modules: []string{"sklearn"}, notes: []note{
		{use: Fork, verdict: Care, says: "OpenMP threads that ran before a fork can make the child crash or freeze", remedy: "fit at preload with one thread: OMP_NUM_THREADS is 1 there unless env says otherwise", source: "https://scikit-learn.org/stable/faq.html", checked: checked},
		{use: Threads, verdict: Care, says: "some estimators start threads or processes of their own (n_jobs, OpenMP, BLAS) beside those of the pool", remedy: "set n_jobs=1, and share fitted estimators for predictions alone", source: "https://scikit-learn.org/stable/computing/parallelism.html", checked: checked},
	}},
	{names: []string{"xgboost", "xgboost-cpu"}, modules: []string{"xgboost"}, notes: []note{
		{use: Threads, verdict: Fits, from: "1.4", says: "predictions are thread-safe for trees (gbtree, dart)", source: "https://xgboost.readthedocs.io/en/stable/prediction.html", checked: checked},
		{use: Threads, verdict: Unfit, before: "1.4", says: "predictions are thread-safe from 1.4 on only", remedy: "use 1.4 or later", source: "https://xgboost.readthedocs.io/en/stable/prediction.html", checked: checked},
	}},
	{names: []string{"lightgbm"}, modules: []string{"lightgbm"}, notes: []note{
		{use: Fork, verdict: Care, says: "it hangs when OpenMP threads ran in the process before it was forked", remedy: `train and predict after the fork only, set num_threads = 1, or set start_method = "spawn"`, source: "https://lightgbm.readthedocs.io/en/stable/FAQ.html", checked: checked},
	}},
	{names: []string{"transformers", "tokenizers"}, modules: []string{"transformers", "tokenizers"}, notes: []note{
		{use: Fork, verdict: Care, says: "tokenizers that ran in parallel before a fork warn in the child and go on with one thread, to avoid deadlocks", remedy: `set env = { TOKENIZERS_PARALLELISM = "false" }`, source: "https://github.com/huggingface/transformers/issues/5486", checked: checked},
	}},
	{names: []string{"onnxruntime", "onnxruntime-gpu"}, modules: []string{"onnxruntime"}, notes: []note{
		{use: Threads, verdict: Fits, says: "several threads may call run on one InferenceSession", source: "https://onnxruntime.ai/docs/reference/high-level-design.html", checked: checked},
	}},
	{names: []string{"jax", "jaxlib"}, modules: []string{"jax", "jaxlib"}, notes: []note{
		{use: Fork, verdict: Unfit, says: "it is multithreaded from the start, and warns that a fork will likely deadlock", remedy: `set start_method = "spawn"`, source: "https://github.com/google/jax/pull/18989", checked: checked},
	}},
	{names: []string{"spacy"}, modules: []string{"spacy"}, notes: []note{
		{use: Fork, verdict: Care, says: "transformer models may hang in forked processes, by PyTorch, and pipelines on a GPU need spawn", remedy: `call torch.set_num_threads(1) before a model is loaded, or set start_method = "spawn"`, source: "https://spacy.io/usage/processing-pipelines#multiprocessing", checked: checked},
	}},
	{names: []string{"ray"}, modules: []string{"ray"}, notes: []note{
		{use: Fork, verdict: Care, says: "processes that are forked after ray.init share its sockets, which corrupts messages", remedy: `call ray.init in @init, or set start_method = "spawn"`, source: "https://docs.ray.io/en/latest/ray-core/patterns/fork-new-processes.html", checked: checked},
	}},
}
