"""How the code of an error looks within a message, driver by driver.

``assets/errorTracking.js`` has the same; ``tests/vectors/errors.json`` holds both to it.
"""

import re
from typing import Final

_END: Final = r"(?![^\n])"
_STATE: Final = (
    r"(?:0[0-9A-Z]|2[0-8BDF]|3[3489BDF]|4[0245]|5[34578]|72|F0|H[VYZ]|IM|P0|S0|XX)"
    r"[0-9A-Z]{3}"
)
_VALUE: Final = (
    r"-?[0-9]{1,10}|0x[0-9a-f]{1,8}|[a-z]{1,8}[-_]?[0-9]{1,7}"
    r"|_?[a-z][a-z_]{0,40}(?:\.[a-z_]{1,40}){0,4}"
)
#: The same where the key is only "code", which may be a voucher's: SAVE20 is none.
_BARE_VALUE: Final = (
    r"-?[0-9]{1,10}|0x[0-9a-f]{1,8}|[a-z]{1,3}[-_]?[0-9]{3,5}"
    r"|(?:22|25|40|42|55|57)P[0-9]{2}|_?[a-z][a-z_]{0,40}(?:\.[a-z_]{1,40}){0,4}"
)
_ERRNO: Final = (
    "E(?:2BIG|ACCES|ADDRINUSE|ADDRNOTAVAIL|AGAIN|AI_[A-Z]+|BADF|BUSY|CANCELED|CHILD"
    "|CONNABORTED|CONNREFUSED|CONNRESET|DEADLK|DQUOT|EXIST|FAULT|FBIG|HOSTDOWN"
    "|HOSTUNREACH|INPROGRESS|INTR|INVAL|IO|ISCONN|ISDIR|LOOP|MFILE|MLINK|MSGSIZE"
    "|NAMETOOLONG|NETDOWN|NETRESET|NETUNREACH|NFILE|NOBUFS|NODEV|NOENT|NOEXEC|NOLCK"
    "|NOMEM|NOSPC|NOSYS|NOTCONN|NOTDIR|NOTEMPTY|NOTFOUND|NOTSUP|NXIO|OPNOTSUPP"
    "|OVERFLOW|PERM|PIPE|PROTO|PROTONOSUPPORT|RANGE|ROFS|SHUTDOWN|SPIPE|SRCH|STALE"
    "|TIMEDOUT|TIMEOUT|TXTBSY|WOULDBLOCK|XDEV)"
)
#: A status, where its own reason phrase follows.
_STATUS: Final = (
    "400(?= bad r)|401(?= unauth)|402(?= paym)|403(?= forb)|404(?= not f)"
    "|405(?= method)|406(?= not a)|407(?= proxy)|408(?= request)|409(?= confl)"
    "|410(?= gone)|411(?= length)|412(?= precon)|413(?= (?:payl|content|request))"
    "|414(?= (?:uri|request))|415(?= unsup)|416(?= (?:range|request))|417(?= expec)"
    "|418(?= i)|421(?= misd)|422(?= unproc)|423(?= locked)|424(?= failed)"
    "|425(?= too)|426(?= upgr)|428(?= precon)|429(?= too)|431(?= request)"
    "|451(?= unav)|500(?= internal)|501(?= not i)|502(?= bad)|503(?= (?:serv|slow))"
    "|504(?= gatew)|505(?= http)|507(?= insuf)|508(?= loop)|511(?= netw)"
)
#: The same, where the status is set apart: "(503) Service Unavailable", "[404]: Not Found".
_STATUS_APART: Final = _STATUS.replace("(?= ", r"(?=(?:[)\]]:?|:| -| \() ?")
_REASON: Final = (
    r"(?:bad request|unauthori[sz]ed|payment required|forbidden|not found|method not allowed"
    r"|not acceptable|conflict|gone|(?:content|payload|request entity|uri) too large"
    r"|unsupported media type|unprocessable (?:content|entity)|locked|too many requests"
    r"|(?:internal )?server error|not implemented|bad gateway|(?:service|server) unavailable"
    r"|(?:gateway|request) time-?out|slow down)"
)
_GRPC: Final = (
    "ALREADY_EXISTS|DATA_LOSS|DEADLINE_EXCEEDED|FAILED_PRECONDITION|INVALID_ARGUMENT"
    "|NOT_FOUND|OUT_OF_RANGE|PERMISSION_DENIED|RESOURCE_EXHAUSTED|UNAUTHENTICATED"
    "|UNAVAILABLE|UNIMPLEMENTED"
)
_VENDOR: Final = (
    "(?:ORA|TNS|PLS|RMAN|DPY|DPI|OCI|KUP|NZE|LPX|DIA|DRG|IMP|EXP|UDE|UDI|SP2|SQL|CLI"
    "|DSRA|MY|NJS)-[0-9]{3,6}|SQL[0-9]{4,5}[NWC]|AADSTS[0-9]{4,7}|E1[0-9]{4}"
    "|ERR?_[A-Z][A-Z_]{2,60}|SIG(?:ABRT|BUS|FPE|HUP|ILL|INT|KILL|PIPE|QUIT|SEGV|TERM)"
    "|SQLITE_(?:ABORT|AUTH|BUSY|CANTOPEN|CONSTRAINT|CORRUPT|EMPTY|ERROR|FORMAT|FULL|INTERNAL"
    "|INTERRUPT|IOERR|LOCKED|MISMATCH|MISUSE|NOLFS|NOMEM|NOTADB|NOTFOUND|PERM|PROTOCOL|RANGE"
    "|READONLY|SCHEMA|TOOBIG)(?:_[A-Z]{2,20}){0,3}"
)
#: What a Redis server's refusal begins with.
_REDIS: Final = (
    "(?:ASK|MOVED)(?= [0-9])|BUSY|BUSYGROUP|BUSYKEY|CLUSTERDOWN|CROSSSLOT|DENIED|EXECABORT|INPROG"
    "|IOERR|LOADING|MASTERDOWN|MISCONF|NOAUTH|NOGOODSLAVE|NOGROUP|NOPERM|NOPROTO|NOREPLICAS|NOSCRIPT"
    "|NOTBUSY|OOM|READONLY|TRYAGAIN|UNBLOCKED|UNKILLABLE|WRONGPASS|WRONGTYPE"
)
_IMAP: Final = (
    "ALERT|ALREADYEXISTS|AUTHENTICATIONFAILED|AUTHORIZATIONFAILED|CANNOT|CLIENTBUG|CONTACTADMIN"
    "|CORRUPTION|EXPIRED|INUSE|LIMIT|NONEXISTENT|NOPERM|OVERQUOTA|PRIVACYREQUIRED|SERVERBUG"
    "|TRYCREATE"
)
#: What a server says after the number of its reply, FTP's and Google's among them.
_REPLY: Final = (
    r"(?:Access |Authenti|Authori|Bad |Can't |Cannot |Can not |Command |Connection |Control "
    r"|Could ?n|Create |Data c|Deadline |Delete |Directory |Disk |Error |Exceeded |Fail|File "
    r"|GOAWAY|Idle |Illegal |Insufficient |Internal |Invalid |Local |Log(?:in|on) |No data "
    r"|No such |No-transfer|No transfer|Not |Operation |Permission |Please |Policy |Quota "
    r"|Rate |Request |Requested |Resource |Security |Service |Sorry|Syntax |Temporar"
    r"|Terminating|The (?:caller|request|server|service|system)|There are |Timeout"
    r"|Too many |Transfer |Unable |Unavailable|Unknown |Use |User |You |failed to connect"
    r"|upstream connect)"
)
_KINDS: Final = (
    "error|err|exit|return|result|reason|response|status|sql|native|vendor|grpc|rpc"
    "|fault|failure|decline|api|system|oracle|mysql|db"
)
#: Where a message begins, or goes on after the class of an error.
_HEAD: Final = (
    r"(?:^|(?:[Ee]rror|ERROR|FATAL|[Ee]xception|[Ff]ailure|[Ff]ault|[Ww]arning"
    r"|error_(?:perm|temp|reply))(?:: {1,2}|\([\"']))"
)
#: A name of two words or more: SlowDown, RATE_LIMIT.
_NAMED: Final = r"[A-Z][a-z]+(?:[A-Z][a-z]+){1,6}|[A-Z]{2,20}(?:_[A-Z]{1,20}){1,5}"
#: SQLSTATEs that no number of something is taken for.
_KNOWN_STATE: Final = (
    r"(?:(?:22|25|40|42|55|57)P[0-9]{2}|42S[0-9]{2}|3[DF]000|HY(?:[0-9]{3}|T0[01])|XX00[0-2]"
    r"|0800[0-7]|2200[1-9]|22012|2300[01]|2350[235]|23514|25006|28000|4000[1-3]|42000|42501|42601"
    r"|4270[1-4]|42710|42883|53[0-4]00|54000|5500[06]|57014|580(?:00|30))"
)
_HTTP_ERROR: Final = (
    r"(?:40[0-9]|41[0-8]|42[1-6]|428|429|431|451|499|50[0-8]|51[01]|52[0-7]|530)"
)
_SERVER: Final = (
    r"(?:requests?|server|api|upstream|gateway|endpoint|service|proxy|webhook|backend|provider"
    r"|partner|remote|origin|load balancer)"
)
#: What fails with an HTTP status: "Upload failed: 503".
_CALL: Final = (
    r"(?:request|call|upload|download|fetch(?:ing)?|log[ -]?in|auth(?:entication|orization)?"
    r"|sync|delivery|push|pull|connection|handshake|payment|charge|refund|http|post|get|put"
    r"|patch|delete|refresh|publish|send(?:ing)?|notification|import|export|backup"
    r"|deploy(?:ment)?|webhook|api)"
)
#: What returns numbers that are no status.
_COUNTING: Final = (
    r"(?:Query|Queries|Select|Search|Function|Method|Job|Task|Worker|Step|Import|Export|Count"
    r"|Batch|Process|Script|Command|It|This|That|Lookup|Filter|Scan|Table|View|Cursor"
    r"|Procedure|Statement|Subprocess|Program|Child|Report|Loop|Rows?|Records?|Items?"
    r"|Orders?|Customers?|Users?|Total|Which|Only|They|She|He|We)"
)
#: Keys whose value is the code.
_KEY: Final = (
    r"(?:[a-z]{1,20}_){0,2}(?:err|errors?|failure|decline)_(?:class|code|count|detail|details|id"
    r"|key|message|msg|name|no|number|rate|reason|status|subcode|type)\b"
)
#: Words that make a name a code's: card_declined, rate_limit, invalid_grant.
_FAILING: Final = (
    r"(?:aborted|conflict|declined?|denied|duplicate|errors?|exceeded|exhausted|exists|failed"
    r"|failure|forbidden|incorrect|insufficient|limit|mismatch|not_found|overloaded|quota"
    r"|refused|rejected|required|throttled|timed_out|timeout|too_large|too_many|unauthorized"
    r"|unavailable|unreachable|unsupported)"
)
#: The same with what may be in such a state: john_unknown is a name, account_unknown a code.
_STATE_WORD: Final = (
    r"(?:blocked|closed|disabled|expired|invalid|limited|locked|missing|revoked"
    r"|unknown)"
)
_THING: Final = (
    r"(?:access|account|address|amount|api|app|argument|auth|bank|billing|bucket|card|cert"
    r"|certificate|channel|client|code|config|connection|consent|content|country|coupon|currency"
    r"|customer|cvc|cvv|data|database|date|db|device|document|domain|email|endpoint|entity|expiry"
    r"|feature|field|file|form|format|funds|gateway|grant|group|header|host|id|index|input|invoice"
    r"|ip|item|job|key|license|link|lock|login|mail|merchant|message|method|model|month|name"
    r"|network|number|object|order|organization|page|param|parameter|password|path|payload|payment"
    r"|permission|phone|pin|plan|product|profile|project|property|quantity|queue|rate|record"
    r"|region|request|resource|response|role|route|row|schema|scope|secret|server|service"
    r"|session|signature|size|source|state|status|storage|store|stream|subscription|system|table"
    r"|task|tenant|thread|token|topic|transaction|transfer|type|upload|url|usage|user|value"
    r"|version|webhook|workspace|year|zip)"
)
_FAILING_CAMEL: Final = (
    r"(?:Aborted|Blocked|Conflict|Declined|Denied|Detected|Disabled|Exceeded|Exhausted|Exists|Expired"
    r"|Failed|Failure|Forbidden|Insufficient|Invalid|Limited|Locked|Mismatch|NotFound|Overloaded"
    r"|Refused|Rejected|Required|Revoked|Throttled|Throttling|TimedOut|Timeout|Unauthorized"
    r"|Unavailable|Unreachable|Unsupported|Violation)"
)
#: A name that says what failed: UploadError, NoSuchKey, BadGateway; MuellerSchmidt is none.
_FAILED_CAMEL: Final = (
    rf"(?:[A-Z][a-z]+){{0,5}}(?:{_FAILING_CAMEL}|Abort|Bad|Broken|Busy|Cancel(?:l?ed)?|Closed"
    r"|Crash(?:ed)?|Deadlock|Error|Exception|Exist|Fault|Gateway|Incomplete|Internal|Interrupt"
    r"|Lost|Missing|NoSuch|Not|Request|Requests|Reset|Shutdown|Slow|Stale|TooMany|TooLarge|Unknown"
    r"|Unprocessable|Warning)(?:[A-Z][a-z]+){0,5}"
)
#: What stands before a code, and the code; what follows is looked at only.
CODES: Final = tuple(
    (re.compile(pattern, re.ASCII | flags))
    for pattern, flags in (
        # AWS and Azure: "An error occurred (AccessDenied)", "(NotFound) The ..."
        (r"(\berror occurred \()([a-z0-9_.]{2,80})(?=\))", re.IGNORECASE),
        (r"(\bapi error )([a-z][a-z0-9.]{2,80})(?=:)", re.IGNORECASE),
        (r"(<code>)([a-z0-9_.]{1,80})(?=</code>)", re.IGNORECASE),
        (r"(^\()([A-Za-z_]{2,40}[0-9]?(?:\.[A-Za-z_]{1,40}[0-9]?){0,4})(?=\) )", 0),
        # MySQL, Snowflake: (1213, 'Deadlock ...'), 1205 (HY000): ...
        (rf"((?:{_HEAD}|\) )\()([0-9]{{1,5}})(?=, ?b?[\"'])", 0),
        (rf"((?:{_HEAD}|\) ))([0-9]{{4,6}})(?= \({_STATE}\):)", 0),
        (rf"((?:{_HEAD}|\) ))([12][0-9]{{3}})(?=: [^\n:]{{0,60}}\bMySQL\b)", 0),
        # after the class of an error: "ApiError: 503: ...", "ClientError: (AccessDenied)"
        (
            (
                rf"({_HEAD}\()((?:[a-z_]{{1,40}}\.){{0,4}}(?:{_NAMED}"
                rf"|[A-Z][a-z]{{2,40}}))(?=\) )"
            ),
            0,
        ),
        (rf"({_HEAD}\[)({_NAMED})(?=\])", 0),
        (
            (
                r"(\b[A-Z][A-Za-z]{0,40}(?:Error|Exception)\()(-?[0-9]{1,5})"
                r"(?=, ?b?[\"'])"
            ),
            0,
        ),
        (r"(\()([0-9]{1,5})(?=, ?b[\"'])", 0),
        (rf"({_HEAD}\()({_STATE})(?=\) )", 0),
        (
            (
                rf"({_HEAD})({_KNOWN_STATE})(?=:| (?!rows?|records?|items?|lines?|of|from"
                r"|jobs?|runs?))"
            ),
            0,
        ),
        (rf"({_HEAD})([1-5][0-9]{{2}})(?=, message=)", 0),
        (
            (
                rf"(\b)({_HTTP_ERROR})(?= (?:GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS)"
                r" (?:<url>|/))"
            ),
            0,
        ),
        (rf"({_HEAD})([45][0-9]{{2}})(?=[ -](?:[^ \t\n:]{{1,200}}: )?{_REPLY})", 0),
        (r"(\btoo many )([45][0-9]{2})(?= error responses\b)", re.IGNORECASE),
        (
            (
                rf"({_HEAD})({_HTTP_ERROR})(?=:|,? (?:for|from|on|at|when|calling|while) "
                r"(?:url\b|<url>|(?:get|post|put|patch|delete|head) |(?:the |an? "
                rf"|our )?{_SERVER}\b))"
            ),
            re.IGNORECASE,
        ),
        (
            (
                r"(\b(?:got|received|answered|responded|replied|returned|gave|sent"
                r"|failed|failure|with|said|error)(?: with)?(?: an?)?(?: (?:http|status|code"
                rf"|error|response))*:? )({_HTTP_ERROR})(?= (?:from|by|for|on|at) "
                rf"(?:url\b|<url>|<ip>|(?:the |an? |our )?{_SERVER}\b))"
            ),
            re.IGNORECASE,
        ),
        (
            (
                rf"(\b[a-z]{{0,30}}(?:http|api|status|response|server|client"
                rf"|request)[a-z]{{0,20}}(?:error|exception|failure): )({_HTTP_ERROR})"
                rf"(?= (?!m?s\b)|:|,|{_END})"
            ),
            re.IGNORECASE,
        ),
        (rf"((?:<url>|{_SERVER})[\"']? ?[-=]> ?)({_HTTP_ERROR})\b", re.IGNORECASE),
        (
            (
                r"(\b(?:HTTP)?[A-Za-z]{0,30}(?:Status|StatusCode|Codes?|Errors?"
                r"|Reason)\.)([A-Z][A-Z_]{1,40})\b"
            ),
            0,
        ),
        (r"(\b)(([245])[0-9]{2}[ -]\3\.[0-9]{1,3}\.[0-9]{1,3})(?![\w.])", 0),
        (
            (
                rf"(\b(?:smtp|ftp)[a-z]{{0,30}}(?: (?:error|code|reply|status))?:? \(?)"
                rf"([245][0-9]{{2}})(?= (?!m?s\b)|[-:,)]|{_END})"
            ),
            re.IGNORECASE,
        ),
        (rf"({_HEAD}\()({_HTTP_ERROR})(?=\)[ \n]+Reason\b)", 0),
        (rf"(\b{_REASON} \()({_HTTP_ERROR})(?=\))", re.IGNORECASE),
        (rf"((?:^|[:;,(\['\"`] ?|\b(?:error|an?) ))({_STATUS_APART})", re.IGNORECASE),
        (
            (
                rf"(\b{_CALL} (?:failed|failure|error|rejected|refused|denied)"
                rf"(?: with)?(?::| -)? ?\(?)({_HTTP_ERROR})(?=[),;:]|\.?{_END}|\. )"
            ),
            re.IGNORECASE,
        ),
        (
            (
                r"(\b(?:answered|responded|replied|failed with|resulted in)(?: with)?(?: an?)?"
                r"(?: (?:http|status|code|error|response))*:? [`'\"]?)"
                rf"({_HTTP_ERROR})(?=[,;:!)'\"`\]<]|\.?{_END}|\. "
                r"| (?:for|from|on|at|when|to|after)\b)"
            ),
            re.IGNORECASE,
        ),
        (
            (
                rf"(\b(?!{_COUNTING}\b)[A-Z][A-Za-z0-9.]{{1,30}} (?:returned|gave|sent)"
                rf"(?: an?)?(?: (?:HTTP|status|code|error|response))*:? )({_HTTP_ERROR})"
                rf"(?=[,;:!)\]]|\.?{_END}|\. | (?:for|from|on|at|when|to|after)\b)"
            ),
            0,
        ),
        (
            (
                rf"(<url>[\"'`)\]]{{0,2}}:? (?:returned )?\(?)({_HTTP_ERROR})"
                rf"(?=[,;:)]|\.?{_END}|\. | [(-])"
            ),
            0,
        ),
        (
            (
                r"(\b(?:GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS) /[^ \t\n]{0,200} )"
                rf"({_HTTP_ERROR})(?=[,;:]|\.?{_END}|\. | [(-])"
            ),
            0,
        ),
        (
            (
                r"(\b(?:(?:client|server) error|(?:redirect|informational) response) ['\"])"
                r"([1-5][0-9]{2})(?= |['\"])"
            ),
            re.IGNORECASE,
        ),
        (r"(\()([2-5][0-9]{2})(?=\) [A-Z]{2,20}_[A-Z])", 0),
        (r"(['\"]result['\"]: ?)([0-9]{1,3})(?=, ?['\"]desc['\"])", 0),
        (r"(^\(#)([0-9]{1,3})(?=\) )", 0),
        (rf"({_HEAD})({_REDIS})(?= [A-Za-z0-9'])", 0),
        (rf"((?:^|b?['\"])\[)({_IMAP})(?=\] )", 0),
        (
            r"((?:^|[:.(\"'] ?|\b[0-9]{1,2} ))(INTERNAL|UNKNOWN|ABORTED|CANCELLED)(?=: )",
            0,
        ),
        (
            r"(\bfaultcode[\"'>: =]{1,5}(?:[a-z0-9-]{1,20}:)?)([a-z.]{2,40})\b",
            re.IGNORECASE,
        ),
        # names: SlowDown, card_declined, psycopg.errors.DeadlockDetected
        (
            (
                r"((?:Error|Exception|Failure|Fault|Warning): )(?![A-Za-z]{1,60}(?:Error"
                r"|Exception):)"
                rf"(?=(?:[A-Z][a-z]+){{2,7}}: )({_FAILED_CAMEL})(?=: )"
            ),
            0,
        ),
        (r"(\b)((?:[a-z_][a-z0-9_]{0,40}\.){1,6}[A-Z][A-Za-z0-9]{2,60})(?=: )", 0),
        (r"(\b[Ee]rrors?[: ]{1,2})([A-Z][a-z]+(?:[A-Z][a-z0-9]+){1,6})\b", 0),
        (r"((?<![\w/\\@~-]))([A-Z][A-Za-z0-9]{2,60}Exception)(?![\w/\\])", 0),
        (
            (
                rf"((?<![\w/\\@~-]))((?:[A-Z][a-z]+){{1,5}}{_FAILING_CAMEL}"
                rf"(?:[A-Z][a-z]+){{0,3}}|(?:Invalid|NoSuch|TooMany)"
                rf"(?:[A-Z][a-z]+){{1,4}}|SlowDown)(?![\w/\\])"
            ),
            0,
        ),
        (
            (
                r"(\b(?:error|err|reason|fault|exception)(?:[ _-]?(?:type|name|key"
                rf"|id))?[\"']?(?:=| ?: ?(?=[\"'])) ?[\"']?)([a-z_][a-z_.]{{2,60}})"
                rf"(?=[\"',;&)\]}} ]|{_END})"
            ),
            re.IGNORECASE,
        ),
        (
            (
                rf"((?<![\w/\\.@~-])(?!{_KEY}))((?:[a-z]{{1,20}}_){{1,4}}{_FAILING}"
                rf"(?:_[a-z]{{1,20}}){{0,3}}|(?:{_FAILING}|{_STATE_WORD})(?:_[a-z]{{1,20}}){{1,4}}"
                rf"|(?:[a-z]{{1,20}}_){{0,3}}{_THING}_{_STATE_WORD}(?:_[a-z]{{1,20}}){{0,3}})"
                r"(?![\w/\\]|\.\w)"
            ),
            0,
        ),
        (rf"(^)(?=(?:[A-Z][a-z]+){{2,7}}: )({_FAILED_CAMEL})(?=: )", 0),
        # database drivers: SQLSTATE 40001, [40001]
        (r"(\bSQL Error \[)([0-9]{1,5})(?=\])", re.IGNORECASE),
        (r"(\bsql ?state[ :=('\"\[]{0,3})([0-9a-z]{5})(?![0-9a-z])", re.IGNORECASE),
        (r"(\bsql ?code[ :=]{1,3})(-?[0-9]{1,5})\b", re.IGNORECASE),
        (rf"((?:^|[:'\"(] ?)\[)({_STATE})(?=\])", 0),
        (rf"(\(')({_STATE})(?=')", 0),
        (r"(\bERROR )([0-9]{4})(?= \([0-9A-Z]{5}\))", 0),
        (rf"( \()({_STATE})(?=\)(?::|\.?{_END}))", 0),
        (rf"(\b(?:ERROR|FATAL|PANIC): {{1,2}})({_STATE})(?=:)", 0),
        (r"(\bMsg )([0-9]{1,5})(?=, Level)", 0),
        (r"(\()([0-9]{1,6})(?=\) \(SQL)", 0),
        # operating systems
        (
            (
                r"(\berrno[\"']?:{0,2}[ :=]{0,3})"
                r"(-?[0-9]{1,5}|E[A-Z0-9]{2,15})(?!\w)"
            ),
            re.IGNORECASE,
        ),
        (r"(\b(?:os error |winerror |curl: \())([0-9]{1,5})\b", re.IGNORECASE),
        (rf"(\b)({_ERRNO})\b", 0),
        (r"(\[SSL: )([A-Z0-9_]{3,60})(?=\])", 0),
        (r"(\b)(0x(?:800|C00)[0-9A-F]{5})\b", re.IGNORECASE),
        (
            (
                r"(\bexit(?:ed)?(?: with)?(?: (?:status|code|error))*[ :=(]{1,2})"
                r"(-?[0-9]{1,10})\b"
            ),
            re.IGNORECASE,
        ),
        (
            (
                r"(\b(?:(?:exited|terminated|killed|died|stopped|ended|failed|finished"
                r"|returned|crashed|closed)(?: with| by| on)?(?: an?)?"
                r"(?: exit| return| error)?[ -](?:code|status|signal)|signal)[ :=(]{1,2})"
                r"(-?[0-9]{1,10}|SIG[A-Z]{2,6})\b"
            ),
            re.IGNORECASE,
        ),
        # HTTP and gRPC
        (
            (
                r"(\bhttp(?:/[0-9.]{1,3})?(?:[ _-]?(?:status|error|code|response))*"
                r"[ :=('\"\[_-]{0,3})([1-5][0-9]{2})\b"
            ),
            re.IGNORECASE,
        ),
        (
            (
                r"(\bstatus(?:[ _-]?code)?[\"']?(?: (?:is|was|of))?[ :=('\"\[]{1,3})"
                r"([1-5][0-9]{2})\b"
            ),
            re.IGNORECASE,
        ),
        (
            (
                r"(\bresponse(?: code)?(?: (?:is|was))?[ :=\[]{1,3})([1-5][0-9]{2})"
                r"(?=[\]>.,:;)]|\b(?! ))"
            ),
            re.IGNORECASE,
        ),
        (rf"(\b)({_STATUS})", re.IGNORECASE),
        (r"(\b)([1-5][0-9]{2})(?= (?:client|server) error\b)", re.IGNORECASE),
        (
            (
                r"((?:<url>|\b(?:requests?|server|api|upstream|gateway|endpoint|service"
                r"|proxy|webhook|backend)\b)[^.;\n]{0,80}\b(?:answered|responded|replied"
                r"|returned|failed|refused|gave|got)(?: with)?(?: an?)?"
                r"(?: http| status| code| error| response)*:? )"
                rf"([45][0-9]{{2}})(?=[.,;:!)'\"\]<]|{_END}"
                r"| (?:for|from|on|at|when|to|after)\b)"
            ),
            re.IGNORECASE,
        ),
        (
            rf"(\berror[ #]{{1,2}})(-?[0-9]{{1,5}})(?=[:,)\]]|{_END})",
            re.IGNORECASE,
        ),
        (rf"(\berror: )([45][0-9]{{2}})(?=:|{_END})", re.IGNORECASE),
        (r"(\bStatusCode\.)([A-Z_]{2,30})\b", 0),
        (rf"(\b)({_GRPC})\b", 0),
        # named as a code: "error code 1045", "code = Unavailable"
        (
            (
                rf"(\b(?:{_KINDS})[ _-]?(?:sub)?(?:code|number|no|status|reason)[\"']?"
                rf"(?: (?:is|was|of))?[ :=('\"\[#]{{1,4}})({_VALUE})(?!\w)"
            ),
            re.IGNORECASE,
        ),
        (
            (rf"((?:^|[^\w ] ?)[\"']?code[\"']? ?[:=] ?[\"']?)({_BARE_VALUE})(?!\w)"),
            re.IGNORECASE,
        ),
        # Oracle, DB2, MongoDB, Node and others
        (rf"(\b)({_VENDOR})\b", 0),
        (r"(^)([A-Z]{2,8}-?0[0-9]{2,5})(?=[: ])", 0),
    )
)
