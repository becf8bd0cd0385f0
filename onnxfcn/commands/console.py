"""Where reports for people are printed: standard output, in at most 100 columns."""

from typing import Any

from rich.console import Console

from .flags import with_flags

_WIDTH = 100


class _ReportConsole(Console):
    def print(self, *objects: Any, **options: Any) -> None:
        """As rich does, with options named as on the command line, and no blanks at line ends.

        Tables end their lines with blanks, which a terminal does not show and a file keeps.
        """
        texts = [with_flags(each) if isinstance(each, str) else each for each in objects]
        if self.is_terminal:
            super().print(*texts, **options)
            return
        with self.capture() as captured:
            super().print(*texts, **options)
        self.file.write("\n".join(line.rstrip(" ") for line in captured.get().split("\n")))
        self.file.flush()

    def on_broken_pipe(self) -> None:
        """Leave it to the command how it ends, where rich would end the program."""
        raise  # the error that rich has caught


def report_console() -> Console:
    """A console for tables of at most 100 columns on standard output."""
    return _ReportConsole(width=_WIDTH, highlight=False, emoji=False, markup=False)
