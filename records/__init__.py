"""What people and syncs write down. Every module with tables is named here, so that Alembic knows them all."""

from records import audited, decided, judged, models

__all__ = ["audited", "decided", "judged", "models"]
