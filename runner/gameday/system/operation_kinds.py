"""The built-in kinds of operations. Each executes through the methods of `OperationExecutor`."""

from __future__ import annotations

from functools import partial

from gameday.operations import Operation, OperationKind
from gameday.system.operation_executor import OperationExecutor
from gameday.system.rollouts.canary_rollout import Command


def _rollback(executor: OperationExecutor, operation: Operation, change: str) -> str:
    reverted = executor.find_change(operation)
    executor.deployer.rollback(change, reverted, operation.by)
    return reverted


def _failover(executor: OperationExecutor, operation: Operation, change: str) -> None:
    executor.check_region(operation.target)
    executor.shift_traffic("drain", operation.target)


def _promote(executor: OperationExecutor, operation: Operation, change: str) -> None:
    executor.promote(operation.target)


def _rejoin(executor: OperationExecutor, operation: Operation, change: str) -> None:
    executor.check_region(operation.target)
    executor.rejoin(operation.target)


def _restart(executor: OperationExecutor, operation: Operation, change: str) -> None:
    executor.restart(operation.target)


def _flag(executor: OperationExecutor, operation: Operation, change: str) -> None:
    executor.switch_flag(operation.target)


def _canary(command: Command, executor: OperationExecutor, operation: Operation, change: str) -> None:
    executor.deployer.canaries.command(operation.target, operation.change, command, operation.by)


def _record(executor: OperationExecutor, operation: Operation, change: str) -> None:
    """Do nothing to the system: acknowledgements, diagnoses and notes are recorded by the run."""


ACK = OperationKind("ack", "Acknowledge an alert.", _record, target="the id of an alert")
ROLLBACK = OperationKind(
    "rollback", "Roll a change of a service back.", _rollback, target="a service", takes_change=True
)
FAILOVER = OperationKind("failover", "Send no more traffic to a region.", _failover, target="a region")
PROMOTE = OperationKind(
    "promote", "Let a region's database take the writes.", _promote, target="a region", needs_target=False
)
REJOIN = OperationKind("rejoin", "Take a region in again.", _rejoin, target="a region")
RESTART = OperationKind("restart", "Restart every instance of a service.", _restart, target="a service")
FLAG = OperationKind(
    "flag",
    "Switch a feature flag.",
    _flag,
    target="name=on or name=off",
    pattern=r"[A-Za-z][\w.-]*=(on|off)",
)
DIAGNOSE = OperationKind(
    "diagnose", "Name the cause of the outage.", _record, target="the id of a change, or a service"
)
NOTE = OperationKind("note", "Put a note on the timeline.", _record, needs_text=True)
CANARY_PROMOTE = OperationKind(
    "canary-promote",
    "Let a canary go on to its next step.",
    partial(_canary, "promote"),
    target="a service",
    takes_change=True,
)
CANARY_PAUSE = OperationKind(
    "canary-pause",
    "Hold a canary at its share.",
    partial(_canary, "pause"),
    target="a service",
    takes_change=True,
)
CANARY_ABORT = OperationKind(
    "canary-abort", "Take a canary back.", partial(_canary, "abort"), target="a service", takes_change=True
)
