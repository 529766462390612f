"""The Open Inference Protocol by KServe's client, unmodified, over HTTP and gRPC, with values in binary and in JSON or typed fields.

    check_kserve.py ENDPOINT ADMIN

Prints how many calls were made; every one had the right answer.
"""

import asyncio
import sys
from urllib.parse import urlparse

import kserve
import numpy as np
from kserve import InferInput, InferRequest
from kserve.protocol.infer_type import RequestedOutput

from v2_cases import cases, equal


async def main(endpoint, _):
    calls = 0
    rest = kserve.InferenceRESTClient(kserve.RESTConfig(protocol="v2"))
    over_grpc = kserve.InferenceGRPCClient(urlparse(endpoint).netloc)
    assert await rest.is_server_live(endpoint) and await rest.is_server_ready(endpoint)
    assert await rest.is_model_ready(endpoint, "dense") and not await rest.is_model_ready(endpoint, "none")
    assert await over_grpc.is_server_live() and await over_grpc.is_server_ready() and await over_grpc.is_model_ready("dense")
    calls += 7
    for what, model, inputs, outputs, wanted, in_json in cases():
        # Its client does not escape names, has no datatype BF16 and no JSON for what is not finite.
        finite = all(v.dtype.kind != "f" or np.isfinite(v).all() for _, v in inputs.values())
        for binary in [True, False]:
            if model in ("same_BF16", "modèle ü") or not binary and not (in_json and finite):
                continue
            ins = []
            for name, (datatype, values) in inputs.items():
                tensor = InferInput(name, list(values.shape), datatype)
                tensor.set_data_from_numpy(values, binary_data=binary)
                ins.append(tensor)
            asked = [RequestedOutput(name, {"binary_data": binary}) for name in outputs]
            request = InferRequest(model, ins, request_outputs=asked or None)
            for way, result in [
                ("REST", await rest.infer(endpoint, request, model_name=model)),
                ("gRPC", await over_grpc.infer(request)),
            ]:
                for output in result.outputs:
                    got, values = output.as_numpy(), wanted[output.name]
                    equal(got.reshape(np.shape(values)), values, f"KServe, {way}, binary={binary}, {what}")
                assert len(result.outputs) == len(wanted)
                calls += 1
    await rest.close()
    await over_grpc.close()
    print(f"{calls} calls")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
