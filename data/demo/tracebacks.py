"""What Python prints when one of the demo's jobs fails."""

from typing import Final

from data.demo.error_shapes import Shape

_PACKAGES: Final = "/app/.venv/lib/python3.12/site-packages"
_RUNNER: Final = """\
Traceback (most recent call last):
  File "/app/orders/worker/runner.py", line 118, in run_one
    result = self._call(handler, run.params, deadline=run.deadline)
  File "/app/orders/worker/runner.py", line 164, in _call
    return handler(**params)
  File "/app/orders/jobs/{module}.py", line {line}, in run
    return {module}(order_id=order_id, context=context)
"""
#: The frames below the job's own, by family.
_FRAMES: Final = {
    "http": f"""\
  File "/app/orders/clients/base.py", line 73, in request
    response = self._http.request(method, url, json=body, timeout=self._timeout)
  File "{_PACKAGES}/httpx/_client.py", line 825, in request
    return self.send(request, auth=auth, follow_redirects=follow_redirects)
  File "{_PACKAGES}/httpx/_client.py", line 1014, in _send_single_request
    response = transport.handle_request(request)
  File "{_PACKAGES}/httpx/_transports/default.py", line 249, in handle_request
    with map_httpcore_exceptions():
""",
    "sql": f"""\
  File "/app/orders/db/session.py", line 41, in transaction
    session.commit()
  File "{_PACKAGES}/sqlalchemy/orm/session.py", line 2032, in commit
    trans.commit(_to_root=True)
  File "{_PACKAGES}/sqlalchemy/engine/base.py", line 1967, in _exec_single_context
    self.dialect.do_execute(cursor, str_statement, effective_parameters, context)
  File "{_PACKAGES}/psycopg/cursor.py", line 97, in execute
    raise ex.with_traceback(None)
""",
    "queue": f"""\
  File "/app/orders/worker/outbox.py", line 58, in publish
    self._redis.xadd(stream, fields, maxlen=self._maxlen)
  File "{_PACKAGES}/redis/client.py", line 623, in _execute_command
    return conn.retry.call_with_retry(
  File "{_PACKAGES}/redis/connection.py", line 536, in read_response
    response = self._parser.read_response(disable_decoding=disable_decoding)
""",
    "storage": f"""\
  File "/app/orders/storage/bucket.py", line 92, in put
    self._client.put_object(Bucket=self.name, Key=key, Body=body)
  File "{_PACKAGES}/botocore/client.py", line 1023, in _make_api_call
    raise error_class(parsed_response, operation_name)
""",
    "image": f"""\
  File "/app/orders/media/resize.py", line 37, in open_image
    image = Image.open(source)
  File "{_PACKAGES}/PIL/ImageFile.py", line 300, in load
    raise _get_oserror(err_code, encoder=False)
""",
    "mail": """\
  File "/app/orders/mail/outgoing.py", line 66, in deliver
    smtp.send_message(message)
  File "/usr/lib/python3.12/smtplib.py", line 901, in sendmail
    raise SMTPDataError(code, resp)
""",
    "payment": """\
  File "/app/orders/payments/gateway.py", line 139, in _post
    return self._checked(self._session.post(url, data=form))
  File "/app/orders/payments/gateway.py", line 171, in _checked
    raise error_of(response)
""",
    "data": """\
  File "/app/orders/domain/records.py", line 88, in parsed
    return schema.load(record)
""",
    "common": """\
  File "/app/orders/worker/limits.py", line 29, in __exit__
    raise self._error
""",
}


def traceback_of(shape: Shape, job_name: str, bits: int) -> str:
    """A traceback as Python prints it; ``bits`` (64 random ones) make the details."""
    module = job_name.replace("-", "_")
    head = _RUNNER.format(module=module, line=31 + shape.number)
    message = shape.message.format(
        n=2 + (bits & 63),
        id=10_000 + (bits >> 6 & 0xFFFF),
        key=f"{bits >> 16:012x}"[-8:],
    )
    return f"{head}{_FRAMES[shape.family]}{shape.error_type}: {message}"
