"""What one use says about itself, and what it never says."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mozbisect.catalog import apps
from mozbisect.core.errors import UsageError
from mozbisect.options import Options
from mozbisect.telemetry import usage
from mozbisect.telemetry.usage import VARIANTS, Machine, Usage, as_if, this_machine, usage_of

TODAY = date(2026, 9, 30)
MACHINE = Machine(linux_distro="debian", linux_version="12", python_version="3.13.1")
ROOT = Path(__file__).parent.parent.parent


def values(options: Options, launch: str | None = None) -> dict[str, str]:
    return usage_of(options, MACHINE, variant="console", today=TODAY, launch=launch).values()


PLAIN = {
    "variant": "console",
    "app": "firefox",
    "build_type": "shippable",
    "linux_distro": "debian",
    "linux_version": "12",
    "python_version": "3.13.1",
}


@pytest.mark.parametrize(
    ("options", "more"),
    [
        (Options(good="2026-01-02", bad="2026-3-4"), {"good_date": "2026-01-02", "bad_date": "2026-03-04"}),
        (Options(bad="20260203235959"), {"bad_date": "2026-02-03"}),
        (Options(good="149", bad="150.0.1"), {}),
        (Options(good="FIREFOX_131_0_RELEASE", bad="2026-02-03"), {"bad_date": "2026-02-03"}),
        (Options(good="5dd0a1ccf3a9", bad="1f0b7e1c7a52"), {}),
        (Options(), {}),
        (
            Options(find_fix=True, good="2026-03-04", bad="2026-01-02"),
            {"good_date": "2026-03-04", "bad_date": "2026-01-02"},
        ),
        (Options(build_type="debug"), {"build_type": "debug"}),
        (Options(app="gve"), {"app": "gve", "build_type": apps.app("gve").default_type}),
    ],
)
def test_a_search_says_the_days_that_were_given_as_days(options: Options, more: dict[str, str]) -> None:
    assert values(options) == {**PLAIN, **more}


@pytest.mark.parametrize(
    ("bound", "day"), [("2026-01-02", "2026-01-02"), ("20260203000000", "2026-02-03"), ("149", None), ("abcdef0", None)]
)
def test_a_launch_says_its_day_and_no_other(bound: str, day: str | None) -> None:
    # A configuration file cannot set them, but the environment can.
    found = values(Options(good="2025-01-01", bad="2025-02-02"), launch=bound)
    assert found == {**PLAIN, **({"launch_date": day} if day else {})}


def test_a_build_type_that_does_not_exist_is_no_use() -> None:
    with pytest.raises(UsageError, match="no build type"):
        values(Options(build_type="my-secret"))


# What a person types, and what surrounds it. Eight letters, so that none occurs by chance.
SECRET = st.text(alphabet="qxzjk", min_size=8, max_size=20)


@given(SECRET, st.sampled_from(["repo", "profile", "persist", "command", "lang", "hg_url", "folder", "judge"]))
def test_what_is_typed_as_text_is_never_said(secret: str, name: str) -> None:
    assert secret not in json.dumps(values(Options(**{name: f"https://{secret}.example/{secret}"})))


@given(SECRET, st.sampled_from(["pref", "preferences", "addon", "arg", "exclude"]))
def test_what_is_given_several_times_is_never_said(secret: str, name: str) -> None:
    assert secret not in json.dumps(values(Options(**{name: (secret, f"{secret}:1", f"/home/{secret}")})))


@given(st.text(alphabet="0123456789abcdef", min_size=12, max_size=40), st.sampled_from(["good", "bad", "launch"]))
def test_a_revision_is_never_said(revision: str, name: str) -> None:
    revision = f"ab{revision[2:]}"  # digits only could be a build id
    found = values(Options(), launch=revision) if name == "launch" else values(Options(**{name: revision}))
    assert found == PLAIN


def test_the_names_are_those_of_the_definitions_and_of_nothing_else() -> None:
    metrics = yaml.safe_load((ROOT / "metrics.yaml").read_text())["usage"]
    assert list(Usage.__dataclass_fields__) == list(metrics)
    assert {name for name, row in metrics.items() if row["type"] == "datetime"} == {
        name for name in metrics if name.endswith("_date")
    }


def test_the_names_are_those_of_mozregressions_tables() -> None:
    sent = json.loads((ROOT / "tests" / "data" / "glean" / "mozregression_pings.json").read_text())
    pings = [ping["body"]["metrics"] for ping in sent if "/usage/" in ping["path"]]
    names = {name for ping in pings for kind in ("string", "datetime") for name in ping.get(kind, {})}
    assert names
    assert {name.removeprefix("usage.") for name in names} <= set(Usage.__dataclass_fields__)


# ------------------------------------------------------------------------------------------------- the machine


@pytest.mark.parametrize(
    ("system", "known"),
    [
        ("linux", {"linux_distro", "linux_version"}),
        ("darwin", {"mac_version"}),
        ("win32", {"windows_version"}),
        ("freebsd14", set()),
    ],
)
def test_a_machine_says_the_versions_of_its_own_system(
    monkeypatch: pytest.MonkeyPatch, system: str, known: set[str]
) -> None:
    monkeypatch.setattr(usage.sys, "platform", system)
    version = SimpleNamespace(major=10, minor=0, build=22631)
    monkeypatch.setattr(usage.sys, "getwindowsversion", lambda: version, raising=False)
    found = this_machine()
    assert {name for name in Machine.__dataclass_fields__ if getattr(found, name)} == known | {"python_version"}
    assert re.fullmatch(r"3\.\d+\.\d+\S*", found.python_version)


def test_a_distribution_without_a_name_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> dict[str, str]:
        raise OSError

    monkeypatch.setattr(usage.sys, "platform", "linux")
    monkeypatch.setattr(usage.platform, "freedesktop_os_release", missing)
    assert (this_machine().linux_distro, this_machine().linux_version) == ("unknown", "unknown")


# -------------------------------------------------------------------------------------------------------- --as


@pytest.mark.parametrize("variant", VARIANTS)
def test_as_a_variant(variant: str) -> None:
    assert as_if(Usage("console", "firefox", "opt"), [variant]) == Usage(variant, "firefox", "opt")


def test_as_another_machine() -> None:
    shown = as_if(Usage("console", "firefox", "opt", linux_distro="debian"), ["linux_distro=", "mac_version=14.1"])
    assert shown == Usage("console", "firefox", "opt", mac_version="14.1")


def test_as_of_another_day() -> None:
    assert as_if(Usage("console", "firefox", "opt"), ["bad_date=2020-02-29"]).bad_date == date(2020, 2, 29)


@pytest.mark.parametrize("wish", ["who", "name=me", "variant=tui", "bad_date=yesterday", "=", "values=1"])
def test_as_something_that_does_not_exist_is_a_usage_error(wish: str) -> None:
    with pytest.raises(UsageError, match=re.escape(wish)):
        as_if(Usage("console", "firefox", "opt"), [wish])
