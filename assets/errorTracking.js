// Keeps the last errors of this tab with their context, and tells the server of them.
//
// Runs before everything else on the page. Nothing here ever throws, whatever it is given:
// what goes wrong inside is counted. What is kept or sent is scrubbed first, in the same way
// as data/rules/scrub.py does; tests/vectors/errors.json holds both to it.
(() => {
  const RING = "jobManagerErrors";
  const OUTBOX = "jobManagerErrorsOutbox";
  const SESSION = "jobManagerSession";
  const RING_ENTRIES = 10;
  const ENTRY_BYTES = 1_000; // ten of them stay below 10,240
  const EVENT_BYTES = 8_000;
  const BODY_BYTES = 48_000;
  const OUTBOX_BYTES = 20_000;
  const KEEPALIVE_BYTES = 60_000;
  const QUEUE = 30;
  const BATCH = 10;
  const FLUSH_MS = 5_000;
  const SAME_MS = 5_000;
  const PER_MINUTE = 20;
  const LOGGED_PER_MINUTE = 20;
  const MINUTE_MS = 60_000;
  const FIRST_PAUSE_MS = 5_000;
  const LONGEST_PAUSE_MS = 300_000;
  const REFUSED_PAUSE_S = 60;
  const GIVE_UP_MS = 30_000;
  const MESSAGE = { ring: 300, sent: 1_000 };
  const STACK = 4_000;
  const FRAMES = 20;
  const CAUSES = 3;
  const PARAMS = 1_000;
  const CRUMBS = 10;

  const here = document.currentScript?.dataset ?? {};
  const plain = { error: console.error.bind(console), warn: console.warn.bind(console) };
  const plainFetch = window.fetch?.bind(window);
  const counts = { sent: 0, failures: 0, dropped: {} };
  let inside = false;
  let leaving = false;

  /** Run `work`; what it throws is counted, and its own errors are not tracked. */
  function guarded(work, otherwise) {
    if (inside) return otherwise;
    inside = true;
    try {
      return work();
    } catch {
      counts.failures += 1;
      return otherwise;
    } finally {
      inside = false;
    }
  }

  const drop = (reason, times = 1) => {
    counts.dropped[reason] = (counts.dropped[reason] ?? 0) + times;
  };

  // ---- texts: scrubbed, cut, compared ----

  const FILTERED = "[Filtered]";
  const UNREADABLE = "[unreadable]";
  const DEPTH = 3;
  const KEYS = 20;
  const VALUE = 200;
  const LONGEST = 8_000;
  const MARK = 14;
  const CARD_LIKE = 1e13;
  const SECRET_KEY =
    /password|passwd|pwd|secret|token|apikey|auth|credential|privatekey|session|cookie|csrf|xsrf|dsn|connectionstring/;
  // A quoted text, quotes in it escaped; also in JSON within JSON, and cut off.
  const QUOTED =
    /\\+"[^"]*(?:"|$)|\\+'[^']*(?:'|$)|"(?:[^"\\]|\\[\s\S])*(?:"|\\?$)|'(?:[^'\\]|\\[\s\S])*(?:'|\\?$)/.source;
  const VALUES = [
    [/-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[^-]{0,20000}(?:-----END [A-Z ]{0,40}-----)?/g, FILTERED],
    [
      new RegExp(
        String.raw`\b((?:(?:set-)?cookie|(?:proxy-)?authorization)\\*["']?[ \t]*[=:])(?![ \t]*\[Filtered\](?:[,}\]]|[ \t]*(?:[\r\n]|$)))[ \t]*(?:${QUOTED}|[^\r\n]+)`,
        "gi",
      ),
      `$1 ${FILTERED}`,
    ],
    [/\b(bearer)[ \t\n\r\f\v]+[A-Za-z0-9._~+/=-]{6,}/gi, `$1 ${FILTERED}`],
    [
      /\b([Bb]asic)[ \t\n\r\f\v]+(?=[A-Za-z]{0,200}(?:[0-9=+/]|[a-z][A-Z]))[A-Za-z0-9+/]{6,}={0,2}/g,
      `$1 ${FILTERED}`,
    ],
    [/\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?/g, FILTERED],
    [
      /\b(?:AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{20,}|xox[abprs]-[A-Za-z0-9-]{10,}|sk[-_][A-Za-z0-9_-]{16,})/g,
      FILTERED,
    ],
    [
      new RegExp(
        String.raw`([A-Za-z0-9_-]{0,40}(?:password|passwd|pwd|secret|token|api[-_]?key|private[-_]?key|credentials?|csrf|xsrf|dsn|session[-_]?id)[A-Za-z0-9_-]{0,20}\\*["']?[ \t]*[=:][ \t]*)(?:${QUOTED}|(?!\[Filtered\])[^ \t\n\r\f\v,;&"'}\])]+)`,
        "gi",
      ),
      `$1${FILTERED}`,
    ],
    // of a database's address: a password may hold "/" and "@" all the same
    [
      /\b((?:postgres|mysql|mariadb|redis|valkey|amqp|mongodb|mssql|sqlserver|oracle|db2|cockroachdb|clickhouse|snowflake)[+a-z0-9_]{0,40}:\/\/)[^ \t\n\r\f\v"'<>]+@/gi,
      `$1${FILTERED}@`,
    ],
    // of any other, where a user is: up to its last "@"
    [/(:\/\/)(?=[^ \t\n\r\f\v/?#"']+@)[^ \t\n\r\f\v?#"']+@/g, `$1${FILTERED}@`],
    [/(:\/\/)(?!\[Filtered\]@)[^ \t\n\r\f\v/]+@/g, `$1${FILTERED}@`],
    [/[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+/g, "[email]"],
    [/\b[0-9](?:[ -]?[0-9]){12,18}\b/g, "[number]"],
  ];
  const UNSTORABLE = /[\0\ud800-\udfff]/gu;
  const KEYS_ONLY = /^\[[^\]=&]*\]$/; // an address that was scrubbed before
  const HOST = /^(?:[A-Za-z][A-Za-z0-9+.-]{0,20}:)?(?:\/\/[^/?#]*)?/;
  // What changes from one occurrence to the next and holds no code; then the rest.
  const ADDRESSES = [
    [/\b[a-z][a-z0-9+.-]{0,20}:\/\/[^ \t\n\r\f\v"'<>]+/gi, "<url>"],
    [/[a-z0-9._%+-]{1,64}@[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})+/gi, "<email>"],
    [/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/gi, "<uuid>"],
    [
      /\b[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[t ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?(?:z|[+-][0-9]{2}:?[0-9]{2})?)?\b/gi,
      "<time>",
    ],
    [/\b[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?\b/g, "<time>"],
    [/\b[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?::[0-9]{1,5})?\b/g, "<ip>"],
    [/\b(?:[0-9a-f]{1,4}:){3,7}[0-9a-f]{1,4}\b/gi, "<ip>"],
  ];
  const PARTS = [
    [/\b0x[0-9a-f]+\b/gi, "<hex>"],
    [/\b(?=[a-f]*[0-9])(?=[0-9]*[a-f])[0-9a-f]{7,128}\b/gi, "<hex>"],
    [/(?:\b[a-z]:)?(?:[\\/][\w.@~-]{1,200}){2,}[\\/]?/gi, "<path>"],
    [/\b[a-z_][a-z_.-]{0,60}[-_:#][0-9][0-9a-z_-]*\b/gi, "<id>"],
    [
      /[+-]?\b[0-9]+(?:[.,][0-9]+)*(?:e[+-]?[0-9]+)?(?: ?(?:ms|s|m|h|d|kb|mb|gb|bytes|%))?(?![\w])/gi,
      "<n>",
    ],
  ];
  const NORM_LIMIT = 2_000;
  const encoder = new TextEncoder();
  const byteLength = (text) => encoder.encode(text).length;
  const replaceAll = (text, pairs) =>
    pairs.reduce((found, [pattern, mask]) => found.replace(pattern, mask), text);
  /** The first code points of a text: a surrogate pair is one. */
  const first = (text, length) =>
    text.length <= length ? text : [...text.slice(0, 2 * length)].slice(0, length).join("");

  /** At most so many bytes, cut between characters; "…[+n]" tells of n more. */
  function cut(text, limit) {
    if (3 * text.length <= limit || byteLength(text) <= limit) return text;
    const points = [...text];
    let room = Math.max(limit - MARK, 0);
    let kept = 0;
    while (kept < points.length && (room -= byteLength(points[kept])) >= 0) kept += 1;
    return `${points.slice(0, kept).join("")}…[+${points.length - kept}]`;
  }

  const scrubText = (text) =>
    replaceAll(first(text, LONGEST).replace(UNSTORABLE, "\ufffd"), VALUES);
  const told = (value, limit) => cut(scrubText(wordsOf(value)), limit);
  const isSecret = (key) => SECRET_KEY.test(key.replace(/[-_ .]/g, "").toLowerCase());

  function scrubUrl(url) {
    const [path, ...query] = first(url, LONGEST).replace(HOST, "").split("#")[0].split("?");
    const asked = query.join("?");
    if (KEYS_ONLY.test(asked)) return scrubText(path) + scrubText(`?${asked}`);
    const keys = asked.split("&").filter(Boolean).map((pair) => pair.split("=")[0]);
    return scrubText(path) + (keys.length ? scrubText(`?[${keys.join(",")}]`) : "");
  }

  /** A value as JSON holds it, without secrets, whatever it is. */
  function scrub(value, depth = 0) {
    try {
      return scrubbed(value, depth);
    } catch {
      return UNREADABLE;
    }
  }

  function scrubbed(value, depth) {
    if (value === null || value === undefined || typeof value === "boolean") return value ?? null;
    if (typeof value === "number") return numberOf(value);
    if (typeof value !== "object") return told(value, VALUE);
    if (depth >= DEPTH) return "…";
    if (value instanceof Date || value instanceof Error) return told(value, VALUE);
    if (ArrayBuffer.isView(value)) return `<${value.byteLength} bytes>`;
    if (value instanceof Map) return scrubbed(Object.fromEntries(firstOf(value)), depth);
    if (value instanceof Set) return scrubbed(firstOf(value), depth);
    if (Array.isArray(value)) return value.slice(0, KEYS).map((one) => scrub(one, depth + 1));
    return Object.fromEntries(
      Object.keys(value)
        .slice(0, KEYS)
        .map((key) => [told(key, VALUE), isSecret(key) ? FILTERED : read(value, key, depth)]),
    );
  }

  /** Of a set or a map of any size. */
  function firstOf(values) {
    const found = [];
    for (const one of values) {
      if (found.push(one) === KEYS) break;
    }
    return found;
  }

  /** A getter may throw. */
  function read(value, key, depth) {
    try {
      return scrub(value[key], depth + 1);
    } catch {
      return UNREADABLE;
    }
  }

  function numberOf(value) {
    if (!Number.isSafeInteger(value)) {
      return Number.isFinite(value) && Math.abs(value) < 2 ** 53 ? value : scrubText(String(value));
    }
    return Math.abs(value) >= CARD_LIKE ? "[number]" : value;
  }

  // ---- codes of errors, as data/rules/error_codes.py has them ----

  const MOST_CODES = 3;
  const END = "(?![^\\n])";
  const SQLSTATE = [
    String.raw`(?:0[0-9A-Z]|2[0-8BDF]|3[3489BDF]|4[0245]|5[34578]|72|F0|H[VYZ]|IM|P0|S0`,
    String.raw`|XX)[0-9A-Z]{3}`,
  ].join("");
  const CODE_VALUE = [
    String.raw`-?[0-9]{1,10}|0x[0-9a-f]{1,8}|[a-z]{1,8}[-_]?[0-9]{1,7}`,
    String.raw`|_?[a-z][a-z_]{0,40}(?:\.[a-z_]{1,40}){0,4}`,
  ].join("");
  const BARE_VALUE = [
    String.raw`-?[0-9]{1,10}|0x[0-9a-f]{1,8}|[a-z]{1,3}[-_]?[0-9]{3,5}|(?:22|25|40|42|55|57)P[0-9]{2}`,
    String.raw`|_?[a-z][a-z_]{0,40}(?:\.[a-z_]{1,40}){0,4}`,
  ].join("");
  const ERRNO = [
    String.raw`E(?:2BIG|ACCES|ADDRINUSE|ADDRNOTAVAIL|AGAIN|AI_[A-Z]+|BADF|BUSY|CANCELED|CHILD`,
    String.raw`|CONNABORTED|CONNREFUSED|CONNRESET|DEADLK|DQUOT|EXIST|FAULT|FBIG|HOSTDOWN|HOSTUNREACH`,
    String.raw`|INPROGRESS|INTR|INVAL|IO|ISCONN|ISDIR|LOOP|MFILE|MLINK|MSGSIZE|NAMETOOLONG|NETDOWN`,
    String.raw`|NETRESET|NETUNREACH|NFILE|NOBUFS|NODEV|NOENT|NOEXEC|NOLCK|NOMEM|NOSPC|NOSYS|NOTCONN`,
    String.raw`|NOTDIR|NOTEMPTY|NOTFOUND|NOTSUP|NXIO|OPNOTSUPP|OVERFLOW|PERM|PIPE|PROTO`,
    String.raw`|PROTONOSUPPORT|RANGE|ROFS|SHUTDOWN|SPIPE|SRCH|STALE|TIMEDOUT|TIMEOUT|TXTBSY`,
    String.raw`|WOULDBLOCK|XDEV)`,
  ].join("");
  const HTTP_STATUS = [
    String.raw`400(?= bad r)|401(?= unauth)|402(?= paym)|403(?= forb)|404(?= not f)|405(?= method)`,
    String.raw`|406(?= not a)|407(?= proxy)|408(?= request)|409(?= confl)|410(?= gone)|411(?= length)`,
    String.raw`|412(?= precon)|413(?= (?:payl|content|request))|414(?= (?:uri|request))|415(?= unsup)`,
    String.raw`|416(?= (?:range|request))|417(?= expec)|418(?= i)|421(?= misd)|422(?= unproc)`,
    String.raw`|423(?= locked)|424(?= failed)|425(?= too)|426(?= upgr)|428(?= precon)|429(?= too)`,
    String.raw`|431(?= request)|451(?= unav)|500(?= internal)|501(?= not i)|502(?= bad)`,
    String.raw`|503(?= (?:serv|slow))|504(?= gatew)|505(?= http)|507(?= insuf)|508(?= loop)`,
    String.raw`|511(?= netw)`,
  ].join("");
  const STATUS_APART = HTTP_STATUS.replaceAll("(?= ", String.raw`(?=(?:[)\]]:?|:| -| \() ?`);
  const REASON = [
    String.raw`(?:bad request|unauthori[sz]ed|payment required|forbidden|not found|method not allowed`,
    String.raw`|not acceptable|conflict|gone|(?:content|payload|request entity|uri) too large`,
    String.raw`|unsupported media type|unprocessable (?:content|entity)|locked|too many requests`,
    String.raw`|(?:internal )?server error|not implemented|bad gateway|(?:service|server) unavailable`,
    String.raw`|(?:gateway|request) time-?out|slow down)`,
  ].join("");
  const GRPC = [
    String.raw`ALREADY_EXISTS|DATA_LOSS|DEADLINE_EXCEEDED|FAILED_PRECONDITION|INVALID_ARGUMENT`,
    String.raw`|NOT_FOUND|OUT_OF_RANGE|PERMISSION_DENIED|RESOURCE_EXHAUSTED|UNAUTHENTICATED`,
    String.raw`|UNAVAILABLE|UNIMPLEMENTED`,
  ].join("");
  const VENDOR = [
    String.raw`(?:ORA|TNS|PLS|RMAN|DPY|DPI|OCI|KUP|NZE|LPX|DIA|DRG|IMP|EXP|UDE|UDI|SP2|SQL|CLI|DSRA|MY`,
    String.raw`|NJS)-[0-9]{3,6}|SQL[0-9]{4,5}[NWC]|AADSTS[0-9]{4,7}|E1[0-9]{4}|ERR?_[A-Z][A-Z_]{2,60}`,
    String.raw`|SIG(?:ABRT|BUS|FPE|HUP|ILL|INT|KILL|PIPE|QUIT|SEGV|TERM)|SQLITE_(?:ABORT|AUTH|BUSY`,
    String.raw`|CANTOPEN|CONSTRAINT|CORRUPT|EMPTY|ERROR|FORMAT|FULL|INTERNAL|INTERRUPT|IOERR|LOCKED`,
    String.raw`|MISMATCH|MISUSE|NOLFS|NOMEM|NOTADB|NOTFOUND|PERM|PROTOCOL|RANGE|READONLY|SCHEMA`,
    String.raw`|TOOBIG)(?:_[A-Z]{2,20}){0,3}`,
  ].join("");
  const REDIS = [
    String.raw`(?:ASK|MOVED)(?= [0-9])|BUSY|BUSYGROUP|BUSYKEY|CLUSTERDOWN|CROSSSLOT|DENIED|EXECABORT`,
    String.raw`|INPROG|IOERR|LOADING|MASTERDOWN|MISCONF|NOAUTH|NOGOODSLAVE|NOGROUP|NOPERM|NOPROTO`,
    String.raw`|NOREPLICAS|NOSCRIPT|NOTBUSY|OOM|READONLY|TRYAGAIN|UNBLOCKED|UNKILLABLE|WRONGPASS`,
    String.raw`|WRONGTYPE`,
  ].join("");
  const IMAP = [
    String.raw`ALERT|ALREADYEXISTS|AUTHENTICATIONFAILED|AUTHORIZATIONFAILED|CANNOT|CLIENTBUG`,
    String.raw`|CONTACTADMIN|CORRUPTION|EXPIRED|INUSE|LIMIT|NONEXISTENT|NOPERM|OVERQUOTA|PRIVACYREQUIRED`,
    String.raw`|SERVERBUG|TRYCREATE`,
  ].join("");
  const REPLY = [
    String.raw`(?:Access |Authenti|Authori|Bad |Can't |Cannot |Can not |Command |Connection |Control `,
    String.raw`|Could ?n|Create |Data c|Deadline |Delete |Directory |Disk |Error |Exceeded |Fail|File `,
    String.raw`|GOAWAY|Idle |Illegal |Insufficient |Internal |Invalid |Local |Log(?:in|on) |No data `,
    String.raw`|No such |No-transfer|No transfer|Not |Operation |Permission |Please |Policy |Quota `,
    String.raw`|Rate |Request |Requested |Resource |Security |Service |Sorry|Syntax |Temporar`,
    String.raw`|Terminating|The (?:caller|request|server|service|system)|There are |Timeout|Too many `,
    String.raw`|Transfer |Unable |Unavailable|Unknown |Use |User |You |failed to connect`,
    String.raw`|upstream connect)`,
  ].join("");
  const KINDS = [
    String.raw`error|err|exit|return|result|reason|response|status|sql|native|vendor|grpc|rpc|fault`,
    String.raw`|failure|decline|api|system|oracle|mysql|db`,
  ].join("");
  const HEAD = [
    String.raw`(?:^|(?:[Ee]rror|ERROR|FATAL|[Ee]xception|[Ff]ailure|[Ff]ault|[Ww]arning|error_(?:perm`,
    String.raw`|temp|reply))(?:: {1,2}|\([\"']))`,
  ].join("");
  const NAMED = String.raw`[A-Z][a-z]+(?:[A-Z][a-z]+){1,6}|[A-Z]{2,20}(?:_[A-Z]{1,20}){1,5}`;
  const KNOWN_STATE = [
    String.raw`(?:(?:22|25|40|42|55|57)P[0-9]{2}|42S[0-9]{2}|3[DF]000|HY(?:[0-9]{3}|T0[01])|XX00[0-2]`,
    String.raw`|0800[0-7]|2200[1-9]|22012|2300[01]|2350[235]|23514|25006|28000|4000[1-3]|42000|42501|42601`,
    String.raw`|4270[1-4]|42710|42883|53[0-4]00|54000|5500[06]|57014|580(?:00|30))`,
  ].join("");
  const HTTP_ERROR = String.raw`(?:40[0-9]|41[0-8]|42[1-6]|428|429|431|451|499|50[0-8]|51[01]|52[0-7]|530)`;
  const SERVER = [
    String.raw`(?:requests?|server|api|upstream|gateway|endpoint|service|proxy|webhook|backend|provider`,
    String.raw`|partner|remote|origin|load balancer)`,
  ].join("");
  const CALL = [
    String.raw`(?:request|call|upload|download|fetch(?:ing)?|log[ -]?in|auth(?:entication|orization)?`,
    String.raw`|sync|delivery|push|pull|connection|handshake|payment|charge|refund|http|post|get|put`,
    String.raw`|patch|delete|refresh|publish|send(?:ing)?|notification|import|export|backup`,
    String.raw`|deploy(?:ment)?|webhook|api)`,
  ].join("");
  const COUNTING = [
    String.raw`(?:Query|Queries|Select|Search|Function|Method|Job|Task|Worker|Step|Import|Export|Count`,
    String.raw`|Batch|Process|Script|Command|It|This|That|Lookup|Filter|Scan|Table|View|Cursor|Procedure`,
    String.raw`|Statement|Subprocess|Program|Child|Report|Loop|Rows?|Records?|Items?|Orders?|Customers?`,
    String.raw`|Users?|Total|Which|Only|They|She|He|We)`,
  ].join("");
  const ERROR_KEY = [
    String.raw`(?:[a-z]{1,20}_){0,2}(?:err|errors?|failure|decline)_(?:class|code|count|detail|details`,
    String.raw`|id|key|message|msg|name|no|number|rate|reason|status|subcode|type)\b`,
  ].join("");
  const FAILING = [
    String.raw`(?:aborted|conflict|declined?|denied|duplicate|errors?|exceeded|exhausted|exists|failed`,
    String.raw`|failure|forbidden|incorrect|insufficient|limit|mismatch|not_found|overloaded|quota`,
    String.raw`|refused|rejected|required|throttled|timed_out|timeout|too_large|too_many|unauthorized`,
    String.raw`|unavailable|unreachable|unsupported)`,
  ].join("");
  const STATE_WORD = String.raw`(?:blocked|closed|disabled|expired|invalid|limited|locked|missing|revoked|unknown)`;
  const THING = [
    String.raw`(?:access|account|address|amount|api|app|argument|auth|bank|billing|bucket|card|cert`,
    String.raw`|certificate|channel|client|code|config|connection|consent|content|country|coupon`,
    String.raw`|currency|customer|cvc|cvv|data|database|date|db|device|document|domain|email|endpoint`,
    String.raw`|entity|expiry|feature|field|file|form|format|funds|gateway|grant|group|header|host|id`,
    String.raw`|index|input|invoice|ip|item|job|key|license|link|lock|login|mail|merchant|message|method`,
    String.raw`|model|month|name|network|number|object|order|organization|page|param|parameter|password`,
    String.raw`|path|payload|payment|permission|phone|pin|plan|product|profile|project|property|quantity`,
    String.raw`|queue|rate|record|region|request|resource|response|role|route|row|schema|scope|secret`,
    String.raw`|server|service|session|signature|size|source|state|status|storage|store|stream`,
    String.raw`|subscription|system|table|task|tenant|thread|token|topic|transaction|transfer|type`,
    String.raw`|upload|url|usage|user|value|version|webhook|workspace|year|zip)`,
  ].join("");
  const FAILING_CAMEL = [
    String.raw`(?:Aborted|Blocked|Conflict|Declined|Denied|Detected|Disabled|Exceeded|Exhausted|Exists|Expired`,
    String.raw`|Failed|Failure|Forbidden|Insufficient|Invalid|Limited|Locked|Mismatch|NotFound|Overloaded`,
    String.raw`|Refused|Rejected|Required|Revoked|Throttled|Throttling|TimedOut|Timeout|Unauthorized`,
    String.raw`|Unavailable|Unreachable|Unsupported|Violation)`,
  ].join("");
  const FAILED_CAMEL = [
    String.raw`(?:[A-Z][a-z]+){0,5}(?:${FAILING_CAMEL}|Abort|Bad|Broken|Busy|Cancel(?:l?ed)?|Closed`,
    String.raw`|Crash(?:ed)?|Deadlock|Error|Exception|Exist|Fault|Gateway|Incomplete|Internal|Interrupt`,
    String.raw`|Lost|Missing|NoSuch|Not|Request|Requests|Reset|Shutdown|Slow|Stale|TooMany|TooLarge`,
    String.raw`|Unknown|Unprocessable|Warning)(?:[A-Z][a-z]+){0,5}`,
  ].join("");
  /** What stands before a code, and the code; what follows is looked at only. */
  const CODES = [
    [String.raw`(\berror occurred \()([a-z0-9_.]{2,80})(?=\))`, "gi"],
    [String.raw`(\bapi error )([a-z][a-z0-9.]{2,80})(?=:)`, "gi"],
    [String.raw`(<code>)([a-z0-9_.]{1,80})(?=</code>)`, "gi"],
    [String.raw`(^\()([A-Za-z_]{2,40}[0-9]?(?:\.[A-Za-z_]{1,40}[0-9]?){0,4})(?=\) )`, "g"],
    [String.raw`((?:${HEAD}|\) )\()([0-9]{1,5})(?=, ?b?[\"'])`, "g"],
    [String.raw`((?:${HEAD}|\) ))([0-9]{4,6})(?= \(${SQLSTATE}\):)`, "g"],
    [String.raw`((?:${HEAD}|\) ))([12][0-9]{3})(?=: [^\n:]{0,60}\bMySQL\b)`, "g"],
    [String.raw`(${HEAD}\()((?:[a-z_]{1,40}\.){0,4}(?:${NAMED}|[A-Z][a-z]{2,40}))(?=\) )`, "g"],
    [String.raw`(${HEAD}\[)(${NAMED})(?=\])`, "g"],
    [String.raw`(\b[A-Z][A-Za-z]{0,40}(?:Error|Exception)\()(-?[0-9]{1,5})(?=, ?b?[\"'])`, "g"],
    [String.raw`(\()([0-9]{1,5})(?=, ?b[\"'])`, "g"],
    [String.raw`(${HEAD}\()(${SQLSTATE})(?=\) )`, "g"],
    [String.raw`(${HEAD})(${KNOWN_STATE})(?=:| (?!rows?|records?|items?|lines?|of|from|jobs?|runs?))`, "g"],
    [String.raw`(${HEAD})([1-5][0-9]{2})(?=, message=)`, "g"],
    [String.raw`(\b)(${HTTP_ERROR})(?= (?:GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS) (?:<url>|/))`, "g"],
    [String.raw`(${HEAD})([45][0-9]{2})(?=[ -](?:[^ \t\n:]{1,200}: )?${REPLY})`, "g"],
    [String.raw`(\btoo many )([45][0-9]{2})(?= error responses\b)`, "gi"],
    [String.raw`(${HEAD})(${HTTP_ERROR})(?=:|,? (?:for|from|on|at|when|calling|while) (?:url\b|<url>|(?:get|post|put|patch|delete|head) |(?:the |an? |our )?${SERVER}\b))`, "gi"],
    [String.raw`(\b(?:got|received|answered|responded|replied|returned|gave|sent|failed|failure|with|said|error)(?: with)?(?: an?)?(?: (?:http|status|code|error|response))*:? )(${HTTP_ERROR})(?= (?:from|by|for|on|at) (?:url\b|<url>|<ip>|(?:the |an? |our )?${SERVER}\b))`, "gi"],
    [String.raw`(\b[a-z]{0,30}(?:http|api|status|response|server|client|request)[a-z]{0,20}(?:error|exception|failure): )(${HTTP_ERROR})(?= (?!m?s\b)|:|,|${END})`, "gi"],
    [String.raw`((?:<url>|${SERVER})[\"']? ?[-=]> ?)(${HTTP_ERROR})\b`, "gi"],
    [String.raw`(\b(?:HTTP)?[A-Za-z]{0,30}(?:Status|StatusCode|Codes?|Errors?|Reason)\.)([A-Z][A-Z_]{1,40})\b`, "g"],
    [String.raw`(\b)(([245])[0-9]{2}[ -]\3\.[0-9]{1,3}\.[0-9]{1,3})(?![\w.])`, "g"],
    [String.raw`(\b(?:smtp|ftp)[a-z]{0,30}(?: (?:error|code|reply|status))?:? \(?)([245][0-9]{2})(?= (?!m?s\b)|[-:,)]|${END})`, "gi"],
    [String.raw`(${HEAD}\()(${HTTP_ERROR})(?=\)[ \n]+Reason\b)`, "g"],
    [String.raw`(\b${REASON} \()(${HTTP_ERROR})(?=\))`, "gi"],
    [String.raw`((?:^|[:;,(\['\"\`] ?|\b(?:error|an?) ))(${STATUS_APART})`, "gi"],
    [String.raw`(\b${CALL} (?:failed|failure|error|rejected|refused|denied)(?: with)?(?::| -)? ?\(?)(${HTTP_ERROR})(?=[),;:]|\.?${END}|\. )`, "gi"],
    [String.raw`(\b(?:answered|responded|replied|failed with|resulted in)(?: with)?(?: an?)?(?: (?:http|status|code|error|response))*:? [\`'\"]?)(${HTTP_ERROR})(?=[,;:!)'\"\`\]<]|\.?${END}|\. | (?:for|from|on|at|when|to|after)\b)`, "gi"],
    [String.raw`(\b(?!${COUNTING}\b)[A-Z][A-Za-z0-9.]{1,30} (?:returned|gave|sent)(?: an?)?(?: (?:HTTP|status|code|error|response))*:? )(${HTTP_ERROR})(?=[,;:!)\]]|\.?${END}|\. | (?:for|from|on|at|when|to|after)\b)`, "g"],
    [String.raw`(<url>[\"'\`)\]]{0,2}:? (?:returned )?\(?)(${HTTP_ERROR})(?=[,;:)]|\.?${END}|\. | [(-])`, "g"],
    [String.raw`(\b(?:GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS) /[^ \t\n]{0,200} )(${HTTP_ERROR})(?=[,;:]|\.?${END}|\. | [(-])`, "g"],
    [String.raw`(\b(?:(?:client|server) error|(?:redirect|informational) response) ['\"])([1-5][0-9]{2})(?= |['\"])`, "gi"],
    [String.raw`(\()([2-5][0-9]{2})(?=\) [A-Z]{2,20}_[A-Z])`, "g"],
    [String.raw`(['\"]result['\"]: ?)([0-9]{1,3})(?=, ?['\"]desc['\"])`, "g"],
    [String.raw`(^\(#)([0-9]{1,3})(?=\) )`, "g"],
    [String.raw`(${HEAD})(${REDIS})(?= [A-Za-z0-9'])`, "g"],
    [String.raw`((?:^|b?['\"])\[)(${IMAP})(?=\] )`, "g"],
    [String.raw`((?:^|[:.(\"'] ?|\b[0-9]{1,2} ))(INTERNAL|UNKNOWN|ABORTED|CANCELLED)(?=: )`, "g"],
    [String.raw`(\bfaultcode[\"'>: =]{1,5}(?:[a-z0-9-]{1,20}:)?)([a-z.]{2,40})\b`, "gi"],
    [String.raw`((?:Error|Exception|Failure|Fault|Warning): )(?![A-Za-z]{1,60}(?:Error|Exception):)(?=(?:[A-Z][a-z]+){2,7}: )(${FAILED_CAMEL})(?=: )`, "g"],
    [String.raw`(\b)((?:[a-z_][a-z0-9_]{0,40}\.){1,6}[A-Z][A-Za-z0-9]{2,60})(?=: )`, "g"],
    [String.raw`(\b[Ee]rrors?[: ]{1,2})([A-Z][a-z]+(?:[A-Z][a-z0-9]+){1,6})\b`, "g"],
    [String.raw`((?<![\w/\\@~-]))([A-Z][A-Za-z0-9]{2,60}Exception)(?![\w/\\])`, "g"],
    [String.raw`((?<![\w/\\@~-]))((?:[A-Z][a-z]+){1,5}${FAILING_CAMEL}(?:[A-Z][a-z]+){0,3}|(?:Invalid|NoSuch|TooMany)(?:[A-Z][a-z]+){1,4}|SlowDown)(?![\w/\\])`, "g"],
    [String.raw`(\b(?:error|err|reason|fault|exception)(?:[ _-]?(?:type|name|key|id))?[\"']?(?:=| ?: ?(?=[\"'])) ?[\"']?)([a-z_][a-z_.]{2,60})(?=[\"',;&)\]} ]|${END})`, "gi"],
    [String.raw`((?<![\w/\\.@~-])(?!${ERROR_KEY}))((?:[a-z]{1,20}_){1,4}${FAILING}(?:_[a-z]{1,20}){0,3}|(?:${FAILING}|${STATE_WORD})(?:_[a-z]{1,20}){1,4}|(?:[a-z]{1,20}_){0,3}${THING}_${STATE_WORD}(?:_[a-z]{1,20}){0,3})(?![\w/\\]|\.\w)`, "g"],
    [String.raw`(^)(?=(?:[A-Z][a-z]+){2,7}: )(${FAILED_CAMEL})(?=: )`, "g"],
    [String.raw`(\bSQL Error \[)([0-9]{1,5})(?=\])`, "gi"],
    [String.raw`(\bsql ?state[ :=('\"\[]{0,3})([0-9a-z]{5})(?![0-9a-z])`, "gi"],
    [String.raw`(\bsql ?code[ :=]{1,3})(-?[0-9]{1,5})\b`, "gi"],
    [String.raw`((?:^|[:'\"(] ?)\[)(${SQLSTATE})(?=\])`, "g"],
    [String.raw`(\(')(${SQLSTATE})(?=')`, "g"],
    [String.raw`(\bERROR )([0-9]{4})(?= \([0-9A-Z]{5}\))`, "g"],
    [String.raw`( \()(${SQLSTATE})(?=\)(?::|\.?${END}))`, "g"],
    [String.raw`(\b(?:ERROR|FATAL|PANIC): {1,2})(${SQLSTATE})(?=:)`, "g"],
    [String.raw`(\bMsg )([0-9]{1,5})(?=, Level)`, "g"],
    [String.raw`(\()([0-9]{1,6})(?=\) \(SQL)`, "g"],
    [String.raw`(\berrno[\"']?:{0,2}[ :=]{0,3})(-?[0-9]{1,5}|E[A-Z0-9]{2,15})(?!\w)`, "gi"],
    [String.raw`(\b(?:os error |winerror |curl: \())([0-9]{1,5})\b`, "gi"],
    [String.raw`(\b)(${ERRNO})\b`, "g"],
    [String.raw`(\[SSL: )([A-Z0-9_]{3,60})(?=\])`, "g"],
    [String.raw`(\b)(0x(?:800|C00)[0-9A-F]{5})\b`, "gi"],
    [String.raw`(\bexit(?:ed)?(?: with)?(?: (?:status|code|error))*[ :=(]{1,2})(-?[0-9]{1,10})\b`, "gi"],
    [String.raw`(\b(?:(?:exited|terminated|killed|died|stopped|ended|failed|finished|returned|crashed|closed)(?: with| by| on)?(?: an?)?(?: exit| return| error)?[ -](?:code|status|signal)|signal)[ :=(]{1,2})(-?[0-9]{1,10}|SIG[A-Z]{2,6})\b`, "gi"],
    [String.raw`(\bhttp(?:/[0-9.]{1,3})?(?:[ _-]?(?:status|error|code|response))*[ :=('\"\[_-]{0,3})([1-5][0-9]{2})\b`, "gi"],
    [String.raw`(\bstatus(?:[ _-]?code)?[\"']?(?: (?:is|was|of))?[ :=('\"\[]{1,3})([1-5][0-9]{2})\b`, "gi"],
    [String.raw`(\bresponse(?: code)?(?: (?:is|was))?[ :=\[]{1,3})([1-5][0-9]{2})(?=[\]>.,:;)]|\b(?! ))`, "gi"],
    [String.raw`(\b)(${HTTP_STATUS})`, "gi"],
    [String.raw`(\b)([1-5][0-9]{2})(?= (?:client|server) error\b)`, "gi"],
    [String.raw`((?:<url>|\b(?:requests?|server|api|upstream|gateway|endpoint|service|proxy|webhook|backend)\b)[^.;\n]{0,80}\b(?:answered|responded|replied|returned|failed|refused|gave|got)(?: with)?(?: an?)?(?: http| status| code| error| response)*:? )([45][0-9]{2})(?=[.,;:!)'\"\]<]|${END}| (?:for|from|on|at|when|to|after)\b)`, "gi"],
    [String.raw`(\berror[ #]{1,2})(-?[0-9]{1,5})(?=[:,)\]]|${END})`, "gi"],
    [String.raw`(\berror: )([45][0-9]{2})(?=:|${END})`, "gi"],
    [String.raw`(\bStatusCode\.)([A-Z_]{2,30})\b`, "g"],
    [String.raw`(\b)(${GRPC})\b`, "g"],
    [String.raw`(\b(?:${KINDS})[ _-]?(?:sub)?(?:code|number|no|status|reason)[\"']?(?: (?:is|was|of))?[ :=('\"\[#]{1,4})(${CODE_VALUE})(?!\w)`, "gi"],
    [String.raw`((?:^|[^\w ] ?)[\"']?code[\"']? ?[:=] ?[\"']?)(${BARE_VALUE})(?!\w)`, "gi"],
    [String.raw`(\b)(${VENDOR})\b`, "g"],
    [String.raw`(^)([A-Z]{2,8}-?0[0-9]{2,5})(?=[: ])`, "g"],
  ].map(([pattern, flags]) => new RegExp(pattern, flags));
  /** Where a driver's message goes on with the statement and its values. */
  const STATEMENT = /\n(?:\[SQL|\[parameters|DETAIL|CONTEXT|STATEMENT|QUERY|LINE [0-9])/;
  /** Private characters, one for each ASCII character: no other pattern matches them. */
  const SHIELD = 0xe000;
  const SHIELDED = /[\ue000-\ue07f]+/g;
  const shifted = (text, by) =>
    String.fromCharCode(...[...text].map((one) => one.charCodeAt(0) + by));

  /** A text with its codes in characters that no other pattern matches. */
  function shield(text) {
    const safe = text.replace(SHIELDED, "\ufffd");
    const at = safe.search(STATEMENT);
    const end = at < 0 ? safe.length : at;
    const hidden = (_all, before, code) => before + shifted(code, SHIELD);
    const head = CODES.reduce((found, pattern) => found.replace(pattern, hidden), safe.slice(0, end));
    return head + safe.slice(end);
  }

  /** The first different codes of an error that its message names. */
  const codesOf = (message) =>
    [...new Set(shielded(message).match(SHIELDED) ?? [])]
      .map((code) => shifted(code, -SHIELD))
      .slice(0, MOST_CODES);

  /** The message's beginning without addresses and times, its codes shielded. */
  const shielded = (message) => shield(replaceAll(first(message, NORM_LIMIT), ADDRESSES));

  /** The message without what changes from one occurrence to the next; its codes stay. */
  const norm = (message) =>
    replaceAll(shielded(message), PARTS)
      .replace(/(<[a-z]{1,5}>)(?:[ \t\n\r\f\v,;]+\1)+/g, "$1")
      .replace(/[ \t\n\r\f\v]+/g, " ")
      .replace(/^ +| +$/g, "")
      .replace(SHIELDED, (code) => shifted(code, -SHIELD));

  function wordsOf(value) {
    try {
      return typeof value === "string" ? value : String(value);
    } catch {
      return UNREADABLE;
    }
  }

  /** A property of a stranger's object; undefined when it cannot be read. */
  function property(value, name) {
    try {
      return value?.[name] ?? undefined;
    } catch {
      return undefined;
    }
  }

  // ---- an error, and what was going on ----

  const LINE = /^\s*(?:at (?:async )?(?:(.*?) \()?|([^@\n]*)@)((?:https?|file|blob|[a-z-]+-extension):[^\n]*?):(\d+):\d+\)?$/;
  const LIBRARY = /_dash-component-suites|node_modules|\/vendor\//;
  const IGNORED = /^Script error\.?$|ResizeObserver loop/;
  const LONGEST_LINE = 1_000;
  const EXTENSION = /(?:chrome|moz|safari-web)-extension:/;

  /** Innermost first: {function, module, lineno, in_app}. */
  function framesOf(stack) {
    const found = [];
    for (const line of stack.split("\n")) {
      if (line.length > LONGEST_LINE) continue; // a message, and slow to look through
      const [, chromium, firefox, url, lineno] = LINE.exec(line) ?? [];
      if (!url) continue;
      const module = cut(scrubUrl(url.split("?")[0]), 300);
      const name = told(chromium ?? firefox ?? "", 100);
      const in_app = !LIBRARY.test(module);
      found.push({ function: name, module, lineno: Number(lineno), in_app });
      if (found.length === FRAMES) break;
    }
    return found;
  }

  /** What is known of whatever was thrown. */
  function describe(error) {
    const isObject = error !== null && typeof error === "object";
    const stack = isObject ? wordsOf(property(error, "stack") ?? "") : "";
    return {
      type: told(typeOf(error, isObject), 100),
      message: told(messageOf(error, isObject), MESSAGE.sent),
      stack: cut(scrubText(stack), STACK),
      frames: framesOf(stack.slice(0, 2 * LONGEST)),
      cause: causesOf(error),
    };
  }

  function typeOf(error, isObject) {
    if (!isObject) return "";
    const name = property(error, "name") ?? property(property(error, "constructor"), "name");
    return typeof name === "string" && name !== "Object" ? name : "";
  }

  function messageOf(error, isObject) {
    if (!isObject) return wordsOf(error);
    const message = property(error, "message");
    if (message) return wordsOf(message);
    const type = typeOf(error, true);
    const status = property(error, "status");
    if (typeof status === "number") {
      return `${type} ${status} ${wordsOf(property(error, "statusText") ?? "")}`.trim();
    }
    const event = property(error, "type");
    if (typeof event === "string" && event) return `${type} ${event}`.trim();
    return type || JSON.stringify(scrub(error));
  }

  function causesOf(error) {
    const found = [];
    let cause = property(error, "cause");
    while (cause !== undefined && found.length < CAUSES) {
      const isObject = cause !== null && typeof cause === "object";
      found.push({
        type: told(typeOf(cause, isObject), 100),
        message: told(messageOf(cause, isObject), MESSAGE.ring),
      });
      cause = property(cause, "cause");
    }
    return found;
  }

  function contextOf(context, at) {
    const words = (name) => {
      const value = property(context, name);
      return value === undefined ? undefined : told(value, 100);
    };
    const params = property(context, "params");
    return {
      action: words("action"),
      component: words("component"),
      jobName: words("jobName"),
      runId: words("runId"),
      params: params === undefined ? undefined : bounded(scrub(params)),
      timestamp: new Date(at).toISOString(),
      userAgent: cut(navigator.userAgent ?? "", 200),
      url: cut(scrubUrl(location.href), 300),
    };
  }

  /** Params of a readable size: of what is too long the first parts. */
  function bounded(params) {
    let found = params;
    while (byteLength(JSON.stringify(found)) > PARAMS) {
      const parts = found !== null && typeof found === "object" ? Object.entries(found) : [];
      if (parts.length < 2) return "…";
      const kept = parts.slice(0, Math.floor(parts.length / 2));
      found = Array.isArray(found) ? kept.map(([, one]) => one) : Object.fromEntries(kept);
    }
    return found;
  }

  const hex = (length) => {
    try {
      return [...crypto.getRandomValues(new Uint8Array(length / 2))]
        .map((byte) => byte.toString(16).padStart(2, "0"))
        .join("");
    } catch {
      return Array.from({ length }, () => Math.floor(Math.random() * 16).toString(16)).join("");
    }
  };

  // ---- the ring: the last ten, over a reload ----

  const stored = {
    get(key) {
      try {
        return window.sessionStorage.getItem(key);
      } catch {
        return null;
      }
    },
    set(key, text) {
      try {
        if (text === null) window.sessionStorage.removeItem(key);
        else window.sessionStorage.setItem(key, text);
        return true;
      } catch {
        return false; // full, or blocked as in some frames: memory has it
      }
    },
  };

  /** Entries as JSON, oldest first: made once, and not with every write. */
  let ring = ringOf(stored.get(RING));

  function ringOf(text) {
    try {
      const found = JSON.parse(text ?? "[]");
      return found
        .filter((entry) => typeof entry?.message === "string" && entry.context)
        .map((entry) => JSON.stringify(entry))
        .filter((text) => byteLength(text) <= ENTRY_BYTES)
        .slice(-RING_ENTRIES);
    } catch {
      return [];
    }
  }

  function remember(entry) {
    ring = [...ring, fitted(entry)].slice(-RING_ENTRIES);
    stored.set(RING, `[${ring.join(",")}]`);
  }

  /** An entry that is too long loses its params first, then its stack, then words. */
  function fitted(entry) {
    const { event_id, level, message, context } = entry;
    const lean = { ...context, params: context.params && "…" };
    const { timestamp } = context;
    const smaller = [
      () => entry,
      () => ({ ...entry, context: lean }),
      () => ({ ...entry, stack: undefined, context: lean }),
      () => ({
        ...entry,
        stack: undefined,
        message: cut(message, 100),
        context: { ...lean, userAgent: "…", url: cut(context.url, 80) },
      }),
    ];
    for (const made of smaller) {
      const text = JSON.stringify(made());
      if (byteLength(text) <= ENTRY_BYTES) return text;
    }
    return JSON.stringify({ event_id, level, message: cut(message, 100), context: { timestamp } });
  }

  function recent() {
    return ring.map((entry) => JSON.parse(entry));
  }

  // ---- breadcrumbs ----

  let crumbs = [];

  function leaveCrumb(category, message) {
    guarded(() => {
      crumbs = [...crumbs, { at: Date.now(), c: category, m: told(message, 120) }].slice(-CRUMBS);
    });
  }

  // ---- track ----

  let seq = 0;
  const session = stored.get(SESSION) ?? hex(16);
  stored.set(SESSION, session);

  /** Everything that is told comes through here; the event's id. */
  function track(level, error, context, { kind = "manual", handled = true } = {}) {
    const event_id = hex(32);
    if (inside) counts.failures += 1;
    guarded(() => {
      const at = Date.now();
      const found = describe(error);
      if (!handled && isIgnored(error, found)) return drop("ignored");
      const entry = {
        event_id,
        level,
        type: found.type,
        message: cut(found.message, MESSAGE.ring),
        stack: topFrame(found.frames),
        context: contextOf(context, at),
      };
      remember(entry);
      logged(level, entry);
      tellLogRocket(found, entry.context, kind);
      if (isOfLink(found, kind)) return drop("link");
      queued(eventOf(entry, found, { kind, handled, at }), at);
    });
    return event_id;
  }

  // What fails while nobody can be reached is what the badge and the telemetry tell of.
  const UNREACHABLE =
    /Failed to fetch|NetworkError|Load failed|Network request failed|network error|The server answered 50[234]$|^Could not load /i;
  const BY_ITSELF = ["dash_callback", "dash_client", "unhandledrejection", "resource"];
  let wasConnected = false;
  let isDown = false;

  /** Did a request fail because the link is down? It stays in this tab's list alone. */
  const isOfLink = ({ message }, kind) =>
    isDown && BY_ITSELF.includes(kind) && UNREACHABLE.test(message);

  function linkChanged({ detail }) {
    isDown = wasConnected && !detail?.connected;
    wasConnected ||= Boolean(detail?.connected);
    leaveCrumb("ws", detail?.connected ? "connected" : "disconnected");
  }

  function isIgnored(error, { message, stack }) {
    const isAbort = property(error, "name") === "AbortError";
    return isAbort || IGNORED.test(message) || EXTENSION.test(stack);
  }

  const topFrame = ([frame]) => frame && `${frame.function} (${frame.module}:${frame.lineno})`;

  function eventOf({ event_id, level, context }, found, { kind, handled, at }) {
    seq += 1;
    const event = {
      v: 1,
      event_id,
      timestamp: context.timestamp,
      level,
      source: "browser",
      kind,
      handled,
      exception: {
        type: found.type,
        message: found.message,
        stacktrace: found.stack,
        frames: found.frames,
        cause: found.cause,
      },
      context,
      breadcrumbs: crumbs.map(({ at: then, c, m }) => ({ t: then - at, c, m })),
      session,
      seq,
      release: here.release,
      count: 1,
    };
    for (const shorten of [
      () => (event.exception.frames = event.exception.frames.slice(0, 5)),
      () => (event.breadcrumbs = []),
      () => (event.context = { ...context, params: "…" }),
      () => (event.exception.stacktrace = cut(found.stack, 1_000)),
      () => Object.assign(event.exception, { stacktrace: "", frames: [], cause: [] }),
      () => (event.exception.message = cut(found.message, MESSAGE.ring)),
    ]) {
      if (byteLength(JSON.stringify(event)) <= EVENT_BYTES) break;
      shorten();
    }
    return event;
  }

  const logs = { since: 0, lines: 0, more: 0 };

  /** In the console with its context; of a burst the first ones, then how many more. */
  function logged(level, { message, context }) {
    const now = Date.now();
    if (now - logs.since >= MINUTE_MS) {
      if (logs.more) plain.warn("[job-manager]", `${logs.more} more errors were tracked.`);
      Object.assign(logs, { since: now, lines: 0, more: 0 });
    }
    logs.lines += 1;
    if (logs.lines > LOGGED_PER_MINUTE) logs.more += 1;
    else plain[level === "warning" ? "warn" : "error"]("[job-manager]", message, context);
  }

  /** It gets a copy that is scrubbed, and not what was thrown. */
  function tellLogRocket({ type, message, stack }, context, kind) {
    try {
      const capture = window.LogRocket?.captureException;
      if (typeof capture !== "function") return;
      const { action, component, jobName, runId, params } = context;
      const known = ([, value]) => value !== undefined;
      const tags = Object.entries({ action, component, jobName, kind }).filter(known);
      const extra = { runId: runId ?? "", params: JSON.stringify(params ?? null) };
      const told = Object.assign(new Error(message), { name: type || "Error", stack });
      capture.call(window.LogRocket, told, { tags: Object.fromEntries(tags), extra });
    } catch {
      drop("logrocket");
    }
  }

  // ---- delivery: at least once, and not too often ----

  let queue = [];
  let underWay = null; // the events of the request that is out
  let pausedUntil = 0;
  let pause = 0;
  let isOff = !here.errors;
  let passed = []; // when the last ones were let through
  /** By what they are: when the last one was queued, and how many came since. */
  const seen = new Map();

  const keyOf = ({ exception: { type, message, frames } }) =>
    `${type}\n${norm(message)}\n${topFrame(frames.filter((one) => one.in_app)) ?? ""}`;

  /** The same error within five seconds only counts; the count goes on with the next one. */
  function queued(event, now) {
    if (isOff) return;
    const key = keyOf(event);
    const known = seen.get(key);
    if (known && now - known.at < SAME_MS) {
      const waiting = queue.find((one) => one.event_id === known.id);
      if (waiting) waiting.count += event.count;
      else known.more = { ...event, count: (known.more?.count ?? 0) + event.count };
      return;
    }
    const count = event.count + (known?.more?.count ?? 0);
    seen.delete(key);
    if (!taken(now)) return drop("rate", count);
    if (queue.length >= QUEUE) return drop("queue", count);
    seen.set(key, { at: now, id: event.event_id, more: null });
    queue.push({ ...event, count });
    if (queue.length >= BATCH) later(send);
  }

  /** May one more go? At most 20 in any minute. */
  function taken(now) {
    passed = passed.filter((at) => now - at < MINUTE_MS);
    return passed.length < PER_MINUTE && passed.push(now) > 0;
  }

  /** What was counted after its event had been sent is an event of its own. */
  function collectCounts(now, { early = false } = {}) {
    for (const [key, known] of seen) {
      if (!early && now - known.at < SAME_MS) continue;
      seen.delete(key);
      if (!known.more) continue;
      if (queue.length < QUEUE && taken(now)) queue.push(known.more);
      else drop("rate", known.more.count);
    }
  }

  /** Never in the middle of what called. */
  const later = (work) => setTimeout(() => guarded(work), 0);

  /** As many events as one request holds, and what was dropped. */
  function batch() {
    const events = [];
    let size = 500;
    for (const event of queue.slice(0, QUEUE)) {
      size += byteLength(JSON.stringify(event)) + 1;
      if (size > BODY_BYTES) break;
      events.push(event);
    }
    const dropped = { ...counts.dropped };
    return { events, dropped, body: JSON.stringify({ v: 1, session, events, dropped }) };
  }

  function send() {
    const now = Date.now();
    if (isOff || underWay || now < pausedUntil || !queue.length || !plainFetch) return;
    const { events, dropped, body } = batch();
    underWay = events;
    queue = queue.slice(events.length);
    post(body).then(
      (answer) => guarded(() => answered(answer, events, dropped)),
      () => guarded(() => failed(events)),
    );
  }

  /** The answer; whatever goes wrong on the way is a rejection. */
  async function post(body) {
    return plainFetch(here.errors, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body,
      keepalive: byteLength(body) < KEEPALIVE_BYTES,
      signal: window.AbortSignal?.timeout?.(GIVE_UP_MS),
    });
  }

  /** They have arrived, and with them what was dropped until then. */
  function arrived(events, dropped) {
    counts.sent += events.length;
    for (const [reason, times] of Object.entries(dropped)) {
      counts.dropped[reason] -= times;
      if (counts.dropped[reason] <= 0) delete counts.dropped[reason];
    }
  }

  function answered(answer, events, dropped) {
    underWay = null;
    if (answer.ok) {
      pause = 0;
      arrived(events, dropped);
      if (queue.length) later(send);
    } else if (answer.status === 404) {
      isOff = true; // errors are not tracked on this server
      queue = [];
    } else if ([413, 429, 503].includes(answer.status)) {
      const seconds = Number(answer.headers?.get("Retry-After")) || REFUSED_PAUSE_S;
      pause = 0;
      pausedUntil = Date.now() + seconds * 1000;
      putBack(events);
    } else if (answer.status >= 500) {
      failed(events);
    } else {
      drop("refused", events.reduce((sum, { count }) => sum + count, 0));
    }
  }

  function failed(events) {
    underWay = null;
    pause = Math.min(pause ? 2 * pause : FIRST_PAUSE_MS, LONGEST_PAUSE_MS);
    pausedUntil = Date.now() + pause;
    putBack(events);
  }

  /** What did not arrive goes first; of what there is no room for the newest is counted. */
  function putBack(events) {
    const all = [...events, ...queue];
    queue = all.slice(0, QUEUE);
    for (const { count } of all.slice(QUEUE)) drop("queue", count);
  }

  function flush() {
    collectCounts(Date.now());
    send();
  }

  /** The page may be over: hand all to the browser, or keep it for the next page. */
  function leave() {
    const now = Date.now();
    collectCounts(now, { early: true });
    const reachable = !isOff && now >= pausedUntil && navigator.onLine !== false;
    while (reachable && queue.length) {
      const { events, dropped, body } = batch();
      if (!beacon(body)) break;
      arrived(events, dropped);
      queue = queue.slice(events.length);
    }
    keepForLater([...(underWay ?? []), ...queue]);
    // A beacon is taken, and lost, while nobody can be reached: the last page tries both ways.
    if (leaving && pause && !isOff && queue.length) beacon(batch().body);
  }

  function beacon(body) {
    try {
      return navigator.sendBeacon(here.errors, new Blob([body], { type: "application/json" }));
    } catch {
      return false;
    }
  }

  /** Their ids make a repetition harmless. */
  function keepForLater(events) {
    let kept = events;
    while (kept.length && byteLength(JSON.stringify(kept)) > OUTBOX_BYTES) kept = kept.slice(0, -1);
    stored.set(OUTBOX, kept.length ? JSON.stringify(kept) : null);
  }

  function takeOutbox() {
    const text = stored.get(OUTBOX);
    if (!text) return;
    stored.set(OUTBOX, null);
    if (byteLength(text) > OUTBOX_BYTES) return; // not ours
    putBack(JSON.parse(text).filter((event) => event?.event_id));
  }

  // ---- what is caught ----

  const BULK = "bulk-confirm";
  const ACTIONS = new Map(
    Object.entries({
      "refresh-asked": ["loadActiveJobs", "active-runs"],
      "run-submit": ["enqueueJob", "run-modal"],
      "cancel-run": ["cancelJob", "run-details"],
      "cancel-run-confirm": ["cancelJob", "run-details"],
      "retry-run": ["retryJob", "run-details"],
      "details-asked": ["loadJobDetails", "run-details"],
      "cleanup-confirm": ["cleanupStalledJobs", "cleanup-modal"],
      "cleanup-stalled": ["cleanupStalledJobs", "cleanup-modal"],
      "error-retry-confirm": ["retryJob", "error-detail"],
      [BULK]: ["retryJob", "history-grid"],
    }),
  );
  const POLL = "refresh-asked";
  /** What dashboard/around.py notes of an error: its id, its level, its words. */
  const NOTE = /^([0-9a-f]{32}) (error|warning) (.*)$/;
  const SAME_FAILURE_MS = 1_000;
  const UPDATING = /^Callback error updating (.*)/;
  const NAMELESS = /^Callback failed: the server did not respond|^Callback error with no output/;
  /** By the first output: when a request for it failed. */
  const failures = new Map();
  let pollFailed = false;

  /** What a callback was about, by what it was asked with. */
  function contextOfCallback({ output, changed, values }) {
    const [action, component] = ACTIONS.get(changed) ?? otherAction(output);
    const source = values["source-select.value"];
    return { action, component, ...ASKED[changed || action]?.(values, source) };
  }

  const inSource = (source, more) => ({ ...(source !== undefined && { source }), ...more });
  const ofRun = (values, source) => ({
    runId: values["details-asked.data"]?.run,
    jobName: values["details-opening.data"]?.job ?? values["details-asked.data"]?.job,
    params: inSource(source),
  });
  const ofRuns = (run_ids, source) => ({
    runId: run_ids?.length === 1 ? run_ids[0] : undefined,
    params: inSource(source, { run_ids }),
  });

  /** Job, run and params, by the component that asked, or by the action. */
  const ASKED = {
    "refresh-asked": (_values, source) => ({ params: inSource(source) }),
    "run-submit": (values) => ({
      jobName: values["run-name.value"],
      params: jsonOf(values["run-params.value"]),
    }),
    "cancel-run": ofRun,
    "cancel-run-confirm": ofRun,
    "retry-run": (values, source) => ({
      ...ofRun(values, source),
      params: inSource(source, { params: jsonOf(values["retry-params.value"]) }),
    }),
    "details-asked": ofRun,
    "cleanup-confirm": (values, source) => ofRuns(values["cleanup-list.value"], source),
    "cleanup-stalled": (_values, source) => ({ params: inSource(source) }),
    [BULK]: (values, source) => {
      const { action, ids } = values["bulk-plan.data"] ?? {};
      return { ...(action === "cancel" && { action: "cancelJob" }), ...ofRuns(ids, source) };
    },
    "error-retry-confirm": (values) => ofRuns(values["error-retry-plan.data"]?.ids),
    loadJobHistory: (values, source) => ({
      jobName: values["history-job.value"] || undefined,
      params: inSource(source, fieldsOf(values, "history-")),
    }),
  };

  /** What was chosen in the fields of a page: `{status, range}` of "history-status.value". */
  function fieldsOf(values, prefix) {
    const found = Object.entries(values)
      .filter(([key, value]) => key.startsWith(prefix) && key.endsWith(".value") && value)
      .map(([key, value]) => [key.slice(prefix.length, -".value".length), value]);
    return Object.fromEntries(found);
  }

  function otherAction(output) {
    const component = firstOutput(output).split(".")[0];
    if (component === "history-found") return ["loadJobHistory", "history-grid"];
    return ["renderPage", component];
  }

  /** "a.data" of a request's "..a.data...b.data..", and of a message's "a.data, b.data". */
  const firstOutput = (output) => output.replace(/^\.+/, "").split(/\.\.|, |@| via /)[0];

  function valuesOf({ inputs, state }) {
    const found = {};
    for (const one of [inputs ?? [], state ?? []].flat(3)) {
      if (typeof one?.id === "string") found[`${one.id}.${one.property}`] = one.value;
    }
    return found;
  }

  function jsonOf(text) {
    try {
      return JSON.parse(text);
    } catch {
      return text;
    }
  }

  /** A callback is asked: note it, and track it when nobody answers, or an error comes. */
  function watchedFetch(resource, options) {
    const answer = plainFetch(resource, options);
    const asked = guarded(() => askedOf(wordsOf(resource?.url ?? resource), options), null);
    if (asked) {
      leaveCrumb("dash", asked.output);
      answer.then(
        (answered) => callbackAnswered(asked, answered),
        (error) => callbackFailed(asked, error),
      );
    }
    return answer;
  }

  /** What a callback is asked with; null for any other request. */
  function askedOf(url, options) {
    if (!url.split("?")[0].endsWith("_dash-update-component")) return null;
    const asked = jsonOf(options?.body) ?? {};
    const changed = [asked.changedPropIds ?? []].flat().map((one) => wordsOf(one).split(".")[0]);
    return {
      output: wordsOf(asked.output ?? ""),
      changed: changed.find((id) => ACTIONS.has(id)) ?? "",
      values: valuesOf(asked),
    };
  }

  function callbackAnswered(asked, { status, headers }) {
    if (status >= 400) return callbackFailed(asked, `The server answered ${status}`);
    if (asked.changed === POLL) pollFailed = false;
    const note = NOTE.exec(headers?.get?.("X-Job-Manager-Error") ?? "");
    if (note) couldNot(asked, note);
  }

  /** The server could not do it, and has tracked it: this tab remembers, and tells nobody. */
  function couldNot(asked, [, event_id, level, words]) {
    guarded(() => {
      const message = told(decodeURIComponent(words), MESSAGE.ring);
      const context = contextOf(contextOfCallback(asked), Date.now());
      remember({ event_id, level, type: "", message, context });
      logged("warning", { message, context }); // the page says it too
      tellLogRocket({ type: "", message, stack: "" }, context, "dash_callback");
    });
  }

  /** Of the interval's failures the first one: the badge tells of the others. */
  function callbackFailed(asked, error) {
    if (leaving) return;
    failures.set(firstOutput(asked.output), Date.now());
    if (asked.changed === POLL && pollFailed) return;
    pollFailed ||= asked.changed === POLL;
    const context = guarded(() => contextOfCallback(asked), {});
    const told = () => track("error", error, context, { kind: "dash_callback", handled: false });
    if (asked.changed !== POLL) return told();
    Promise.resolve().then(told); // by then assets/poll.js has said whether anybody is there
  }

  /** Dash's renderer tells of errors in the console only, in one of two shapes. */
  function watchedConsole(...said) {
    plain.error(...said);
    if (inside || leaving) return;
    const [what] = said;
    const message = property(what, "message");
    const isError = guarded(() => what instanceof Error, false);
    const isReport = typeof message === "string" && property(what, "html") !== undefined;
    if ((!isError && !isReport) || wasTracked(wordsOf(message))) return;
    const [action, component] = otherAction(UPDATING.exec(message)?.[1] ?? "");
    const context = { action, component: component || undefined };
    const kind = isError ? "dash_client" : "dash_callback";
    track("error", isError ? what : message, context, { kind, handled: false });
  }

  /** A request's failure is told of again here; without its output when nobody answered. */
  function wasTracked(message) {
    const isRecent = (at) => Date.now() - at < SAME_FAILURE_MS;
    if (NAMELESS.test(message)) return [...failures.values()].some(isRecent);
    return isRecent(failures.get(firstOutput(UPDATING.exec(message)?.[1] ?? "")));
  }

  function onError(event) {
    const { target } = event;
    if (target && target !== window && target.tagName) {
      const url = wordsOf(target.src || target.href || "");
      if (EXTENSION.test(url)) return drop("ignored");
      const message = `Could not load ${target.tagName.toLowerCase()} ${scrubUrl(url)}`;
      track("error", message, { action: "renderPage" }, { kind: "resource", handled: false });
      return;
    }
    if (EXTENSION.test(wordsOf(event.filename ?? ""))) return drop("ignored");
    track("error", event.error ?? event.message, {}, { kind: "onerror", handled: false });
  }

  function onRejection(event) {
    const reason = property(event, "reason") ?? property(property(event, "detail"), "reason");
    track("error", reason, {}, { kind: "unhandledrejection", handled: false });
  }

  /** Where the click was, never what stands there. */
  function onClick({ target }) {
    const nearest = target?.closest?.("[id]");
    leaveCrumb("click", nearest?.id || target?.tagName?.toLowerCase() || "");
  }

  const onNavigation = () => leaveCrumb("page", scrubUrl(location.href));

  /** The page's own links tell of it in no other way. */
  function watchHistory() {
    const plainPush = window.history?.pushState;
    if (!plainPush) return;
    window.history.pushState = function pushState(...said) {
      plainPush.apply(this, said);
      onNavigation();
    };
  }

  function onHidden() {
    if (document.visibilityState === "hidden") guarded(leave);
    else guarded(() => stored.set(OUTBOX, null)); // the page goes on: it has them all
  }

  window.addEventListener("error", onError, true);
  window.addEventListener("unhandledrejection", onRejection);
  window.addEventListener("online", () => {
    if (pause) pausedUntil = 0; // but what the server asked for stays
    pause = 0;
    guarded(flush);
  });
  window.addEventListener("pagehide", () => {
    leaving = true;
    guarded(leave);
  });
  window.addEventListener("pageshow", () => {
    leaving = false;
  });
  window.addEventListener("beforeunload", () => {
    leaving = true;
    setTimeout(() => {
      leaving = false; // the person stayed
    }, 3_000);
  });
  window.addEventListener("popstate", onNavigation);
  document.addEventListener("visibilitychange", onHidden);
  document.addEventListener("click", onClick, true);
  document.addEventListener("jobmanager:connection", linkChanged);
  watchHistory();
  if (plainFetch) window.fetch = watchedFetch;
  console.error = watchedConsole;
  setInterval(() => guarded(flush), FLUSH_MS);
  guarded(takeOutbox);
  onNavigation();

  // ---- the contract ----

  const trackError = (error, context) => track("error", error, context);
  const trackWarning = (message, context) => track("warning", message, context);

  /** What `fn` gives; what it throws is tracked and thrown again. */
  async function trackAsync(fn, context) {
    try {
      return await fn();
    } catch (error) {
      track("error", error, context, { kind: "async" });
      throw error;
    }
  }

  window.jobManager = Object.assign(window.jobManager ?? { connected: false }, {
    trackError,
    trackWarning,
    trackAsync,
    getRecentErrors: () => guarded(recent, []),
    clearRecentErrors: () =>
      guarded(() => {
        ring = [];
        stored.set(RING, "[]");
      }),
  });
  window.jobManagerTracker = {
    norm,
    codesOf,
    scrub,
    scrubText,
    scrubUrl,
    isSecret,
    cut,
    flush: () => guarded(flush),
    /** For our own modules, which know what kind of error it is. */
    report: (level, error, context, kind) => track(level, error, context, { kind }),
    stats: () => ({ queued: queue.length, ...counts, dropped: { ...counts.dropped } }),
  };
})();
