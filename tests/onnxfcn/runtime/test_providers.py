"""Execution providers: their names and options, and no silent way back to the CPU."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import onnx
import onnxruntime as ort
import pytest

import onnxfcn
from onnxfcn.errors import UsageError
from onnxfcn.runtime.placement import fallen_back, shape_arithmetic
from onnxfcn.runtime.providers import Provider, exact_provider, parse_provider

Command = Callable[..., Any]
CUDA = "CUDAExecutionProvider"
CPU = "CPUExecutionProvider"
AZURE = "AzureExecutionProvider"
"""Part of the CPU packages of ONNX Runtime; runs no standard operator, and needs no device."""


@pytest.fixture
def both(monkeypatch: pytest.MonkeyPatch) -> None:
    """ONNX Runtime with CUDA, as far as names go."""
    monkeypatch.setattr(ort, "get_available_providers", lambda: [CUDA, CPU])


@pytest.mark.usefixtures("both")
@pytest.mark.parametrize("name", ["cuda", "CUDA", CUDA, CUDA.lower()])
def test_names_are_short_or_full(name: str) -> None:
    assert parse_provider(name) == Provider(CUDA)
    assert parse_provider(f"{name}:device_id=1,use_tf32=1") == Provider(
        CUDA, {"device_id": "1", "use_tf32": "1"}
    )


@pytest.mark.usefixtures("both")
def test_numbers_are_compared_without_tf32_unless_asked_for() -> None:
    exact = exact_provider("cuda:device_id=1")
    assert exact.options == {
        "use_tf32": "0",
        "cudnn_conv_algo_search": "HEURISTIC",
        "device_id": "1",
    }
    (note,) = exact.notes
    assert "use_tf32=0" in note
    assert "without TF32, whose rounding is about 1e-3 of scale" in note
    rounded = exact_provider("cuda:use_tf32=1")
    assert rounded.options["use_tf32"] == "1"
    assert "without TF32" not in rounded.notes[0]
    assert exact_provider("cpu") == Provider(CPU)
    assert exact_provider("cpu").notes == ()


@pytest.mark.usefixtures("both")
@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("tensorrt", f"no provider 'tensorrt'; it has {CUDA}, {CPU}"),
        ("TensorRT", f"{CPU}; for a GPU, put onnxruntime-gpu in its place (README: On a GPU)"),
        ("", f"no provider ''; it has {CUDA}, {CPU}"),
        ("execution", "no provider 'execution'"),
        ("cuda:device_id", "cuda:option=value,option=value, not 'device_id'"),
        ("cuda:=1", "not '=1'"),
        ("cuda:device_id=", "not 'device_id='"),
    ],
)
def test_wrong_providers_are_told(text: str, says: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse_provider(text)
    assert says in str(raised.value)


@pytest.mark.usefixtures("both")
@pytest.mark.filterwarnings("ignore:Specified provider")
def test_provider_that_does_not_start_is_an_error(
    lenet_file: Path, tmp_path: Path, command: Command
) -> None:
    if CUDA in ort.capi._pybind_state.get_available_providers():
        pytest.skip("this onnxruntime has CUDA")
    finished = command("rewrite", lenet_file, tmp_path / "out.onnx", "--provider", "cuda")
    assert finished.code == 2
    assert f"{CUDA} is installed, but does not start" in finished.err
    assert not (tmp_path / "out.onnx").exists()


def test_nodes_left_to_the_cpu_are_an_error(
    lenet_file: Path, fcn: Path, tmp_path: Path, command: Command
) -> None:
    if AZURE not in ort.get_available_providers():
        pytest.skip(f"this onnxruntime has no {AZURE}")
    says = f"{AZURE} does not take 12 nodes with activations, the first 'conv1' (Conv)"
    validated = command("validate", lenet_file, fcn, "--provider", "azure")
    assert validated.code == 4
    assert says in validated.err
    assert command("bench", lenet_file, fcn, "--provider", AZURE).code == 4
    output = tmp_path / "out.onnx"
    rewritten = command("rewrite", lenet_file, output, "--provider", "azure")
    assert rewritten.code == 4
    assert f"on {AZURE}, found {AZURE} does not take" in rewritten.err
    assert "[runtime-lacks]. Prove it on the CPU" in rewritten.err
    assert not output.exists()


def test_shape_arithmetic_may_stay_on_the_cpu() -> None:
    graph = onnx.parser.parse_graph("""
        net (float[N, 4, H, W] x, int64[2] size, int64[N, 4] tokens, float[2] vector,
            float[2] weight)
            => (float[N, C, h, w] y)
        <int64[1] one = {1}, int64[1] rest = {-1}, float[2] weight = {1, 2}>
        {
            [of_tokens] o = Neg (tokens)
            [of_numbers] v = Neg (vector)
            [of_a_weight] u = Neg (weight)
            [extents] s = Shape (x)
            [batch] n = Gather (s, one)
            [joined] t = Concat <axis = 0> (n, rest, size)
            [flat] r = Reshape (x, t)
            [of_flat] q = Shape (r)
            [counted] m = Mul (q, q)
            y = Concat <axis = 0> (r, x)
            z = Concat <axis = 0> (m, q)
        }
    """)
    names = {name for name, _ in shape_arithmetic(graph)}
    assert names == {"extents", "batch", "joined", "of_flat", "counted", "of_a_weight"}


def test_onnx_runtime_that_does_not_tell_is_too_old() -> None:
    graph = onnx.parser.parse_graph("net (float[N] x) => (float[N] y) { y = Relu (x) }")
    session: Any = object()
    with pytest.raises(UsageError, match="does not tell which nodes CUDAExecutionProvider takes"):
        fallen_back(session, graph, Provider(CUDA))


def test_nodes_of_one_name_with_and_without_activations_count_as_with() -> None:
    graph = onnx.parser.parse_graph("""
        net (float[N, 4] x) => (float[N, M] y)
        {
            s = Shape (x)
            t = Neg (s)
            y = Neg (x)
        }
    """)
    assert shape_arithmetic(graph) == {("", "Shape")}


HOST = {
    "Reshape": (1,),
    "Slice": (1, 2, 3, 4),
    "Expand": (1,),
    "Tile": (1,),
    "Resize": (1, 2, 3),
    "Pad": (1,),
    "Squeeze": (1,),
    "Unsqueeze": (1,),
    "Split": (1,),
    "TopK": (1,),
    "ReduceSum": (1,),
    "ReduceMean": (1,),
    "ConstantOfShape": (0,),
    "Range": (0, 1, 2),
}
"""Operands that kernels of every device read on the host."""


@pytest.mark.parametrize(
    ("name", "head"),
    [
        ("shufflenet_batch1.torchscript", "conv"),
        ("mobilenet_v3.dynamo", "conv"),
        ("shufflenet.dynamo", "matmul"),
        ("alexnet.dynamo", "matmul"),
    ],
)
def test_no_activation_has_to_go_to_the_host(name: str, head: Literal["conv", "matmul"]) -> None:
    path = Path(__file__).parents[3] / "sample_models" / "exports" / f"{name}.onnx"
    graph = onnxfcn.rewrite(path, head=head, validate=False).model.graph
    active = {value.name for value in graph.input}
    read = 0
    for node in graph.node:
        operands = [node.input[n] for n in HOST.get(node.op_type, ()) if n < len(node.input)]
        assert active.isdisjoint(operands), f"{node.name} ({node.op_type})"
        read += len(operands)
        if node.op_type not in ("Shape", "Size") and not active.isdisjoint(node.input):
            active.update(node.output)
    assert read
