"""Result files as frozen models: the outcome, trials, comparison, suite, baseline, matrix and history."""
