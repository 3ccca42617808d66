"""The door: builds the page and serves it. A Hugging Face Space runs this file unchanged."""

from ui.page import build, launch_options

demo = build()

if __name__ == "__main__":
    demo.launch(**launch_options())
