"""Starts Nav2's map server with a small map, brings it through its life cycle, and asks it for the map."""

import os
import subprocess
import tempfile
import time
from pathlib import Path

import rclpy
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from nav_msgs.srv import GetMap

DISTRIBUTION = os.environ["ROS_DISTRO"]
os.environ.update(ROS_LOCALHOST_ONLY="1", ROS_DOMAIN_ID="77")

SETTINGS = """
image: map.pgm
mode: trinary
resolution: 0.5
origin: [1.0, -2.0, 0.0]
negate: 0
occupied_thresh: 0.65
free_thresh: 0.10
"""
# Two rows of three pixels: black, white, grey; white, white, black.
PIXELS = b"P5\n3 2\n255\n" + bytes([0, 255, 160, 255, 255, 0])
# From the lower left corner on: 0 is free, 100 is occupied, -1 is unknown.
CELLS = [0, 0, 100, 100, 0, -1]


def ask(kind, name, request):
    client = node.create_client(kind, name)
    assert client.wait_for_service(timeout_sec=60), f"no service {name}: {log.read_text(errors='replace')}"
    future = client.call_async(request)
    end = time.monotonic() + 60
    while not future.done() and time.monotonic() < end:
        rclpy.spin_once(node, timeout_sec=0.5)
    assert future.done(), f"no answer from {name}: {log.read_text(errors='replace')}"
    return future.result()


with tempfile.TemporaryDirectory() as folder:
    os.environ["ROS_LOG_DIR"] = folder
    Path(folder, "map.yaml").write_text(SETTINGS)
    Path(folder, "map.pgm").write_bytes(PIXELS)
    log = Path(folder, "log")
    program = f"/opt/ros/{DISTRIBUTION}/lib/nav2_map_server/map_server"
    command = [program, "--ros-args", "-p", f"yaml_filename:={folder}/map.yaml"]
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as server:
        try:
            rclpy.init()
            node = rclpy.create_node("test")
            for transition in (Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE):
                wish = ChangeState.Request(transition=Transition(id=transition))
                assert ask(ChangeState, "/map_server/change_state", wish).success, log.read_text(errors="replace")
            answer = ask(GetMap, "/map_server/map", GetMap.Request()).map
            rclpy.shutdown()
        finally:
            server.terminate()
assert (answer.info.width, answer.info.height, answer.info.resolution) == (3, 2, 0.5), answer.info
assert (answer.info.origin.position.x, answer.info.origin.position.y) == (1.0, -2.0), answer.info
assert list(answer.data) == CELLS, answer.data
print(f"nav2: for {DISTRIBUTION}")
