"""What is said of a part of the trunk."""

from onnxfcn.region_report import RegionResult


def test_finding_names_some_nodes_and_counts_the_others() -> None:
    nodes = tuple(f"{name} (Relu)" for name in "abcdef")
    region = RegionResult(output="y", nodes=nodes, changed=True, problem="it does not run")
    assert region.finding == (
        "the trunk is wrong at a (Relu), b (Relu), c (Relu), d (Relu) and 2 more,"
        " which 'y' is made by: it does not run"
    )
    assert RegionResult(output="y", nodes=nodes[:4], changed=True).finding.startswith(
        "the trunk is wrong at a (Relu), b (Relu), c (Relu), d (Relu), which 'y'"
    )
