"""Asks Isaac ROS for the qualities of service that its parameters name, and compares them with what ROS says."""

import os

import rclpy.qos
from ament_index_python.packages import get_package_prefix
from isaac_ros_common.qos import parse_qos_string

assert get_package_prefix("isaac_ros_common").endswith(os.environ["ROS_DISTRO"])
assert parse_qos_string("sensor_data") == rclpy.qos.qos_profile_sensor_data
assert parse_qos_string("SYSTEM_DEFAULT") == rclpy.qos.qos_profile_system_default
default = parse_qos_string("Default")
assert (default.depth, default.reliability) == (10, rclpy.qos.ReliabilityPolicy.RELIABLE), default
print(f"isaac-ros: for {os.environ['ROS_DISTRO']}")
