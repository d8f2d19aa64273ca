"""README and docs, held against the program: a page that tells another story than the program is a bug."""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

import click
import jsonschema
import pytest
import yaml
from click.testing import CliRunner

from mozbisect.argv import FORMER, tidy
from mozbisect.catalog.releases import LEFT_CENTRAL
from mozbisect.cli import grammar, keys, mozbisect
from mozbisect.commands.listing import _row
from mozbisect.core import errors
from mozbisect.core.errors import MozbisectError
from mozbisect.core.journal import Ended, Judged, Listed, Missing, Opened, Undone, from_line, to_line
from mozbisect.core.model import Candidate, Kind
from mozbisect.judge import placeholders
from mozbisect.judge.manual import WORDS
from mozbisect.judge.marionette import check_script
from mozbisect.judge.table import JUDGES, Row
from mozbisect.judge.table import parse as parse_judge
from mozbisect.telemetry import decision
from mozbisect.telemetry.usage import APPLICATION, Usage
from tests.differential import DIFFERENCES, ROUTE_DIFFERENCES, WORD_DIFFERENCES

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
README = ROOT / "README.md"
PAGES = sorted(path for path in (README, *DOCS.rglob("*.md")) if "_build" not in path.parts)

FENCE = re.compile(r"^```(?P<language>[\w{}]*)[^\n]*\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
INDENTED = re.compile(r"^    (\S.*)$", re.MULTILINE)
INLINE = re.compile(r"(?<!`)`(mozbisect [^`\n]+)`(?!`)")
ROW = re.compile(r"^\|(.+)\|$", re.MULTILINE)

# The options page shows the first as one that is refused, and has the second as a title.
REFUSED = {"mozbisect --good … builds", "mozbisect completion SHELL"}
PEER_HELP = ROOT / "tests" / "data" / "mozregression" / "help-7.6.0.txt"


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def fences(path: Path, *languages: str) -> list[str]:
    return [match["body"] for match in FENCE.finditer(read(path)) if match["language"] in languages]


def command_lines(path: Path) -> Iterator[str]:
    """Everything on a page that a person could type after a prompt and that runs mozbisect."""
    blocks = fences(path, "", "sh")
    for block in blocks:
        yield from (
            line for line in block.replace("\\\n", " ").splitlines() if re.match(r"(xvfb-run .*)?mozbisect\b", line)
        )
    outside = FENCE.sub("", read(path))
    yield from (match[1] for match in INLINE.finditer(outside) if match[1] not in REFUSED)
    yield from (line.rpartition("bin/")[2] for line in INDENTED.findall(outside) if "bin/mozbisect " in line)


EXAMPLES = [(path, line) for path in PAGES for line in command_lines(path)]


def refused(line: str) -> str:
    """Why the command line of an example would be refused; empty if it would not be."""
    words = shlex.split(line, comments=True)
    words = words[words.index("mozbisect") + 1 :]
    words = words[: words.index(">")] if ">" in words else words
    words = [word for word in words if word != "…"]
    try:
        parse(mozbisect, "mozbisect", words)
    except click.ClickException as error:
        return error.format_message()
    return ""


def parse(command: click.Command, name: str, words: list[str], parent: click.Context | None = None) -> None:
    """As click does it, but nothing is run. A value that is left out at the end (`--good …`) is a placeholder."""
    if words and takes_value(command, words[-1]):
        words = [*words, "VALUE"]
    context = command.make_context(name, list(words), parent=parent)
    if not isinstance(command, click.Group):
        return
    _, rest, _ = command.make_parser(context).parse_args(tidy(words, grammar(command, context)))
    if rest:
        found, child, rest = command.resolve_command(context, rest)
        assert child is not None
        parse(child, str(found), rest, context)


def takes_value(command: click.Command, word: str) -> bool:
    return any(
        word in option.opts and isinstance(option, click.Option) and not option.is_flag for option in command.params
    )


def test_there_are_examples_at_all() -> None:
    assert len(EXAMPLES) > 50
    assert {path for path, _ in EXAMPLES} >= {README, DOCS / "tutorial.md"}


@pytest.mark.parametrize(("path", "line"), EXAMPLES, ids=lambda value: value.stem if isinstance(value, Path) else value)
def test_every_command_line_in_the_docs_is_one_that_the_program_takes(path: Path, line: str) -> None:
    if "--help" in line:
        return  # click would print it
    assert refused(line) == "", f"{path.relative_to(ROOT)}: {line}"


@pytest.mark.parametrize(
    "line", ["mozbisect --no-such", "mozbisect builds --command x", "mozbisect nothing", "mozbisect log a b"]
)
def test_a_command_line_that_is_wrong_would_be_noticed(line: str) -> None:
    assert refused(line)


def every_command(command: click.Command) -> Iterator[click.Command]:
    yield command
    for child in command.commands.values() if isinstance(command, click.Group) else ():
        yield from every_command(child)


def test_every_option_that_a_page_names_exists() -> None:
    known = {
        opt for command in every_command(mozbisect) for p in command.params for opt in (*p.opts, *p.secondary_opts)
    }
    known |= {"--help", "--check"}  # --check is the practice builds' own
    foreign = {"--no-remote", "--headless", "--screenshot", "--profile"}  # of Firefox, in the example of a test script
    foreign |= {"--write-conf", "--persist-size"}  # abbreviations
    former = {row.name.rstrip("*") for row in FORMER} | {"--allow-downgrade"}
    for path in PAGES:
        named = set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]+", read(path)))
        if "mozregression" in path.stem:
            named -= former
        assert named <= known | foreign, f"{path.relative_to(ROOT)}: {sorted(named - known - foreign)}"


# ----------------------------------------------------------------------------------------------- generated


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_of_options_is_what_the_commands_say() -> None:
    made = generator()
    assert read(made.PAGE) == made.page(), "run: python docs/generate.py"


def test_the_page_of_apps_is_what_the_catalogue_says() -> None:
    made = generator()
    assert read(made.APPS_PAGE) == made.apps_page(), "run: python docs/generate.py"


def test_every_difference_from_mozregression_has_its_reason_on_the_page() -> None:
    page = " ".join(read(DOCS / "reference" / "differences.md").split())
    for item in (*DIFFERENCES, *ROUTE_DIFFERENCES, *WORD_DIFFERENCES):
        assert item.what in page
        assert item.why in page


def test_the_help_names_every_judge() -> None:
    option = next(param for param in mozbisect.params if param.name == "judge")
    assert isinstance(option, click.Option)
    assert all(row.usage in str(option.help) for row in JUDGES if row.name != "command")


def test_the_page_of_judges_is_what_the_table_says() -> None:
    made = generator()
    assert read(made.JUDGES_PAGE) == made.judges_page(), "run: python docs/generate.py"


@pytest.mark.parametrize("row", JUDGES, ids=lambda row: row.name)
def test_every_judge_has_a_page_with_an_example_of_it(row: Row) -> None:
    lines = list(command_lines(DOCS / "how-to" / row.page))
    used = [shlex.split(line) for line in lines]
    judges = [words[words.index("--judge") + 1] for words in used if "--judge" in words]
    if row.name == "command":
        assert all("--command" in words for words in used)
    else:
        assert judges
        assert {parse_judge(text)[0].name for text in judges} == {row.name}


def test_the_marionette_script_of_the_docs_is_one(tmp_path: Path) -> None:
    (text,) = fences(DOCS / "how-to" / "judges" / "marionette.md", "python")
    script = tmp_path / "script.py"
    script.write_text(text)
    check_script(script)


def test_the_page_about_mozregression_is_what_the_tables_say() -> None:
    made = generator()
    assert read(made.PEER_PAGE) == made.peer_page(), "run: python docs/generate.py"


def peer_options() -> list[tuple[str, ...]]:
    """The spellings of every option in the recorded help."""
    found = re.findall(r"^  (-\S.*?)(?:  |$)", read(PEER_HELP), re.MULTILINE)
    return [tuple(sorted(re.findall(r"(?<![\w-])--?[a-zA-Z][a-zA-Z-]*", row), key=len)) for row in found]


def test_the_page_about_mozregression_has_every_option_of_the_recorded_help() -> None:
    assert len(peer_options()) > 30
    listed = [cells[0].replace("`", "") for cells in rows(generator().PEER_PAGE) if cells[0].startswith("`")]
    assert {", ".join(names) for names in peer_options()} <= set(listed)


FLAGS_THERE = {
    *("--debug", "--find-fix", "--list-build-types", "--list-releases", "--no-background-dl", "--write-config"),
}
VALUES_THERE = {
    "--approx-policy": "none",
    "--arch": "x86",
    "--background-dl-policy": "keep",
    "--bits": "32",
    "--http-timeout": "10",
    "--mode": "no-first-check",
    "--persist-size-limit": "1.5",
    "--pref": "a:1 b:2",
    "--preferences": "one.json two.ini:section",
    "--process-output": "stdout",
    "--profile-persistence": "reuse",
}


@pytest.mark.parametrize("names", [names for names in peer_options() if names[-1] not in ("--help", "--version")])
def test_every_option_of_the_peer_is_taken_in_every_spelling(names: tuple[str, ...]) -> None:
    values = [] if names[-1] in FLAGS_THERE else VALUES_THERE.get(names[-1], "value").split()
    for name in names:
        assert refused(shlex.join(["mozbisect", name, *values])) == "", name
        if len(values) == 1:
            assert refused(shlex.join(["mozbisect", f"{name}={values[0]}"])) == "", name


@pytest.mark.parametrize("arch", ["aarch64", "arm", "arm64-v8a", "armeabi-v7a", "x86", "x86_64"])
def test_every_processor_of_the_peer_is_taken(arch: str) -> None:
    assert f"{arch}," in read(PEER_HELP).replace("}", ",")
    assert refused(f"mozbisect --arch {arch}") == ""


def test_the_page_about_configuration_names_every_key() -> None:
    told = {cells[0].strip("`") for cells in rows(DOCS / "reference" / "configuration.md") if cells[0].startswith("`")}
    assert told >= {key.name for key in keys(mozbisect)} | {"telemetry"}


def test_the_environment_variables_of_that_page_are_those_that_click_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = re.findall(r"^\| `.*?--([a-z-]+).*\| `(MOZBISECT_\w+)` \|$", read(generator().PAGE), re.MULTILINE)
    assert len(rows) > 40
    monkeypatch.setenv("MOZBISECT_HTTP_TIMEOUT", "7.5")
    assert mozbisect.make_context("mozbisect", [], obj=None).params["http_timeout"] == 7.5
    assert ("http-timeout", "MOZBISECT_HTTP_TIMEOUT") in rows


# ------------------------------------------------------------------------------------------------ reference


def rows(path: Path) -> list[list[str]]:
    """The cells of every table row of a page."""
    return [[cell.strip() for cell in match[1].split("|")] for match in ROW.finditer(read(path))]


def test_the_exit_statuses_are_those_of_the_errors() -> None:
    told = {
        name: int(cells[0])
        for cells in rows(DOCS / "reference" / "exit-status.md")
        if cells[0].isdigit()
        for name in re.findall(r"`(\w+)`", cells[-1])
    }
    tree = {
        kind.__name__: kind.exit_code
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, MozbisectError)
    }
    assert told == tree


def test_the_page_of_placeholders_names_them_all_and_no_other() -> None:
    found = [cells for cells in rows(DOCS / "reference" / "placeholders.md") if cells[0].startswith("`{")]
    assert tuple(cells[0].strip("`{}") for cells in found) == placeholders.NAMES
    assert [cells[1] for cells in found] == [f"`MOZBISECT_{name.upper()}`" for name in placeholders.NAMES]


def test_the_page_of_answers_names_all_words() -> None:
    found = {cells[0]: cells[1] for cells in rows(DOCS / "reference" / "answers.md") if cells[0].startswith("`")}
    assert found == {f"`{word.name}`": ", ".join(f"`{short}`" for short in word.short) for word in WORDS}


def test_the_journals_events_are_told() -> None:
    found = [cells[0].strip("`") for cells in rows(DOCS / "reference" / "journal.md") if cells[0].startswith("`")]
    assert found == [kind.__name__ for kind in (Opened, Listed, Missing, Judged, Undone, Ended)]


def test_the_journals_examples_are_lines_of_a_journal() -> None:
    (block,) = fences(DOCS / "reference" / "journal.md", "json")
    for line in block.splitlines():
        assert to_line(from_line(line)) == line


def test_the_page_of_telemetry_names_every_value_that_is_sent() -> None:
    told = {
        name for cells in rows(DOCS / "reference" / "telemetry.md") for name in re.findall(r"`usage\.(\w+)`", cells[0])
    }
    assert told == set(Usage.__dataclass_fields__)


def test_the_page_of_telemetry_names_every_way_to_say_no() -> None:
    ways = "\n".join(cells[0] for cells in rows(DOCS / "reference" / "telemetry.md"))
    for way in (decision.FLAG, decision.OURS, decision.EVERYBODYS, "--no-telemetry", "disable`", "`telemetry = false`"):
        assert way in ways


def test_the_entry_for_the_pipeline_is_ours_and_its_files_exist() -> None:
    (block,) = fences(DOCS / "ideas" / "telemetry.md", "yaml")
    (entry,) = yaml.safe_load(block)
    assert [channel["app_id"] for channel in entry["channels"]] == [APPLICATION]
    assert all((ROOT / name).exists() for name in (*entry["metrics_files"], *entry["ping_files"]))


def test_the_releases_that_are_promised_are_known() -> None:
    text = " ".join(read(DOCS / "reference" / "bounds.md").split())
    match = re.search(r"versions from (\d+) to (\d+) and from (\d+) to (\d+)", text)
    assert match is not None
    first, last, next_, newest = (int(number) for number in match.groups())
    assert set(LEFT_CENTRAL) == {*range(first, last + 1), *range(next_, newest + 1)}


def test_the_json_examples_are_what_the_program_prints() -> None:
    report, builds = (json.loads(block) for block in fences(DOCS / "reference" / "json.md", "json"))
    schema = json.loads(read(DOCS / "reference" / "report.schema.json"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(report, schema)
    one = _row(Candidate(Kind.NIGHTLY, "key", "mozilla-central", datetime(2026, 9, 14, tzinfo=UTC)), None, None)
    assert [list(row) for row in builds] == [list(one)]


# --------------------------------------------------------------------------------------------------- README


def test_the_readme_has_the_two_commands_that_set_everything_up() -> None:
    lines = re.findall(r"^    python3 .*$", read(README), re.MULTILINE)
    assert len(lines) == 2
    practice, tests = lines
    assert practice.endswith(".venv/bin/mozbisect practice")
    # The very pattern of .ci/run, which then runs the line.
    assert re.findall(r"^    python3 .*pytest.*$", read(README), re.MULTILINE) == [tests]
    assert "grep -E '^    python3 .*pytest' README.md" in read(ROOT / ".ci" / "run")


def test_the_options_that_the_readme_names_are_in_the_help() -> None:
    help_text = CliRunner().invoke(mozbisect, ["--help"]).output
    prose = re.sub(r"^    .*$", "", read(README), flags=re.MULTILINE)
    everywhere = help_text + "".join(
        CliRunner().invoke(mozbisect, [name, "--help"]).output for name in mozbisect.commands
    )
    for option in set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", prose)):
        assert option in everywhere, option


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_a_link_to_a_page_of_ours_leads_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", FENCE.sub("", read(path))):
        if not target.startswith("https://"):
            assert (path.parent / target).exists(), f"{path.relative_to(ROOT)} → {target}"


def test_every_page_can_be_reached_from_the_first() -> None:
    listed = {
        f"{line.strip()}.md" for block in FENCE.finditer(read(DOCS / "index.md")) for line in block["body"].splitlines()
    }
    assert {str(path.relative_to(DOCS)) for path in PAGES if path != README} - {"index.md"} <= listed
