"""An observer that keeps what it sees."""

from cvn_harness_core import hookimpl

EVENTS = []
SAVED = []


@hookimpl
def cvn_event(event):
    EVENTS.append(event)


@hookimpl
def cvn_artifact_saved(artifact, path):
    SAVED.append((artifact, path))
