"""Turns messages into the bytes that go over the network, and back."""

import os

from geometry_msgs.msg import Point
from rclpy.serialization import deserialize_message, serialize_message
from std_msgs.msg import Int32

assert os.environ["ROS_DISTRO"] in os.environ["AMENT_PREFIX_PATH"]

# CDR: the header for little-endian, then the number.
assert serialize_message(Int32(data=42)) == b"\x00\x01\x00\x00\x2a\x00\x00\x00"

point = Point(x=1.5, y=-2.25, z=1e300)
assert deserialize_message(serialize_message(point), Point) == point
print(f"ros: {os.environ['ROS_DISTRO']}")
