"""Turns messages into the bytes that go over the network, and back; where ROS is too old for that, sends them."""

import os

import rclpy
from geometry_msgs.msg import PoseWithCovariance
from std_msgs.msg import Int32

assert os.environ["ROS_DISTRO"] in os.environ["AMENT_PREFIX_PATH"]

pose = PoseWithCovariance()
pose.pose.position.y = -2.25
pose.covariance[7] = 1e300  # an array of numpy's


def sent(message):
    """Return what a node receives of a message that it sends."""
    received = []
    rclpy.init()
    node = rclpy.create_node("test")
    publisher = node.create_publisher(type(message), "test", 10)
    subscription = node.create_subscription(type(message), "test", received.append, 10)
    for _ in range(200):
        publisher.publish(message)
        rclpy.spin_once(node, timeout_sec=0.1)
        if received:
            break
    node.destroy_subscription(subscription)
    node.destroy_node()
    rclpy.shutdown()
    return received[0]


try:
    from rclpy.serialization import deserialize_message, serialize_message
except ImportError:  # Dashing and Eloquent
    copy = sent(pose)
else:
    # CDR: the header for little-endian, then the number.
    assert serialize_message(Int32(data=42)) == b"\x00\x01\x00\x00\x2a\x00\x00\x00"
    copy = deserialize_message(serialize_message(pose), PoseWithCovariance)
assert copy.pose == pose.pose
assert copy.covariance.tolist() == [0.0] * 7 + [1e300] + [0.0] * 28
print(f"ros: {os.environ['ROS_DISTRO']}")
