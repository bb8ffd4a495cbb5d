import subprocess
import sys

done = subprocess.run([sys.executable, "/app/main.py"], stdout=subprocess.PIPE, text=True, check=True)
assert done.stdout == "mean: 4.5\n", done.stdout
