"""Turns messages into the bytes that go over the network, and back."""

import os

from geometry_msgs.msg import PoseWithCovariance
from rclpy.serialization import deserialize_message, serialize_message
from std_msgs.msg import Int32

assert os.environ["ROS_DISTRO"] in os.environ["AMENT_PREFIX_PATH"]

# CDR: the header for little-endian, then the number.
assert serialize_message(Int32(data=42)) == b"\x00\x01\x00\x00\x2a\x00\x00\x00"

pose = PoseWithCovariance()
pose.pose.position.y = -2.25
pose.covariance[7] = 1e300  # an array of numpy's
copy = deserialize_message(serialize_message(pose), PoseWithCovariance)
assert copy.pose == pose.pose
assert copy.covariance.tolist() == [0.0] * 7 + [1e300] + [0.0] * 28
print(f"ros: {os.environ['ROS_DISTRO']}")
