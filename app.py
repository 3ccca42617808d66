"""The door: builds the page and serves it. A Hugging Face Space runs this file unchanged."""

from comparisons import zero_gpu

zero_gpu.announce()  # before anything below imports torch

from comparisons.hub_dataset import kept_on_the_hub  # noqa: E402
from comparisons.runner import Runner  # noqa: E402
from ui.page import build, launch_options  # noqa: E402

runner = Runner()
demo = build(runner)
dataset = kept_on_the_hub(runner.store)

if __name__ == "__main__":
    try:
        demo.launch(**launch_options())
    finally:
        if dataset:
            dataset.close()
