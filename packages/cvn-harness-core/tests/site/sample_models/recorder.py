"""An observer that keeps what it sees."""

from cvn_harness_core import ObserverLimits, hookimpl

EVENTS = []
READY = []
SAVED = []


@hookimpl
def cvn_observer_limits():
    return ObserverLimits(per_fit=60)  # a test reads what was seen at once, on a busy machine too


@hookimpl
def cvn_event(event):
    EVENTS.append(event)


@hookimpl
def cvn_artifact_ready(artifact, hit):
    READY.append((artifact, hit, EVENTS[-1].event))


@hookimpl
def cvn_artifact_saved(artifact, path):
    SAVED.append((artifact, path))
