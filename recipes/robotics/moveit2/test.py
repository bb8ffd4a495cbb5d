"""Computes where the tip of an arm with two joints is; where there is no Python module for it, loads libraries."""

import ctypes
import importlib.util
import math
import os
import tempfile
from pathlib import Path

from moveit_msgs.msg import Constraints, JointConstraint
from rclpy.serialization import deserialize_message, serialize_message

URDF = """<robot name="arm">
  <link name="base"/> <link name="upper"/> <link name="lower"/> <link name="tip"/>
  <joint name="shoulder" type="revolute">
    <parent link="base"/> <child link="upper"/> <axis xyz="0 0 1"/>
    <limit lower="-3" upper="3" effort="1" velocity="1"/>
  </joint>
  <joint name="elbow" type="revolute">
    <parent link="upper"/> <child link="lower"/> <origin xyz="2 0 0"/> <axis xyz="0 0 1"/>
    <limit lower="-3" upper="3" effort="1" velocity="1"/>
  </joint>
  <joint name="end" type="fixed"><parent link="lower"/> <child link="tip"/> <origin xyz="1 0 0"/></joint>
</robot>
"""
SRDF = """<robot name="arm"><group name="arm"><chain base_link="base" tip_link="tip"/></group></robot>"""

constraint = JointConstraint(joint_name="elbow", position=0.25, weight=1.0)
wish = Constraints(name="bent", joint_constraints=[constraint])
assert deserialize_message(serialize_message(wish), Constraints) == wish

how = "libraries"
for library in ("moveit_robot_model", "moveit_robot_state", "moveit_planning_scene", "moveit_planning_pipeline"):
    ctypes.CDLL(f"lib{library}.so")

if importlib.util.find_spec("moveit"):
    import numpy as np
    from moveit.core.robot_model import RobotModel
    from moveit.core.robot_state import RobotState

    with tempfile.TemporaryDirectory() as folder:
        urdf, srdf = Path(folder, "arm.urdf"), Path(folder, "arm.srdf")
        urdf.write_text(URDF)
        srdf.write_text(SRDF)
        state = RobotState(RobotModel(urdf_xml_path=str(urdf), srdf_xml_path=str(srdf)))
    shoulder, elbow = math.radians(30), math.radians(60)
    state.set_joint_group_positions("arm", np.array([shoulder, elbow]))
    state.update()
    place = np.asarray(state.get_global_link_transform("tip"))[:3, 3]
    expected = [2 * math.cos(shoulder), 2 * math.sin(shoulder) + 1, 0]
    assert np.allclose(place, expected), place
    how = "forward kinematics"
print(f"moveit2: for {os.environ['ROS_DISTRO']}, {how}")
