"""Names of options as they are written in Python, turned into what is written on a command line."""

import re

_ONLY_OPTIONS = {
    name: f"--{name.replace('_', '-')}"
    for name in (
        "external_data",
        "global_pool",
        "input_layout",
        "input_size",
        "max_cells",
        "output_layout",
        "require_crops",
        "window_step",
    )
}
"""Names that are no words of English: wherever they stand for themselves, the option is meant."""
_WORDS = {"sizes": "--size", "feature_maps": "--feature-map"} | {
    name: f"--{name}"
    for name in ("atol", "batch", "convolutions", "head", "provider", "rtol", "seed")
}
"""Names that are words, too: these are options at the start of a message, or called so."""
_FLAGS = _ONLY_OPTIONS | _WORDS
_NAME = re.compile(
    rf"(?:\bthe )?\boption (?P<called>{'|'.join(_FLAGS)})\b"
    rf"|(?<![\w./'-])(?P<alone>{'|'.join(_ONLY_OPTIONS)})(?![\w./'-])"
    rf"|^(?P<first>{'|'.join(_WORDS)})(?=: | is an option | matmul )"
)


def with_flags(text: str) -> str:
    """A message of the library's with ``--input-size`` where it says ``option input_size``.

    The library and the passes know no command line. Names in quotes are those of nodes and tensors.
    """
    return _NAME.sub(lambda found: _FLAGS[found[found.lastgroup or 0]], text)
