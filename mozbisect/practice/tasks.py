"""Which builds Taskcluster makes of a push, and what its index calls them. It answers no requests.

gecko.v2.autoland.shippable.revision.<node>.firefox.linux64-opt
─domain─ ─project─ ─middle─ ─────spot────── product job──┴─suffix
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

from mozbisect.practice import world as worlds
from mozbisect.practice.parameters import BUILD_TYPES
from mozbisect.practice.phones import ABIS
from mozbisect.practice.world import Push, World

DESKTOP = {
    "linux": "linux-i686",
    "linux64": "linux-x86_64",
    "linux64-aarch64": "linux-aarch64",
    "win32": "win32",
    "win64": "win64",
}
"""How routes name the desktop platforms that are built, and how packages do."""

PHONES = {
    "android-api-16": "android-arm",
    "android-arm": "android-arm",
    "android-aarch64": "android-aarch64",
    "android-x86": "android-x86",
    "android-x86_64": "android-x86_64",
}
"""The same for phones. Which of the two names of ARM is in use is left to who asks."""

NIGHTLY = "nightly"
"""The build type of what is signed once a day: fenix-nightly."""

_TYPES = BUILD_TYPES | {NIGHTLY: ("", "nightly")}

_ROUTE = re.compile(
    r"(?P<domain>gecko|comm)\.v2\.(?P<project>[\w-]+?)(?P<middle>\.shippable)?\.(?P<spot>.+)"
    r"\.(?P<product>firefox|thunderbird|devedition|mobile)\.(?P<leaf>[\w-]+)"
)
_SPOTS = (
    re.compile(r"(?:\d{4}\.\d\d\.\d\d\.)?revision\.(?P<revision>[0-9a-f]{40})"),
    re.compile(r"pushlog-id\.(?P<number>\d+)"),
    re.compile(r"(?P<latest>latest)"),
    re.compile(r"(?:pushdate\.)?(?P<day>\d{4}\.\d\d\.\d\d)\.(?P<stamp>\d{14}|latest)"),
)
_NAMESPACE = re.compile(
    r"(?:gecko|comm)\.v2\.(?P<project>[\w-]+)\.(?P<kind>pushdate|shippable)\.(?P<day>\d{4}\.\d\d\.\d\d)"
    r"(?P<rest>\.revision)?"
)

_RUNS = {worlds.Task.DONE: ("completed",), worlds.Task.RETRIED: ("failed", "completed")}


@dataclass(frozen=True, slots=True)
class BuildTask:
    """One task. ``product`` and ``job`` as in its routes; ``runs``: how each of its runs ended, the first one first."""

    task_id: str
    push: Push
    product: str
    job: str
    build_type: str
    runs: tuple[str, ...]

    @property
    def done_at(self) -> int | None:
        """The run that made the build."""
        return self.runs.index("completed") if "completed" in self.runs else None

    @property
    def name(self) -> str:
        return f"build-{self.job}-{self.build_type}/{_TYPES[self.build_type][1]}"


class Index:
    """All tasks of some worlds whose builds have not expired. ``domain`` gecko is Firefox's, comm Thunderbird's."""

    def __init__(self, served: Sequence[World]) -> None:
        self._served = {name: world for world in served for name in world.pushes}
        self._met: dict[str, BuildTask] = {}

    def world(self, task: BuildTask) -> World:
        return self._served[task.push.repo]

    def find(self, namespace: str) -> BuildTask | None:
        """The task that a route leads to."""
        match = _ROUTE.fullmatch(namespace)
        push = self._push_at(match["project"], match["spot"]) if match else None
        if match is None or push is None or match["domain"] != self._domain(push):
            return None
        for product, job, build_type in self._made_of(push):
            middle, suffix = _TYPES[build_type]
            if (product, f"{job}-{suffix}", middle) == (match["product"], match["leaf"], match["middle"] or ""):
                task = self._task(push, product, job, build_type)
                self._met[task.task_id] = task
                return task
        return None

    def by_id(self, task_id: str) -> BuildTask | None:
        return self._met.get(task_id) or self._tasks.get(task_id)

    def names_below(self, namespace: str) -> list[str]:
        """What the index lists below the namespace of a day."""
        match = _NAMESPACE.fullmatch(namespace)
        if match is None:
            return []
        pushes = [push for push in self._known.get(match["project"], ()) if f"{push.when:%Y.%m.%d}" == match["day"]]
        if match["rest"]:
            return sorted(push.head.node for push in pushes)
        names = {push.build_id for push in pushes}
        if pushes:
            names |= {"latest"} if match["kind"] == "pushdate" else {"latest", "revision"}
        return sorted(names)

    # ------------------------------------------------------------------------------------------------- pushes

    def _push_at(self, project: str, spot: str) -> Push | None:
        """The push that a part of a route means, if its builds are in the index."""
        for pattern in _SPOTS:
            if match := pattern.fullmatch(spot):
                break
        else:
            return None
        where = match.groupdict()
        pushes = self._known.get(project, [])
        if where.get("revision"):
            pushes = [push for push in pushes if where["revision"] in self._hashes(push)]
        elif where.get("number"):
            pushes = [push for push in pushes if str(push.number) == where["number"]]
        elif where.get("stamp"):
            pushes = [push for push in pushes if f"{push.when:%Y.%m.%d}" == where["day"]]
            if where["stamp"] != "latest":
                pushes = [push for push in pushes if push.build_id == where["stamp"]]
        return pushes[-1] if pushes else None

    def _hashes(self, push: Push) -> tuple[str | None, ...]:
        has_git = self._served[push.repo].parameters.git_routes
        return (push.head.node, push.head.git) if has_git else (push.head.node,)

    @cached_property
    def _known(self) -> dict[str, list[Push]]:
        """Every project with the pushes whose builds are in the index."""
        known = {
            name: [push for push in world.pushes[name] if world.task(push) is not worlds.Task.MISSING]
            for name, world in self._served.items()
        }
        # Central last: a changeset that went from a branch to central as it is was indexed there later.
        own = next(iter(self._served.values())).parameters
        return known | {"trunk": [*known.get(own.branch, ()), *known[own.central]]}

    def _domain(self, push: Push) -> str:
        return "comm" if self._served[push.repo].parameters.family == "comm" else "gecko"

    # -------------------------------------------------------------------------------------------------- tasks

    def _made_of(self, push: Push) -> Iterator[tuple[str, str, str]]:
        """Product, job and build type of all that is built of a push."""
        own = self._served[push.repo].parameters
        is_central, is_trunk = push.repo == own.central, push.repo in (own.central, own.branch)
        products = ["thunderbird" if own.family == "comm" else "firefox"]
        if push.repo == "mozilla-beta" and "devedition" in own.products:
            products.append("devedition")
        # Thunderbird's release branches have shippable builds only.
        build_types = own.build_types if own.family == "mozilla" or is_central else ("shippable",)
        yield from ((product, job, kind) for product in products for job in DESKTOP for kind in build_types)
        if own.family == "mozilla" and is_trunk and {"gve", "fennec"}.intersection(own.products):
            yield from (("mobile", job, kind) for job in PHONES for kind in build_types)
        if is_central and push.number in self._nightly:
            yield from (("mobile", product, NIGHTLY) for product in ("fenix", "focus") if product in own.products)

    @cached_property
    def _nightly(self) -> frozenset[int]:
        """The push ids of what nightlies of Firefox were made from."""
        world = next(iter(self._served.values()))
        return frozenset(nightly.push.number for nightly in world.nightlies)

    def _task(self, push: Push, product: str, job: str, build_type: str) -> BuildTask:
        ends = _RUNS.get(self._served[push.repo].task(push), ("failed",))
        return BuildTask(_task_id(push, product, job, build_type), push, product, job, build_type, ends)

    @cached_property
    def _tasks(self) -> dict[str, BuildTask]:
        """All that there are, by their ids; needed only for who comes with an id that was not asked for here."""
        pushes = [push for project, pushes in self._known.items() if project != "trunk" for push in pushes]
        tasks = (self._task(push, *made) for push in pushes for made in self._made_of(push))
        return {task.task_id: task for task in tasks}


def packages(task: BuildTask, products: Sequence[str]) -> Mapping[str, tuple[str | None, str]]:
    """What is in a task that can be unpacked: its name below ``public/build/``, the product (None: the usual), and the
    platform."""
    if task.build_type == NIGHTLY:
        return {f"{abi}/target.apk": (task.job, f"android-{abi}") for abi in ABIS}
    if task.product == "mobile":
        names = {"gve": "geckoview_example.apk", "fennec": "target.apk"}
        return {name: (product, PHONES[task.job]) for product, name in names.items() if product in products}
    platform = DESKTOP[task.job]
    found: dict[str, tuple[str | None, str]] = {
        f"target{'.zip' if task.job.startswith('win') else '.tar.xz'}": (None, platform)
    }
    if "jsshell" in products:
        found["target.jsshell.zip"] = ("jsshell", platform)
    return found


def _task_id(push: Push, product: str, job: str, build_type: str) -> str:
    """A slug of 22 characters, as Taskcluster's are."""
    beside = "" if product in ("firefox", "thunderbird") else f" {product}"
    digest = sha256(f"{push.repo} {push.number} {push.head.node} {job} {build_type}{beside}".encode()).digest()
    return urlsafe_b64encode(digest[:16]).decode().rstrip("=")
