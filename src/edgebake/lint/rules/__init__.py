"""The families of rules. Each module has `RULES`, and `check`, which yields what they find."""
