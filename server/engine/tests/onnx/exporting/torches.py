"""Networks of PyTorch by both of its exporters, in a version of the operators that is drawn."""

import io
import random
import tempfile
from pathlib import Path

import torch
from zoo import settled

# Those that an exporter writes itself, or has its model converted to.
OPSETS = {"script": (11, 12, 13, 14, 15, 16, 17, 18, 19, 20), "dynamo": (18, 19, 20, 21, 22, 23)}
# Where the one that is drawn lacks an operator.
USUAL = {"script": 17, "dynamo": 18}


def scripted(module, case, dynamic, opset):
    """By following it, or by its text."""
    if getattr(module, "is_text", False):
        module = torch.jit.script(module)
    file = io.BytesIO()
    free = {k: {a: f"{k}_{a}" for a in axes} for k, axes in dynamic.items() if k in case}
    torch.onnx.export(module, tuple(case.values()), file, input_names=list(case), dynamic_axes=free, opset_version=opset, dynamo=False)
    return file.getvalue()


def captured(module, case, dynamic, opset):
    """By torch.export."""
    free = {k: {a: torch.export.Dim.AUTO for a in dynamic.get(k, ())} for k in case} if dynamic else None
    program = torch.onnx.export(module, tuple(case.values()), input_names=list(case), dynamic_shapes=free, opset_version=opset, dynamo=True, verbose=False)
    return program


def written(way, module, case, dynamic, opset):
    import onnx

    if way == "script":
        return onnx.load_model_from_string(scripted(module, case, dynamic, opset))
    program = captured(module, case, dynamic, opset)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "model.onnx"
        program.save(path, external_data=False)
        return onnx.load(path)


def exported(name, make, seed):
    """A network by each exporter."""
    dice = random.Random(f"{name} {seed}")
    torch.manual_seed(0)
    module, requests, dynamic = make()
    module = settled(module.eval(), requests[0])
    feeds = [{k: v.numpy() for k, v in request.items()} for request in requests]
    for way in OPSETS:
        opset, failed = dice.choice(OPSETS[way]), []
        for version in dict.fromkeys((opset, USUAL[way])):
            try:
                with torch.no_grad():
                    case = {k: v.clone() for k, v in requests[0].items()}
                    model = written(way, module, case, dynamic, version)
            except Exception as error:
                failed.append(f"{version}: {type(error).__name__}: {str(error).strip()[:150]!r}")
                continue
            version = next(o.version for o in model.opset_import if not o.domain)
            yield f"{way}-{version}", model, feeds
            break
        else:
            print(f"{name}_{way}: no export: {'; '.join(failed)}", flush=True)


def of(networks, seed):
    return [(name, lambda name=name, make=make: exported(name, make, seed)) for name, make in networks]
