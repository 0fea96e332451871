"""Is the exchange reachable, and does it take us? Only with ``--live``."""

from __future__ import annotations

from typing import Any

from polyshared.doctor import words
from polyshared.doctor.facts import Facts
from polyshared.doctor.graph import Check, Fix, NotApplicable, Unlearnt, Verdict, fail, ok, warn

CERTIFICATE_DAYS = 3.0
SKEW_WARN_S, SKEW_FAIL_S = 2.0, 10.0
KNOWN_VERSIONS = (1, 2)


def dns(facts: Facts) -> Verdict:
    net = facts.net.value
    wrong = [f"{host}: {v.reason}" for host, v in net.addresses.items() if isinstance(v, Unlearnt)]
    if wrong:
        return fail(
            "; ".join(wrong),
            Fix("see /etc/resolv.conf and the network of this machine"),
        )
    return ok(", ".join(net.addresses), addresses={h: v.value for h, v in net.addresses.items()})


def tls(facts: Facts) -> Verdict:
    net = facts.net.value
    if not net.tls:
        raise NotApplicable("the exchange is spoken to in plain text (this machine only)")
    wrong = [f"{host}: {v.reason}" for host, v in net.tls.items() if isinstance(v, Unlearnt)]
    if wrong:
        return fail(
            "; ".join(wrong),
            Fix("see the clock, the certificates of this machine, and who is in between"),
        )
    days = {host: found.value for host, found in net.tls.items()}
    if min(days.values()) < CERTIFICATE_DAYS:
        return warn(f"a certificate ends in {min(days.values()):.1f} days", **days)
    return ok(f"certificates hold for {min(days.values()):.0f} days", **days)


def version(facts: Facts) -> Verdict:
    found = facts.net.value.version
    if isinstance(found, Unlearnt):
        return fail(
            f"GET /version: {found.reason}", Fix("wait; the exchange may be under maintenance")
        )
    if found.value not in KNOWN_VERSIONS:
        return fail(
            f"exchange speaks order version {found.value}, known are 1 and 2",
            Fix("install the current CLOB client", "python -m pip install -U py-clob-client-v2"),
        )
    return ok(f"order version {found.value}, answered in {found.took_ms:.0f} ms")


def clock(facts: Facts) -> Verdict:
    found = facts.net.value.skew_s
    if isinstance(found, Unlearnt):
        return fail(f"GET /time: {found.reason}", Fix("wait; the exchange may be down"))
    skew_s = found.value
    said = f"the exchange's clock is {abs(skew_s):.1f} s {'ahead' if skew_s > 0 else 'behind'}"
    cure = Fix("set this machine's clock", "timedatectl set-ntp true")
    if abs(skew_s) > SKEW_FAIL_S:
        return fail(f"{said}, limit is {SKEW_FAIL_S:.0f} s: it refuses our requests", cure)
    if abs(skew_s) > SKEW_WARN_S:
        return warn(f"{said}, {SKEW_WARN_S:.0f} s are well", cure, skew_s=skew_s)
    return ok(said, skew_s=skew_s)


def geoblock(facts: Facts) -> Verdict:
    found = facts.net.value.geoblock
    if isinstance(found, Unlearnt):
        return warn(f"could not be asked: {found.reason}")
    country = found.value.get("country")
    if found.value.get("blocked"):
        return fail(
            f"the exchange takes no orders from here (country {country})",
            Fix("run it where trading is allowed"),
        )
    return ok(f"orders are taken from here (country {country})")


def frame(facts: Facts) -> Verdict:
    """Does a real frame come, and does the production parser read it?"""
    answer = facts.frame.value
    if not answer.available:
        raise NotApplicable(answer.reason or "the program cannot be asked")
    events: dict[str, int] = answer.data.get("events", {})
    said = ", ".join(f"{number} {kind}" for kind, number in events.items())
    if not answer.ok:
        return fail(
            answer.reason or "no frame",
            Fix("see the steps above; then whether this token still trades"),
            **answer.data,
        )
    return ok(f"{said}, the first after {answer.data.get('first_after_s')} s", **answer.data)


def account(facts: Facts) -> Verdict:
    """Does the exchange know our account, and has it money and permission?"""
    known = _account(facts)
    if known["closed_only"]:
        return fail(
            "the exchange lets this account only close positions",
            Fix("see the account's page at the exchange"),
            **known,
        )
    balance, allowance = float(known["balance"]), float(known["allowance"])
    if balance <= 0 and known["has_positions"]:
        return fail(
            "balance is 0 but positions exist: wrong signature type or funder",
            Fix("correct POLY_SIGNATURE and POLY_FUNDER"),
            **known,
        )
    if min(balance, allowance) <= 0:
        return fail(
            f"balance {balance:g} USD, allowance {allowance:g} USD: nothing can be bought",
            Fix("add funds, or give the exchange an allowance"),
            **known,
        )
    return ok(f"balance {balance:g} USD, allowance {allowance:g} USD", **known)


def open_orders(facts: Facts) -> Verdict:
    """Does the exchange list the orders that the ledger calls open, and no other of ours?"""
    known = _account(facts)
    listed = set(known["open_orders"])
    answer = facts.ledger.value
    if not answer.available or not answer.ok:
        raise NotApplicable(answer.reason or "there is no ledger")
    ours = set(answer.data["open_orders"])
    gone, foreign = ours - listed, listed - ours
    said = f"{words.count(len(ours & listed), 'order')} of ours, {len(foreign)} of others"
    if gone:
        return warn(
            f"{said}; {len(gone)} that the ledger calls open are not listed",
            Fix("wait: the next read of the account settles it"),
            not_listed=sorted(gone),
        )
    return ok(said, foreign=len(foreign))


def _account(facts: Facts) -> dict[str, Any]:
    answer = facts.account.value
    if not answer.available:
        raise NotApplicable(answer.reason or "the account cannot be asked")
    if not answer.ok:
        raise NotApplicable(f"the account could not be read: {answer.reason}")
    return answer.data


def credentials(facts: Facts) -> Verdict:
    answer = facts.account.value
    if not answer.available:
        raise NotApplicable(answer.reason or "the account cannot be asked")
    if not answer.ok:
        return fail(
            answer.reason or "the exchange refused us",
            Fix("correct POLY_KEY, POLY_FUNDER, POLY_SIGNATURE or POLY_API_*"),
        )
    return ok("the exchange knows us")


_NET = ("net",)
WAY: tuple[Check[Facts], ...] = (
    Check("net.dns", "the exchange's name is known", dns, (), _NET),
    Check("net.tls", "the connection is private", tls, ("net.dns",), _NET),
    Check("net.version", "the exchange answers", version, ("net.dns", "net.tls"), _NET),
    Check("net.clock", "clocks agree", clock, ("net.version",), _NET),
    Check("net.geoblock", "orders are taken from here", geoblock, ("net.version",), _NET),
    Check(
        "net.ws_probe",
        "a real frame comes and is read",
        frame,
        ("net.dns", "net.tls", "net.version", "agg.import"),
        ("frame",),
    ),
)
ACCOUNT: tuple[Check[Facts], ...] = (
    Check(
        "acct.credentials",
        "the exchange knows us",
        credentials,
        ("net.version", "net.clock"),
        ("account",),
    ),
    Check(
        "acct.funds",
        "there is money and permission",
        account,
        ("acct.credentials",),
        ("account",),
    ),
    Check(
        "order.open",
        "the exchange lists what we have",
        open_orders,
        ("acct.credentials",),
        ("account", "ledger"),
    ),
)
