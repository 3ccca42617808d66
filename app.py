"""The door: builds the page and serves it. A Hugging Face Space runs this file unchanged."""

from comparisons import zero_gpu

zero_gpu.announce()  # before anything below imports torch

from ui.page import build, launch_options  # noqa: E402

demo = build()

if __name__ == "__main__":
    demo.launch(**launch_options())
