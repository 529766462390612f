"""Operators on texts, sequences and optional values."""

import numpy as np
from operators import WORDS, operator


@operator("StringConcat", since=20)
def joined(c):
    shape = c.shape()
    c.x(*shape)
    c.x(*c.bent(shape))


@operator("StringNormalizer", since=10)
def normalised(c):
    c.x(*c.one([c.size(1, 5)], [1, c.size(1, 5)]))
    how = c.maybe(case_change_action=c.one("NONE", "LOWER", "UPPER"), is_case_sensitive=c.size(0, 1))
    return {"locale": "C"} | how | c.maybe(stopwords=c.dice.sample(WORDS[1:4], 2))


@operator("StringSplit", since=20)
def split(c):
    c.x(*c.shape(1, 2))
    c.outputs = 2
    return c.maybe(delimiter=c.one(" ", "-", "x", ""), maxsplit=c.size(0, 2))


@operator("RegexFullMatch", since=20)
def matched(c):
    c.x(*c.shape(1, 2))
    return {"pattern": c.one(r"\w+", r"[a-z ]*", r".*e.*", r"(red|Green)", r"x\d.*")}


@operator("TfIdfVectorizer", since=9)
def counted(c):
    of_words = c.dice.random() < 0.5
    rows, length = c.one(0, 2), c.size(2, 6)
    shape = [rows, length] if rows else [length]
    words = ["a", "b", "c", "d"]
    ids = c.noise.integers(0, 4, shape)
    c.types["T"] = "string" if of_words else c.one("int32", "int64")
    c.given(np.array(words, object)[ids] if of_words else ids.astype(c.types["T"]))
    pool = [0, 1, 2, 0, 1, 1, 2, 3, 0]
    how = {"pool_strings": [words[n] for n in pool]} if of_words else {"pool_int64s": pool}
    most = c.size(1, 2)
    how |= {"ngram_counts": [0, 3], "ngram_indexes": [0, 1, 2, 5, 4, 3], "mode": c.one("TF", "IDF", "TFIDF")}
    how |= {"min_gram_length": c.size(1, most), "max_gram_length": most, "max_skip_count": c.size(0, 2)}
    return how | c.maybe(weights=[1.0, 0.5, 2.0, 3.0, 0.25, 1.5])
