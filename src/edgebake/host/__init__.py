"""What this machine is, and what fits it. Only the commands for a board use it: compiling asks no host anything."""
