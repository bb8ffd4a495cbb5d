"""Gives frames to a camera made of software, and takes depth, distance and points out of them."""

import numpy as np
import pyrealsense2 as rs

WIDTH, HEIGHT = 64, 48
lens = rs.intrinsics()
lens.width, lens.height, lens.model, lens.coeffs = WIDTH, HEIGHT, rs.distortion.none, [0.0] * 5
lens.fx = lens.fy = 50.0
lens.ppx, lens.ppy = WIDTH / 2, HEIGHT / 2

point = rs.rs2_deproject_pixel_to_point(lens, [42, 24], 2.0)
assert np.allclose(point, [0.4, 0.0, 2.0]), point
assert np.allclose(rs.rs2_project_point_to_pixel(lens, point), [42, 24])

device = rs.software_device()
sensor = device.add_sensor("depth")
stream = rs.video_stream()
stream.type, stream.index, stream.uid, stream.fps, stream.bpp = rs.stream.depth, 0, 1, 30, 2
stream.width, stream.height, stream.fmt, stream.intrinsics = WIDTH, HEIGHT, rs.format.z16, lens
profile = sensor.add_video_stream(stream)
sensor.add_read_only_option(rs.option.depth_units, 0.001)

queue = rs.frame_queue(2)
sensor.open(profile)
sensor.start(queue)
millimetres = np.full((HEIGHT, WIDTH), 1500, np.uint16)
millimetres[24, 42] = 2000
frame = rs.software_video_frame()
frame.pixels, frame.stride, frame.bpp, frame.frame_number = millimetres, WIDTH * 2, 2, 1
frame.timestamp, frame.domain, frame.profile = (
    0.0,
    rs.timestamp_domain.hardware_clock,
    profile.as_video_stream_profile(),
)
frame.depth_units = 0.001
sensor.on_video_frame(frame)

depth = queue.wait_for_frame(5000).as_depth_frame()
assert abs(depth.get_distance(42, 24) - 2.0) < 1e-6, depth.get_distance(42, 24)
assert abs(depth.get_distance(1, 1) - 1.5) < 1e-6
vertices = np.asanyarray(rs.pointcloud().calculate(depth).get_vertices()).view(np.float32).reshape(HEIGHT, WIDTH, 3)
assert np.allclose(vertices[24, 42], [0.4, 0.0, 2.0], atol=1e-5), vertices[24, 42]
print(f"realsense: {rs.__version__}")
