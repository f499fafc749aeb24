"""Gates on the commits between two revisions: trailers, owners, secrets, code, dependencies, policies and size.

Owners and policies are read at the base, so that a change can't weaken the rules that judge it.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from gameday.changes.change_identity import HASH, NO_AI, Ai, Person, Provenance
from gameday.changes.changed_files import ChangedFile, changed_files_of_git
from gameday.changes.gates.evaluation import Evaluation, evaluate
from gameday.changes.gates.gate import Finding, GateContext, Proposal
from gameday.changes.gates.policy_rules import Rule, read_rules
from gameday.changes.people import Owners, People, owner_problems
from gameday.changes.repository.git_commands import Commit, Repository
from gameday.recording import atomic_file
from gameday.scenario.yaml_document import Invalid

OWNERS_FILES = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS")
POLICIES = "policies"
WITHOUT_SYSTEM = ("secrets", "static", "dependencies", "infrastructure", "policy")
TRAILERS, OWNERSHIP, SIZE = "trailers", "ownership", "size"
ALL = (TRAILERS, OWNERSHIP, *WITHOUT_SYSTEM, SIZE)
KINDS = (
    (
        "infra",
        re.compile(
            r"\.tf$|(^|/)(terraform|helm|k8s|deploy)/|(^|/)Dockerfile|^\.github/workflows/|\.gitlab-ci\.yml$"
        ),
    ),
    ("schema", re.compile(r"\.sql$|(^|/)migrations?/")),
    (
        "auth",
        re.compile(r"(^|[/_-])(auth|authn|authz|login|oauth|identity|permissions?|credentials?)([/_.-]|$)"),
    ),
    ("config", re.compile(r"\.(ya?ml|toml|json|ini|cfg|env)$")),
)


@dataclass(frozen=True)
class Options:
    """What a caller sets: the gates, who has approved, and the most lines that may change; 0 is no limit."""

    gates: Sequence[str] = ALL
    approvers: Sequence[str] = ()
    most_lines: int = 1000


@dataclass(frozen=True)
class Result:
    """The evaluations of a range, and how much it changes."""

    commits: int
    files: int
    lines: int
    evaluations: tuple[Evaluation, ...]

    @property
    def findings(self) -> list[tuple[str, Finding]]:
        """Return (gate, finding) of each finding."""
        return [
            (evaluation.gate, finding) for evaluation in self.evaluations for finding in evaluation.findings
        ]


def check_range(repository: Repository, base: str, head: str, options: Options) -> Result:
    """Run the gates on what `head` adds to `base`. Raise Invalid if a revision, owner or policy is wrong, PortError if git fails."""
    head_id = repository.resolve(head, "--head")
    base_id = repository.merge_base(repository.resolve(base, "--base"), head_id)
    commits = repository.commits(base_id, head_id)
    files = changed_files_of_git(repository.diff(base_id, head_id))
    context = _context(repository, base_id)
    proposals = _proposals(repository, head_id, commits, files, options)
    evaluations: list[Evaluation] = []
    for gate in options.gates:
        if gate == TRAILERS:
            evaluations.append(_own(TRAILERS, _trailer_findings(repository, commits)))
        elif gate == OWNERSHIP:
            evaluations.append(
                _own(OWNERSHIP, _owner_findings(files, commits, context.people.owners, options))
            )
        elif gate == SIZE:
            evaluations.append(_own(SIZE, _size_findings(files, options.most_lines)))
        else:
            shown = proposals if gate == "policy" else proposals[:1]
            together = replace(context, in_flight=proposals)
            each = [evaluate(proposal, together, [gate], {})[0] for proposal in shown]
            findings = dict.fromkeys(finding for evaluation in each for finding in evaluation.findings)
            took = sum(evaluation.took_s for evaluation in each)
            evaluations.append(Evaluation(gate, "block", tuple(findings), took))
    lines = sum(len(file.added) + len(file.removed) for file in files)
    return Result(len(commits), len(files), lines, tuple(evaluations))


def _own(gate: str, findings: Iterator[Finding]) -> Evaluation:
    return Evaluation(gate, "block", tuple(findings), 0.0)


def _context(repository: Repository, base: str) -> GateContext:
    """Return owners and policies as they are at the base. Raise Invalid if one of them is wrong."""
    owners = Owners()
    for path in OWNERS_FILES:
        text = repository.text(base, path)
        if text is not None:
            owners = Owners(text, path)
            break
    problems = list(owner_problems(owners.text, owners.file))
    if problems:
        raise Invalid(problems)
    return GateContext(people=People({}, owners), policies=_policies(repository, base))


def _policies(repository: Repository, base: str) -> tuple[Rule, ...]:
    paths = [path for path in repository.files(base, POLICIES) if path.endswith((".yaml", ".yml"))]
    if not paths:
        return ()
    with tempfile.TemporaryDirectory(prefix="gameday-gate-") as name:
        folder = Path(name)
        for path in paths:
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            atomic_file.write(target, repository.text(base, path) or "")
        try:
            rules = read_rules([folder / path for path in paths])
        except Invalid as error:
            problems = [
                replace(problem, file=problem.file.removeprefix(f"{folder}/")) for problem in error.problems
            ]
            raise Invalid(problems) from error
        return tuple(replace(rule, file=rule.file.removeprefix(f"{folder}/")) for rule in rules)


def _proposals(
    repository: Repository,
    head: str,
    commits: Sequence[Commit],
    files: tuple[ChangedFile, ...],
    options: Options,
) -> list[Proposal]:
    """Return one proposal for each kind of change in the range, all of the same files."""
    contents = {
        file.path: text
        for file in files
        if file.path.endswith(".py")
        and not file.deleted
        and (text := repository.text(head, file.path)) is not None
    }
    first = files[0] if files else ChangedFile("")
    approvals = tuple(Person(role=approver, level="unknown") for approver in options.approvers)
    kinds = dict.fromkeys(kind_of(file.path) for file in files) or {"code": None}
    return [
        Proposal(
            change=f"{head[:10]}-{kind}",
            name=head[:10],
            service="",
            kind=kind,
            author=Person(role="author", level="unknown"),
            ai=_provenance(commits),
            approvals=approvals,
            files=files,
            contents=contents,
            statement=next((file.path for file in files if kind_of(file.path) == kind), first.path),
            places={"kind": first.first_line},
        )
        for kind in kinds
    ]


def kind_of(path: str) -> str:
    """Return the kind of change that a path stands for."""
    return next((kind for kind, pattern in KINDS if pattern.search(path)), "code")


def _provenance(commits: Sequence[Commit]) -> Provenance:
    """Return AI provenance of a range: AI if one commit states it, none if all state none, else unknown."""
    stated = [commit.trailers.get("ai-assisted", ("",))[-1] for commit in commits]
    tools = [value for value in stated if value and value.lower() != NO_AI]
    if tools:
        tool, _, model = tools[0].partition("/")
        return Ai(tool=tool, model=model, prompt="")
    return "none" if stated and all(stated) else None


def _trailer_findings(repository: Repository, commits: Sequence[Commit]) -> Iterator[Finding]:
    """Yield a finding for each commit that doesn't state what part AI had, or not with which model and prompt."""
    for commit in commits:
        files = changed_files_of_git(repository.diff(commit.parent, commit.id))
        file, line = (files[0].path, files[0].first_line) if files else ("", 1)
        name = f"commit {commit.short} ({commit.subject[:60]})"
        ai = commit.trailers.get("ai-assisted", ("",))[-1]
        hashes = commit.trailers.get("prompt-hash", ())
        if not ai:
            hint = "add the trailer AI-Assisted: tool/model, or AI-Assisted: none"
            yield Finding(f"{name} doesn't state whether AI had part in it", file, line, hint)
        elif ai.lower() != NO_AI and not all(ai.partition("/")[::2]):
            yield Finding(f"{name} names no model: {ai!r}", file, line, "write AI-Assisted: tool/model")
        elif ai.lower() != NO_AI and not any(re.match(HASH, value) for value in hashes):
            hint = "add the trailer Prompt-Hash: sha256:… of the prompt's text"
            yield Finding(f"{name} isn't bound to its prompt", file, line, hint)


def _owner_findings(
    files: Sequence[ChangedFile], commits: Sequence[Commit], owners: Owners, options: Options
) -> Iterator[Finding]:
    """Yield a finding for the first path of each set of owners of whom none but the author has approved."""
    authors = {commit.author for commit in commits}
    approvers = {name.removeprefix("@") for name in options.approvers} - authors
    seen: set[tuple[str, ...]] = set()
    for file in files:
        required = owners.of(file.path)
        if required in seen:
            continue
        seen.add(required)
        if not required:
            where = owners.file if owners.text else OWNERS_FILES[0]
            yield Finding(f"{file.path} has no owner", file.path, file.first_line, f"add a line to {where}")
        elif not approvers.intersection(required):
            who = " or ".join(f"@{owner.removeprefix('@')}" for owner in required)
            yield Finding(
                f"no owner of {file.path} has approved", file.path, file.first_line, f"ask {who}", "owner"
            )


def _size_findings(files: Sequence[ChangedFile], most: int) -> Iterator[Finding]:
    """Yield a finding if more lines change than may; binary files have none that could be reviewed."""
    files = [file for file in files if not file.binary]
    lines = sum(len(file.added) + len(file.removed) for file in files)
    if most and lines > most and files:
        largest = max(files, key=lambda file: len(file.added) + len(file.removed))
        message = f"{lines:,} lines changed; at most {most:,} can be reviewed well"
        hint = f"split the change; most lines are in {PurePosixPath(largest.path).name}"
        yield Finding(message, largest.path, largest.first_line, hint)
