"""Folders of receivers' secret files, as an operator fills them."""

from __future__ import annotations

from pathlib import Path

SLACK = "https://hooks.slack.example/services/T0/B0/canary-slack"
DISCORD = "https://discord.example/api/webhooks/1/canary-discord"
PAGERDUTY = "canary-routing-key"
SMTP = "smtp://gaugeway:canary%40password@smtp.example:587?from=gaugeway@example.com"
EVERY = {
    "slack": SLACK,
    "discord": DISCORD,
    "pagerduty": PAGERDUTY,
    "email": "everybody@example.com",
    "smtp": SMTP,
    "webhook": "http://127.0.0.1:9/",
}


def fill(folder: Path, **files: str) -> Path:
    """Write the files; `slack_ops` is the file `slack-ops`."""
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("_", "-")).write_text(text + "\n")
    return folder
