"""Start the service: `python -m detector`, configured by DETECTOR_* environment variables."""

from __future__ import annotations

import logging
import os
import platform
import signal
import sys
from types import FrameType
from typing import Any

from detector import __version__
from detector.config import Settings, load_settings, unknown_variables
from detector.errors import ConfigError

log = logging.getLogger("detector")


def _stop(signum: int, frame: FrameType | None) -> None:
    """Leave cleanly. Needed before the server runs: as process 1 of a container a default handler is ignored.

    The server has its own handler while it runs, and afterwards raises the signal again, which ends here.
    """
    sys.exit(0)


def _serve(settings: Settings) -> None:
    """Load the model and serve until SIGTERM or SIGINT; then requests under way are still answered."""
    # OpenCV reads this when it is imported: a second limit, should a file's header say one thing to our
    # check and another to the decoder.
    os.environ["OPENCV_IO_MAX_IMAGE_PIXELS"] = str(settings.max_pixels)
    import uvicorn

    from detector.pipeline import Pipeline
    from detector.web import create_app

    pipeline = Pipeline(settings)
    about = _about(pipeline)
    log.info("model %s on %s", settings.model, ", ".join(pipeline.providers))
    config = uvicorn.Config(
        create_app(settings, _with_cache(settings, pipeline), about),
        host=settings.listen[0],
        port=settings.listen[1],
        loop="asyncio",
        http="h11",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=settings.access_log,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=settings.shutdown_timeout,
    )
    uvicorn.Server(config).run()


def _with_cache(settings: Settings, pipeline: Any) -> Any:
    """The pipeline, behind the cache of results if there is one."""
    if not settings.cache:
        return pipeline
    from detector.cache import CachedDetector, ResultCache

    return CachedDetector(pipeline, ResultCache(settings, pipeline.identity))


def _about(pipeline: Any) -> dict[str, Any]:
    """What /health tells of the model and of the versions in use."""
    import cv2
    import numpy
    import onnxruntime

    return {
        "model": {
            "loaded": True,
            "sha256": pipeline.model_sha256,
            "labels": list(pipeline.labels),
            "input": [pipeline.width, pipeline.height],
            "providers": pipeline.providers,
        },
        "versions": {
            "detector": __version__,
            "nms_abi": pipeline.nms_abi,
            "python": platform.python_version(),
            "numpy": numpy.__version__,
            "onnxruntime": onnxruntime.__version__,
            "opencv": cv2.__version__,
        },
    }


def main() -> int:
    """Return the exit code: 0 after a clean stop, 2 when the configuration does not hold."""
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)
    try:
        settings = load_settings(os.environ)
        logging.basicConfig(
            level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s"
        )
        for name in unknown_variables(os.environ):
            log.warning("%s is set, but nothing reads it", name)
        _serve(settings)
    except ConfigError as error:
        print(f"detector: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
