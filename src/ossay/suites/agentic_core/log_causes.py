"""The world of the made-up logs: services with their routes, and the ways in which they fail.

Knows nothing of time or chance; `log_traffic` tells the stories.
"""

from __future__ import annotations

from typing import NamedTuple


class Cause(NamedTuple):
    """One way to fail: what it means, how a request reports it, what is remarked beforehand."""

    meaning: str
    error: str  # filled with the story's facts and with {n} and {m}, which vary by request
    marker: str  # what every such error contains and no other does
    warning: str
    places: tuple[str, ...]  # where in the code it is raised


# The codes that the prompt lists. The texts are those of real libraries, which is why a full pool
# says 'timed out' and a slow upstream says 'ConnectionPool'.
CAUSES = {
    "certificate_expired": Cause(
        "the TLS certificate of a called service has expired",
        "ssl.SSLCertVerificationError: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: "
        "certificate has expired (_ssl.c:1006) host={host} trace={n}",
        "certificate has expired",
        "peer certificate of {host} is close to its end of validity",
        ("clients/http.py", "clients/tls.py"),
    ),
    "code_regression": Cause(
        "a bug in a newly released version of the service's own code",
        "{bug} (release {new}, pid {n})",
        "(release ",
        "deprecated call signature used by a plugin",
        ("domain/totals.py", "domain/rules.py"),
    ),
    "connection_pool_exhausted": Cause(
        "no free connection in the database connection pool",
        "sqlalchemy.exc.TimeoutError: QueuePool limit of size {size} overflow {over} reached, "
        "connection timed out, timeout 30.00 (pid {n})",
        "QueuePool limit",
        "database pool: {size} of {size} connections checked out, overflow in use",
        ("db/session.py", "db/pool.py"),
    ),
    "database_deadlock": Cause(
        "the database aborted the transaction because of a deadlock",
        "psycopg.errors.DeadlockDetected: deadlock detected DETAIL: process {n} waits for "
        "ShareLock on transaction {m}",
        "DeadlockDetected",
        "transaction waited long for a row lock, went through",
        ("db/unit_of_work.py", "db/locks.py"),
    ),
    "disk_full": Cause(
        "no space left on a disk that the service writes to",
        "OSError: [Errno 28] No space left on device: '/var/lib/{volume}/spool/{n}.part'",
        "[Errno 28]",
        "volume /var/lib/{volume} is filling up",
        ("storage/spool.py", "storage/files.py"),
    ),
    "dns_failure": Cause(
        "the host name of a called service could not be resolved",
        "socket.gaierror: [Errno -2] Name or service not known: {host} (lookup took {n} ms)",
        "Name or service not known",
        "resolver was slow for {host}, answered at the second try",
        ("clients/http.py", "clients/resolve.py"),
    ),
    "missing_config": Cause(
        "a setting or secret that the service needs is absent or null",
        "ConfigError: setting '{setting}' is null, cannot build client (pid {n})",
        "ConfigError",
        "settings read again from config map revision {size}",
        ("settings/load.py", "settings/clients.py"),
    ),
    "upstream_timeout": Cause(
        "a called service did not answer in time",
        "requests.exceptions.ReadTimeout: HTTPSConnectionPool(host='{host}', port=443): Read timed "
        "out. (read timeout={over}) trace={n}",
        "Read timed out",
        "{host} answered slowly",
        ("clients/http.py", "clients/session.py"),
    ),
}

BUGS = (
    "TypeError: compute_total() missing 1 required positional argument: 'currency'",
    "ValueError: not enough values to unpack (expected 3, got 2)",
    "NameError: name 'line_items' is not defined",
    "TypeError: unsupported operand type(s) for +: 'int' and 'str'",
    "UnboundLocalError: local variable 'rate' referenced before assignment",
)
HOSTS = ("tax", "rates", "geo", "mail", "vault", "labels", "scores", "media", "ident", "quota")
SETTINGS = ("{x}.api_key", "{x}.webhook_secret", "{x}.region", "{x}.signing_key", "{x}.base_url")
REMARKS = (
    "health check ok",
    "cache refreshed, {n} entries",
    "scheduled job 'prune-sessions' finished, {n} rows",
    "connection to the message broker established",
    "feature flags synchronised, {n} flags",
    "statistics flushed, {n} points",
)

# Service -> (method, route) pairs. Routes with {…} carry an id.
SERVICES: dict[str, tuple[tuple[str, str], ...]] = {
    "storefront": (
        ("GET", "/api/products"), ("GET", "/api/products/{id}"), ("GET", "/api/search"),
        ("POST", "/api/cart/items"), ("POST", "/api/checkout"), ("GET", "/api/orders"),
        ("GET", "/api/orders/{id}/invoice"), ("POST", "/api/payments"), ("GET", "/api/stock"),
        ("POST", "/api/returns/{id}/label"),
    ),
    "bookings": (
        ("GET", "/v2/rooms"), ("GET", "/v2/rooms/{id}/calendar"), ("POST", "/v2/bookings"),
        ("GET", "/v2/bookings/{id}"), ("POST", "/v2/quotes"), ("GET", "/v2/prices"),
        ("POST", "/v2/deposits"), ("GET", "/v2/guests"), ("POST", "/v2/bookings/{id}/cancel"),
        ("POST", "/v2/messages"),
    ),
    "documents": (
        ("GET", "/files"), ("POST", "/files/upload"), ("GET", "/files/{id}/preview"),
        ("POST", "/files/convert"), ("GET", "/folders"), ("POST", "/shares"),
        ("GET", "/shares/{id}"), ("POST", "/signatures"), ("GET", "/audit/export"),
        ("POST", "/files/{id}/sign"),
    ),
    "fleet": (
        ("GET", "/v1/vehicles"), ("GET", "/v1/vehicles/{id}/position"), ("POST", "/v1/telemetry"),
        ("GET", "/v1/routes"), ("POST", "/v1/routes/plan"), ("GET", "/v1/drivers"),
        ("POST", "/v1/trips/{id}/close"), ("POST", "/v1/alerts"), ("GET", "/v1/reports/daily"),
        ("POST", "/v1/fuel"),
    ),
    "accounts": (
        ("POST", "/auth/login"), ("POST", "/auth/token"), ("GET", "/auth/profile"),
        ("POST", "/auth/reset"), ("GET", "/teams"), ("POST", "/teams/{id}/invite"),
        ("GET", "/billing/statements"), ("POST", "/billing/charge"), ("GET", "/billing/plans"),
        ("POST", "/billing/statements/{id}/send"),
    ),
}  # fmt: skip
