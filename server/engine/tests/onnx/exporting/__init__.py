"""Models by exporter, a family a file: `exports(seed)` gives names and what makes exports of each: a label, the model, requests and, if it
is another one than usual, how close an answer has to be."""
