"""Where the numbers of home-made monitoring are found here, as data for docs/telemetry.md.

Tests hold every metric, label and alert in it, and run every query.
"""

from typing import Final

from otel.coming_from.hybrid_gateway import HYBRID_GATEWAY
from otel.coming_from.row import Application, Row
from otel.coming_from.speaking_guide import SPEAKING_GUIDE
from otel.coming_from.translation import TRANSLATION
from otel.coming_from.vector_bot import VECTOR_BOT
from otel.coming_from.voice_agent import VOICE_AGENT

APPLICATIONS: Final = (SPEAKING_GUIDE, VOICE_AGENT, VECTOR_BOT, TRANSLATION, HYBRID_GATEWAY)

__all__ = ["APPLICATIONS", "Application", "Row"]
