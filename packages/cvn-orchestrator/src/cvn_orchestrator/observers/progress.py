"""How far a sweep is: a live display on a terminal, plain lines anywhere else."""

from __future__ import annotations

from dataclasses import dataclass, field

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from cvn_harness_core import CellFacts, SweepFacts, hookimpl

_SHOWN = 4
_WINDOW_S = 1800.0  # cells differ: what remains is told by the speed of the last half hour


@dataclass
class Tally:
    """What the cells of this call came to.

    ``cached`` counts cells whose artifact was in the store, ``saved`` the trainings and folds that
    were found there and not fitted again.
    """

    done: int = 0
    failed: int = 0
    cached: int = 0
    saved: int = 0
    slowest: CellFacts | None = None
    running: dict[str, CellFacts] = field(default_factory=dict)

    @property
    def begun(self) -> bool:
        """Whether any cell was."""
        return bool(self.running or self.done or self.failed)

    def began(self, cell: CellFacts) -> None:
        """Count a cell that runs."""
        self.running[cell.cell] = cell

    def ended(self, cell: CellFacts) -> None:
        """Count a cell that ended; one that will be tried again is open."""
        self.running.pop(cell.cell, None)
        self.saved += cell.n_cached
        if cell.retried:
            return
        self.done += cell.state == "done"
        self.failed += cell.state == "failed"
        self.cached += bool(cell.cache_hit)
        if self.slowest is None or (cell.seconds or 0.0) > (self.slowest.seconds or 0.0):
            self.slowest = cell

    @property
    def text(self) -> str:
        """One line for people."""
        parts = [f"{self.failed} failed", f"{self.cached} from the store"]
        parts.append(f"{self.saved} fits saved by sharing")
        if self.slowest is not None:
            parts.append(f"slowest {self.slowest.name} {self.slowest.seconds:.1f} s")
        return ", ".join(parts)


class SweepProgress:
    """Shows a sweep on a console; to be included among the observers while it runs."""

    def __init__(self, console: Console) -> None:
        self.tally = Tally()
        self._console = console
        self._total = self._before = 0
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=console,
            speed_estimate_period=_WINDOW_S,
        )
        self._task = self._bar.add_task("cells", total=None, start=False)
        self._live = Live(
            get_renderable=self._render,
            console=console,
            refresh_per_second=4,
            transient=True,
            redirect_stderr=console.is_terminal,
            redirect_stdout=False,
        )

    @hookimpl
    def cvn_sweep_started(self, sweep: SweepFacts) -> None:
        """Begin to show."""
        self._total, self._before = sweep.n_cells, sweep.n_done + sweep.n_failed
        self._bar.update(self._task, description=sweep.name, total=sweep.n_open)
        if self._console.is_terminal:
            self._bar.start_task(self._task)
            self._live.start()
            return
        earlier = f", {self._before} of them have a result" if self._before else ""
        now = f"; {sweep.n_workers} at once" if sweep.n_open else ""
        self._say(f"{sweep.name} ({sweep.run[:12]}): {sweep.n_cells} cells{earlier}{now}")

    @hookimpl
    def cvn_cell_started(self, cell: CellFacts) -> None:
        """Show a cell that runs."""
        self.tally.began(cell)

    @hookimpl
    def cvn_cell_done(self, cell: CellFacts) -> None:
        """Count a cell that is done."""
        self._ended(cell)

    @hookimpl
    def cvn_cell_failed(self, cell: CellFacts) -> None:
        """Count, and name, a cell that failed."""
        self._ended(cell)

    @hookimpl
    def cvn_sweep_done(self, sweep: SweepFacts) -> None:  # noqa: ARG002
        """Stop showing."""
        self._live.stop()

    def _ended(self, cell: CellFacts) -> None:
        self.tally.ended(cell)
        n = self.tally.done + self.tally.failed
        self._bar.update(self._task, completed=n)
        if self._console.is_terminal and cell.state == "done":
            return
        again = ", to be tried again" if cell.retried else ""
        what = (
            f"done in {cell.seconds:.2f} s{' (from the store)' if cell.cache_hit else ''}"
            if cell.state == "done"
            else f"failed{again}: {cell.error_message} [{cell.error_code or 'unforeseen'}]"
        )
        self._say(f"{self._before + n}/{self._total} {cell.name}: {what}")

    def _say(self, text: str) -> None:
        if self._console.is_terminal:
            self._console.print(text, highlight=False, markup=False, soft_wrap=True)
        else:
            self._console.file.write(f"{text}\n")  # at once: workers write to the same stream
            self._console.file.flush()

    def _render(self) -> RenderableType:
        running = [cell.name for cell in self.tally.running.values()]
        more = f" and {len(running) - _SHOWN} more" if len(running) > _SHOWN else ""
        return Group(
            self._bar,
            Text(self.tally.text, style="dim"),
            Text(f"running: {', '.join(running[:_SHOWN])}{more}", style="dim"),
        )
