"""What controllers say of an HTTPRoute in its status: whether its present generation is in force, and if not, why not.

Only the parents that the route names now count: an entry of one that was taken away, or of a controller that is gone, stays
in the status for ever.

A controller SHOULD name the generation that a condition is about (Gateway API, RouteParentStatus); some never do. What those
say is believed once they have had the time to look, which is the caller's to wait for: `undated`.
"""

from __future__ import annotations

from collections.abc import Iterator

from sluice.rollout.routes.base import Object

GROUP, KIND = "gateway.networking.k8s.io", "Gateway"


def accepted(route: Object | None, *, resolved: bool = True, undated: bool = False) -> bool:
    """Whether every parent that a controller speaks for says Accepted for the route's present generation.

    Args:
        resolved: whether each has to find all of the route's backends too. Where one cannot be found, an accepted route
            answers its requests with errors.
        undated: whether the words of a controller that names no generation count, where none that does speaks of this one.
    """
    if route is None:
        return False
    parents = [_speaking(route, entries, undated=undated) for _, entries in _spoken_for(route)]
    return bool(parents) and all(
        any(_says(entry, route, "Accepted") == "True" for entry in entries)
        and not any(_says(entry, route, "Accepted") == "False" for entry in entries)
        and not (resolved and any(_says(entry, route, "ResolvedRefs") == "False" for entry in entries))
        for entries in parents
    )


def refusal(route: Object) -> str:
    """Why a parent does not accept the route's present generation; empty where none refuses it."""
    return _why_not(route, "Accepted")


def unresolved(route: Object) -> str:
    """What a parent cannot find of the route's backends; empty where none misses any."""
    return _why_not(route, "ResolvedRefs")


def silent(route: Object) -> str:
    """The parents that have not spoken of the route's present generation with their controllers, for a message."""
    names = []
    for parent in _parents(route):
        entries = _entries(route, parent)
        if not any(_says(entry, route, "Accepted") for entry in _speaking(route, entries, undated=True)):
            controllers = sorted({str(one["controllerName"]) for one in entries if one.get("controllerName")})
            names.append(_named(parent) + (f" ({', '.join(controllers)})" if controllers else ""))
    return ", ".join(names)


def unheard(route: Object) -> str:
    """The parents for which no controller has ever reported anything, for a message; empty where there are none."""
    return ", ".join(_named(parent) for parent in _parents(route) if not _entries(route, parent))


def parent_ref(reference: Object, namespace: str) -> Object:
    """A parent reference with what is left out of it filled in as the Gateway API reads it."""
    full = {"group": GROUP, "kind": KIND, "namespace": namespace, "sectionName": None, "port": None}
    # An empty group is the core one: a mesh's parent is a Service.
    return full | {name: value for name, value in reference.items() if value or (name == "group" and value is not None)}


def _why_not(route: Object, condition: str) -> str:
    return "; ".join(
        f"{one.get('reason')}: {one.get('message')}"
        for _, entries in _spoken_for(route)
        for entry in _speaking(route, entries, undated=True)
        for one in entry.get("conditions") or []
        if one["type"] == condition and _says(entry, route, condition) == "False"
    )


def _says(entry: Object, route: Object, condition: str) -> str:
    """A condition's status, where it is about the present generation or nobody says about which; else empty."""
    generation = 0 if _is_undated(entry) else route["metadata"]["generation"]
    said = (one for one in entry.get("conditions") or [] if one["type"] == condition)
    return next((one["status"] for one in said if one.get("observedGeneration", 0) >= generation), "")


def _is_undated(entry: Object) -> bool:
    """Whether a controller names no generation in anything that it says."""
    return not any(one.get("observedGeneration") for one in entry.get("conditions") or [])


def _speaking(route: Object, entries: list[Object], *, undated: bool) -> list[Object]:
    """The entries of a parent that say something of the present generation; else, if asked for, those without one."""
    dated = [one for one in entries if not _is_undated(one)]
    if any(_says(one, route, "Accepted") for one in dated) or not undated:
        return dated
    return [one for one in entries if _is_undated(one)]


def _named(parent: Object) -> str:
    return f"{parent['kind']} {parent['namespace']}/{parent['name']}"


def _spoken_for(route: Object) -> Iterator[tuple[Object, list[Object]]]:
    for parent in _parents(route):
        entries = _entries(route, parent)
        if entries:
            yield parent, entries


def _parents(route: Object) -> list[Object]:
    namespace = route["metadata"].get("namespace", "")
    return [parent_ref(one, namespace) for one in (route.get("spec") or {}).get("parentRefs") or []]


def _entries(route: Object, parent: Object) -> list[Object]:
    namespace = route["metadata"].get("namespace", "")
    known = (route.get("status") or {}).get("parents") or []
    return [one for one in known if parent_ref(one.get("parentRef") or {}, namespace) == parent]
