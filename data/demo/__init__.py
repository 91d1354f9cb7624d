"""The demo: a shop's job table with 90 days of history, and a worker that goes on.

Nothing here is used outside the demo. The worker plays an application: it knows the
native job table from the contract alone and uses the standard library only, as any
program in any language might.
"""
