"""Outputs of commands with `--json`: the models of the JSON Schemas in docs/schema/output.

While `version` is 1, keys are only added. Readers must ignore unknown keys.
"""
