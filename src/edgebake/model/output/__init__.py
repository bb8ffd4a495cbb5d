"""What commands print with `--json`: the models of the JSON Schemas in docs/schema/output.

Keys are only ever added while `version` is 1: whoever reads the output passes over those that they do not know.
"""
