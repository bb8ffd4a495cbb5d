"""Starts a small server of Riva's interface, which tells the pitch of what it hears and speaks tones; asks it."""

import io
import math
import tempfile
import wave
from array import array
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import riva.client
from riva.client.proto import riva_asr_pb2, riva_asr_pb2_grpc, riva_tts_pb2, riva_tts_pb2_grpc

RATE = 16000


def tone(pitch, seconds):
    samples = (int(8000 * math.sin(2 * math.pi * pitch * i / RATE - 0.1)) for i in range(int(RATE * seconds)))
    return array("h", samples)


def pitch_of(sound, rate):
    """Return how often per second the sound rises through zero."""
    samples = memoryview(sound).cast("h")
    rises = sum(samples[i - 1] < 0 <= samples[i] for i in range(1, len(samples)))
    return round(rises * rate / len(samples))


def recognize(request, context):
    with wave.open(io.BytesIO(request.audio)) as file:
        words = f"{pitch_of(file.readframes(file.getnframes()), request.config.sample_rate_hertz)} Hz"
    answer = riva_asr_pb2.RecognizeResponse()
    answer.results.add().alternatives.add(transcript=words, confidence=0.5)
    return answer


def recognize_stream(requests, context):
    config = next(requests).streaming_config.config
    heard = b""
    for number, request in enumerate(requests, 1):
        heard += request.audio_content
        answer = riva_asr_pb2.StreamingRecognizeResponse()
        result = answer.results.add(is_final=number == 4)
        result.alternatives.add(transcript=f"{number}: {pitch_of(heard, config.sample_rate_hertz)} Hz")
        yield answer


def synthesize(request, context):
    return riva_tts_pb2.SynthesizeSpeechResponse(audio=tone(int(request.text), 0.5).tobytes())


hearing = riva_asr_pb2_grpc.RivaSpeechRecognitionServicer()
hearing.Recognize, hearing.StreamingRecognize = recognize, recognize_stream
speaking = riva_tts_pb2_grpc.RivaSpeechSynthesisServicer()
speaking.Synthesize = synthesize
server = grpc.server(ThreadPoolExecutor(2))
riva_asr_pb2_grpc.add_RivaSpeechRecognitionServicer_to_server(hearing, server)
riva_tts_pb2_grpc.add_RivaSpeechSynthesisServicer_to_server(speaking, server)
port = server.add_insecure_port("127.0.0.1:0")
server.start()
try:
    auth = riva.client.Auth(uri=f"127.0.0.1:{port}")
    ears = riva.client.ASRService(auth)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "tone.wav")
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, RATE, 0, "NONE", ""))
            file.writeframes(tone(440, 1).tobytes())
        config = riva.client.RecognitionConfig(language_code="en-US", max_alternatives=1)
        riva.client.add_audio_file_specs_to_config(config, path)
        assert (config.sample_rate_hertz, config.audio_channel_count) == (RATE, 1), config
        (result,) = ears.offline_recognize(path.read_bytes(), config).results
    assert result.alternatives[0].transcript == "440 Hz", result

    # In four parts, each of which is sent alone; what is heard is printed as it becomes known.
    sound = tone(600, 1).tobytes()
    parts = [sound[start : start + RATE // 2] for start in range(0, len(sound), RATE // 2)]
    streaming = riva.client.StreamingRecognitionConfig(config=config, interim_results=True)
    page = io.StringIO()
    answers = ears.streaming_response_generator(parts, streaming)
    riva.client.print_streaming(answers, page, show_intermediate=True)
    assert page.getvalue().count(">> ") == 3, page.getvalue()
    assert "## 4: 600 Hz" in page.getvalue(), page.getvalue()

    mouth = riva.client.SpeechSynthesisService(auth)
    spoken = mouth.synthesize("880", language_code="en-US", sample_rate_hz=RATE)
    assert pitch_of(spoken.audio, RATE) == 880
    auth.channel.close()
finally:
    server.stop(None).wait()
print(f"riva: {riva.client.__version__}")
