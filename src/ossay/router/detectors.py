"""Detectors: tools with side effects, and words of money, law, security and production.

They are patterns, so they miss things and cry wolf: a guard rail beside what route and key declare,
never instead of it. Text can only ever make a request dearer. Knows nothing of what is done then.
"""

from __future__ import annotations

import re
from functools import lru_cache

from ossay.core.decision import Criticality
from ossay.core.display import visible
from ossay.core.errors import UnknownName
from ossay.core.types import Message, Request
from ossay.router.criticality import Detector, Raised

_NAME_CHARS = 64  # of a tool's name in a reason

# Verbs of tools that change something outside; those that are nouns as well, as in get_order, count
# only where the name does not begin with a verb of looking.
_ACTS = """
    approve buy cancel create deactivate delete deploy destroy disable drop edit execute force grant
    insert kill merge modify overwrite pay provision publish purchase refund remove rename reset
    revoke rm rollback save sell send shutdown submit terminate transfer truncate uninstall unlock
    update upload upsert wipe withdraw write
"""
_NOUNS_TOO = """
    archive book charge close commit email move order patch post push put release run schedule set
    ship sign stop trigger wire
"""
_LOOKS = """
    calculate can check count describe fetch find get has inspect is list lookup query read search
    show view
"""
_WORD = re.compile(r"\w+")
_SIGNS = "$€£"
_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")

# Name -> level, what is said of a message, the pattern's words, the pattern. Each match holds one
# of the words whole, in lower case; 'word*' begins one, a sign stands anywhere. To look for those
# first takes a tenth of the time.
_PATTERNS: dict[str, tuple[Criticality, str, str, str]] = {
    "money": (
        "medium",
        "speaks of money",
        "invoice invoices payment payments payout payouts pay pays paying refund refunds refunded "
        "chargeback chargebacks pricing price prices quote quotes quotation quotations salary "
        "salaries payroll tax taxes vat iban loan loans mortgage mortgages wire bank credit invest "
        "investment investments investing rechnung rechnungen zahlung zahlungen überweisung "
        "überweisungen $ € £",
        r"\b(?:invoices?|payments?|payouts?|pay(?:s|ing)?|refunds?|refunded|chargebacks?|pricing|"
        r"prices?|quot(?:e|ation)s? for|salar(?:y|ies)|payroll|tax(?:es)?|VAT|IBAN|loans?|"
        r"mortgages?|wire transfers?|bank accounts?|credit cards?|invest(?:ment|ing|ments)?|"
        r"Rechnung(?:en)?|Zahlung(?:en)?|Überweisung(?:en)?)\b|[$€£]\s?\d",
    ),
    "legal": (
        "high",
        "speaks of law",
        "contract contracts legal legally lawsuit lawsuits litigation liability liabilities "
        "indemnif* compliant compliance gdpr hipaa terms disclosure nda attorney attorneys lawyer "
        "lawyers subpoena subpoenas plaintiff plaintiffs patent patents copyright warranty "
        "warranties vertrag verträge haftung",
        r"\b(?:contracts?|legal(?:ly)?|lawsuits?|litigation|liabilit(?:y|ies)|indemnif\w*|"
        r"complian(?:t|ce)|GDPR|HIPAA|terms of service|non-disclosure|NDA|attorneys?|lawyers?|"
        r"subpoenas?|plaintiffs?|patents?|copyright|warrant(?:y|ies)|Vertr(?:ag|äge)|Haftung)\b",
    ),
    "security": (
        "high",
        "speaks of security",
        "password passwords passphrase passphrases credential credentials secret secrets private "
        "api apikey apikeys api_key api_keys access -----begin* vulnerability vulnerabilities cve "
        "exploit exploits firewall firewalls encrypt* decrypt* certificate certificates "
        "authenticat* authorization authorisation permission permissions sudo root 2fa mfa "
        "passwort passwörter",
        r"\b(?:passwords?|passphrases?|credentials?|secrets?|private keys?|api[ _-]?keys?|"
        r"access tokens?|vulnerabilit(?:y|ies)|CVE-\d+|exploits?|firewalls?|encrypt\w*|decrypt\w*|"
        r"certificates?|authenticat\w*|authori[sz]ation|permissions?|sudo|root access|2FA|MFA|"
        r"Passw(?:ort|örter))\b|-----BEGIN [A-Z ]*PRIVATE KEY-----",
    ),
    "production": (
        "high",
        "speaks of code that goes to production",
        "prod production deploy deploys deployed deploying deployment hotfix hotfixes migration "
        "migrations drop delete truncate rm git terraform kubectl branch",
        r"\b(?:in(?:to)? prod(?:uction)?|to prod(?:uction)?|prod(?:uction)? (?:code|database|"
        r"server|cluster|systems?|deploy\w*)|deploy(?:s|ed|ing|ment)?|hotfix(?:es)?|"
        r"database migrations?|DROP TABLE|DELETE FROM|TRUNCATE TABLE|rm -rf|git push|terraform "
        r"(?:apply|destroy)|kubectl (?:apply|delete)|main branch|release branch)\b",
    ),
    "steering": (
        "medium",
        "holds text that speaks to a validator",
        "approve accept pass stamp ignore disregard forget validator reviewer judge grader verdict",
        r"\b(?:approve|accept|pass|rubber-stamp) (?:this|the|my) (?:draft|answer|response|reply)|"
        r"\b(?:ignore|disregard|forget) (?:all |any |the )*(?:previous|prior|above|earlier|your) "
        r"(?:instructions?|prompts?|rules?)|\b(?:dear|note to(?: the)?|to the|you are the) "
        r"(?:validator|reviewer|judge|grader)\b|\"verdict\"\s*:\s*\"approve\"",
    ),
}

NAMES = ("side_effects", *_PATTERNS)


class SideEffects:
    """Looks for offered tools whose name says that they change something."""

    name = "side_effects"

    def __init__(self, to: Criticality = "high") -> None:
        self._to = to
        self._acts = frozenset(_ACTS.split())
        self._all = self._acts | frozenset(_NOUNS_TOO.split())
        self._looks = frozenset(_LOOKS.split())

    def look(self, request: Request) -> Raised | None:
        """Return the first such tool; one that cannot be called (`tool_choice` none) counts too."""
        for tool in request.tools:
            parts = [part.lower() for part in _PARTS.findall(tool.name)]
            looks = not self._looks.isdisjoint(parts[:1])
            if not (self._acts if looks else self._all).isdisjoint(parts):
                name = visible(tool.name[:_NAME_CHARS])
                return Raised(self.name, self._to, f"the tool {name!r} has side effects")
        return None


class Words:
    """Looks for a pattern in all messages: whoever wrote them, however long ago."""

    def __init__(self, name: str, to: Criticality, says: str, words: str, pattern: str) -> None:
        self.name = name
        self._to = to
        self._says = says
        whole: list[str] = []
        parts: list[str] = []
        for word in words.split():
            (parts if word.endswith("*") or word in _SIGNS else whole).append(word.rstrip("*"))
        self._words = frozenset(whole)
        self._parts = tuple(parts)
        self._pattern = re.compile(pattern, re.IGNORECASE)

    def look(self, request: Request) -> Raised | None:
        """Return the first message that has it. The reason quotes nothing of the text."""
        for number, (text, words) in enumerate(_read(request.messages), 1):
            if self._words.isdisjoint(words):
                for part in self._parts:
                    if part in text:
                        break
                else:
                    continue
            message = request.messages[number - 1]
            if self._pattern.search(message.content):
                return Raised(
                    self.name, self._to, f"message {number} ({message.role}) {self._says}"
                )
        return None


@lru_cache(maxsize=1)  # one detector after the other asks for the same
def _read(messages: tuple[Message, ...]) -> list[tuple[str, frozenset[str]]]:
    """Each message in lower case, and the words in it."""
    lowered = [message.content.lower() for message in messages]
    return [(text, frozenset(_WORD.findall(text))) for text in lowered]


def detector(name: str, to: Criticality | None = None) -> Detector:
    """Return the detector of that name; `to` replaces the level that it raises to.

    Raises:
        UnknownName: no such detector.
    """
    if name == SideEffects.name:
        return SideEffects(to or "high")
    if name not in _PATTERNS:
        raise UnknownName.of("detector", name, NAMES)
    level, says, stems, pattern = _PATTERNS[name]
    return Words(name, to or level, says, stems, pattern)


def all_detectors() -> tuple[Detector, ...]:
    """Every one, at its own level."""
    return tuple(detector(name) for name in NAMES)
