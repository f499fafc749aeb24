"""Gates: checks of a change before it ships, one small file each.

A gate is a pure function of the change that asks to ship (`Proposal`) and of the system's state (`GateContext`); it never
sees the run's fault. A new gate is one file with a `Gate`, and one entry of `gameday.registries.GATES`, or one entry
point of a plug-in. docs/gates.md says what each one finds.
"""
