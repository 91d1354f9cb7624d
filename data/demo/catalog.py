"""The job types of the demo's shop, most frequent first.

A type's share of all runs follows Zipf's law with exponent 1.1 over its rank.
"""

from typing import Final, NamedTuple

from data.demo.rhythm import DAY, NIGHT, STEADY, WEEKLY, Rhythm

#: The DBOS job that hangs.
HANGING: Final = "reconcile-ledger"
#: Ignores every request to stop, as some programs do.
STUBBORN: Final = "rebuild-search-index"
_EXPONENT: Final = 1.1


# What a run is told, as JSON with two numbers left open.
_ORDER: Final = (
    '{"order_id": %d, "customer": "c-%d", "currency": "EUR", "channel": "web",'
    ' "notify": true, "idempotent": true}'
)
_PRODUCT: Final = (
    '{"sku": "SKU-%d", "catalog_version": %d, "locales": ["en", "de", "fr"],'
    ' "force": false, "reason": "updated"}'
)
_CUSTOMER: Final = (
    '{"customer": "c-%d", "template": "v%d", "locale": "en-GB", "consent":'
    ' ["transactional", "news"], "dry_run": false}'
)
_FILE: Final = (
    '{"path": "uploads/%d/original.jpg", "revision": %d, "sizes": [96, 320, 1280],'
    ' "format": "webp", "quality": 82, "keep_original": true}'
)
_FEED: Final = (
    '{"feed": "supplier-%d", "cursor": %d, "page_size": 500, "since": "last-success",'
    ' "on_conflict": "newest-wins", "validate": true}'
)
_REPORT: Final = (
    '{"region": "r-%d", "batch": %d, "period": "day", "include": ["orders", "refunds",'
    ' "fees"], "format": "csv", "deliver_to": "finance@shop.example"}'
)


class JobType(NamedTuple):
    """One job type and how its runs behave."""

    name: str
    queue: str
    #: the durations are log-normal: median in seconds, and sigma of the logarithm
    median_s: float
    sigma: float
    #: part of the runs that fail, in per cent
    failing: float
    rhythm: Rhythm
    #: JSON with two numbers left open (``%d``)
    params: str
    #: families of ``tracebacks.SHAPES`` its failures come from
    families: tuple[str, ...]


CATALOG: Final = (
    JobType("thumbnails", "media", 6, 0.6, 3.2, DAY, _FILE, ("image", "storage")),
    JobType("sync-stock", "sync", 9, 0.5, 2.6, STEADY, _FEED, ("http", "sql")),
    JobType("order-emails", "mail", 4, 0.5, 2.2, DAY, _ORDER, ("mail",)),
    JobType("match-scores", "default", 95, 0.5, 4.6, DAY, _PRODUCT, ("data", "sql")),
    JobType("sync-catalog", "sync", 70, 0.6, 5.2, STEADY, _FEED, ("http", "data")),
    JobType("payment-capture", "payments", 5, 0.4, 3.4, DAY, _ORDER, ("payment",)),
    JobType("search-updates", "default", 8, 0.6, 1.6, DAY, _PRODUCT, ("http",)),
    JobType("webhooks", "default", 3, 0.9, 7.8, DAY, _ORDER, ("http",)),
    JobType("push-messages", "mail", 3, 0.5, 2.9, DAY, _CUSTOMER, ("http", "queue")),
    JobType("fraud-check", "payments", 7, 0.5, 1.8, DAY, _ORDER, ("payment", "sql")),
    JobType("shipping-labels", "default", 11, 0.5, 5.6, DAY, _ORDER, ("http", "data")),
    JobType("price-update", "sync", 25, 0.7, 2.4, STEADY, _PRODUCT, ("sql", "data")),
    JobType("email-digest", "mail", 45, 0.6, 3.1, NIGHT, _CUSTOMER, ("mail", "sql")),
    JobType("image-moderation", "media", 16, 0.6, 4.1, DAY, _FILE, ("image", "http")),
    JobType("address-check", "default", 3, 0.4, 4.4, DAY, _ORDER, ("http", "data")),
    JobType("abandoned-carts", "mail", 30, 0.5, 1.2, STEADY, _CUSTOMER, ("mail",)),
    JobType("review-import", "sync", 40, 0.8, 6.3, STEADY, _FEED, ("http", "data")),
    JobType("refund-payment", "payments", 6, 0.4, 2.7, DAY, _ORDER, ("payment",)),
    JobType("pdf-receipts", "media", 12, 0.4, 1.4, DAY, _ORDER, ("storage", "data")),
    JobType("parcel-tracking", "sync", 20, 0.7, 8.6, STEADY, _ORDER, ("http",)),
    JobType("recommendations", "default", 240, 0.5, 2.8, NIGHT, _PRODUCT, ("data",)),
    JobType("tax-rates", "sync", 15, 0.4, 2.0, STEADY, _FEED, ("http",)),
    JobType("exchange-rates", "sync", 5, 0.4, 3.9, STEADY, _FEED, ("http",)),
    JobType("supplier-feed", "sync", 150, 0.7, 9.7, NIGHT, _FEED, ("data", "storage")),
    JobType("returns-intake", "default", 14, 0.5, 2.1, DAY, _ORDER, ("sql",)),
    JobType("gift-cards", "payments", 5, 0.4, 1.1, DAY, _ORDER, ("payment", "sql")),
    JobType("loyalty-points", "default", 9, 0.5, 0.9, DAY, _CUSTOMER, ("sql",)),
    JobType("session-cleanup", "default", 18, 0.4, 0.5, STEADY, _REPORT, ("queue",)),
    JobType("newsletter", "mail", 300, 0.5, 3.6, DAY, _CUSTOMER, ("mail", "queue")),
    JobType("export-orders", "reports", 180, 0.6, 2.3, DAY, _REPORT, ("storage",)),
    JobType("warehouse-report", "reports", 210, 0.4, 1.9, NIGHT, _REPORT, ("sql",)),
    JobType("nightly-invoices", "reports", 2100, 0.3, 4.2, NIGHT, _REPORT, ("sql",)),
    JobType("ledger-sync", "reports", 120, 0.5, 3.3, NIGHT, _REPORT, ("payment",)),
    JobType("churn-model", "default", 600, 0.3, 5.1, NIGHT, _REPORT, ("data",)),
    JobType(STUBBORN, "default", 420, 0.3, 2.5, NIGHT, _PRODUCT, ("http", "queue")),
    JobType("sitemap", "default", 60, 0.3, 0.8, NIGHT, _REPORT, ("storage",)),
    JobType("backup-check", "reports", 340, 0.3, 1.3, NIGHT, _REPORT, ("storage",)),
    JobType("data-retention", "reports", 280, 0.4, 1.0, NIGHT, _REPORT, ("sql",)),
    JobType("weekly-payouts", "payments", 130, 0.4, 6.0, WEEKLY, _REPORT, ("payment",)),
    JobType(
        "video-previews", "media", 260, 0.6, 11.0, DAY, _FILE, ("storage", "image")
    ),
)

#: What part of all runs each type of ``CATALOG`` has, up to a common factor.
WEIGHTS: Final = tuple(rank**-_EXPONENT for rank in range(1, len(CATALOG) + 1))
BY_NAME: Final = {job.name: job for job in CATALOG}


def params_of(job: JobType, bits: int) -> str:
    """Params for a run of ``job`` as JSON; ``bits`` (32 random ones) fill the gaps."""
    return job.params % (bits & 0xFFFF, bits >> 16 & 0xFFFF)
