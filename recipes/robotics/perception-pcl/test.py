"""Lets a filter leave points out of a cloud; where ROS has none as nodes, turns a message to bytes and back."""

import ctypes
import os
import struct
import subprocess
import tempfile
from pathlib import Path

import rclpy
from pcl_msgs.msg import ModelCoefficients
from rclpy.qos import qos_profile_sensor_data
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import PointCloud2, PointField

DISTRIBUTION = os.environ["ROS_DISTRO"]
os.environ.update(ROS_LOCALHOST_ONLY="1", ROS_DOMAIN_ID="78")
FILTER = Path(f"/opt/ros/{DISTRIBUTION}/lib/pcl_ros/filter_passthrough_node")
POINTS = [(0.0, 0.0, -1.0), (1.0, 2.0, 0.25), (3.0, 4.0, 0.75), (5.0, 6.0, 9.0)]


def cloud(points):
    names = enumerate("xyz")
    fields = [PointField(name=name, offset=4 * i, datatype=PointField.FLOAT32, count=1) for i, name in names]
    data = b"".join(struct.pack("<3f", *point) for point in points)
    message = PointCloud2(height=1, width=len(points), fields=fields, point_step=12, row_step=len(data), data=data)
    message.header.frame_id = "camera"
    message.is_dense = True
    return message


def coordinates(message):
    places = {field.name: field.offset for field in message.fields}
    steps = range(0, message.width * message.height * message.point_step, message.point_step)
    data = bytes(message.data)
    return [tuple(struct.unpack_from("<f", data, step + places[name])[0] for name in "xyz") for step in steps]


def filtered(points):
    """Return the points that the filter lets through: those with z from 0 to 1."""
    received = []
    settings = ["filter_field_name:=z", "filter_limit_min:=0.0", "filter_limit_max:=1.0"]
    command = [str(FILTER), "--ros-args"] + [word for setting in settings for word in ("-p", setting)]
    with tempfile.TemporaryDirectory() as folder:
        os.environ["ROS_LOG_DIR"] = folder
        log = Path(folder, "log")
        with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as node:
            try:
                rclpy.init()
                own = rclpy.create_node("test")
                publisher = own.create_publisher(PointCloud2, "input", 10)
                own.create_subscription(PointCloud2, "output", received.append, qos_profile_sensor_data)
                for _ in range(300):
                    assert node.poll() is None, log.read_text(errors="replace")
                    publisher.publish(cloud(points))
                    rclpy.spin_once(own, timeout_sec=0.2)
                    if received:
                        break
                rclpy.shutdown()
            finally:
                node.terminate()
        assert received, log.read_text(errors="replace")
    return coordinates(received[0])


plane = ModelCoefficients(values=[0.0, 0.0, 1.0, -0.5])
assert deserialize_message(serialize_message(plane), ModelCoefficients) == plane
how = "messages"
if FILTER.exists():
    found = filtered(POINTS)
    assert found == POINTS[1:3], found
    how = "a filter"
else:
    names = [path.name for path in Path("/usr/lib").glob("*-linux-gnu/libpcl_filters.so.*")]
    assert names, "the Point Cloud Library is not there"
    ctypes.CDLL(names[0])
print(f"perception-pcl: for {DISTRIBUTION}, {how}")
