"""The passes of a rewrite: which run, in which order, with which options."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from inspect import Parameter, signature
from types import ModuleType
from typing import Any

import onnx_graphsurgeon as gs
from onnx_graphsurgeon.logger import G_LOGGER

from passes import (
    PASSES,
    PassResult,
    Rewrite,
    conv_to_gemm,
    dynamic_spatial_axes,
    flatten_gemm_to_conv,
    inline_branches,
)
from passes.options import OptionError

from .errors import NothingToRewriteError, RefusedError, UsageError
from .option_checks import check_word

DEFAULT = (inline_branches.NAME, flatten_gemm_to_conv.NAME, dynamic_spatial_axes.NAME)
"""What turns a classifier into a fully convolutional network."""

ALONE = {
    inline_branches.NAME: (
        "inputs and outputs stay what they were, and the model answers as the original does at"
        " every size that it takes"
    ),
    flatten_gemm_to_conv.NAME: (
        "the input size stays, every output is a map of one cell, and at that size the model"
        " answers as the original does"
    ),
    dynamic_spatial_axes.NAME: (
        "the model takes images of any size, answers as the original does at the original one, and"
        " wherever the size was baked in, it does on a larger map what the original does on every"
        " window of it; heads of dense layers are refused"
    ),
    conv_to_gemm.NAME: (
        "inputs and outputs stay what they were, and the model answers as the original does at"
        " every size that it takes"
    ),
}
"""What a pass promises where no other pass runs; validation holds it to that."""

_VALIDATES = "input_size"
"""An option that validation takes, whatever runs."""

_NOTHING = {
    inline_branches.NAME: (
        "no If after an image always takes one branch: there is nothing to rewrite"
    ),
    flatten_gemm_to_conv.NAME: (
        "no dense layer and no global pool reads a feature map: there is nothing to rewrite"
        " (--pass dynamic_spatial_axes frees the input size alone)"
    ),
    dynamic_spatial_axes.NAME: (
        "no input has fixed spatial axes that can be determined: there is nothing to rewrite (of an"
        " image, say what its axes are, such as --input-layout nchw)"
    ),
    conv_to_gemm.NAME: (
        "there is no such convolution: there is nothing to rewrite (--convolutions takes names of"
        " nodes; a head without dense layers has no convolution: --head conv)"
    ),
}


def chosen_passes(names: Sequence[str] | None, options: Mapping[str, Any]) -> list[ModuleType]:
    """The passes to run.

    Args:
        names: their names, in order; ``None`` for the default ones.
        options: options for all of them.

    Raises:
        UsageError: there is no such pass, one is named twice, or an option belongs to none of
            them.
    """
    known = {module.NAME: module for module in PASSES}
    wanted = DEFAULT if names is None else tuple(names)
    for name in wanted:
        if name not in known:
            raise UsageError(f"there is no pass '{name}'; there are {', '.join(known)}")
    if len({*wanted}) < len(wanted) or not wanted:
        raise UsageError(f"name every pass once, and at least one; got {', '.join(wanted)}")
    if conv_to_gemm.NAME in wanted[:-1]:
        raise UsageError(
            f"name {conv_to_gemm.NAME} last: the other passes tell the layout of a map by its"
            " convolutions; the result answers the same"
        )
    chosen = [known[name] for name in wanted]
    for option, value in options.items():
        takers = [module for module in PASSES if option in pass_options(module)]
        idle = option != _VALIDATES and not {*map(id, takers)} & {*map(id, chosen)}
        if idle and not _is_default(value, pass_options(takers[0])[option].default):
            owners = " or ".join(module.NAME for module in takers)
            raise UsageError(
                f"{option} is an option of the pass {owners}, which is not among those to run:"
                f" add --pass {takers[-1].NAME}"
            )
    return chosen


def passes_for_head(
    names: Sequence[str] | None, head: str, convolutions: str
) -> tuple[Sequence[str] | None, str]:
    """The passes to run, and the convolutions that become matrix products, for a form of head.

    Args:
        names: names of the passes that were asked for; ``None`` for the default ones.
        head: ``conv`` or ``matmul``.
        convolutions: those that were asked for.

    Raises:
        UsageError: the head cannot take that form.
    """
    check_word("head", head, ("conv", "matmul"))
    if head == "conv":
        return names, convolutions
    wanted = DEFAULT if names is None else tuple(names)
    if flatten_gemm_to_conv.NAME not in wanted or conv_to_gemm.NAME in wanted:
        raise UsageError(
            f"head matmul goes with the pass {flatten_gemm_to_conv.NAME} and without"
            f" {conv_to_gemm.NAME}, which it runs itself"
        )
    if convolutions not in ("all", "heads"):
        raise UsageError(
            f"head matmul rewrites the heads, not the option convolutions {convolutions}"
        )
    return (*wanted, conv_to_gemm.NAME), "heads"


def pass_options(module: ModuleType) -> dict[str, Parameter]:
    """Options of a pass, by name."""
    parameters = signature(module.apply).parameters
    return {n: option for n, option in parameters.items() if option.kind is Parameter.KEYWORD_ONLY}


def _is_default(value: Any, default: object) -> bool:
    """Whether an option has its default, perhaps written once an axis."""
    several = isinstance(value, Iterable) and not isinstance(value, str)
    return set(value) == {default} if several else value == default


def run_passes(
    graph: gs.Graph, chosen: Sequence[ModuleType], options: Mapping[str, Any]
) -> tuple[Rewrite, ...]:
    """Run passes one after the other, in place.

    Args:
        graph: the graph; left half changed where a later pass refuses.
        chosen: the passes.
        options: options; every pass takes those that it has.

    Returns:
        What they changed.

    Raises:
        UsageError: a pass does not take the value of an option.
        RefusedError: a pass refused.
        NothingToRewriteError: a pass found nothing to do.
    """
    rewrites: list[Rewrite] = []
    for module in chosen:
        taken = {name: options[name] for name in pass_options(module) if name in options}
        with G_LOGGER.suppress():
            try:
                result: PassResult = module.apply(graph, **taken)
            except OptionError as error:
                raise UsageError(str(error)) from error
        if result.refusals:
            raise RefusedError(result.refusals)
        # Most graphs have no If, and pools that are kept whole are no reason not to free the axes.
        optional = module is inline_branches or taken.get("global_pool") == "keep"
        may_rest = optional and module is not chosen[-1]
        if not result.rewrites and not may_rest:
            raise NothingToRewriteError(_NOTHING[module.NAME])
        rewrites = _chained(rewrites, result.rewrites)
    return tuple(rewrites)


def _chained(done: Sequence[Rewrite], more: Sequence[Rewrite]) -> list[Rewrite]:
    """Rewrites of two passes; where the later one goes on with a change, one from end to end."""
    starts = {(rewrite.node, rewrite.after): rewrite for rewrite in done}
    continued = [(starts.get((rewrite.node, rewrite.before)), rewrite) for rewrite in more]
    gone = {id(start) for start, _ in continued if start is not None}
    return [rewrite for rewrite in done if id(rewrite) not in gone] + [
        rewrite if start is None else replace(rewrite, before=start.before)
        for start, rewrite in continued
    ]
