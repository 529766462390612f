"""Writes random models of one operator each, over attributes, types and versions, and what they answer, for `tests/onnx.rs`.

    pip install onnx onnxruntime ml_dtypes
    python operators.py FILE.gz [COUNT [SEED [OPERATOR…]]]     COUNT models of every operator
    python operators.py --sure cases/operators.gz 3 7          those that onnxruntime answers and nobody disputes: what is committed

The answers are onnxruntime's, or those of ONNX's reference evaluator for what onnxruntime does not take: a case's name ends with `ort` or
`ref`. Where both answer and differ there are two cases, `or_ort` and `or_ref`, of which one should pass: which is right the specification
says. What neither takes is no model. The form of the file is that of `cases.py`.
"""

import random
import sys
import warnings
from pathlib import Path

import ml_dtypes
import numpy as np
import onnx
import onnxruntime
from onnx import defs, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

sys.path.insert(0, str(Path(__file__).parent))
from cases import record, write

OLDEST = {"": 7, "ai.onnx.ml": 1, "com.microsoft": 1}
NEWEST = {"": defs.onnx_opset_version(), "ai.onnx.ml": 5, "com.microsoft": 1}
COUNT, SEED = 4, 1
WORDS = ["", "red", "Green", "blue sky", "one-two", "ß é", "3.5", "x1 x2  x3"]
KINDS = {"float": np.float32, "double": np.float64, "string": object, "bool": np.bool_}
KINDS |= {"float16": np.float16, "bfloat16": ml_dtypes.bfloat16}
KINDS |= {n: getattr(np, n) for n in "int8 int16 int32 int64 uint8 uint16 uint32 uint64".split()}
NARROW = "float8_e4m3fn float8_e4m3fnuz float8_e5m2 float8_e5m2fnuz float4_e2m1fn int4 uint4 int2 uint2".split()
NAMES = {"float8e4m3fn": "float8_e4m3fn", "float8e4m3fnuz": "float8_e4m3fnuz", "float8e5m2": "float8_e5m2"}
NAMES |= {"float8e5m2fnuz": "float8_e5m2fnuz", "float4e2m1": "float4_e2m1fn"}
KINDS |= {n: getattr(ml_dtypes, NAMES.get(n, n)) for n in [*NAMES, "int4", "uint4", "int2", "uint2"]}
# What a result of these types may differ by, relative to its size.
COARSE = {"float16": 4e-3, "bfloat16": 3e-2}
onnxruntime.set_default_logger_severity(4)
DRAWN, HISTORY = {}, {}
for schema in defs.get_all_schemas_with_history():
    HISTORY.setdefault((schema.domain, schema.name), []).append(schema.since_version)


def operator(*names, since=1, domain="", last=None):
    """A function that draws inputs and attributes of these operators."""

    def kept(draw):
        for name in names:
            DRAWN.setdefault((domain, name), []).append((since, last or 1 << 20, draw))
        return draw

    return kept


class Case:
    """An operator's model that is being drawn."""

    def __init__(self, seed, domain, name, opset):
        self.dice, self.noise = random.Random(seed), np.random.default_rng(seed)
        self.domain, self.name, self.opset = domain, name, opset
        try:
            self.schema = defs.get_schema(name, opset, domain)
        except Exception:
            self.schema = None
        self.types, self.inputs, self.outputs, self.fixed = {}, [], 1, set()

    # What dice say.

    def one(self, *choices):
        return self.dice.choice(choices)

    def size(self, low=1, high=5):
        return self.dice.randint(low, high)

    def shape(self, low=0, high=4):
        return [self.size() for _ in range(self.dice.randint(low, high))]

    def axis(self, rank):
        return self.dice.randint(-rank, rank - 1) if self.opset >= 11 or self.domain else self.dice.randint(0, rank - 1)

    def maybe(self, **attributes):
        """Each of these attributes with an even chance."""
        return {k: v for k, v in attributes.items() if self.dice.random() < 0.5}

    def bent(self, shape):
        """A shape that spreads to this one."""
        cut = self.dice.choice([0, 0, 0, *range(len(shape) + 1)])
        return [1 if self.dice.random() < 0.25 else n for n in shape[cut:]]

    # What models take.

    def kind(self, place=None):
        """The type of an input, one that its operator allows."""
        place = len(self.inputs) if place is None else place
        formal = self.schema.inputs[min(place, len(self.schema.inputs) - 1)]
        if formal.type_str not in self.types:
            names = [t[7:-1] for t in formal.types if t.startswith("tensor(")]
            # Some types are all but one thing: those that are usual come as often as the others together.
            known = [n for n in names if n in KINDS]
            usual = [n for n in known if n in ("float", "int64", "double", "int32")]
            pool = usual if usual and self.dice.random() < 0.4 else known
            self.types[formal.type_str] = self.dice.choice(pool)
        return self.types[formal.type_str]

    def numbers(self, kind, shape, low=-4, high=4, zero=True):
        dtype = KINDS[kind]
        if kind == "string":
            return np.array([self.dice.choice(WORDS) for _ in range(int(np.prod(shape)))], object).reshape(shape)
        if kind == "bool":
            return self.noise.random(shape) < 0.5
        if kind.startswith("uint") or kind.startswith("int"):
            limit = 2 ** int(kind.lstrip("uint")) if kind.startswith("uint") else 2 ** int(kind[3:]) // 2
            bottom = 0 if kind.startswith("uint") else -limit
            made = self.noise.integers(max(low, bottom), max(min(high, limit - 1), max(low, bottom)) + 1, shape)
            made = made if zero else np.where(made == 0, 1, made)
            return np.asarray(made).astype(dtype)
        made = self.noise.uniform(low, high, shape)
        return np.asarray(made if zero else np.where(abs(made) < 0.2, 0.7, made)).astype(np.float32).astype(dtype)

    def x(self, *shape, **how):
        """The next input, of a type that is allowed there."""
        return self.given(self.numbers(self.kind(), shape, **how))

    def given(self, array, fixed=None):
        """The next input; `fixed`: a constant, by chance where nothing is said."""
        place = len(self.inputs)
        array = None if array is None else np.asarray(array)
        small = array is not None and place > 0
        if fixed or (fixed is None and small and self.dice.random() < (0.6 if array.dtype.kind == "i" else 0.25)):
            self.fixed.add(place)
        self.inputs.append(array)
        return array

    def ints(self, numbers, kind=None, fixed=None):
        kind = kind or (self.kind() if self.schema else "int64")
        return self.given(np.asarray(numbers, KINDS[kind]), fixed)

    def none(self):
        return self.given(None)

    # What comes of it.

    def model(self, attributes):
        while self.inputs and self.inputs[-1] is None:
            self.inputs.pop()
        names = ["" if a is None else f"input_{n}" for n, a in enumerate(self.inputs)]
        taken, kept = [], []
        for place, (name, array) in enumerate(zip(names, self.inputs)):
            if array is None:
                continue
            kind = numpy_helper.from_array(np.asarray(array), name).data_type
            if place in self.fixed:
                kept.append(numpy_helper.from_array(np.asarray(array), name))
            else:
                # What goes with the first input is of known extents more often.
                chance = 0.25 if place == 0 else 0.05
                known = [None if self.dice.random() < chance else n for n in array.shape]
                taken.append(helper.make_tensor_value_info(name, kind, known))
        made = [f"output_{n}" for n in range(self.outputs)]
        node = helper.make_node(self.name, names, made, domain=self.domain, **attributes)
        outputs = [helper.make_empty_tensor_value_info(n) for n in made]
        graph = helper.make_graph([node], self.name, taken, outputs, kept)
        opsets = [helper.make_opsetid(self.domain, self.opset)]
        if self.domain:
            opsets.append(helper.make_opsetid("", 21))
        return helper.make_model(graph, opset_imports=opsets, ir_version=10)

    def feeds(self):
        return {f"input_{n}": a for n, a in enumerate(self.inputs) if a is not None and n not in self.fixed}


def by_runtime(model, feeds):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, feeds)


def by_reference(model, feeds):
    if model.graph.node[0].domain == "com.microsoft":
        raise ValueError("there is no reference")
    told = onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True).graph.output
    made = ReferenceEvaluator(model).run(None, feeds)
    for value, answer in zip(told, made):
        kind = value.type.tensor_type.elem_type
        if kind and kind != element(np.asarray(answer)):
            raise ValueError("the reference answers in another type than the operator's")
    return made


def element(answer):
    """ONNX's number of an answer's type."""
    return onnx.TensorProto.STRING if answer.dtype.kind in "OSU" else helper.np_dtype_to_tensor_dtype(answer.dtype)


def attempt(run, model, feeds):
    try:
        made = run(model, feeds)
        if any(m is None or isinstance(m, (list, dict)) for m in made):
            return None, "it is no tensor"
        return [np.asarray(m) for m in made], None
    except Exception as refused:
        return None, f"{type(refused).__name__}: {refused}"


def tolerance(case, answers):
    names = {t for t in case.types.values()} | {a.dtype.name for a in answers}
    return max([COARSE.get(n, 1e-4) for n in names], default=1e-4)


def near(a, b, close):
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    if a.dtype.kind in "OSU":
        return all(str(x) == str(y) for x, y in zip(a.flat, b.flat))
    return np.allclose(a.astype(np.float64), b.astype(np.float64), close, close, equal_nan=True)


def drawn(seed, domain, name, opset, draw, sure=False):
    """Records, or why there are none; `sure`: of what onnxruntime answers and nobody disputes."""
    case = Case(seed, domain, name, opset)
    model = case.model(draw(case) or {})
    feeds = case.feeds()
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        ours, why = attempt(by_runtime, model, feeds)
        theirs, also = attempt(by_reference, model, feeds)
    if ours is None and theirs is None:
        return [], f"{why}; {also}"
    close = tolerance(case, ours if ours is not None else theirs)
    truths = {"ort": ours, "ref": theirs}
    truths = {k: v for k, v in truths.items() if v is not None}
    if len(truths) == 2:
        same = all(near(a, b, close) for a, b in zip(ours, theirs))
        truths = {"ort": ours} if same else {f"or_{k}": v for k, v in truths.items()}
    if sure:
        truths = {k: v for k, v in truths.items() if k == "ort"}
    kinds = "-".join(sorted(set(case.types.values())))
    inputs = list(feeds.values())
    label = f"op_{name}-{opset}_{kinds}_{seed}_"
    return [record(label + k, typed(model, v), inputs, v, close, close) for k, v in truths.items()], "it is not sure"


def typed(model, answers):
    """The model with the types of its answers."""
    model = onnx.ModelProto.FromString(model.SerializeToString())
    for n, answer in enumerate(answers):
        if answer.dtype.kind == "c":
            raise ValueError("complex numbers")
        model.graph.output[n].CopyFrom(helper.make_tensor_value_info(f"output_{n}", element(answer), None))
    return model


def opsets(domain, name, since, last, dice):
    """A version of the domain: one that changed the operator, or any."""
    history = HISTORY.get((domain, name), [1])
    oldest, newest = max([since, OLDEST[domain], min(history)]), min(NEWEST[domain], last)
    changed = [v for v in history if oldest <= v <= newest]
    return dice.choice(changed) if changed and dice.random() < 0.7 else dice.randint(oldest, newest)


def main():
    import drawing  # noqa: F401  the operators

    sure, given = "--sure" in sys.argv, [a for a in sys.argv[1:] if a != "--sure"]
    count, seed = [int(a) for a in given[1:3]] + [COUNT, SEED][len(given[1:3]) :]
    wanted, dice, records, refused = given[3:], random.Random(seed), [], {}
    for (domain, name), ways in sorted(DRAWN.items()):
        if wanted and name not in wanted:
            continue
        for n in range(count):
            since, last, draw = dice.choice(ways)
            opset = opsets(domain, name, since, last, dice)
            made, why = drawn(dice.randrange(1 << 30), domain, name, opset, draw, sure)
            if not made:
                refused.setdefault(name, []).append(f"{opset}: {why[:160]!r}")
            else:
                records += made
    write(given[0], records)
    for name, whys in refused.items():
        print(name, len(whys), "of", count, whys[0], file=sys.stderr)
    print(len(records), "cases")


if __name__ == "__main__":
    sys.modules["operators"] = sys.modules["__main__"]
    main()
