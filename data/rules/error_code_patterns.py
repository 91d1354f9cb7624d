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
_GRPC: Final = (
    "ALREADY_EXISTS|DATA_LOSS|DEADLINE_EXCEEDED|FAILED_PRECONDITION|INVALID_ARGUMENT"
    "|NOT_FOUND|OUT_OF_RANGE|PERMISSION_DENIED|RESOURCE_EXHAUSTED|UNAUTHENTICATED"
    "|UNAVAILABLE|UNIMPLEMENTED"
)
_VENDOR: Final = (
    "(?:ORA|TNS|PLS|RMAN|DPY|DPI|OCI|KUP|NZE|LPX|DIA|DRG|IMP|EXP|UDE|UDI|SP2|SQL|CLI"
    "|DSRA|MY)-[0-9]{3,6}|SQL[0-9]{4,5}[NWC]|AADSTS[0-9]{4,7}|E1[0-9]{4}"
    "|ERR?_[A-Z][A-Z_]{2,60}|SIG(?:ABRT|BUS|FPE|HUP|ILL|INT|KILL|PIPE|QUIT|SEGV|TERM)"
)
_KINDS: Final = (
    "error|err|exit|return|result|reason|response|status|sql|native|vendor|grpc|rpc"
    "|fault|failure|system|oracle|mysql|db"
)
#: Where a message begins, or goes on after the class of an error.
_HEAD: Final = (
    r"(?:^|(?:[Ee]rror|ERROR|FATAL|[Ee]xception|[Ff]ailure|[Ff]ault|[Ww]arning)"
    r"(?:: {1,2}|\([\"']))"
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
#: Words that make a name a code's: card_declined, rate_limit, invalid_grant.
_FAILING: Final = (
    r"(?:aborted|blocked|closed|conflict|declined?|denied|disabled|duplicate|errors?|exceeded"
    r"|exhausted|exists|expired|failed|failure|forbidden|incorrect|insufficient|invalid|limit"
    r"|limited|locked|mismatch|missing|not_found|overloaded|quota|refused|rejected|required"
    r"|revoked|throttled|timed_out|timeout|too_large|too_many|unauthorized|unavailable|unknown"
    r"|unreachable|unsupported)"
)
_FAILING_CAMEL: Final = (
    r"(?:Aborted|Blocked|Conflict|Declined|Denied|Detected|Disabled|Exceeded|Exhausted|Exists|Expired"
    r"|Failed|Failure|Forbidden|Insufficient|Invalid|Limited|Locked|Mismatch|NotFound|Overloaded"
    r"|Refused|Rejected|Required|Revoked|Throttled|Throttling|TimedOut|Timeout|Unauthorized"
    r"|Unavailable|Unreachable|Unsupported|Violation)"
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
                r"|failed|failure|with|said)(?: with)?(?: an?)?(?: (?:http|status|code"
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
        # names: SlowDown, card_declined, psycopg.errors.DeadlockDetected
        (
            (
                r"((?:Error|Exception|Failure|Fault|Warning): )(?![A-Za-z]{1,60}(?:Error"
                r"|Exception):)([A-Z][a-z]+(?:[A-Z][a-z]+){1,6})(?=: )"
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
                rf"((?<![\w/\\.@~-]))((?:[a-z]{{1,20}}_){{1,4}}{_FAILING}"
                rf"(?:_[a-z]{{1,20}}){{0,3}}|{_FAILING}(?:_[a-z]{{1,20}}){{1,4}})"
                r"(?![\w/\\]|\.\w)"
            ),
            0,
        ),
        (r"(^)([A-Z][a-z]+(?:[A-Z][a-z]+){1,6})(?=: )", 0),
        # database drivers: (1213, 'Deadlock ...'), SQLSTATE 40001, [40001]
        (r"(^\()([0-9]{1,5})(?=, ?b?[\"'])", 0),
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
                r"[ :=('\"\[]{1,3})([1-5][0-9]{2})\b"
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
            r"(\bresponse(?: code)?[ :=\[]{1,3})([1-5][0-9]{2})(?=[\]>.,:;)]|\b(?! ))",
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
                rf"(\b(?:{_KINDS})[ _-]?(?:code|number|no|status|reason)[\"']?"
                rf"(?: (?:is|was|of))?[ :=('\"\[#]{{1,4}})({_VALUE})(?!\w)"
            ),
            re.IGNORECASE,
        ),
        (
            (rf"((?:^|[^\w ] ?)[\"']?code[\"']? ?[:=] ?[\"']?)({_VALUE})(?!\w)"),
            re.IGNORECASE,
        ),
        # Oracle, DB2, MongoDB, Node and others
        (rf"(\b)({_VENDOR})\b", 0),
        (r"(^)([A-Z]{2,8}-?0[0-9]{2,5})(?=[: ])", 0),
    )
)
