"""The commands that the documentation shows: found in its pages, run, and compared with what the page says.

In a page, comments above a block say how it is run; without one it is run, in a scratch folder of the page's own:

`<!-- in: examples/detection-service -->`  from here on, in a copy of that folder (`.`: the repository; `scratch`)
`<!-- engine -->`                          the next block needs Docker: its folder's blocks run among the e2e tests
`<!-- exit: 3 -->`                         the next block's last command exits with that
`<!-- run: mkdir wheels -->`               done before the next block, and not shown
`<!-- not run: needs a board -->`          the next block is not run, for that reason; its options are still checked

A `console` block has commands after `$ ` (more of one after `> ` or a backslash), and their whole output, standard
error among it. A line that is only `…` stands for any lines, `…` within a line for any text. Times and digests may
differ, and a plan's forecast is left out. An `sh` block is run as one script, and must end well. A block with a title
in its info string (`yaml title="app/recipe.yaml"`) is a file, written where it stands.

`python -m documentation` (in tests/) lists what is run where; `python -m documentation update PAGE...` runs pages and
puts the real output in place of what differs, where nothing is elided.
"""
