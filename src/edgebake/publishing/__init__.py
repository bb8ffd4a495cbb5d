"""What is built by several machines becomes one tag: digest files, merging, verifying, pruning."""
