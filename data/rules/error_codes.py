"""The code of an error within its message: SQLSTATE, errno, HTTP status, vendor codes.

Two errors of one type and place with different codes are different errors, so a code
survives where other numbers are replaced. ``assets/errorTracking.js`` has the same
patterns; ``tests/vectors/errors.json`` holds both to them.
"""

import re
from typing import Final

#: Of more codes in one message only the first ones tell errors apart.
MOST_CODES: Final = 3
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
#: What stands before a code, and the code; what follows is looked at only.
_CODES: Final = tuple(
    (re.compile(pattern, re.ASCII | flags))
    for pattern, flags in (
        # AWS and Azure: "An error occurred (AccessDenied)", "(NotFound) The ..."
        (r"(\berror occurred \()([a-z0-9_.]{2,80})(?=\))", re.IGNORECASE),
        (r"(\bapi error )([a-z][a-z0-9.]{2,80})(?=:)", re.IGNORECASE),
        (r"(<code>)([a-z0-9_.]{1,80})(?=</code>)", re.IGNORECASE),
        (r"(^\()([A-Za-z_]{2,40}[0-9]?(?:\.[A-Za-z_]{1,40}[0-9]?){0,4})(?=\) )", 0),
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
#: Where a driver's message goes on with the statement and its values.
_STATEMENT: Final = re.compile(
    r"\n(?:\[SQL|\[parameters|DETAIL|CONTEXT|STATEMENT|QUERY|LINE [0-9])"
)
#: Private characters, one for each ASCII character: no other pattern matches them.
_SHIELD: Final = 0xE000
_SHIELDED: Final = re.compile("[\ue000-\ue07f]+")


def shield(text: str) -> str:
    """``text`` with its codes in characters that no other pattern matches."""
    text = _SHIELDED.sub("\ufffd", text)
    found = _STATEMENT.search(text)
    head, rest = (text[: found.start()], text[found.start() :]) if found else (text, "")
    for pattern in _CODES:
        head = pattern.sub(_hidden, head)
    return head + rest


def unshield(text: str) -> str:
    """The codes of ``shield`` as they were."""
    return _SHIELDED.sub(_shown, text)


def codes_in(shielded: str) -> tuple[str, ...]:
    """The first different codes of a text from ``shield``, in their order."""
    found = dict.fromkeys(_plain(one) for one in _SHIELDED.findall(shielded))
    return tuple(found)[:MOST_CODES]


def _hidden(match: re.Match[str]) -> str:
    return match[1] + "".join(chr(_SHIELD + ord(one)) for one in match[2])


def _shown(match: re.Match[str]) -> str:
    return _plain(match[0])


def _plain(shielded: str) -> str:
    return "".join(chr(ord(one) - _SHIELD) for one in shielded)
