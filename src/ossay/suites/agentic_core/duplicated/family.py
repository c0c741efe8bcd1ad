"""A family of modules that hold the same block of code, and how they look once they share it."""

from __future__ import annotations

import random
import textwrap
from collections.abc import Mapping, Sequence
from string import Template

from msgspec import Struct

from ossay.suites.agentic_core.common import Vocabulary, fill
from ossay.suites.agentic_core.project import complete


class Host(Struct, frozen=True):
    """One module with one public function that holds the block.

    Attributes:
        module: Its name.
        function: The public function.
        text: The module. `$block` stands alone on a line, `$imports` after the docstring; `$source`
            is the block's input, `$result` the name of its outcome.
        source: The name of the input in this module.
        tests: Test functions, with `<?>` for what is to be worked out.
    """

    module: str
    function: str
    text: str
    source: str
    tests: str


class Family(Struct, frozen=True):
    """Modules with the same block.

    Attributes:
        readme: What the package does.
        block: The block, with `$name` for each of its local names.
        names: Alternative sets of local names; each has the same keys, `result` among them.
        hosts: The modules that hold it.
        shared: Module, function and docstring of the place where it could live.
        parameters: What the block needs from outside, the source first.
        empty: What the block's outcome looks like when there is nothing.
    """

    readme: str
    block: str
    names: tuple[Mapping[str, str], ...]
    hosts: tuple[Host, ...]
    shared: tuple[str, str, str]
    parameters: tuple[str, ...]
    empty: str


class Copies(Struct, frozen=True):
    """A drawn family, as files.

    Attributes:
        files: The workspace: every host with its own copy.
        tests: Paths of the tests, which are also in `files`.
        hosts: Paths of the hosts.
        right: The code after a good refactoring.
        versions: Name -> code after a refactoring that is none.
        functions: Host path -> public function.
        setup: Import lines for probes.
        renamed: Whether the copies call their variables differently.
    """

    files: Mapping[str, str]
    tests: tuple[str, ...]
    hosts: tuple[str, ...]
    right: Mapping[str, str]
    versions: Mapping[str, Mapping[str, str]]
    functions: Mapping[str, str]
    setup: str
    renamed: bool


def draw(family: Family, rng: random.Random) -> Copies:
    """Choose hosts and names, and write every version of the code."""
    words = Vocabulary(rng)
    package, company = words.draw("package"), words.draw("company")
    hosts = rng.sample(family.hosts, rng.randint(2, len(family.hosts)))
    renamed = rng.randint(0, 2) > 0
    names = rng.sample(family.names, len(hosts)) if renamed else [rng.choice(family.names)] * 3
    writer = _Writer(family, package)
    paths = tuple(f"{package}/{host.module}.py" for host in hosts)
    pairs = list(zip(hosts, names, strict=False))

    def code(bodies: Sequence[str]) -> dict[str, str]:
        """One body for each host, as `_Writer.host` takes them."""
        written = zip(paths, pairs, bodies, strict=True)
        return {path: writer.host(*pair, body) for path, pair, body in written}

    many = len(hosts)
    shared = {f"{package}/{family.shared[0]}.py": writer.shared()}
    start = {f"{package}/__init__.py": "", **code(["copy"] * many)}
    readme = fill(family.readme, company=company, package=package)
    tests = {f"tests/test_{host.module}.py": complete(writer.test(host), start) for host in hosts}
    return Copies(
        {"README.md": readme, **start, **tests},
        tuple(tests),
        paths,
        {**start, **code(["call"] * many), **shared},
        {
            "partial": {**start, **code(["call"] * (many - 1) + ["copy"]), **shared},
            "rename": {**start, **code(["copy"] + ["renamed"] * (many - 1))},
            "own_helpers": {**start, **code(["own"] * many)},
            "dressed_up": {
                **start,
                **code(["copy"] + ["dressed"] * (many - 1)),
                f"{package}/__init__.py": f'"""What {company} uses."""\n',
            },
            "delete": {**start, **code(["call"] * (many - 1) + ["empty"]), **shared},
        },
        {path: host.function for path, host in zip(paths, hosts, strict=True)},
        "".join(f"from {package}.{host.module} import {host.function}\n" for host in hosts),
        renamed,
    )


class _Writer:
    """Writes modules of one family in one package."""

    def __init__(self, family: Family, package: str) -> None:
        self.family = family
        self.package = package

    def block(self, names: Mapping[str, str], source: str) -> str:
        return fill(self.family.block, source=source, **names)

    def shared(self) -> str:
        """Write the module that holds the block once."""
        _, function, docstring = self.family.shared
        return f'"""{docstring}"""\n\n\n' + self._function(function, self.family.names[0])

    def host(self, host: Host, names: Mapping[str, str], body: str) -> str:
        """Write a host.

        `body` is 'copy' for a copy of the block, 'renamed' for one with other names, 'call' for a
        call of the shared function, 'own' for a call of a copy in a function of its own, 'empty'
        for an empty outcome,
        'dressed' for a copy among statements that do nothing, below an import that is not used.
        """
        module, function, _ = self.family.shared
        if body == "renamed":
            names = {key: f"{name}_here" for key, name in names.items()}
        result = names["result"]
        arguments = ", ".join((host.source, *self.family.parameters[1:]))
        imports, block = "", self.block(names, host.source)
        if body == "call":
            imports = f"from {self.package}.{module} import {function}\n\n"
            block = f"{result} = {function}({arguments})\n"
        elif body == "own":
            imports = f"\n{self._function('_' + function, names)}\n\n"
            block = f"{result} = _{function}({arguments})\n"
        elif body == "dressed":
            imports = f"import {self.package}\n\n"
            block = _dressed(block)
        elif body == "empty":
            block = f"{result} = {self.family.empty}\n"
        text = textwrap.dedent(host.text).lstrip("\n")
        text = text.replace("$imports\n\n", imports).replace("\n" * 4, "\n" * 3)
        text = text.replace("    $block\n", textwrap.indent(block, "    "))
        return Template(text).substitute(result=result, source=host.source, package=self.package)

    def test(self, host: Host) -> str:
        head = f"from {self.package}.{host.module} import {host.function}\n\n\n"
        return head + fill(host.tests, function=host.function)

    def _function(self, name: str, names: Mapping[str, str]) -> str:
        parameters = self.family.parameters
        body = self.block(names, parameters[0]) + f"return {names['result']}\n"
        return f"def {name}({', '.join(parameters)}):\n{textwrap.indent(body, '    ')}"


def _dressed(block: str) -> str:
    """Put a statement that does nothing before each simple statement of a block."""
    lines: list[str] = []
    for line in block.splitlines():
        indent = line[: len(line) - len(line.lstrip())]
        if line.strip() and not line.rstrip().endswith((":", ",", "(", "[", "{")):
            lines.append(f"{indent}assert True, {len(lines)}")
        lines.append(line)
    return "\n".join(lines) + "\n"
