"""Berth's engine, TensorFlow and ONNX Runtime on the same models: see engine.sh.

Each side is a process that takes commands by line (`load DIR`, `input NAME FILE`, `run N`, `memory`, `peak N`) and answers by line, so
that one side computes at a time. TensorFlow is counted with the better of compiled and not compiled. What is told is the median of the rounds'
ratios: a machine that is busy with something else slows the sides of a round alike. The same ratio of the processor time is told
too: on one thread it is what the ratio would be on a machine that nobody else uses.

`--activations` tells instead how much memory runs take at most. Each side is a fresh process for each model: it loads, gives free memory
back to the system, has the kernel forget the largest resident set so far (5 to /proc/self/clear_refs), runs three times, and the largest
since then counts, less what was resident before. ONNX Runtime's arena may keep what a load freed, and runs then take it
without growth; so ONNX Runtime is measured with its arena (the default) and without (`enable_cpu_mem_arena = False`), where the
allocator of the C library is asked to give free memory back as for Berth.
"""

import argparse
import math
import os
import statistics
import subprocess
import sys
import tarfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / "target/bench-models"
MODELS = ("cifar", "vgg16", "resnet50", "mobilenetv2", "efficientnetb0", "inceptionv3", "densenet121", "bilstm", "transformer",
          "dense10")
# Seconds between the sides' turns.
PAUSE = 0.05
NAMES = {"vgg16": "VGG16", "resnet50": "ResNet50", "mobilenetv2": "MobileNetV2", "efficientnetb0": "EfficientNetB0",
         "inceptionv3": "InceptionV3", "densenet121": "DenseNet121"}


def build(name):
    import keras
    from keras import layers as L

    keras.utils.set_random_seed(7)
    if name in NAMES:
        return getattr(keras.applications, NAMES[name])(weights=None)
    if name == "dense10":
        return keras.Sequential([keras.Input((10,)), L.Dense(10)])
    x = y = keras.Input((128, 64))
    if name == "bilstm":
        return keras.Model(x, L.Dense(10)(L.Bidirectional(L.LSTM(64))(y)))
    for _ in range(4):
        y = L.LayerNormalization()(y + L.MultiHeadAttention(4, 16)(y, y))
        # Gelu by erf: the converter to ONNX knows no erfc, which is what Keras writes for it.
        h = L.Dense(256)(y)
        h = 0.5 * h * (1.0 + keras.ops.erf(h * 0.5**0.5))
        y = L.LayerNormalization()(y + L.Dense(64)(h))
    return keras.Model(x, L.Dense(10)(L.GlobalAveragePooling1D()(y)))


def write_vgg(saved, to):
    """VGG16 as ONNX, written by hand: the converter copies such weights until no memory is left."""
    import onnx
    import tensorflow as tf
    from onnx import TensorProto, helper, numpy_helper

    loaded = tf.saved_model.load(str(saved))
    weights = [v.numpy() for v in loaded.signatures["serving_default"].variables]
    kernels, biases = weights[0::2], weights[1::2]
    nodes, constants, at = [], [], "x"

    def add(op, *extra, **attributes):
        nonlocal at
        nodes.append(helper.make_node(op, [at, *extra], [f"y{len(nodes)}"], **attributes))
        at = nodes[-1].output[0]

    def constant(array):
        constants.append(numpy_helper.from_array(array, f"w{len(constants)}"))
        return constants[-1].name

    add("Transpose", perm=[0, 3, 1, 2])
    for n, (kernel, bias) in enumerate(zip(kernels, biases)):
        if kernel.ndim == 4:
            add("Conv", constant(kernel.transpose(3, 2, 0, 1).copy()), constant(bias), pads=[1, 1, 1, 1])
            add("Relu")
            if n in (1, 3, 6, 9, 12):
                add("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
            continue
        if n == 13:
            # The dense layers count channels last.
            add("Transpose", perm=[0, 2, 3, 1])
            add("Flatten")
        add("Gemm", constant(kernel), constant(bias))
        add("Softmax" if n == 15 else "Relu")
    info = lambda name, shape: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
    graph = helper.make_graph(nodes, "vgg16", [info("x", ["n", 224, 224, 3])], [info(at, ["n", 1000])], constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), str(to))


def make(name):
    """The SavedModel, and beside it the same weights as ONNX."""
    place = CACHE / name
    place.mkdir(parents=True, exist_ok=True)
    if name == "cifar":
        with tarfile.open(ROOT / "examples/models/cifar.tar.gz") as archive:
            archive.extractall(place / "model", filter="data")
    else:
        build(name).export(str(place / "model/1"), format="tf_saved_model", verbose=False)
    saved = next((place / "model").rglob("saved_model.pb")).parent
    if name == "vgg16":
        write_vgg(saved, place / "model.onnx")
        return (place / "complete").touch()
    subprocess.run([sys.executable, "-m", "tf2onnx.convert", "--saved-model", str(saved), "--output", str(place / "model.onnx"),
                    "--opset", "17"], check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    (place / "complete").touch()


def saved_model(name):
    return next((CACHE / name / "model").rglob("saved_model.pb")).parent


def inputs(name, batch):
    """One random file for each input of the default signature."""
    import numpy as np
    import tensorflow as tf

    made = {}
    function = tf.saved_model.load(str(saved_model(name))).signatures["serving_default"]
    for key, spec in function.structured_input_signature[1].items():
        shape = [batch, *spec.shape.as_list()[1:]]
        file = CACHE / name / f"{key}.{batch}.npy"
        np.save(file, np.random.default_rng(3).random(shape, dtype=np.float32))
        made[key] = file
    return made


def answer(text):
    print(text, file=OUT, flush=True)


def timed(call, times):
    """Median and least nanoseconds, and the mean magnitude of the output."""
    import numpy as np

    took = []
    for _ in range(max(1, times)):
        started = time.perf_counter_ns()
        output = call()
        took.append(time.perf_counter_ns() - started)
    answer(f"{int(statistics.median(took))} {min(took)} {np.abs(output).mean():e}")


def memory():
    """Bytes of memory that no file backs."""
    with open("/proc/self/status") as status:
        line = next(line for line in status if line.startswith("RssAnon"))
    return int(line.split()[1]) * 1024


def peak(call, times):
    """By how many bytes the resident set grows at most while `call` is called."""
    import ctypes

    ctypes.CDLL(None).malloc_trim(0)
    status = lambda name: next(int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith(name))
    Path("/proc/self/clear_refs").write_text("5")
    before = status("VmRSS")
    for _ in range(times):
        call()
    answer(max(0, status("VmHWM") - before))


def tensorflow_worker(threads, compiled):
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    function, fed = None, {}
    for line in sys.stdin:
        command, *words = line.split()
        if command == "load":
            started = time.perf_counter_ns()
            loaded = tf.saved_model.load(words[0])
            signature = loaded.signatures["serving_default"]
            function = tf.function(lambda **x: signature(**x), jit_compile=True) if compiled else signature
            fed = {}
            answer(f"{time.perf_counter_ns() - started} {memory()}")
        elif command == "hello":
            answer("ok")
        elif command == "memory":
            answer(memory())
        elif command == "input":
            import numpy as np

            fed[words[0]] = tf.constant(np.load(words[1]))
            answer("ok")
        elif command == "peak":
            peak(lambda: next(iter(function(**fed).values())).numpy(), int(words[0]))
        else:
            timed(lambda: next(iter(function(**fed).values())).numpy(), int(words[0]))


def onnx_worker(threads, arena):
    import numpy as np
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.enable_cpu_mem_arena = arena
    session, fed = None, {}
    for line in sys.stdin:
        command, *words = line.split()
        if command == "load":
            started = time.perf_counter_ns()
            model = str(CACHE / Path(words[0]).relative_to(CACHE).parts[0] / "model.onnx")
            session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
            fed = {}
            answer(f"{time.perf_counter_ns() - started} {memory()}")
        elif command == "hello":
            answer("ok")
        elif command == "memory":
            answer(memory())
        elif command == "input":
            known = [x.name for x in session.get_inputs()]
            name = words[0] if words[0] in known else f"{words[0]}:0" if f"{words[0]}:0" in known else known[0]
            fed[name] = np.load(words[1])
            answer("ok")
        elif command == "peak":
            peak(lambda: session.run(None, fed), int(words[0]))
        else:
            timed(lambda: session.run(None, fed)[0], int(words[0]))


class Side:
    """A process of one contestant."""

    def __init__(self, command, threads):
        environment = {k: v for k, v in os.environ.items() if not k.startswith("OPENBLAS_")}
        environment |= {"RAYON_NUM_THREADS": str(threads), "OMP_NUM_THREADS": str(threads), "TF_CPP_MIN_LOG_LEVEL": "3",
                        "CUDA_VISIBLE_DEVICES": "-1"}
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                        text=True, env=environment)

    def ask(self, line):
        try:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
            reply = self.process.stdout.readline()
        except BrokenPipeError:
            reply = ""
        if not reply or reply.startswith("error"):
            raise RuntimeError(reply.strip() or f"no answer to {line.split()[0]}")
        return reply.split()

    def processor(self):
        """Nanoseconds that its threads ran."""
        return sum(int(stat.read_text().split()[0]) for stat in Path(f"/proc/{self.process.pid}/task").glob("*/schedstat"))

    def memory(self):
        return int(self.ask("memory")[0])

    def bring(self, name, files):
        """Loads a model and its inputs; seconds of the load, and what it said."""
        # A process that still imports its libraries is not what is measured.
        self.ask("hello")
        started = time.perf_counter()
        facts = self.ask(f"load {saved_model(name)}")
        took = time.perf_counter() - started
        for key, file in files.items():
            self.ask(f"input {key} {file}")
        return took, [int(f) for f in facts]

    def load(self, name, files):
        """Seconds from the directory to the first answer, but those in which the input is read."""
        took, facts = self.bring(name, files)
        started = time.perf_counter()
        first = self.ask("run 1")
        return took + time.perf_counter() - started, facts, float(first[2])

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def worker(kind, threads):
    return [sys.executable, "-B", str(Path(__file__).resolve()), "--worker", kind, "--threads", str(threads)]


def activations(options, names):
    """How much memory runs take at most, each side in a fresh process."""
    threads = options.threads.split(",")[-1]
    commands = {"Berth": [options.berth], **{side: worker(kind, threads) for side, kind in
                (("TF", "tf"), ("ONNX", "onnx"), ("ONNX without arena", "onnx-plain"))}}
    for batch in options.batch.split(","):
        print(f"\n{threads} threads, batch {batch}: MiB that runs take at most besides what is resident after the load\n| model | "
              + " | ".join(commands) + " |\n" + "| --- " * (len(commands) + 1) + "|")
        for name in names:
            files, told = inputs(name, int(batch)), []
            for command in commands.values():
                side = Side(command, threads)
                try:
                    side.bring(name, files)
                    told.append(f"{int(side.ask('peak 3')[0]) / 2**20:.1f}")
                    side.close()
                except RuntimeError:
                    told.append("—")
                    side.process.kill()
            print(f"| {name} | " + " | ".join(told) + " |", flush=True)


def sides(options, threads):
    return {
        "berth": Side([options.berth], threads),
        "tf": Side(worker("tf", threads), threads),
        "tf-xla": Side(worker("tf-xla", threads), threads),
        "onnx": Side(worker("onnx", threads), threads),
    }


def start(options, name, threads, batch):
    """The sides that run the model, and what each said of its load."""
    files = inputs(name, batch)
    # Each side finds the files in the page cache: which comes first must not matter, nor which copy of weights that are there twice it reads.
    for file in saved_model(name).parent.rglob("*"):
        if file.is_file():
            file.read_bytes()
    running, loads, facts, seen = sides(options, threads), {}, {}, {}
    # On a virtual machine memory that was not used for a while is fetched from the host at its first touch, whoever comes first.
    bytearray(b"\x01") * (3 << 30)
    # What the others import must not run beside the first one's load.
    for side in running.values():
        side.ask("hello")
    for side in list(running):
        try:
            loads[side], facts[side], seen[side] = running[side].load(name, files)
        except RuntimeError as error:
            print(f"  {side} does not run {name}: {error}")
            running.pop(side).process.kill()
    reference = seen.get("tf", 0.0)
    for side, value in seen.items():
        if abs(value - reference) > 1e-3 * max(abs(reference), 1e-6):
            print(f"  {side} answers otherwise: {value} and TensorFlow {reference}")
    return running, loads, facts


def measure(options, name, threads, batch):
    """Medians of milliseconds and of ratios to Berth, and memory that runs take, by side; what `start` said."""
    running, loads, facts = start(options, name, threads, batch)
    # What the first answer took is in here too: later runs keep what it left.
    taken = {side: running[side].memory() for side in running}
    # About half a second for each measurement; the second run tells, the first compiles.
    times = {side: max(1, min(200, int(4e8 / int(running[side].ask("run 1")[0])))) for side in running}
    took, worked = {side: [] for side in running}, {side: [] for side in running}
    for _ in range(options.rounds):
        for side in running:
            # Threads of the one before look for work for a while before they sleep.
            time.sleep(PAUSE)
            before = running[side].processor()
            took[side].append(int(running[side].ask(f"run {times[side]}")[0]))
            worked[side].append((running[side].processor() - before) / times[side])
    taken = {side: running[side].memory() - facts[side][1] for side in taken if facts[side][1]}
    for side in running.values():
        side.close()
    ratio = lambda sides: {side: statistics.median(a / max(b, 1) for a, b in zip(t, sides["berth"]))
                           for side, t in sides.items() if "berth" in sides}
    return {side: statistics.median(t) / 1e6 for side, t in took.items()}, (ratio(took), ratio(worked)), taken, loads, facts


def geometric(values):
    return math.exp(sum(map(math.log, values)) / len(values)) if values else float("nan")


def parent(options):
    names = options.models.split(",")
    for name in names:
        if not (CACHE / name / "complete").exists():
            subprocess.run([sys.executable, "-B", str(Path(__file__).resolve()), "--make", name], check=True,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if options.activations:
        return activations(options, names)
    numbers = lambda text: [int(n) for n in text.split(",")]
    print("ratios: the peer's time by Berth's, above one Berth is faster; MiB: memory that runs take besides the loaded model")
    for threads in numbers(options.threads):
        for batch in numbers(options.batch):
            ratios = {name: [] for name in ("TF / Berth", "ONNX / Berth", "TF / Berth by processor time", "ONNX / Berth by it")}
            print(f"\n{threads} threads, batch {batch}\n| model | Berth ms | TF ms | ONNX ms | TF / Berth | ONNX / Berth | "
                  "by processor time: TF / Berth | ONNX / Berth | first answer s, Berth | TF | weights MiB | forecast | grown | RSS | runs MiB, Berth | ONNX |\n" + "| --- " * 16 + "|")
            for name in names:
                row(name, measure(options, name, threads, batch), ratios)
            print("geometric means: " + ", ".join(f"{name} {geometric(r):.2f}" for name, r in ratios.items()))


def row(name, measured, ratios):
    took, (by, worked), taken, loads, facts = measured
    tf = min((s for s in ("tf", "tf-xla") if s in took), key=took.get, default=None)
    # By processor time TensorFlow's best may be the other one.
    least = min((s for s in ("tf", "tf-xla") if s in worked), key=worked.get, default=None)
    told = [by.get(tf), by.get("onnx"), worked.get(least), worked.get("onnx")]
    for all, ratio in zip(ratios.values(), told):
        if ratio:
            all.append(ratio)
    mib = lambda bytes: None if bytes is None else bytes / 2**20
    weights = mib(sum(f.stat().st_size for f in saved_model(name).glob("variables/*.data*")))
    forecast, grown, resident = map(mib, facts.get("berth", [0, 0, None, None, None])[2:])
    shown = lambda v, digits: "—" if v is None else f"{v:.{digits}f}"
    columns = [shown(v, 4) for v in (took.get("berth"), took.get(tf), took.get("onnx"))]
    columns += [shown(ratio, 2) for ratio in told]
    columns += [shown(loads.get(side), 3) for side in ("berth", "tf")]
    columns += [shown(v, 1) for v in (weights, forecast, grown, resident, mib(taken.get("berth")), mib(taken.get("onnx")))]
    print(f"| {name} | " + " | ".join(columns) + " |", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--berth")
    parser.add_argument("--models", default=",".join(MODELS))
    parser.add_argument("--batch", default="1,8")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--activations", action="store_true")
    parser.add_argument("--worker")
    parser.add_argument("--make")
    given = parser.parse_args()
    OUT = os.fdopen(os.dup(1), "w")
    if given.worker:
        os.dup2(2, 1)
    if given.make:
        make(given.make)
    elif given.worker in ("onnx", "onnx-plain"):
        onnx_worker(int(given.threads), given.worker == "onnx")
    elif given.worker:
        tensorflow_worker(int(given.threads), given.worker == "tf-xla")
    else:
        parent(given)
