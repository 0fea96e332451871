"""Can the program run here at all? Interpreter, packages, settings, machine."""

from __future__ import annotations

from typing import Any

from polyshared.doctor import words
from polyshared.doctor.facts import Facts
from polyshared.doctor.graph import Check, Fix, NotApplicable, Verdict, fail, ok, warn
from polyshared.doctor.host import NETWORK_FILE_SYSTEMS

OLDEST_PYTHON = (3, 11)
INSTALL = "python -m pip install -r requirements.txt"
FULL_BYTES, TIGHT_BYTES = 50_000_000, 500_000_000
FULL_INODES, TIGHT_INODES = 100, 5_000
TIGHT_MEMORY = 100_000_000
FEW_DESCRIPTORS = 256
MANY_TEMPORARIES = 20


def _imported(facts: Facts) -> dict[str, Any]:
    """Return what came of importing the trading program.

    Raises:
        NotApplicable: There is none here.
    """
    answer = facts.imports.value
    if not answer.available:
        raise NotApplicable(answer.reason or "the trading program cannot be asked")
    return answer.data


def _python(facts: Facts) -> dict[str, Any]:
    found: dict[str, Any] = _imported(facts).get("python", {})
    return found


def _items(facts: Facts, *, ours: bool) -> list[dict[str, Any]]:
    """Return the imports that were tried: those of the program's own modules, or the others."""
    items: list[dict[str, Any]] = _imported(facts).get("items", [])
    return [item for item in items if item["name"].startswith("POLYMARKET_MAKER") is ours]


def python(facts: Facts) -> Verdict:
    found = _python(facts)
    version = str(found["version"])
    numbers = tuple(int(part) for part in version.split(".")[:2])
    if numbers < OLDEST_PYTHON:
        wanted = ".".join(map(str, OLDEST_PYTHON))
        return fail(
            f"python was {version}, {wanted} or newer is needed",
            Fix(f"install Python {wanted} and make .venv anew", "make demo"),
            **found,
        )
    return ok(f"{version}, {found['executable']}", **found)


def encoding(facts: Facts) -> Verdict:
    found = _python(facts)
    used = "utf-8" if found["utf8_mode"] else str(found["encoding"]).lower()
    if used.replace("-", "") == "utf8":
        return ok("UTF-8", encoding=used)
    return warn(
        f"text encoding was {used}, UTF-8 is expected; logs hold Chinese text",
        Fix("set LANG=C.UTF-8 or PYTHONUTF8=1 where the program is started"),
        encoding=used,
    )


def pythonpath(facts: Facts) -> Verdict:
    found = _python(facts)
    entries = [str(entry) for entry in found["pythonpath"] if str(entry) != found["root"]]
    shadowed = [
        f"{item['name']} from {item['file']}"
        for item in _items(facts, ours=False)
        if item["file"] and any(str(item["file"]).startswith(entry + "/") for entry in entries)
    ]
    if shadowed:
        return warn(
            f"PYTHONPATH replaces installed packages: {'; '.join(shadowed)}",
            Fix("unset PYTHONPATH where the program is started", "unset PYTHONPATH"),
            pythonpath=entries,
        )
    return ok("nothing is shadowed", pythonpath=entries)


def deps(facts: Facts) -> Verdict:
    items = _items(facts, ours=False)
    broken = [item for item in items if not item["ok"] and item["name"] != "websocket"]
    versions = {item["distribution"]: item["version"] for item in items}
    if not broken:
        return ok(f"{words.count(len(items), 'package')} can be imported", versions=versions)
    said = "; ".join(f"{item['distribution']}: {item['error']}" for item in broken)
    say = fail if any(item["purpose"] == "trading" for item in broken) else warn
    return say(said, Fix("install the packages", INSTALL), versions=versions)


def websocket(facts: Facts) -> Verdict:
    """Two packages install a module called websocket; only one is the right one."""
    item = next((i for i in _items(facts, ours=False) if i["name"] == "websocket"), None)
    if item is None:
        raise NotApplicable("the program does not say which websocket it uses")
    if item["ok"]:
        return ok(f"websocket-client {item['version']}", file=item["file"])
    return fail(
        f"websocket-client cannot be used: {item['error']}",
        Fix(
            "remove the namesake and install websocket-client",
            "python -m pip uninstall -y websocket && "
            "python -m pip install --force-reinstall websocket-client",
        ),
        file=item["file"],
    )


def clob(facts: Facts) -> Verdict:
    """Which CLOB client signs, and does the exchange take what it signs?"""
    versions = {
        item["name"]: item["version"]
        for item in _items(facts, ours=False)
        if item["name"].startswith("py_clob_client") and item["ok"]
    }
    venue = facts.supervisor.value.alive().venue
    if venue.order_version is None:
        return ok(f"{', '.join(versions)}; the exchange's order version is not known yet")
    wanted = "py_clob_client_v2" if venue.order_version > 1 else "py_clob_client"
    if wanted in versions:
        return ok(
            f"order version {venue.order_version}, signed by {wanted} {versions[wanted]}",
            versions=versions,
        )
    return fail(
        f"exchange speaks order version {venue.order_version}, {wanted} is not installed",
        Fix("install the packages", INSTALL),
        versions=versions,
    )


def imports(facts: Facts) -> Verdict:
    items = _items(facts, ours=True)
    broken = [item for item in items if not item["ok"]]
    if not broken:
        return ok(f"{words.count(len(items), 'module')} of the program can be imported")
    said = "; ".join(f"{item['name'].rpartition('.')[2]}: {item['error']}" for item in broken)
    return fail(
        said,
        Fix("install the packages; if that changes nothing, the copy is incomplete", INSTALL),
        modules=[item["name"] for item in broken],
    )


def settings(facts: Facts) -> Verdict:
    answer = facts.settings.value
    if not answer.available:
        raise NotApplicable(answer.reason or "the program cannot be asked")
    if answer.ok:
        named = answer.data.get("file")
        said = "every key is known, every value is allowed"
        return ok(f"{said}: {named}" if named else said, **answer.data)
    kept = "; the program that runs keeps what it has" if facts.supervisor.value.is_alive else ""
    return fail(
        f"{answer.reason or 'the settings cannot be read'}{kept}",
        Fix("correct the file", "python poly_maker_autorun.py --show-config"),
        **answer.data,
    )


def settings_warnings(facts: Facts) -> Verdict:
    """Does a key do nothing any more, or does a file let others read a secret?"""
    answer = facts.settings.value
    if not (answer.available and answer.ok):
        raise NotApplicable("the settings did not load")
    said = [str(each) for each in answer.data.get("warnings", [])]
    if said:
        return warn("; ".join(said), Fix("correct the file"), warnings=said)
    return ok("none")


def datadir(facts: Facts) -> Verdict:
    host = facts.host.value
    if not host.exists:
        raise NotApplicable(f"{host.data_dir} does not exist")
    if not host.writable:
        return fail(
            f"{host.data_dir}: mode was {host.mode:04o}, this user cannot write there",
            Fix(
                "give the user of the program the right to write",
                f"chmod u+rwx {host.data_dir}",
                action="open_directory",
            ),
        )
    return ok(str(host.data_dir), mode=f"{host.mode:04o}")


def temporaries(facts: Facts) -> Verdict:
    """Did killed processes leave files? A few are normal; they are removed at the next start."""
    left = facts.host.value.temporaries
    if left > MANY_TEMPORARIES:
        return warn(
            f"{left} temporary files of dead processes",
            Fix("remove them", "polyshared doctor host --fix --yes", action="clean_temporaries"),
        )
    return ok(words.count(left, "temporary file") + " of dead processes")


def disk(facts: Facts) -> Verdict:
    host = facts.host.value
    free = f"{words.size(host.free_bytes)} of {words.size(host.total_bytes)} are free"
    cure = Fix("make room, or move the data directory with POLY_DATA_DIR")
    if host.free_bytes < FULL_BYTES:
        return fail(f"{free}; every write is about to fail", cure, free=host.free_bytes)
    if host.free_bytes < TIGHT_BYTES:
        return warn(f"{free}, {words.size(TIGHT_BYTES)} are wanted", cure, free=host.free_bytes)
    return ok(free, free=host.free_bytes)


def inodes(facts: Facts) -> Verdict:
    host = facts.host.value
    if host.free_inodes is None:
        raise NotApplicable("this file system has no fixed number of files")
    said = f"{host.free_inodes} more files fit"
    cure = Fix("remove files, or move the data directory with POLY_DATA_DIR")
    if host.free_inodes < FULL_INODES:
        return fail(said, cure, free=host.free_inodes)
    if host.free_inodes < TIGHT_INODES:
        return warn(f"{said}, {TIGHT_INODES} are wanted", cure, free=host.free_inodes)
    return ok(said, free=host.free_inodes)


def memory(facts: Facts) -> Verdict:
    host = facts.host.value
    said = f"{words.size(host.available_memory)} of {words.size(host.total_memory)} are available"
    if host.available_memory < TIGHT_MEMORY:
        return warn(said, Fix("run fewer children: max_concurrent_tasks"))
    return ok(said)


def descriptors(facts: Facts) -> Verdict:
    limit = facts.host.value.descriptors
    if 0 <= limit < FEW_DESCRIPTORS:
        return warn(
            f"a process may open {limit} files, {FEW_DESCRIPTORS} are wanted",
            Fix("raise the limit before the program is started", "ulimit -n 1024"),
        )
    return ok("no limit" if limit < 0 else f"a process may open {limit} files")


def file_system(facts: Facts) -> Verdict:
    kind = facts.host.value.file_system
    if kind in NETWORK_FILE_SYSTEMS:
        return fail(
            f"the data directory lies on {kind}, where locks and renames cannot be trusted",
            Fix("move it to a local disk with POLY_DATA_DIR"),
        )
    return ok(kind or "type not known")


CHECKS: tuple[Check[Facts], ...] = (
    Check("env.python", "Python is new enough", python, needs=("imports",)),
    Check("env.encoding", "text is UTF-8", encoding, ("env.python",), ("imports",)),
    Check("env.pythonpath", "no package is shadowed", pythonpath, ("env.python",), ("imports",)),
    Check("env.deps", "packages can be imported", deps, ("env.python",), ("imports",)),
    Check(
        "env.websocket", "websocket is websocket-client", websocket, ("env.python",), ("imports",)
    ),
    Check(
        "env.clob",
        "a client signs what the exchange takes",
        clob,
        ("env.deps",),
        ("imports", "supervisor"),
    ),
    Check(
        "agg.import",
        "the program can be imported",
        imports,
        ("env.deps", "env.websocket"),
        ("imports",),
    ),
    Check("config.load", "settings load", settings, ("agg.import",), ("settings", "supervisor")),
    Check(
        "config.warnings",
        "settings raise no warning",
        settings_warnings,
        ("config.load",),
        ("settings",),
    ),
    Check("host.datadir", "the data directory can be written", datadir, needs=("host",)),
    Check("host.disk", "the disk has room", disk, needs=("host",)),
    Check("host.inodes", "the disk takes more files", inodes, needs=("host",)),
    Check("host.temporaries", "no litter of dead processes", temporaries, needs=("host",)),
    Check("host.memory", "memory is left", memory, needs=("host",)),
    Check("host.descriptors", "enough files may be open", descriptors, needs=("host",)),
    Check("host.filesystem", "the data directory is local", file_system, needs=("host",)),
)
