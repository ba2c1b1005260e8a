# -*- test-case-name: tests.django.test_api -*-
"""``publish()``: when a publication goes out, and what happens when it does not.

A publication belongs to the data that it tells about: inside a transaction it goes out on commit, and
after a rollback never.  What is wrong with the *call* is raised at the call: the name, the data, a broker that
nobody listens to.  What is wrong with the *world* never breaks a view: it is logged once per outage, counted
in :data:`outage_log` and sent as the signal :data:`publish_failed`.  ``immediate=True`` asks for the
opposite: now, and with an exception.
"""

from __future__ import annotations

import contextvars
import functools
import logging
import os

from asgiref.sync import sync_to_async
from django.db import transaction
from django.dispatch import Signal

from sockjsd.channels.names import check_channel
from sockjsd.django.encoding import encode_data
from sockjsd.django.outages import OutageLog
from sockjsd.django.publishing import Publisher, django_is_configured, find_publisher

#: Sent when a publication is lost, in the thread that published it; the sender is :func:`publish`.
#: Keywords: ``channel``, ``payload`` (JSON text), ``error``.  What its receivers raise is logged by Django.
publish_failed = Signal()

#: ``outage_log.counts`` says what became of the publications of this process.
outage_log = OutageLog(logging.getLogger("sockjsd.publish"))

os.register_at_fork(after_in_child=outage_log.reset)

#: Whether a receiver of the signal is running: one that publishes in turn would never come to an end.
_telling: contextvars.ContextVar[bool] = contextvars.ContextVar("sockjsd_telling", default=False)


def publish(channel: str, data: object, *, immediate: bool = False, using: str | None = None) -> None:
    """Send *data* to everybody who listens to *channel*.

    It goes out when the transaction of *using* is committed; at once where there is none.
    Code that manages transactions without ``atomic`` has none in this sense.

    :param data: anything that Django's JSON encoder takes; later changes to it change nothing.
    :param immediate: now, transaction or not, and failures are raised.
    :param using: the database whose transaction counts, the default one when ``None``.
    :raises ChannelNameError: *channel* cannot be a channel's name.
    :raises NotJSON: *data* cannot be written as JSON.
    :raises NobodyListens: the memory broker, in a process that is not the daemon.
    :raises ConfigurationError: the configuration cannot be used.
    :raises BrokerUnavailable: only with *immediate*: the broker did not take it.
    """
    check_channel(channel)
    _send(channel, encode_data(data), immediate, using)


async def apublish(channel: str, data: object, *, immediate: bool = False, using: str | None = None) -> None:
    """Do what :func:`publish` does, from a coroutine: the network does not hold up the event loop.

    The transaction that counts is the one of ``sync_to_async``'s thread, where Django's ORM runs for coroutines.
    """
    check_channel(channel)
    payload = encode_data(data)  # before anything is awaited, so that later changes change nothing
    await sync_to_async(_send, thread_sensitive=True)(channel, payload, immediate, using)


def _send(channel: str, payload: str, immediate: bool, using: str | None) -> None:
    publisher = find_publisher()
    if immediate:
        _send_or_raise(publisher, channel, payload)
    elif _in_transaction(using):
        transaction.on_commit(functools.partial(_send_or_tell, publisher, channel, payload), using=using, robust=True)
    else:
        _send_or_tell(publisher, channel, payload)


def _in_transaction(using: str | None) -> bool:
    """Say whether there is an atomic block, without opening a connection (``on_commit`` alone would)."""
    return django_is_configured() and transaction.get_connection(using).in_atomic_block


def _send_or_raise(publisher: Publisher, channel: str, payload: str) -> None:
    try:
        publisher.publish(channel, payload)
    except Exception:
        outage_log.raised()
        raise
    outage_log.sent()


def _send_or_tell(publisher: Publisher, channel: str, payload: str) -> None:
    try:
        publisher.publish(channel, payload)
    except Exception as error:  # an installed publisher may raise anything, and the view is done with it
        outage_log.lost(error)
        _tell_receivers(channel, payload, error)
    else:
        outage_log.sent()


def _tell_receivers(channel: str, payload: str, error: Exception) -> None:
    if _telling.get():
        return
    token = _telling.set(True)
    try:
        publish_failed.send_robust(sender=publish, channel=channel, payload=payload, error=error)
    finally:
        _telling.reset(token)
