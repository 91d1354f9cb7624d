"""Every component id. A literal id anywhere else fails a test."""

from typing import Final


class Shell:
    """Ids that every page has."""

    CONTENT: Final = "content"
    #: the page as plain HTML, until the page proper is painted
    FIRST_VIEW: Final = "first-view"
    LOCATION: Final = "location"
    SOURCE: Final = "source-select"
    THEME: Final = "theme-toggle"
    TOASTS: Final = "toasts"
    #: the message of the selected source that the interval fetched
    SNAPSHOT: Final = "snapshot"


class Live:
    """Ids of the live badge and the link behind it."""

    SOCKET: Final = "live-ws"
    BADGE: Final = "live-badge"
    STATE: Final = "live-state"
    ATTEMPTS: Final = "live-attempts"
    LAST_MESSAGE: Final = "live-last-message"
    RECONNECT: Final = "live-reconnect"
    HELP: Final = "live-help"
    HELP_OPEN: Final = "live-help-open"
    HELP_LATE: Final = "live-help-late"
    INTERVAL: Final = "refresh-interval"
    ASKED: Final = "refresh-asked"
    ANSWERED: Final = "refresh-answered"


class Notices:
    """Ids of what is said below the header, on every page."""

    STALE: Final = "stale-notice"
    STALE_WORDS: Final = "stale-notice-words"
    STALE_AGE: Final = "stale-notice-age"
    RELOAD: Final = "reload-notice"
    RELOAD_PAGE: Final = "reload-page"
    #: in the page as it came with its address
    FROZEN: Final = "frozen-notice"
    FROZEN_WORDS: Final = "frozen-notice-words"


class Tiles:
    """Ids of the six tiles."""

    RUNNING: Final = "tile-running"
    PENDING: Final = "tile-pending"
    SUCCEEDED: Final = "tile-succeeded"
    FAILED: Final = "tile-failed"
    ERROR_RATE: Final = "tile-error-rate"
    STALLED: Final = "tile-stalled"


class Stalled:
    """Ids of the stalled banner and the clean-up dialog."""

    BANNER: Final = "stalled-banner"
    TITLE: Final = "stalled-title"
    DETAIL: Final = "stalled-detail"
    SHOW: Final = "stalled-show"
    HELP_OPEN: Final = "stalled-help-open"
    HELP: Final = "stalled-help"
    CLEAN: Final = "cleanup-stalled"
    NOTHING: Final = "stalled-nothing"
    NO_ACTION: Final = "cleanup-unavailable"
    #: beside the banner's button, from the click to the dialog
    BUSY: Final = "cleanup-busy"
    MODAL: Final = "cleanup-modal"
    HEADING: Final = "cleanup-heading"
    MEANING: Final = "cleanup-meaning"
    REVIEW: Final = "cleanup-review"
    #: to be ticked by default: lost, silent, never sent a heartbeat
    LIST: Final = "cleanup-list"
    #: slow, not dead: never ticked by default
    ALIVE: Final = "cleanup-alive"
    ALIVE_PART: Final = "cleanup-alive-part"
    SEEN: Final = "cleanup-seen"
    COUNT: Final = "cleanup-count"
    CONFIRM: Final = "cleanup-confirm"
    CANCEL: Final = "cleanup-cancel"
    PROGRESS: Final = "cleanup-progress"
    RESULT: Final = "cleanup-result"
    UNDO: Final = "cleanup-undo"
    UNDOABLE: Final = "cleanup-undoable"
    PROBLEM: Final = "cleanup-problem"
    OUTCOME: Final = "cleanup-outcome"
    LAST: Final = "cleanup-last"
    LAST_SHOW: Final = "cleanup-last-show"


class Active:
    """Ids of the active runs."""

    GRID: Final = "active-runs"
    COUNT: Final = "active-count"
    UPDATED: Final = "active-updated"
    FILTER: Final = "active-filter"
    EMPTY: Final = "active-empty"
    MORE: Final = "active-more"


class Overview:
    """Ids of the overview page."""

    PAGE: Final = "overview"
    TROUBLE: Final = "source-trouble"
    NOTICES: Final = "source-notices"


class History:
    """Ids of the history page."""

    PAGE: Final = "history"
    GRID: Final = "history-grid"
    SEARCH: Final = "history-search"
    STATUS: Final = "history-status"
    JOB: Final = "history-job"
    QUEUE: Final = "history-queue"
    RANGE: Final = "history-range"
    REFRESH: Final = "history-refresh"
    EXPORT: Final = "history-export"
    OLDER: Final = "history-older"
    COUNT: Final = "history-count"
    PROBLEM: Final = "history-problem"
    EMPTY: Final = "history-empty"
    #: what the last search found
    FOUND: Final = "history-found"


class Bulk:
    """Ids of what is done to selected runs."""

    BAR: Final = "bulk-bar"
    COUNT: Final = "bulk-count"
    RETRY: Final = "bulk-retry"
    CANCEL: Final = "bulk-cancel"
    REASON: Final = "bulk-reason"
    MODAL: Final = "bulk-modal"
    HEADING: Final = "bulk-heading"
    BODY: Final = "bulk-body"
    CONFIRM: Final = "bulk-confirm"
    CLOSE: Final = "bulk-close"
    PROGRESS: Final = "bulk-progress"
    #: what is to be done to which runs, and the number of this request
    PLAN: Final = "bulk-plan"


class Audit:
    """Ids of the audit page."""

    PAGE: Final = "audit"
    GRID: Final = "audit-grid"
    ACTION: Final = "audit-action"
    ACTOR: Final = "audit-actor"
    SEARCH: Final = "audit-search"
    REFRESH: Final = "audit-refresh"
    EXPORT: Final = "audit-export"
    OLDER: Final = "audit-older"
    COUNT: Final = "audit-count"
    PROBLEM: Final = "audit-problem"
    EMPTY: Final = "audit-empty"
    #: what the last search found
    FOUND: Final = "audit-found"


class Errors:
    """Ids of the errors page."""

    PAGE: Final = "errors"
    RANGE: Final = "errors-range"
    STATUS: Final = "errors-status"
    ORIGIN: Final = "errors-origin"
    ACTION: Final = "errors-action"
    COMPONENT: Final = "errors-component"
    JOB: Final = "errors-job"
    SEARCH: Final = "errors-search"
    EXPORT: Final = "errors-export"
    EXPORT_GROUPS: Final = "errors-export-groups"
    REFRESH: Final = "errors-refresh"
    INTERVAL: Final = "errors-interval"
    MORE: Final = "errors-more"
    COUNT: Final = "errors-count"
    PROBLEM: Final = "errors-problem"
    GROUPS: Final = "error-groups"
    CHART: Final = "errors-chart"
    CHART_WORDS: Final = "errors-chart-words"
    SINKS: Final = "errors-sinks"
    RECENT: Final = "recent-errors"
    RECENT_CLEAR: Final = "recent-errors-clear"
    #: which group and event are asked for, and which are shown
    ASKED: Final = "errors-asked"
    SHOWN: Final = "errors-shown"
    #: grows with every change that somebody made
    CHANGED: Final = "errors-changed"
    DETAIL: Final = "error-detail"
    HEADING: Final = "error-heading"
    ACTIONS: Final = "error-actions"
    COPY: Final = "error-copy"
    SUPPORT: Final = "error-support"
    RESOLVE: Final = "error-resolve"
    IGNORE: Final = "error-ignore"
    REOPEN: Final = "error-reopen"
    NEWER: Final = "error-newer"
    OLDER: Final = "error-older"
    POSITION: Final = "error-position"
    BODY: Final = "error-body"
    MESSAGE: Final = "error-message"
    MERGE: Final = "error-merge"
    MERGE_INTO: Final = "error-merge-into"
    MERGING: Final = "error-merging"
    SPLIT: Final = "error-split"
    RETRY: Final = "error-retry"
    RETRY_MODAL: Final = "error-retry-modal"
    RETRY_HEADING: Final = "error-retry-heading"
    RETRY_BODY: Final = "error-retry-body"
    RETRY_CONFIRM: Final = "error-retry-confirm"
    RETRY_CLOSE: Final = "error-retry-close"
    RETRY_PLAN: Final = "error-retry-plan"
    RETRY_TYPE: Final = "error-retry-type"
    RETRY_TYPED: Final = "error-retry-typed"
    RETRY_TYPE_WORDS: Final = "error-retry-type-words"
    RETRY_PROGRESS: Final = "error-retry-progress"


class Trends:
    """Ids of the trends page."""

    PAGE: Final = "trends"
    RANGE: Final = "trends-range"
    JOB: Final = "trends-job"
    ERROR_RATE: Final = "fig-error-rate"
    STALLED: Final = "fig-stalled"
    DURATION: Final = "fig-duration"
    THROUGHPUT: Final = "fig-throughput"
    DISCONNECTS: Final = "fig-disconnects"
    UPTIME: Final = "fig-uptime"
    MTTR: Final = "fig-mttr"
    ERROR_TYPES: Final = "fig-error-types"
    #: the days of a range of one's own
    DAYS: Final = "trends-days"
    FIRST: Final = "trends-first"
    LAST: Final = "trends-last"
    INTERVAL: Final = "trends-interval"
    #: what is asked for, and what was found
    ASKED: Final = "trends-asked"
    FOUND: Final = "trends-found"
    #: which point is chosen, and what moved it
    CHOSEN: Final = "trends-chosen"
    CAUSE: Final = "trends-cause"
    UPDATED: Final = "trends-updated"
    PROBLEM: Final = "trends-problem"
    TROUBLE: Final = "trends-trouble"
    PROGRESS: Final = "trends-progress"
    PROGRESS_WORDS: Final = "trends-progress-words"
    REPORTS: Final = "trends-reports"
    REPORTS_COUNT: Final = "trends-reports-count"


class Alerts:
    """Ids of the alerts page; parts of a dialog are called after it, see ``Dialog``."""

    PAGE: Final = "alerts"
    INTERVAL: Final = "alerts-interval"
    #: grows with every change that somebody made
    CHANGED: Final = "alerts-changed"
    PROBLEM: Final = "alerts-problem"
    NEWS: Final = "alerts-news"
    COUNT: Final = "alerts-count"
    MESSAGE: Final = "alerts-message"
    LIST: Final = "alerts-list"
    REFRESH: Final = "alerts-refresh"
    HISTORY: Final = "alert-history"
    #: the episode that the address asks for
    EPISODE: Final = "alert-episode"
    CHOSEN: Final = "alert-chosen"
    RULE: Final = "alerts-rule"
    HISTORY_COUNT: Final = "alert-history-count"
    EXPORT: Final = "alerts-export"
    OLDER: Final = "alerts-older"
    ACKNOWLEDGE: Final = "alert-acknowledge"
    NOTE: Final = "alert-note"
    SILENCE: Final = "alert-silence"
    #: which silence is to end
    ENDING: Final = "alert-silence-ending"
    SPAN: Final = "alert-silence-span"
    UNTIL: Final = "alert-silence-until"
    UNTIL_FIELD: Final = "alert-silence-until-field"
    #: that instant, epoch ms
    UNTIL_AT: Final = "alert-silence-until-at"
    REASON: Final = "alert-silence-reason"


class RuleEditor:
    """Ids of the panel that changes a rule."""

    PANEL: Final = "alert-rule"
    HEADING: Final = "alert-rule-heading"
    ABOUT: Final = "alert-rule-about"
    FIELDS: Final = "alert-rule-fields"
    ENABLED: Final = "alert-rule-enabled"
    #: patterns: a field for each threshold, and what is wrong with it
    THRESHOLD: Final = "alert-rule-threshold"
    FAULT: Final = "alert-rule-fault"
    CHART: Final = "alert-rule-chart"
    FRAME: Final = "alert-rule-frame"
    WORDS: Final = "alert-rule-words"
    WAITING: Final = "alert-rule-waiting"
    #: which rule is asked for
    ASKED: Final = "alert-rule-asked"
    #: one preview at a time: what is asked, which was answered
    PREVIEW: Final = "alert-rule-preview"
    ANSWERED: Final = "alert-rule-answered"
    SAVE: Final = "alert-rule-save"
    DEFAULT: Final = "alert-rule-default"
    UNDO: Final = "alert-rule-undo"
    CLOSE: Final = "alert-rule-close"
    MESSAGE: Final = "alert-rule-message"
    #: which rule is open, its settings as they were then, and before the last change
    SHOWN: Final = "alert-rule-shown"


class Channels:
    """Ids of the panel with the channels that messages go through."""

    LIST: Final = "channels-list"
    #: said on top while no channel would send anything
    NONE: Final = "channels-none"
    MESSAGE: Final = "channels-message"
    NAME: Final = "channel-name"
    URL: Final = "channel-url"
    SEVERITY: Final = "channel-severity"
    QUIET: Final = "channel-quiet"
    FAULT: Final = "channel-fault"
    ADD: Final = "channel-add"
    DELIVERIES: Final = "channel-deliveries"
    REMOVE: Final = "channel-remove"
    #: which channel is to be tested
    TESTING: Final = "channel-testing"
    #: which channel is to rest, or to go on
    SWITCHING: Final = "channel-switching"


class Report:
    """Ids of "Something wrong?" beside the badge."""

    OPEN: Final = "report-open"
    MODAL: Final = "report-modal"
    HEADING: Final = "report-heading"
    CATEGORY: Final = "report-category"
    NOTE: Final = "report-note"
    #: what the tab knows of its freshness
    RECORD: Final = "report-record"
    SEND: Final = "report-send"
    MESSAGE: Final = "report-message"


class Keyboard:
    """Ids of the help for the keyboard."""

    BUTTON: Final = "keyboard-help"
    MODAL: Final = "keyboard-modal"
    HEADING: Final = "keyboard-heading"


class Start:
    """Ids of the dialog that starts a run."""

    BUTTON: Final = "run-job"
    MODAL: Final = "run-modal"
    HEADING: Final = "run-heading"
    SOURCE: Final = "run-source"
    NAME: Final = "run-name"
    NAMES: Final = "run-names"
    HINT: Final = "run-hint"
    PARAMS: Final = "run-params"
    QUEUE: Final = "run-queue"
    WHEN: Final = "run-when"
    SUBMIT: Final = "run-submit"
    MESSAGE: Final = "run-message"
    #: not before this instant, epoch ms
    RUN_AT: Final = "run-at"
    #: the params that were offered: what differs was typed
    FILLED: Final = "run-filled"
    #: the number of this opening of the dialog
    NUMBER: Final = "run-number"


class Details:
    """Ids of the dialog with one run."""

    MODAL: Final = "run-details"
    HEADING: Final = "details-heading"
    BODY: Final = "details-body"
    #: why the run cannot be shown, or not anew
    TROUBLE: Final = "details-trouble"
    #: what an action did
    MESSAGE: Final = "details-message"
    STEPS: Final = "run-details-steps"
    TIMELINE: Final = "run-details-timeline"
    ERROR: Final = "run-details-error"
    TRACE: Final = "details-trace"
    PARAMS: Final = "details-params"
    RESULT: Final = "details-result"
    CANCEL: Final = "cancel-run"
    #: what a cancel will do, and the answer to it
    CANCEL_ASK: Final = "cancel-run-ask"
    CANCEL_PLAN: Final = "cancel-run-plan"
    CANCEL_CONFIRM: Final = "cancel-run-confirm"
    CANCEL_BACK: Final = "cancel-run-back"
    RETRY: Final = "retry-run"
    #: which run is asked for
    ASKED: Final = "details-asked"
    #: params to run it again with
    EDIT: Final = "retry-edit"
    EDITED: Final = "retry-params"
    #: what a new run does not take over
    NOTE: Final = "retry-note"
    #: the number of this opening of the dialog, and the run's own params
    OPENING: Final = "details-opening"
